import { z } from 'zod';

/**
 * The policy document as an author writes it (behaviour §4), JSON or YAML. This is the serialisable definition; `compile.ts`
 * makes the implementation out of it. Unknown keys are errors everywhere. A rule's `match` is only a record here:
 * `conditions.ts` reads it, because its problems need words of their own.
 */

/** What a rule does, laxest first. */
export const EFFECTS = ['allow', 'alert', 'gate', 'block'] as const;
export type Effect = (typeof EFFECTS)[number];

const usd = z.number().min(0).max(1_000_000);
const seconds = (most: number) => z.int().min(1).max(most);
const glob = z.string().min(1).max(256);
const policyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, dash and underscore, at most 64');
const channel = z
  .string()
  .regex(
    /^(desktop:\/\/|(slack|email|webhook):\/\/\S+)$/,
    'expected desktop://, slack://#channel, email://address or webhook://name',
  );

/** One model's prices in USD, the same keys as in the configuration's `prices`. */
const price = z.strictObject({
  input_per_mtok: usd,
  output_per_mtok: usd,
  cache_read_per_mtok: usd.optional(),
  cache_write_per_mtok: usd.optional(),
  cache_write_1h_per_mtok: usd.optional(),
  reasoning_per_mtok: usd.optional(),
  input_audio_per_mtok: usd.optional(),
  output_audio_per_mtok: usd.optional(),
  request_usd: usd.optional(),
  server_tool_usd: z.record(z.string().min(1), usd).optional(),
  max_output_tokens: z.int().min(1).max(1_000_000_000).optional(),
});

const models = z.strictObject({ allow: z.array(glob).nullable().optional() });
const tools = z.strictObject({
  block: z.array(glob).nullable().optional(),
  allow: z.array(glob).nullable().optional(),
});

const budget = z.strictObject({
  run_usd: usd.optional(),
  /** Fractions of the cap at which an alert fires once. */
  alert_at: z.array(z.number().gt(0).max(1)).max(10).optional(),
  on_unpriced: z.enum(['block', 'gate', 'allow']).default('block'),
  admission: z.enum(['expected', 'strict']).default('expected'),
  max_output_tokens: z.int().min(1).optional(),
  prices: z.record(z.string().min(1), price).optional(),
});

const rate = z
  .strictObject({
    per: z.enum(['run', 'agent']),
    calls: z.int().min(1).max(1_000_000).optional(),
    tokens: z.int().min(1).max(1_000_000_000).optional(),
    window_seconds: seconds(86_400),
  })
  .refine((limit) => limit.calls !== undefined || limit.tokens !== undefined, 'a rate needs calls or tokens');

const loops = z.strictObject({
  identical_tool_calls: z.int().min(2).max(1000).default(5),
  identical_requests: z.int().min(2).max(1000).default(5),
  /** The occurrence of a repeated sequence of tool calls that is acted on. */
  cycle: z.int().min(2).max(100).default(3),
  window_seconds: seconds(86_400).default(120),
  action: z.enum(['alert', 'gate', 'block']).default('gate'),
});

/** What drift looks at: first-seen tools, models and hosts of an agent. */
export const DRIFT_KINDS = ['tool', 'model', 'host'] as const;
const drift = z.strictObject({ alert_on: z.array(z.enum(DRIFT_KINDS)).default([...DRIFT_KINDS]) });

const rule = z.strictObject({
  rule: z.string().min(1).max(128),
  match: z.record(z.string(), z.unknown()),
  action: z.enum(EFFECTS),
  enabled: z.boolean().optional(),
  approver_channel: z.union([channel, z.array(channel).min(1).max(16)]).optional(),
  expires_in_seconds: seconds(30 * 86_400).optional(),
  /** Why the rule exists, in one sentence; refusals and approval cards show it. */
  message: z.string().min(1).max(500).optional(),
  /** What the agent should do instead; refusals carry it as `context.recover`. */
  recover: z.string().min(1).max(500).optional(),
});

/** The whole document. */
export const policySchema = z.strictObject({
  policy: policyName,
  models: models.nullable().optional(),
  tools: tools.nullable().optional(),
  /** Extra endpoints let through without being read: `/v1/images/*` or `POST /v1/images/*`. */
  endpoints: z.array(z.string().regex(/^([A-Z]+ )?\/\S*$/, 'expected /path or METHOD /path')).optional(),
  /** USD charged for each call of an extra endpoint: one amount, or one per path glob. */
  endpoint_cost_usd: z.union([usd, z.record(z.string().min(1), usd)]).optional(),
  /** USD charged for each call of a tool, by tool glob. */
  tool_cost_usd: z.record(glob, usd).optional(),
  budget: budget.optional(),
  rates: z.array(rate).max(32).optional(),
  loops: loops.optional(),
  drift: drift.optional(),
  default: z.enum(EFFECTS).default('allow'),
  rules: z.array(rule).max(5000).default([]),
});

/** A valid policy document, defaults filled in. */
export type PolicyDefinition = z.output<typeof policySchema>;
/** One rule of it. */
export type RuleDefinition = PolicyDefinition['rules'][number];
/** One rate limit of it. */
export type RateLimit = NonNullable<PolicyDefinition['rates']>[number];
/** Its loop settings. */
export type LoopSettings = NonNullable<PolicyDefinition['loops']>;
export type DriftKind = (typeof DRIFT_KINDS)[number];

const keysOf = (schema: { readonly shape: object }): readonly string[] => Object.keys(schema.shape);

/** The keys that may stand at a place of the document, for "did you mean"; empty where any key may. */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  const place = path.map((segment) => (typeof segment === 'number' ? '*' : String(segment))).join('.');
  if (/^budget\.prices\.[^.]+/.test(place)) return keysOf(price);
  switch (place) {
    case '':
      return keysOf(policySchema);
    case 'models':
      return keysOf(models);
    case 'tools':
      return keysOf(tools);
    case 'budget':
      return keysOf(budget);
    case 'rates.*':
      return keysOf(rate);
    case 'loops':
      return keysOf(loops);
    case 'drift':
      return keysOf(drift);
    case 'rules.*':
      return keysOf(rule);
    default:
      return [];
  }
}

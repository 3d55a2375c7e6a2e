import { z } from 'zod';
import { budgetRecord, GRANT_SCOPES, gateRecord, runRecord, stepRecord } from './records.ts';

/** Everything a reviewer needs to decide one gate, put together by the core so that every surface shows the same. */

export const RISK_LEVELS = ['critical', 'high', 'normal'] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

export const riskRecord = z.object({
  level: z.enum(RISK_LEVELS),
  /** Worst first. */
  reasons: z.array(z.object({ code: z.string(), level: z.enum(['critical', 'high']), text: z.string() })),
  /** Facts that were missing: shown as "unknown". */
  unknown: z.array(z.string()),
});
export type RiskRecord = z.infer<typeof riskRecord>;

/** One stretch of a shell line between `&&`, `||`, `;`, `|`, `&` and newlines, exactly as written. */
export const shellSegment = z.object({
  /** What joins it to the one before: null for the first. */
  joiner: z.string().nullable(),
  text: z.string(),
  /** The program's word as written, null where it cannot be told. */
  binary: z.string().nullable(),
});

/** A change of one file. `before: null`: new file or original not known. */
export const fileChange = z.object({
  path: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
  /** Unified diff or patch text where the call gave one instead of contents. */
  patch: z.string().nullable(),
  bytes: z.int(),
  mode: z.string().nullable(),
  /** Set instead of contents when the content is not text. */
  binary: z.object({ type: z.string(), sha256: z.string() }).nullable(),
});

const common = {
  tool: z.string(),
  call_id: z.string().nullable(),
  /** The rule that gates this call; null for calls of the same answer that no rule gates. */
  rule: z.string().nullable(),
  /** Dotted paths (`args.amount_usd`) that the rule's conditions looked at and that held. */
  matched_paths: z.array(z.string()),
  /** The arguments as the model wrote them, complete; where they are very long or not kept as written, the same as JSON. */
  raw: z.string(),
};

/** How a proposed call is best shown; `raw` is always there. */
export const actionView = z.discriminatedUnion('view', [
  z.object({
    view: z.literal('shell'),
    ...common,
    command: z.string(),
    segments: z.array(shellSegment),
    cwd: z.string().nullable(),
    /** Names of variables set for the command, never their values' meaning. */
    env: z.array(z.string()),
  }),
  z.object({ view: z.literal('diff'), ...common, changes: z.array(fileChange) }),
  z.object({
    view: z.literal('sql'),
    ...common,
    statement: z.string(),
    verb: z.string().nullable(),
    tables: z.array(z.string()),
    /** DELETE or UPDATE without WHERE. */
    unbounded: z.boolean(),
  }),
  z.object({
    view: z.literal('http'),
    ...common,
    method: z.string(),
    url: z.string(),
    host: z.string(),
    /** Values of credentials are masked. */
    headers: z.array(z.object({ name: z.string(), value: z.string() })),
    body: z.string().nullable(),
  }),
  z.object({ view: z.literal('json'), ...common, args: z.unknown() }),
]);
export type ActionView = z.infer<typeof actionView>;

export const gateCard = z.object({
  gate: gateRecord,
  risk: riskRecord,
  /** In the order of `gate.proposed_actions`. */
  actions: z.array(actionView),
  /** The rule's conditions in words with the value seen: "`args.amount_usd` 1240 ≥ 500". */
  clauses: z.array(z.object({ text: z.string(), matched: z.boolean() })),
  /** The run's `goal` label, else the start of its first user message. */
  goal: z.string().nullable(),
  /** What the model wrote before the call, unverified. */
  agent_says: z.string().nullable(),
  run: runRecord,
  budgets: z.array(budgetRecord),
  recent_steps: z.array(stepRecord),
  /** Earlier decisions on the same rule and tool, newest first; `proposed_actions` is empty where it is over 64 KB. */
  similar: z.array(gateRecord),
  /** What may be remembered with an approval, narrowest first. `matched` of the agent's last `of` tool calls (at most 200) would have been covered; 0 of 0 for whole requests. */
  offers: z.array(
    z.object({
      scope: z.enum(GRANT_SCOPES),
      shown: z.string(),
      lasts_seconds: z.int().nullable(),
      matched: z.int(),
      of: z.int(),
    }),
  ),
  /** Why nothing may be remembered, or null. */
  not_grantable: z.string().nullable(),
  client: z.object({
    name: z.string().nullable(),
    delivery: z.enum(['retry', 'hold']),
    /** A held connection is open now. */
    attached: z.boolean(),
    /** When the agent is expected to ask again, from the suggested cadence and what it did; null when not known. */
    next_retry_at: z.int().nullable(),
  }),
  snoozed_until: z.int().nullable(),
});
export type GateCard = z.infer<typeof gateCard>;

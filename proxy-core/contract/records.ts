import { z } from 'zod';

/**
 * The records that cross a boundary: store rows once read, operation outputs, events. Amounts are integer
 * nano-USD, instants are epoch milliseconds, both marked in the field's name (`_nano`, `_at`).
 */

const nano = z.int();
const instant = z.int();

export const WIRE_FORMATS = ['chat', 'responses', 'messages', 'embeddings', 'completions'] as const;
/** A protocol whose requests and answers Rungate reads. */
export type WireFormat = (typeof WIRE_FORMATS)[number];

/** How an agent's gates reach it (behaviour §6). */
export const DELIVERIES = ['auto', 'hold', 'retry'] as const;
export type Delivery = (typeof DELIVERIES)[number];

export const BUDGET_WINDOWS = ['day', 'week', 'month', 'total'] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

export const BUDGET_SCOPES = ['run', 'agent', 'team'] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

/** A registered caller. The token itself is never here, only its recognisable start. */
export const agentRecord = z.object({
  agent_id: z.string(),
  name: z.string(),
  team: z.string().nullable(),
  /** The pin: `name` (newest version) or `name@version`. */
  policy: z.string(),
  allowed_policies: z.array(z.string()),
  run_cap_nano: nano.nullable(),
  delivery: z.enum(DELIVERIES),
  /** How long it may be away from a gate before it counts as gone; 0: for ever; null: 90 s. */
  patience_seconds: z.int().nullable(),
  token_prefix: z.string().nullable(),
  created_at: instant,
  revoked_at: instant.nullable(),
  last_seen_at: instant.nullable(),
  /** When calls written as text were last found in an answer to it: it acts on words, so its calls cannot be seen on the wire. */
  text_calls_at: instant.nullable(),
});
export type AgentRecord = z.infer<typeof agentRecord>;

export const RUN_STATES = ['open', 'waiting', 'completed', 'stopped'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const runRecord = z.object({
  run_id: z.string(),
  agent_id: z.string(),
  agent: z.string(),
  state: z.enum(RUN_STATES),
  /** `name@version`, fixed at the start. */
  policy: z.string(),
  /** The run was named by the agent, so the idle-window rule never joins it. */
  explicit: z.boolean(),
  labels: z.record(z.string(), z.string()),
  client: z.string().nullable(),
  started_at: instant,
  last_activity_at: instant,
  ended_at: instant.nullable(),
  spent_nano: nano,
  reserved_nano: nano,
  cap_nano: nano.nullable(),
  exchanges: z.int(),
  tool_calls: z.int(),
  steps: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  models: z.array(z.string()),
  /** Gates opened in it. */
  gates: z.int(),
  /** The operator has paused this run: its new calls are refused until it is resumed. */
  paused: z.boolean(),
  /** Why its latest call was refused (`budget_exceeded`, `policy_blocked`, …), null once a call has passed again. */
  last_refusal: z.string().nullable(),
  /** The rule that blocked its latest call, where a rule did and its trace is there. */
  last_refusal_rule: z.string().nullable().default(null),
  /** The agent's own span that its first call named (W3C `traceparent`), as `TRACE-SPAN`. */
  trace_parent: z.string().nullable(),
  /** When retention removed its trace up to then (steps, bodies, artifacts); null: it is there. Figures, gates and audit stay. */
  trace_pruned_at: instant.nullable(),
});
export type RunRecord = z.infer<typeof runRecord>;

/** Tokens as OpenTelemetry GenAI counts them: `input_tokens` includes cached reads and cache writes, `output_tokens` includes reasoning. */
export const usage = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  cache_read_input_tokens: z.int().optional(),
  cache_creation_input_tokens: z.int().optional(),
  /** The part of cache_creation_input_tokens written with a one-hour lifetime (Anthropic). */
  cache_creation_1h_input_tokens: z.int().optional(),
  reasoning_output_tokens: z.int().optional(),
  input_audio_tokens: z.int().optional(),
  output_audio_tokens: z.int().optional(),
  /** Calls of tools the provider runs and bills itself, by the provider's name (`web_search`, …). */
  server_tool_calls: z.record(z.string(), z.int()).optional(),
});
export type Usage = z.infer<typeof usage>;

export const EXCHANGE_STATES = ['open', 'completed', 'aborted', 'failed', 'refused', 'gated'] as const;
export type ExchangeState = (typeof EXCHANGE_STATES)[number];

/** One request and its answer through the proxy. */
export const exchangeRecord = z.object({
  exchange_id: z.string(),
  run_id: z.string(),
  agent_id: z.string(),
  /** The step number of its model call within the run, from 1. */
  step: z.int(),
  state: z.enum(EXCHANGE_STATES),
  method: z.string(),
  path: z.string(),
  wire_format: z.enum(WIRE_FORMATS).nullable(),
  provider: z.string().nullable(),
  model: z.string().nullable(),
  stream: z.boolean(),
  status: z.int().nullable(),
  failure: z.string().nullable(),
  /** Recognised client ("claude-code", "codex", "openai-sdk", …). */
  client: z.string().nullable(),
  /** The subagent that sent it, as the client names it. */
  subagent: z.string().nullable(),
  /** Side traffic such as "title" or "count_tokens": a label for billing and display. */
  side: z.string().nullable(),
  started_at: instant,
  first_byte_at: instant.nullable(),
  ended_at: instant.nullable(),
  reserved_nano: nano,
  cost_nano: nano.nullable(),
  /** The cost is the reservation because the provider's usage was not seen. */
  estimated: z.boolean(),
  usage: usage.nullable(),
  finish_reason: z.string().nullable(),
  retry_of: z.string().nullable(),
  /** The agent's own span that the call named, as `TRACE-SPAN`. */
  trace_parent: z.string().nullable(),
  /** Secrets masked when its request and answer were stored (`redaction.at_storage`). */
  masked: z.int(),
});
export type ExchangeRecord = z.infer<typeof exchangeRecord>;

export const STEP_KINDS = [
  'model_call',
  'tool_call',
  'tool_result',
  'retry',
  'gate',
  'alert',
  'artifact',
  'refusal',
  'opaque_call',
] as const;

/** One entry of a run's trace. `detail` is what the kind says of itself, already safe to show. */
export const stepRecord = z.object({
  run_id: z.string(),
  step: z.int(),
  kind: z.enum(STEP_KINDS),
  at: instant,
  exchange_id: z.string().nullable(),
  summary: z.string(),
  cost_nano: nano.nullable(),
  detail: z.record(z.string(), z.unknown()),
});
export type StepRecord = z.infer<typeof stepRecord>;

/** A cap and what has been charged to it in the current window. `cap_nano: null` counts without stopping. */
export const budgetRecord = z.object({
  scope: z.enum(BUDGET_SCOPES),
  /** The run's id, the agent's id or the team's name. */
  subject: z.string(),
  /** What people call the subject: run id, agent name, team name. */
  name: z.string(),
  window: z.enum(BUDGET_WINDOWS),
  cap_nano: nano.nullable(),
  spent_nano: nano,
  reserved_nano: nano,
  resets_at: instant.nullable(),
  /** Fractions of the cap whose alert has fired in this window. */
  alerted: z.array(z.number()),
});
export type BudgetRecord = z.infer<typeof budgetRecord>;

export const artifactRecord = z.object({
  artifact_id: z.string(),
  run_id: z.string(),
  name: z.string(),
  content_type: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  created_at: instant,
});
export type ArtifactRecord = z.infer<typeof artifactRecord>;

/** A fact of an audit record; redacted, only its digest is left (and the record still verifies). */
export const auditField = z.union([
  z.object({ value: z.unknown(), salt: z.string() }),
  z.strictObject({ digest: z.string() }),
]);
export type AuditField = z.infer<typeof auditField>;

/** One link of the audit chain; see `audit/chain.ts` for how the digests are made. */
export const auditRecord = z.object({
  seq: z.int(),
  at: instant,
  kind: z.string(),
  actor: z.string(),
  channel: z.string(),
  run_id: z.string().nullable(),
  fields: z.record(z.string(), auditField),
  prev: z.string(),
  run_prev: z.string().nullable(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof auditRecord>;

export const GATE_STATES = ['pending', 'approved', 'rejected', 'expired', 'cancelled'] as const;
export type GateState = (typeof GATE_STATES)[number];

/** One tool call (or whole request) that a gate proposes. `rule` is null for calls of the answer that no rule gates. */
export const proposedAction = z.object({
  tool: z.string(),
  /** The parsed arguments, or their text where they are not JSON. */
  args: z.unknown(),
  call_id: z.string().nullable(),
  rule: z.string().nullable(),
});
export type ProposedAction = z.infer<typeof proposedAction>;

/** A paused action and what has become of it. The approval itself is changed only by the store's compare-and-set. */
export const gateRecord = z.object({
  gate_id: z.string(),
  run_id: z.string(),
  agent_id: z.string(),
  agent: z.string(),
  /** `response`: a tool call in an answer that is held. `request`: a call that has not been forwarded. `tool`: a call of `POST /v1/tools`. */
  kind: z.enum(['request', 'response', 'tool']),
  state: z.enum(GATE_STATES),
  rule: z.string(),
  policy: z.string(),
  message: z.string().nullable(),
  fingerprint: z.string(),
  /** SHA-256 over the canonical proposed actions: what a reviewer has seen is what is decided (fault E4). */
  action_hash: z.string(),
  proposed_actions: z.array(proposedAction),
  /** The rule's conditions with the values seen. */
  explanation: z.array(z.record(z.string(), z.unknown())),
  approver_channels: z.array(z.string()),
  exchange_id: z.string().nullable(),
  created_at: instant,
  expires_at: instant,
  decided_at: instant.nullable(),
  /** From when agents see the verdict: the undo window of desktop and console decisions lies before it. */
  effective_at: instant.nullable(),
  decided_by: z.string().nullable(),
  channel: z.string().nullable(),
  reason: z.string().nullable(),
  suggested_args: z.unknown(),
  /** When the approved bytes first went to the agent. */
  released_at: instant.nullable(),
  /** Request gates: the call went out and its end is not known (a crash); a person must approve again. */
  outcome_unknown: z.boolean(),
  retries: z.int(),
  last_retry_at: instant.nullable(),
  /** Its agent hung up then and has not come back: it may still be decided, but nobody waits. */
  agent_gone_at: instant.nullable(),
});
export type GateRecord = z.infer<typeof gateRecord>;

export const GRANT_SCOPES = ['exact-run', 'rule-run', 'rule-agent'] as const;
export type GrantScope = (typeof GRANT_SCOPES)[number];

/** An approval with memory: it silences one rule for what its matcher, shown literally, covers. */
export const grantRecord = z.object({
  grant_id: z.string(),
  scope: z.enum(GRANT_SCOPES),
  agent_id: z.string(),
  agent: z.string(),
  run_id: z.string().nullable(),
  rule: z.string(),
  policy: z.string(),
  /** The literal matcher that was shown: the tool, and for exact grants the hash of its arguments. */
  matcher: z.object({ tool: z.string().nullable(), args_sha256: z.string().nullable() }),
  shown: z.string(),
  gate_id: z.string(),
  created_at: instant,
  created_by: z.string(),
  expires_at: instant.nullable(),
  revoked_at: instant.nullable(),
  used: z.int(),
});
export type GrantRecord = z.infer<typeof grantRecord>;

/** One version of a policy as it was applied. */
export const policyRecord = z.object({
  policy: z.string(),
  version: z.int(),
  note: z.string(),
  created_at: instant,
  document: z.string(),
  agents: z.array(z.string()),
});
export type PolicyRecord = z.infer<typeof policyRecord>;

/** A way to tell people, and how its last delivery went. */
export const channelRecord = z.object({
  /** As `approver_channel` names it: `desktop://`, `webhook://oncall`. */
  channel: z.string(),
  waiting: z.int(),
  last_delivered_at: instant.nullable(),
  last_error: z.string().nullable(),
});
export type ChannelRecord = z.infer<typeof channelRecord>;

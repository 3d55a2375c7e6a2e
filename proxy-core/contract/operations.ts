import { z } from 'zod';
import {
  agentRecord,
  artifactRecord,
  BUDGET_SCOPES,
  BUDGET_WINDOWS,
  budgetRecord,
  channelRecord,
  DELIVERIES,
  exchangeRecord,
  GATE_STATES,
  GRANT_SCOPES,
  gateRecord,
  grantRecord,
  policyRecord,
  RUN_STATES,
  runRecord,
  stepRecord,
} from './records.ts';

/**
 * The single table of what an operator can ask of the core. Handlers, the command socket, the operator
 * port's routes and the typed client are all derived from it. Dotted names; a `query` changes nothing.
 * Amounts going in are decimal USD, amounts coming out are nano-USD fields of records.
 */
interface Operation {
  readonly kind: 'query' | 'command';
  readonly input: z.ZodType;
  readonly output: z.ZodType;
}

const none = z.strictObject({});
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dot, dash and underscore, at most 64');
const usd = z.number().min(0).max(1_000_000);
const cursor = z.string().regex(/^\d{1,15}:./, 'a cursor that a page has returned');
const gateId = z.strictObject({ gate_id: z.string().max(64) });
const budgetSubject = z.strictObject({ scope: z.enum(BUDGET_SCOPES), name: z.string().min(1) });

const query = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'query', input, output }) as const;
const command = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'command', input, output }) as const;

export const OPERATIONS = {
  'core.status': query(
    none,
    z.object({
      version: z.string(),
      pid: z.int(),
      agent_url: z.string(),
      console_url: z.string().nullable(),
      home: z.string(),
      started_at: z.int(),
      paused: z.boolean(),
      in_flight: z.int(),
      store: z.object({ ok: z.boolean(), detail: z.string() }),
      providers: z.array(
        z.object({
          id: z.string(),
          origin: z.string(),
          formats: z.array(z.string()),
          models: z.array(z.string()),
          key: z.enum(['set', 'missing', 'none']),
          key_source: z.string(),
        }),
      ),
      config_file: z.string().nullable(),
    }),
  ),
  'core.pause': command(none, z.object({ paused: z.boolean() })),
  'core.resume': command(none, z.object({ paused: z.boolean() })),

  'agents.list': query(none, z.object({ agents: z.array(agentRecord) })),
  'agents.add': command(
    z.strictObject({
      name,
      policy: z.string().optional(),
      team: name.optional(),
      budget_usd: usd.optional(),
      delivery: z.enum(DELIVERIES).optional(),
    }),
    z.object({ agent: agentRecord, token: z.string() }),
  ),
  'agents.rotate': command(z.strictObject({ name }), z.object({ agent: agentRecord, token: z.string() })),
  'agents.revoke': command(z.strictObject({ name }), z.object({ agent: agentRecord })),

  'budgets.list': query(none, z.object({ budgets: z.array(budgetRecord) })),
  'budgets.set': command(
    budgetSubject.extend({ usd, window: z.enum(BUDGET_WINDOWS).optional() }),
    z.object({ budget: budgetRecord }),
  ),
  'budgets.reset': command(budgetSubject, z.object({ budget: budgetRecord })),

  'runs.list': query(
    z.strictObject({
      state: z.enum(RUN_STATES).optional(),
      agent: name.optional(),
      since: z.int().optional(),
      cursor: cursor.optional(),
      limit: z.int().min(1).max(500).optional(),
    }),
    z.object({ runs: z.array(runRecord), next: z.string().nullable() }),
  ),
  'runs.show': query(
    z.strictObject({ run_id: z.string(), after_step: z.int().optional(), limit: z.int().min(1).max(5000).optional() }),
    z.object({
      run: runRecord,
      budgets: z.array(budgetRecord),
      exchanges: z.array(exchangeRecord),
      steps: z.array(stepRecord),
      artifacts: z.array(artifactRecord),
    }),
  ),
  'runs.stop': command(z.strictObject({ run_id: z.string() }), z.object({ run: runRecord })),

  'policies.apply': command(
    z.strictObject({
      document: z.string().max(4_194_304),
      file_name: z.string().max(1024),
      note: z.string().min(1).max(500),
    }),
    z.object({ policy: z.string(), version: z.int(), created: z.boolean() }),
  ),
  'policies.list': query(none, z.object({ policies: z.array(policyRecord) })),
  'policies.show': query(z.strictObject({ policy: z.string() }), z.object({ policy: policyRecord })),
  'policies.diff': query(
    z.strictObject({ a: z.string(), b: z.string() }),
    z.object({ a: z.string(), b: z.string(), changes: z.array(z.record(z.string(), z.unknown())), text: z.string() }),
  ),
  /** Evaluate a policy on a request (and, where given, on tool calls) without sending anything. */
  'policies.test': query(
    z.strictObject({
      policy: z.string(),
      agent: name.optional(),
      path: z.string().default('/v1/messages'),
      body: z.unknown(),
      tool_calls: z.array(z.strictObject({ name: z.string(), args: z.unknown().optional() })).default([]),
    }),
    z.object({
      policy: z.string(),
      effect: z.enum(['allow', 'alert', 'gate', 'block']),
      rule: z.string().nullable(),
      decisions: z.array(
        z.object({
          subject: z.string(),
          effect: z.enum(['allow', 'alert', 'gate', 'block']),
          rule: z.string().nullable(),
          explanation: z.array(z.record(z.string(), z.unknown())),
        }),
      ),
    }),
  ),

  'gates.list': query(
    z.strictObject({
      state: z.enum(GATE_STATES).optional(),
      run_id: z.string().optional(),
      cursor: cursor.optional(),
      limit: z.int().min(1).max(500).optional(),
    }),
    z.object({ gates: z.array(gateRecord), next: z.string().nullable() }),
  ),
  'gates.show': query(gateId, z.object({ gate: gateRecord })),
  'gates.approve': command(
    gateId.extend({
      reason: z.string().max(2000).optional(),
      action_hash: z.string().optional(),
      remember: z.enum(GRANT_SCOPES).optional(),
      for_seconds: z.int().min(1).max(86_400).optional(),
    }),
    z.object({ gate: gateRecord, grant: grantRecord.nullable() }),
  ),
  'gates.reject': command(
    gateId.extend({
      reason: z.string().max(2000).optional(),
      action_hash: z.string().optional(),
      suggested_args: z.unknown().optional(),
    }),
    z.object({ gate: gateRecord }),
  ),
  'gates.undo': command(gateId, z.object({ gate: gateRecord })),
  'gates.extend': command(gateId.extend({ seconds: z.int().min(1).max(86_400) }), z.object({ gate: gateRecord })),

  'grants.list': query(none, z.object({ grants: z.array(grantRecord) })),
  'grants.revoke': command(z.strictObject({ grant_id: z.string() }), z.object({ grant: grantRecord })),

  'channels.list': query(none, z.object({ channels: z.array(channelRecord) })),
  'channels.test': command(
    z.strictObject({ name: z.string() }),
    z.object({ delivered: z.boolean(), detail: z.string() }),
  ),
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
export type OperationInput<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['input']>;
export type OperationOutput<N extends OperationName> = z.output<(typeof OPERATIONS)[N]['output']>;

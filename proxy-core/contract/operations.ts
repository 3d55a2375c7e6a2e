import { z } from 'zod';
import {
  agentRecord,
  artifactRecord,
  BUDGET_SCOPES,
  BUDGET_WINDOWS,
  budgetRecord,
  DELIVERIES,
  exchangeRecord,
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
      cursor: z.string().optional(),
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
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
export type OperationInput<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['input']>;
export type OperationOutput<N extends OperationName> = z.output<(typeof OPERATIONS)[N]['output']>;

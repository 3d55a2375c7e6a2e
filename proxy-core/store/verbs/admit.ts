import { remaining, reserve } from '../../budget/ledger.ts';
import { FAILURES } from '../../contract/failures.ts';
import type { Writable } from '../handle.ts';
import type { AdmitInput, AdmitOutput, By } from '../store.ts';
import { seeAgent } from '../tables/agents.ts';
import { appendAudit } from '../tables/audit.ts';
import { chargedAccounts, type NamedAccount, saveAccounts, toBudgetRecord } from '../tables/budgets.ts';
import { type ExchangeFacts, insertExchange } from '../tables/exchanges.ts';
import {
  addRunModel,
  addRunTool,
  advanceRun,
  fileKeys,
  findRunHead,
  type RunHead,
  setLastRefusal,
} from '../tables/runs.ts';
import { insertResults, insertStep, unseenResults } from '../tables/steps.ts';
import { auditBlock } from './blocks.ts';
import { beginRun } from './runs.ts';
import type { VerbBody } from './transaction.ts';

/**
 * Check and reserve, indivisibly: the rows are read, judged and written in one transaction of the only writer, so
 * two calls can never both take the last of a cap.
 */
export const admit: VerbBody<'admit'> = ({ db, civil }, input) => {
  const now = civil ?? input.at;
  const run = findOrBeginRun(db, input);
  if (run === null) return { kind: 'not_found' };
  if (run.state === 'completed' || run.state === 'stopped') return refuseEnded(db, input, run.state);
  fileKeys(db, input.agentId, input.runId, input.keys, input.at);
  seeAgent(db, input.agentId, input.at);
  const charged = chargedAccounts(db, input);
  const reservation = reserve(
    charged.map(({ account }) => account),
    input.reserve,
    now,
  );
  if (reservation.kind === 'crossed') {
    const accounts = charged.map(({ name }, index) => ({
      name,
      account: reservation.accounts[index] ?? reservation.crossed,
    }));
    return refuseOverBudget(db, input, accounts, reservation.crossed, now);
  }
  saveAccounts(db, reservation.accounts);
  const step = openExchange(db, input);
  appendAudit(db, {
    at: input.at,
    kind: 'budget.reserved',
    by: agentOf(input),
    runId: input.runId,
    fields: { exchange_id: input.exchangeId, agent_id: input.agentId, amount_nano: input.reserve },
  });
  return { kind: 'admitted', step, remaining: remaining(reservation.accounts) };
};

/** A request that was refused before any money was at stake: recorded with its step and audited. */
export const refuse: VerbBody<'refuse'> = ({ db }, input) => {
  const run = findOrBeginRun(db, input);
  if (run === null) throw new Error(`run ${input.runId} is not this agent's`);
  if (run.state === 'open' || run.state === 'waiting') fileKeys(db, input.agentId, input.runId, input.keys, input.at);
  seeAgent(db, input.agentId, input.at);
  const { at, runId, exchangeId, failure, status, context, block } = input;
  const by = agentOf(input);
  const step = recordRefusal(db, input, failure, status, { ...context, ...block?.detail });
  if (block !== undefined) auditBlock(db, { at, runId, exchangeId, by, block });
  else appendAudit(db, { at, kind: 'call.refused', by, runId, fields: { exchange_id: exchangeId, failure, context } });
  return { step };
};

/** Who calls, for the audit. */
const agentOf = (input: { readonly agentName: string }): By => ({
  actor: `agent:${input.agentName}`,
  channel: 'proxy',
});

/** The run of a call, begun if it has to be; null if it is another agent's or nobody's. */
function findOrBeginRun(db: Writable, input: ExchangeFacts): RunHead | null {
  const run = findRunHead(db, input.runId);
  if (run !== null) return run.agent_id === input.agentId ? run : null;
  if (input.start === null) return null;
  return beginRun(db, input.agentId, input.start, input.at, agentOf(input));
}

function openExchange(db: Writable, input: AdmitInput): number {
  const results = unseenResults(db, input.runId, input.toolResults);
  const step = advanceRun(db, input.runId, { steps: results.length + 1, exchanges: 1, at: input.at });
  insertResults(db, input, results, step - results.length);
  insertExchange(db, input, step, { state: 'open', reserved: input.reserve });
  insertStep(db, {
    runId: input.runId,
    step,
    kind: input.retryOf === null ? kindOf(input) : 'retry',
    at: input.at,
    exchangeId: input.exchangeId,
    summary: input.model ?? input.path,
    detail: {},
  });
  if (input.model !== null) addRunModel(db, input.runId, input.model);
  if (input.path.startsWith(TOOL_PATH)) addRunTool(db, input.runId, input.path.slice(TOOL_PATH.length));
  return step;
}

function refuseEnded(db: Writable, input: AdmitInput, state: 'completed' | 'stopped'): AdmitOutput {
  const failure = state === 'stopped' ? 'run_stopped' : 'run_ended';
  recordRefusal(db, input, failure, FAILURES[failure].status, {});
  return { kind: 'run_ended', state };
}

function refuseOverBudget(
  db: Writable,
  input: AdmitInput,
  accounts: readonly NamedAccount[],
  crossedAccount: NamedAccount['account'],
  now: number,
): AdmitOutput {
  const caps = accounts.filter(({ account }) => account.cap !== null).map((named) => toBudgetRecord(named, now));
  const { scope, subject, crossedBy } = crossedAccount;
  const crossed = caps.find((cap) => cap.scope === scope && cap.subject === subject);
  if (crossed === undefined) throw new Error(`an account without a cap was crossed: ${scope} ${subject}`);
  const { cap_nano, spent_nano, reserved_nano } = crossed;
  const facts = { scope, subject, cap_nano, spent_nano, reserved_nano, requested_nano: input.reserve };
  const step = recordRefusal(db, input, 'budget_exceeded', FAILURES.budget_exceeded.status, facts);
  appendAudit(db, {
    at: input.at,
    kind: 'budget.exceeded',
    by: agentOf(input),
    runId: input.runId,
    fields: { exchange_id: input.exchangeId, ...facts },
  });
  return {
    kind: 'over_budget',
    step,
    crossed,
    caps,
    stepThatCrossed: crossedBy?.step ?? step,
    crossedRunId: crossedBy?.runId ?? input.runId,
  };
}

function recordRefusal(
  db: Writable,
  input: ExchangeFacts,
  failure: string,
  status: number,
  detail: Readonly<Record<string, unknown>>,
): number {
  const step = advanceRun(db, input.runId, { steps: 1, exchanges: 1, at: input.at });
  setLastRefusal(db, input.runId, failure);
  insertExchange(db, input, step, { state: 'refused', failure, status });
  insertStep(db, {
    runId: input.runId,
    step,
    kind: 'refusal',
    at: input.at,
    exchangeId: input.exchangeId,
    summary: failure,
    detail,
  });
  return step;
}

/** What a call is in the trace: a model call, a call of the tool invocation API, or one whose content is not read. */
const kindOf = ({
  wireFormat,
  path,
}: Pick<AdmitInput, 'wireFormat' | 'path'>): 'model_call' | 'tool_call' | 'opaque_call' => {
  if (wireFormat !== null) return 'model_call';
  return path.startsWith(TOOL_PATH) ? 'tool_call' : 'opaque_call';
};

/** The tool invocation API: the tool's name follows. */
const TOOL_PATH = '/v1/tools/';

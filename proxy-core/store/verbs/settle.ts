import type { BudgetAlert } from '../../budget/account.ts';
import { remaining, settle as settleAccounts } from '../../budget/ledger.ts';
import { rollWindow } from '../../budget/windows.ts';
import { nanoUsd, showUsd } from '../../contract/money.ts';
import type { Writable } from '../handle.ts';
import type { By, SettleInput, SettleOutput } from '../store.ts';
import { appendAudit } from '../tables/audit.ts';
import { chargedAccounts, saveAccounts } from '../tables/budgets.ts';
import { closeExchange, type ExchangeHead, findExchangeHead, listOpenExchanges } from '../tables/exchanges.ts';
import { addRunModel, addRunTool, advanceRun, chargeRun, fileKeys, findRun } from '../tables/runs.ts';
import { insertStep, insertToolCalls } from '../tables/steps.ts';
import { recordBlock } from './blocks.ts';
import { reopenClaimed } from './gate-releases.ts';
import type { VerbBody } from './transaction.ts';

/** Charge what a call cost and give back the rest of its reservation, once: a second settlement changes nothing. */
export const settle: VerbBody<'settle'> = ({ db, civil }, input) => {
  const now = civil ?? input.at;
  const exchange = findExchangeHead(db, input.exchangeId);
  if (exchange === null) throw new Error(`no such exchange: ${input.exchangeId}`);
  if (exchange.state !== 'open') return unchanged(db, exchange, now);
  const by = { actor: `agent:${exchange.agent}`, channel: 'proxy' };
  const { accounts, alerts } = close(db, exchange, input, now, 'budget.settled', by);
  return { applied: true, run: runOf(db, exchange), remaining: remaining(accounts), alerts };
};

/** Settle what a crash left open at its reservation. Safe to repeat: what is settled is no longer open. */
export const recover: VerbBody<'recover'> = ({ db, civil }, { at }) => {
  const open = listOpenExchanges(db);
  const by = { actor: 'system', channel: 'recovery' };
  for (const exchange of open) {
    close(db, exchange, interrupted(exchange, at), civil ?? at, 'budget.recovered', by);
  }
  reopenClaimed(db, at);
  return { settled: open.length };
};

const interrupted = (exchange: ExchangeHead, at: number): SettleInput => ({
  at,
  exchangeId: exchange.exchange_id,
  state: 'failed',
  status: null,
  failure: 'interrupted',
  cost: nanoUsd(exchange.reserved_nano),
  estimated: true,
  usage: null,
  model: null,
  finishReason: null,
  firstByteAt: null,
  toolCalls: [],
  keys: [],
  responseContentType: null,
});

function unchanged(db: Writable, exchange: ExchangeHead, now: number): SettleOutput {
  const accounts = chargedAccounts(db, callOf(exchange)).map(({ account }) => rollWindow(account, now));
  return { applied: false, run: runOf(db, exchange), remaining: remaining(accounts), alerts: [] };
}

function close(db: Writable, exchange: ExchangeHead, input: SettleInput, now: number, auditKind: string, by: By) {
  const charged = chargedAccounts(db, callOf(exchange)).map(({ account }) => account);
  const point = { now, runId: exchange.run_id, step: exchange.step };
  const settlement = settleAccounts(charged, nanoUsd(exchange.reserved_nano), input.cost, point);
  saveAccounts(db, settlement.accounts);
  closeExchange(db, input);
  recordAnswer(db, exchange, input);
  if (input.block !== undefined) {
    const { at, exchangeId, block } = input;
    recordBlock(db, { at, runId: exchange.run_id, exchangeId, by, block });
  }
  recordAlerts(db, exchange, settlement.alerts, input.at);
  appendAudit(db, {
    at: input.at,
    kind: auditKind,
    by,
    runId: exchange.run_id,
    fields: {
      exchange_id: exchange.exchange_id,
      reserved_nano: exchange.reserved_nano,
      cost_nano: input.cost,
      estimated: input.estimated,
      state: input.state,
    },
  });
  return settlement;
}

/** What the answer adds to its run: totals, tool calls as steps, keys that find the run again. */
function recordAnswer(db: Writable, exchange: ExchangeHead, input: SettleInput): void {
  const runId = exchange.run_id;
  chargeRun(db, runId, {
    cost: input.cost,
    toolCalls: input.toolCalls.length,
    inputTokens: input.usage?.input_tokens ?? 0,
    outputTokens: input.usage?.output_tokens ?? 0,
    refusal: input.block?.detail.failure ?? null,
    at: input.at,
  });
  fileKeys(db, exchange.agent_id, runId, input.keys, input.at);
  if (exchange.model === null && input.model !== null) addRunModel(db, runId, input.model);
  if (input.toolCalls.length === 0) return;
  const last = advanceRun(db, runId, { steps: input.toolCalls.length, exchanges: 0, at: input.at });
  insertToolCalls(db, runId, input, last - input.toolCalls.length + 1);
  for (const tool of new Set(input.toolCalls.map(({ name }) => name))) addRunTool(db, runId, tool);
}

/** A cap that is nearly used up is an alert in the trace of the run whose call brought it there. */
function recordAlerts(db: Writable, exchange: ExchangeHead, alerts: readonly BudgetAlert[], at: number): void {
  for (const { scope, subject, threshold, spent, cap } of alerts) {
    const step = advanceRun(db, exchange.run_id, { steps: 1, exchanges: 0, at });
    const whose = scope === 'run' ? 'the run' : `${scope} ${scope === 'agent' ? exchange.agent : subject}`;
    insertStep(db, {
      runId: exchange.run_id,
      step,
      kind: 'alert',
      at,
      exchangeId: exchange.exchange_id,
      summary: `${Math.round(threshold * 100)} % of the cap of ${whose} reached: ${showUsd(spent)} of ${showUsd(cap)}`,
      detail: { alert: 'budget', scope, subject, threshold, spent_nano: spent, cap_nano: cap },
    });
  }
}

const callOf = (exchange: ExchangeHead) => ({
  runId: exchange.run_id,
  agentId: exchange.agent_id,
  team: exchange.team,
});

function runOf(db: Writable, exchange: ExchangeHead) {
  const run = findRun(db, exchange.run_id);
  if (run === null) throw new Error(`no such run: ${exchange.run_id}`);
  return run;
}

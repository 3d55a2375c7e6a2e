import { priceOfAnswer } from '../budget/model-prices.ts';
import { cost } from '../budget/pricing.ts';
import { type NanoUsd, nanoToUsd, nanoUsd, showUsd, ZERO_USD } from '../contract/money.ts';
import type { ExchangeState } from '../contract/records.ts';
import { rateLimits } from '../policy/compile.ts';
import type { NewBlock, RunKey, SettleInput, SettleOutput } from '../store/store.ts';
import type { ResponseReport } from '../wire/format.ts';
import type { Admitted } from './admission.ts';
import type { Ruling } from './answer-ruling.ts';
import type { Core } from './core.ts';
import type { Outcome } from './forward.ts';
import type { Answer } from './passage.ts';

/**
 * Settle an exchange exactly once: charge what it cost, return the rest of the reservation, record what came
 * back. Where the provider's usage was not seen, the reservation is charged and marked estimated: a crash or a
 * dropped connection never makes a call free.
 */
export function settle(
  core: Core,
  admitted: Admitted,
  outcome: Outcome,
  ruling: Ruling,
  /** The answer is blocked by a rule: recorded with it. */
  block: NewBlock | null,
): Settlement {
  const answer = outcome.answer;
  const charged = chargeFor(admitted, outcome);
  const keys = answerKeys(answer?.report ?? null, admitted.subagent);
  const receipt = core.store.write('settle', settleInput(core, admitted, outcome, ruling, block, charged, keys));
  core.runs.file(admitted.run, keys, receipt.committed);
  const body = answer?.body == null ? null : Buffer.concat(answer.body);
  const stored =
    body === null || body.length === 0
      ? null
      : core.store.write('storeResponse', { exchangeId: admitted.exchangeId, body });
  learn(core, admitted, answer?.report ?? null);
  if (ruling.kind !== 'blocked') noteHanded(core, admitted, outcome);
  countTokens(core, admitted, outcome);
  const recorded = receipt.committed.then((result) => record(core, admitted, result));
  // What other calls have under way is not this one's business: only its own records are waited for.
  const durable = Promise.all([receipt.durable, admitted.bodyDurable, stored?.durable]);
  durable.catch(() => undefined); // nobody waits for it once the agent has gone
  return { cost: charged.cost, estimated: charged.estimated, recorded, durable };
}

/** A settlement under way; nothing may leave that is not recorded. */
export interface Settlement {
  readonly cost: NanoUsd;
  readonly estimated: boolean;
  /** Resolves with the run's new totals once the settlement is committed. */
  readonly recorded: Promise<SettleOutput>;
  /** Resolves once the settlement and both bodies survive a power cut. */
  readonly durable: Promise<unknown>;
}

/** What a call costs; `estimated`: the provider's usage was not (fully) seen. */
export interface Charged {
  readonly cost: NanoUsd;
  readonly estimated: boolean;
}

/** What an outcome costs. */
export function chargeFor(
  admitted: Pick<Admitted, 'pricing' | 'prices' | 'reserved' | 'request'>,
  outcome: Outcome,
): Charged {
  const { answer } = outcome;
  const reached = outcome.kind === 'completed' || outcome.sent;
  // Providers do not bill calls that never reached them or that they answered with an error.
  if (!reached || (answer !== null && answer.status >= 300)) return { cost: ZERO_USD, estimated: false };
  if (admitted.pricing === null) return { cost: admitted.reserved, estimated: false };
  const pricing = priceOfAnswer(answer?.report?.model ?? null, admitted.prices, admitted.pricing);
  if (pricing.kind === 'unpriced') return { cost: admitted.reserved, estimated: true };
  const usage = answer?.report?.usage ?? null;
  const seen = usage === null ? null : cost(pricing.rates, usage);
  if (seen !== null && outcome.kind === 'completed' && answer?.report?.complete === true)
    return { cost: seen.cost, estimated: seen.estimated > 0 };
  const floor = seen?.cost ?? ZERO_USD;
  return { cost: floor > admitted.reserved ? floor : admitted.reserved, estimated: true };
}

const STATES: Readonly<Record<Outcome['kind'], Exclude<ExchangeState, 'open' | 'refused'>>> = {
  completed: 'completed',
  aborted: 'aborted',
  failed: 'failed',
};

function settleInput(
  core: Core,
  admitted: Admitted,
  outcome: Outcome,
  ruling: Ruling,
  block: NewBlock | null,
  charged: Charged,
  keys: readonly RunKey[],
): SettleInput {
  const { answer } = outcome;
  const report = answer?.report ?? null;
  return {
    at: core.clock.now(),
    exchangeId: admitted.exchangeId,
    state: reportsFailure(answer) ? 'failed' : ruling.kind === 'gated' ? 'gated' : STATES[outcome.kind],
    status: answer?.status ?? null,
    failure: failureOf(outcome, block),
    cost: charged.cost,
    estimated: charged.estimated,
    usage: report?.usage ?? null,
    model: admitted.request.facts?.model ?? report?.model ?? null,
    finishReason: report?.finishReason ?? null,
    firstByteAt: answer?.firstByteAt ?? null,
    toolCalls: (report?.toolCalls ?? []).map((call) => ({
      callId: call.id,
      name: call.namespace === undefined ? call.name : `${call.namespace}.${call.name}`,
      server: call.kind === 'server',
      argsText: call.argsText,
    })),
    keys,
    responseContentType: answer?.contentType ?? null,
    ...(block === null ? {} : { block }),
  };
}

/** The provider answered with an error: by its status, or inside an answer that had begun well. */
export const reportsFailure = (answer: Answer | null): boolean =>
  answer !== null && (answer.status >= 400 || (answer.report?.error ?? null) !== null);

function failureOf(outcome: Outcome, block: NewBlock | null): string | null {
  if (outcome.kind === 'failed') return outcome.failure.code;
  if (outcome.kind === 'aborted') return `aborted_by_${outcome.by}`;
  return block?.detail.failure ?? null;
}

/** Ids that the agent will repeat, by which its next request is known. */
function answerKeys(report: ResponseReport | null, subagent: string | null): readonly RunKey[] {
  if (report === null) return [];
  const calls = report.toolCalls.flatMap((call) =>
    call.id === null ? [] : [{ kind: 'tool_call', key: call.id, subagent } as const],
  );
  return report.responseId === null ? calls : [...calls, { kind: 'response', key: report.responseId, subagent }];
}

/** What the agent has been given, by which its next calls are known. A gated answer's calls reach it later or not at all. */
function noteHanded(core: Core, { run }: Admitted, { answer, kind }: Outcome): void {
  if (kind !== 'completed' || answer === null || answer.status >= 300 || answer.report === null) return;
  core.handedArguments.handOut(run.agentId, run.runId, answer.report.toolCalls);
  core.passedAnswers.note(run.agentId, run.runId, answer.text, core.clock.now());
}

function learn(core: Core, admitted: Admitted, report: ResponseReport | null): void {
  const model = admitted.request.facts?.model ?? null;
  if (model !== null && report?.complete === true && report.usage !== null) {
    core.prices.learn(model, report.usage.output_tokens);
  }
  for (const call of report?.toolCalls ?? []) {
    if (call.id !== null && call.kind !== 'server') admitted.run.pendingResults.add(call.id);
    admitted.run.toolCalls += 1;
  }
}

/** Tokens for the policy's rate limits. Where the provider's usage was not seen, a third of the bytes, as in estimates. */
function countTokens(core: Core, { policy, run, request }: Admitted, outcome: Outcome): void {
  const { answer } = outcome;
  const unread = outcome.kind !== 'completed' && !outcome.sent;
  if (request.endpoint.kind !== 'model' || unread || (answer !== null && answer.status >= 300)) return;
  const usage = answer?.report?.usage ?? null;
  const bytes = (answer?.body ?? []).reduce((sum, piece) => sum + piece.length, request.body.length);
  const tokens = usage === null ? Math.ceil(bytes / 3) : usage.input_tokens + usage.output_tokens;
  core.rates.recordTokens(
    rateLimits(policy.compiled),
    { runId: run.runId, agentId: run.agentId },
    tokens,
    core.clock.now(),
  );
}

function record(core: Core, admitted: Admitted, result: SettleOutput): SettleOutput {
  admitted.run.spent = nanoUsd(result.run.spent_nano);
  for (const alert of result.alerts) {
    core.bus.publish('budget.alert', {
      scope: alert.scope,
      subject: alert.subject,
      threshold: alert.threshold,
      spent_nano: alert.spent,
      cap_nano: alert.cap,
      run_id: admitted.run.runId,
    });
    core.log.warn('budget.alert', {
      scope: alert.scope,
      subject: alert.subject,
      threshold: alert.threshold,
      spent_usd: nanoToUsd(alert.spent),
      cap: showUsd(alert.cap),
    });
  }
  core.news.changed(admitted.run.runId);
  return result;
}

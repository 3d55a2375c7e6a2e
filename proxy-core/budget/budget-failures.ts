import { type Failure, failure, MESSAGE_LIMIT } from '../contract/failures.ts';
import { type NanoUsd, nanoToUsd, nanoUsd, showUsd } from '../contract/money.ts';
import type { BudgetRecord } from '../contract/records.ts';
import { NO_OUTPUT_LIMIT, type UnboundedCost } from './estimate.ts';

/** The refusals that budgets make: what was crossed, by which step, and what to change (behaviour §3). */

/** A call that does not fit, as admission found it. */
export interface OverBudget {
  readonly crossed: BudgetRecord;
  /** Every budget of this call. */
  readonly caps: readonly BudgetRecord[];
  /** The step whose settlement reached the cap, or this call's own when only its reservation does not fit. */
  readonly stepThatCrossed: number;
  /** The run that step belongs to. */
  readonly crossedRunId: string;
}

const WINDOW_WORD = { day: 'daily ', week: 'weekly ', month: 'monthly ', total: '' } as const;
const SCOPE_WORD = { run: 'Run', agent: 'Agent', team: 'Team' } as const;

const SHOWN_NAME = 24;

const capOf = (budget: BudgetRecord): NanoUsd => nanoUsd(budget.cap_nano ?? 0);
const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** A cap's figures in USD; no room is 0, never negative. */
function figures(budget: BudgetRecord) {
  const left = capOf(budget) - budget.spent_nano - budget.reserved_nano;
  return {
    scope: budget.scope,
    name: budget.name,
    window: budget.window,
    cap_usd: nanoToUsd(capOf(budget)),
    spent_usd: nanoToUsd(nanoUsd(budget.spent_nano)),
    reserved_usd: nanoToUsd(nanoUsd(budget.reserved_nano)),
    remaining_usd: nanoToUsd(nanoUsd(Math.max(0, left))),
    resets_at: isoOf(budget.resets_at),
  };
}

function title(budget: BudgetRecord): string {
  // Names may have 64 characters; a whole sentence has 200.
  const name = budget.name.length > SHOWN_NAME ? `${budget.name.slice(0, SHOWN_NAME)}...` : budget.name;
  const owner = budget.scope === 'run' ? SCOPE_WORD.run : `${SCOPE_WORD[budget.scope]} ${name}`;
  return `${owner} ${WINDOW_WORD[budget.window]}cap ${showUsd(capOf(budget))}`;
}

const RETRY = 'then send the same request again';

/** The cap, the run and the command that raises it, as far as one sentence has room; the context has all of it. */
function sentence(runId: string, over: OverBudget): string {
  const head = crossing(over);
  const within = over.crossed.scope === 'run' ? '' : ` in ${runId}`;
  const raise = `raise it: rungate budgets set ${flagOf(over.crossed)} --usd X`;
  const choices = [`${head}${within}; ${raise}, ${RETRY}.`, `${head}${within}; ${raise}`, `${head}; ${raise}`];
  return choices.find((text) => text.length <= MESSAGE_LIMIT) ?? `${head}; raise or reset the budget, ${RETRY}.`;
}

function crossing({ crossed, stepThatCrossed }: OverBudget): string {
  const spent = showUsd(nanoUsd(crossed.spent_nano));
  if (crossed.spent_nano >= capOf(crossed))
    return `${title(crossed)} crossed at step ${stepThatCrossed} (${spent} spent)`;
  const reserved = showUsd(nanoUsd(crossed.reserved_nano));
  return `${title(crossed)} would be crossed by step ${stepThatCrossed} (${spent} spent, ${reserved} reserved)`;
}

const flagOf = ({ scope, name }: BudgetRecord): string => `--${scope} ${name}`;

function recovery({ crossed }: OverBudget): string {
  const flag = flagOf(crossed);
  const waits = [
    ...(crossed.reserved_nano > 0 ? ['wait until calls in flight have settled'] : []),
    ...(crossed.resets_at === null ? [] : [`wait until ${isoOf(crossed.resets_at)}`]),
  ];
  const raise = `ask the operator to raise (rungate budgets set ${flag} --usd X) or reset (rungate budgets reset ${flag}) the budget`;
  return `${[raise, ...waits].join(', or ')}; ${RETRY}.`;
}

/** 402 `budget_exceeded` for a call of `runId`: the crossed cap's figures, the crossing step, every cap of this call, and the way back. */
export function budgetExceeded(runId: string, over: OverBudget): Failure {
  const { name, window, ...crossed } = figures(over.crossed);
  return failure('budget_exceeded', sentence(runId, over), {
    rule: `budget:${crossed.scope}`,
    matched: { name, window, cap_usd: crossed.cap_usd, spent_usd: crossed.spent_usd },
    run_id: runId,
    ...crossed,
    step_that_crossed: over.stepThatCrossed,
    crossed_run_id: over.crossedRunId,
    caps: over.caps.filter((budget) => budget.cap_nano !== null).map(figures),
    recover: recovery(over),
  });
}

const SHOWN_MODEL = 64;
const SHOWN_FEATURES = 3;

/** A model's name as the request wrote it, made safe for one short line. */
function shownModel(model: string | null): string {
  const text = (model ?? '').slice(0, SHOWN_MODEL * 4).replace(/[^\x20-\x7e]+/g, '?');
  return text.length > SHOWN_MODEL ? `${text.slice(0, SHOWN_MODEL)}...` : text;
}

/** The call an estimate was refused for. */
export interface RefusedCall {
  readonly runId: string;
  readonly model: string | null;
  readonly provider: string | null;
}

/** 403 `model_unpriced`: the model has no price and the policy does not let unpriced models through. */
export function modelUnpriced(call: RefusedCall): Failure {
  const model = shownModel(call.model);
  return failure(
    'model_unpriced',
    `Model "${model}" has no price, so its budget cannot be enforced; set a price for it, ${RETRY}.`,
    {
      rule: 'budget:on_unpriced',
      matched: { model, provider: call.provider },
      run_id: call.runId,
      model,
      provider: call.provider,
      recover: `ask the operator to add the model under "prices" in the configuration (USD per million tokens; 0 means free), or to change the policy's budget.on_unpriced; ${RETRY}.`,
    },
  );
}

function boundAdvice(features: readonly UnboundedCost[]): string {
  const limit = 'set an output limit (max_tokens, max_output_tokens or max_completion_tokens)';
  const inline = `remove or send inline: ${features.filter((feature) => feature !== NO_OUTPUT_LIMIT).join(', ')}`;
  const limited = features.includes(NO_OUTPUT_LIMIT);
  if (!limited) return inline;
  return features.length === 1 ? limit : `${limit} and ${inline}`;
}

/** 402 `budget_unbounded`: strict admission, and the named features of the request have no upper bound. */
export function budgetUnbounded(call: RefusedCall, features: readonly UnboundedCost[]): Failure {
  const model = shownModel(call.model);
  return failure(
    'budget_unbounded',
    `Strict budget: the cost of this request has no upper bound (${features.slice(0, SHOWN_FEATURES).join(', ')}); change the request.`,
    {
      rule: 'budget:strict',
      matched: { unbounded: features },
      run_id: call.runId,
      model,
      provider: call.provider,
      unbounded: features,
      recover: `${boundAdvice(features)}, or ask the operator to use admission: expected.`,
    },
  );
}

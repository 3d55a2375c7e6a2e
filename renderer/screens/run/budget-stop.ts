import type { BudgetRecord, ExchangeRecord, RunRecord, StepRecord } from '../../../proxy-core/contract/records.ts';
import { showExact } from './exact-cost.ts';
import { textOf } from './trace.ts';

/** A cap that has stopped a run, and how far its lifting has come. Amounts in nano-USD, instants epoch ms. */
export interface BudgetStop {
  readonly scope: BudgetRecord['scope'];
  /** What people call the subject, as `budgets.set` takes it. */
  readonly name: string;
  readonly cap: number;
  readonly spent: number;
  /** What the refused call would have set aside. */
  readonly requested: number;
  /** The step whose cost crossed the cap, where it was one of this run and the cap was crossed at all. */
  readonly crossedAt: number | null;
  /** The refused call. */
  readonly step: number;
  readonly at: number;
  readonly phase:
    | { readonly kind: 'stopped' }
    /** There is room again; the client has not called since. */
    | { readonly kind: 'waiting' }
    | { readonly kind: 'resumed'; readonly step: number; readonly at: number };
}

interface Facts {
  readonly run: RunRecord;
  readonly budgets: readonly BudgetRecord[];
  readonly steps: readonly StepRecord[];
  readonly exchanges: readonly ExchangeRecord[];
}

/** The latest budget refusal of a run, or null if there has been none. */
export function findBudgetStop({ run, budgets, steps, exchanges }: Facts): BudgetStop | null {
  const refusal = steps.findLast(({ kind, summary }) => kind === 'refusal' && summary === 'budget_exceeded');
  if (refusal === undefined) return null;
  const scope = scopeOf(refusal.detail);
  const cap = numberOf(refusal.detail, 'cap_nano');
  const spent = numberOf(refusal.detail, 'spent_nano');
  const requested = numberOf(refusal.detail, 'requested_nano') ?? 0;
  if (scope === null || cap === null || spent === null) return null;
  const budget = budgets.find((each) => each.scope === scope) ?? null;
  const after = exchanges.find(({ step, state }) => step > refusal.step && state !== 'refused');
  const ended = run.state === 'completed' || run.state === 'stopped';
  return {
    scope,
    name: budget?.name ?? textOf(refusal.detail, 'subject') ?? run.run_id,
    cap,
    spent,
    requested,
    crossedAt: scope === 'run' && spent >= cap ? crossingStep(exchanges, refusal.step, spent, cap) : null,
    step: refusal.step,
    at: refusal.at,
    phase:
      after !== undefined
        ? { kind: 'resumed', step: after.step, at: after.started_at }
        : !ended && hasRoom(budget, requested)
          ? { kind: 'waiting' }
          : { kind: 'stopped' },
  };
}

const hasRoom = (budget: BudgetRecord | null, requested: number): boolean =>
  budget !== null &&
  (budget.cap_nano === null ||
    (budget.spent_nano < budget.cap_nano && budget.spent_nano + budget.reserved_nano + requested <= budget.cap_nano));

/** The call whose settlement took the spend to the cap, counted back from what was spent at the refusal. */
function crossingStep(exchanges: readonly ExchangeRecord[], before: number, spent: number, cap: number): number | null {
  const settled = exchanges
    .filter(({ step, cost_nano, ended_at }) => step < before && (cost_nano ?? 0) > 0 && ended_at !== null)
    .sort((a, b) => (b.ended_at ?? 0) - (a.ended_at ?? 0));
  let left = spent;
  for (const { step, cost_nano } of settled) {
    left -= cost_nano ?? 0;
    if (left < cap) return step;
  }
  return null;
}

const SCOPES = { run: 'Run', agent: 'Agent', team: 'Team' } as const;

/** "Run cap $5.00 crossed at step 41 ($5.02); next call got 402". */
export function describeStop({ scope, cap, spent, requested, crossedAt, step }: BudgetStop): string {
  const name = `${SCOPES[scope]} cap ${showExact(cap)}`;
  if (spent >= cap) {
    const where = crossedAt === null ? '' : ` at step ${crossedAt}`;
    return `${name} crossed${where} (${showExact(spent)}); next call got 402`;
  }
  return `${name} would be crossed by step ${step} (${showExact(spent)} spent, up to ${showExact(requested)} more); it got 402`;
}

/** A raise worth offering, whole USD: twice the cap, and at least room for the refused call. */
export const suggestedCap = ({ cap, spent, requested }: BudgetStop): number =>
  Math.max(1, Math.ceil(Math.max(cap * 2, spent + requested * 2) / 1_000_000_000));

function scopeOf(detail: StepRecord['detail']): BudgetRecord['scope'] | null {
  const scope = detail['scope'];
  return scope === 'run' || scope === 'agent' || scope === 'team' ? scope : null;
}

function numberOf(detail: StepRecord['detail'], name: string): number | null {
  const value = detail[name];
  return typeof value === 'number' ? value : null;
}

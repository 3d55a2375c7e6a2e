import type { NanoUsd } from '../contract/money.ts';
import type { BudgetScope, BudgetWindow } from '../contract/records.ts';

/** One cap and its counters, as the ledger sees it. Immutable: the ledger returns new accounts. */
export interface Account {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly window: BudgetWindow;
  readonly cap: NanoUsd | null;
  readonly spent: NanoUsd;
  readonly reserved: NanoUsd;
  /** Start of the window that `spent` belongs to, epoch ms. */
  readonly windowStart: number;
  /** What was spent in windows before and after that one, ascending; only a clock that was set wrong makes later ones. */
  readonly otherWindows: readonly { readonly start: number; readonly spent: NanoUsd }[];
  /** Alert thresholds, fractions of the cap, ascending. */
  readonly alertAt: readonly number[];
  /** Thresholds already announced in this window. */
  readonly alerted: readonly number[];
  /** The run and step whose settlement took `spent` to the cap or over it, in this window. */
  readonly crossedBy: { readonly runId: string; readonly step: number } | null;
}

/** A threshold passed for the first time in a window. */
export interface BudgetAlert {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly threshold: number;
  readonly spent: NanoUsd;
  readonly cap: NanoUsd;
}

/**
 * `reserve(accounts, amount, now)` (in `ledger.ts`): either every account holds `amount` more in `reserved`, or none
 * does and `crossed` is the tightest account without room.
 */
export type Reservation =
  | { readonly kind: 'reserved'; readonly accounts: readonly Account[] }
  | { readonly kind: 'crossed'; readonly crossed: Account; readonly accounts: readonly Account[] };

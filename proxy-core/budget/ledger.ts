import { type NanoUsd, nanoUsd, ZERO_USD } from '../contract/money.ts';
import type { BudgetWindow } from '../contract/records.ts';
import type { Account, BudgetAlert, Reservation } from './account.ts';
import { rollWindow, windowStart } from './windows.ts';

/**
 * The ledger: reserve before a call, settle or release after it, over every account the call is charged to at
 * once. Amounts are nano-USD, instants epoch ms. A negative amount is a bug and throws RangeError.
 */

/** When and by which step a call settles. */
export interface SettlementPoint {
  readonly now: number;
  readonly runId: string;
  readonly step: number;
}

/** The accounts after a settlement, and the thresholds it passed for the first time. */
export interface Settlement {
  readonly accounts: readonly Account[];
  readonly alerts: readonly BudgetAlert[];
}

/** What an operator changes about a cap; what is absent stays. */
export interface CapChange {
  readonly cap: NanoUsd | null;
  readonly window?: BudgetWindow;
  /** Fractions of the cap, ascending. */
  readonly alertAt?: readonly number[];
}

function assertAmount(amount: NanoUsd): void {
  if (!(amount >= 0)) throw new RangeError(`a ledger amount is never negative: ${amount}`);
}

/** A counter stops at the largest exact integer: past every possible cap, and a throw here would leave a call unsettled for ever. */
const add = (a: NanoUsd, b: NanoUsd): NanoUsd => nanoUsd(Math.min(a + b, Number.MAX_SAFE_INTEGER));
const subtract = (a: NanoUsd, b: NanoUsd): NanoUsd => nanoUsd(Math.max(a - b, 0));

/** Room under the cap, negative when over it; null without a cap. */
const room = (account: Account): number | null =>
  account.cap === null ? null : account.cap - account.spent - account.reserved;

function refuses(account: Account, amount: NanoUsd): boolean {
  const left = room(account);
  return left !== null && amount > left;
}

const tighter = (a: Account, b: Account): Account => ((room(b) ?? 0) < (room(a) ?? 0) ? b : a);

/**
 * Hold `amount` on every account or on none. Windows are rolled to `now` first. Refused only if the amount is above
 * zero and some cap has no room for it: a zero-priced call always continues, even under a crossed cap.
 */
export function reserve(accounts: readonly Account[], amount: NanoUsd, now: number): Reservation {
  assertAmount(amount);
  const rolled = accounts.map((account) => rollWindow(account, now));
  const [first, ...others] = amount > 0 ? rolled.filter((account) => refuses(account, amount)) : [];
  if (first !== undefined) return { kind: 'crossed', crossed: others.reduce(tighter, first), accounts: rolled };
  const held = rolled.map((account) => ({ ...account, reserved: add(account.reserved, amount) }));
  return { kind: 'reserved', accounts: held };
}

/** Whether spend stands at or above a fraction of the cap. An account nothing was charged to has reached nothing. */
function reached(account: Account, fraction: number): boolean {
  return account.cap !== null && account.spent > 0 && account.spent >= Math.round(account.cap * fraction);
}

function announce(account: Account): { readonly account: Account; readonly alerts: readonly BudgetAlert[] } {
  const { cap } = account;
  const due = account.alertAt.filter((fraction) => reached(account, fraction) && !account.alerted.includes(fraction));
  if (cap === null || due.length === 0) return { account, alerts: [] };
  const { scope, subject, spent } = account;
  return {
    account: { ...account, alerted: [...account.alerted, ...due] },
    alerts: due.map((threshold) => ({ scope, subject, threshold, spent, cap })),
  };
}

function charge(account: Account, reserved: NanoUsd, cost: NanoUsd, at: SettlementPoint): Account {
  const rolled = rollWindow(account, at.now);
  const charged = { ...rolled, reserved: subtract(rolled.reserved, reserved), spent: add(rolled.spent, cost) };
  const crosses = charged.crossedBy === null && reached(charged, 1);
  return crosses ? { ...charged, crossedBy: { runId: at.runId, step: at.step } } : charged;
}

/**
 * End a call: return its reservation and charge its cost to the current window, also when the reservation was made
 * in an earlier one. Each alert threshold fires once per window; the step that takes spend to the cap is noted.
 */
export function settle(
  accounts: readonly Account[],
  reserved: NanoUsd,
  cost: NanoUsd,
  at: SettlementPoint,
): Settlement {
  assertAmount(reserved);
  assertAmount(cost);
  const outcomes = accounts.map((account) => announce(charge(account, reserved, cost, at)));
  return { accounts: outcomes.map(({ account }) => account), alerts: outcomes.flatMap(({ alerts }) => alerts) };
}

/** Return a reservation without a charge. Never goes below zero, whatever is returned. */
export function release(accounts: readonly Account[], reserved: NanoUsd): readonly Account[] {
  assertAmount(reserved);
  return accounts.map((account) => ({ ...account, reserved: subtract(account.reserved, reserved) }));
}

/** Forget the alerts and the crossing that the account's present spend no longer reaches. */
function rearm(account: Account): Account {
  const alerted = account.alerted.filter((fraction) => reached(account, fraction));
  return { ...account, alerted, crossedBy: reached(account, 1) ? account.crossedBy : null };
}

/**
 * Give an account another cap, window or thresholds. Spend and reservations stay, except that another window starts
 * counting at zero; thresholds that spend no longer reaches can fire again. Thresholds that a lower cap puts
 * behind the present spend fire with the next settlement.
 */
export function setCap(account: Account, change: CapChange, now: number): Account {
  const window = change.window ?? account.window;
  const alertAt = change.alertAt ?? account.alertAt;
  const current =
    window === account.window
      ? rollWindow(account, now)
      : {
          ...account,
          window,
          windowStart: windowStart(window, now),
          ...UNSPENT,
        };
  return rearm({ ...current, cap: change.cap, alertAt });
}

const UNSPENT = { spent: ZERO_USD, otherWindows: [], alerted: [], crossedBy: null } as const;

/** Spend back to zero in the current window; reservations of calls in flight stay. */
export function resetSpend(account: Account, now: number): Account {
  return { ...rollWindow(account, now), ...UNSPENT };
}

/** Room on the tightest cap in nano-USD, at least 0; null when no account has a cap. */
export function remaining(accounts: readonly Account[]): NanoUsd | null {
  const rooms = accounts.map(room).filter((left) => left !== null);
  return rooms.length === 0 ? null : nanoUsd(Math.max(0, Math.min(...rooms)));
}

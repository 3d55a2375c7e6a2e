import { type NanoUsd, nanoUsd } from '../contract/money.ts';
import type { BudgetWindow } from '../contract/records.ts';
import type { Account } from './account.ts';

/**
 * Budget windows in local time. Boundaries are local midnights built from calendar fields, never by adding 24 hours,
 * so a day that daylight saving makes 23 or 25 hours long still ends at midnight; where midnight itself is skipped,
 * the day begins at the first instant it has.
 */

const daysSinceMonday = (date: Date): number => (date.getDay() + 6) % 7;

/** The local midnight that begins the window `steps` windows after the one containing `now`, epoch ms. */
function boundary(window: Exclude<BudgetWindow, 'total'>, now: number, steps: 0 | 1): number {
  const date = new Date(now);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  switch (window) {
    case 'day':
      return new Date(year, month, day + steps).getTime();
    case 'week':
      return new Date(year, month, day - daysSinceMonday(date) + 7 * steps).getTime();
    case 'month':
      return new Date(year, month + steps, 1).getTime();
  }
}

/** Where the window containing `now` (epoch ms) begins, epoch ms; weeks begin on Monday; `total` begins at 0. */
export function windowStart(window: BudgetWindow, now: number): number {
  return window === 'total' ? 0 : boundary(window, now, 0);
}

/** When the window containing `now` (epoch ms) ends and its spend returns to zero, epoch ms; null for `total`. */
export function resetsAt(window: BudgetWindow, now: number): number | null {
  return window === 'total' ? null : boundary(window, now, 1);
}

/** Windows whose spend is remembered beside the current one; the earliest is forgotten first. */
const REMEMBERED = 16;

/**
 * The account in the window that contains `now` (epoch ms). A clock that is set ahead and back, or back and ahead, loses no
 * spend: what was spent in a window counts in it, and in every earlier one that the clock goes back to. So a later window
 * begins with what was spent in it already: nothing, no alerts and no crossing, unless the clock has been there before.
 * Reservations of calls in flight stay.
 */
export function rollWindow(account: Account, now: number): Account {
  const start = windowStart(account.window, now);
  if (start === account.windowStart) return account;
  const own = nanoUsd(Math.max(0, account.spent - sum(later(account.otherWindows, account.windowStart))));
  const all = [...account.otherWindows, { start: account.windowStart, spent: own }].filter(({ spent }) => spent > 0);
  const spent = sum(all.filter((window) => window.start >= start));
  const otherWindows = all
    .filter((window) => window.start !== start)
    .sort((a, b) => a.start - b.start)
    .slice(-REMEMBERED);
  const moved = { ...account, windowStart: start, spent, otherWindows };
  return spent > 0 || start < account.windowStart ? moved : { ...moved, alerted: [], crossedBy: null };
}

const later = (windows: Account['otherWindows'], start: number): Account['otherWindows'] =>
  windows.filter((window) => window.start > start);

/** As the ledger counts: never beyond the largest exact integer. */
const sum = (windows: Account['otherWindows']): NanoUsd =>
  nanoUsd(windows.reduce((total, { spent }) => Math.min(total + spent, Number.MAX_SAFE_INTEGER), 0));

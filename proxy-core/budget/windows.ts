import { ZERO_USD } from '../contract/money.ts';
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

/**
 * The account in the window that contains `now` (epoch ms). Entering a later window zeroes spend, alerts and the
 * crossing; reservations of calls in flight stay. A clock that goes backwards changes nothing, so no earlier
 * window is reopened and no spend is lost.
 */
export function rollWindow(account: Account, now: number): Account {
  const start = windowStart(account.window, now);
  if (start <= account.windowStart) return account;
  return { ...account, windowStart: start, spent: ZERO_USD, alerted: [], crossedBy: null };
}

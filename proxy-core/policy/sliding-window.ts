/**
 * Amounts over the last so many milliseconds. Exact up to `ENTRY_LIMIT` entries; beyond that neighbours are merged at the later of
 * their times, so memory stays bounded and an amount is never forgotten too early.
 */
export interface SlidingWindow {
  readonly entries: readonly Entry[];
}

interface Entry {
  /** Epoch ms. */
  readonly at: number;
  readonly amount: number;
}

const ENTRY_LIMIT = 512;

export const EMPTY_WINDOW: SlidingWindow = { entries: [] };

/** The window without what is older than `spanMs` before `now`. A clock set back moves later entries to `now`. */
export function slide(window: SlidingWindow, now: number, spanMs: number): SlidingWindow {
  const entries = window.entries
    .filter((entry) => entry.at > now - spanMs)
    .map((entry) => (entry.at > now ? { ...entry, at: now } : entry));
  return { entries };
}

/** The window with an amount added at `now`. */
export function addAmount(window: SlidingWindow, now: number, amount: number): SlidingWindow {
  const entries = [...window.entries, { at: now, amount }];
  return { entries: entries.length > ENTRY_LIMIT ? mergePairs(entries) : entries };
}

/** The sum of what is in the window. */
export const totalOf = (window: SlidingWindow): number => window.entries.reduce((sum, entry) => sum + entry.amount, 0);

/** Milliseconds until the window's total is below `limit`; 0 when it already is. */
export function timeUntilBelow(window: SlidingWindow, now: number, spanMs: number, limit: number): number {
  let total = totalOf(window);
  for (const entry of window.entries) {
    if (total < limit) break;
    total -= entry.amount;
    if (total < limit) return Math.max(0, entry.at + spanMs - now);
  }
  return 0;
}

function mergePairs(entries: readonly Entry[]): readonly Entry[] {
  const merged: Entry[] = [];
  for (let index = 0; index < entries.length; index += 2) {
    const [one, other] = entries.slice(index, index + 2);
    if (one === undefined) continue;
    merged.push(other === undefined ? one : { at: other.at, amount: one.amount + other.amount });
  }
  return merged;
}

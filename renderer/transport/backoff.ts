/** When to try a lost connection again. */

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * Milliseconds to wait before the `attempt`-th try in a row (from 0): doubling, up to ten seconds, a random half of it
 * taken off so that many consoles do not come at once. `random` is in [0, 1).
 */
export const waitBefore = (attempt: number, random: number): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 20)) * (1 - random / 2);

const FIRST_MS = 5_000;
const LONGEST_MS = 3_600_000;
/** How long a notice is tried, from when it was made, ms. */
export const GIVE_UP_MS = 24 * 3_600_000;

/** What the time of the next attempt depends on. */
export interface FailedAttempt {
  /** When the notice was made and when this attempt failed, epoch ms. */
  readonly createdAt: number;
  readonly now: number;
  /** Attempts before this one. */
  readonly attempts: number;
  /** At least 0, below 1. Spreads the attempts of notices that failed together. */
  readonly jitter: number;
}

/**
 * When to try again, epoch ms: after 5 s, doubling up to 1 h, each a quarter more or less, never outside these bounds.
 * Null when that would be more than 24 h after the notice was made: it is given up.
 */
export function nextAttemptAt({ createdAt, now, attempts, jitter }: FailedAttempt): number | null {
  const doubled = FIRST_MS * 2 ** Math.min(attempts, 20);
  const spread = Math.min(doubled, LONGEST_MS) * (0.75 + jitter / 2);
  const next = now + Math.round(Math.min(Math.max(spread, FIRST_MS), LONGEST_MS));
  return next > createdAt + GIVE_UP_MS ? null : next;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GIVE_UP_MS, nextAttemptAt } from '../../../proxy-core/notify/backoff.ts';

const HOUR = 3_600_000;
const pause = (attempts: number, jitter: number): number | null =>
  nextAttemptAt({ createdAt: 0, now: 0, attempts, jitter });

describe('the next attempt', () => {
  it('comes after 5 s, doubling up to an hour', () => {
    expect([0, 1, 2, 3, 9, 10, 50].map((attempts) => pause(attempts, 0.5))).toEqual([
      5_000,
      10_000,
      20_000,
      40_000,
      2_560_000,
      HOUR,
      HOUR,
    ]);
  });

  it('is spread by the jitter, and never outside 5 s to an hour', () => {
    expect([pause(2, 0), pause(2, 0.999_999)]).toEqual([15_000, 25_000]);
    fc.assert(
      fc.property(fc.nat(100), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, jitter) => {
        const wait = pause(attempts, jitter);
        expect(wait).toBeGreaterThanOrEqual(5_000);
        expect(wait).toBeLessThanOrEqual(HOUR);
      }),
    );
  });

  it('is none once it would be a day after the notice was made', () => {
    const last = { createdAt: 1_000, attempts: 50, jitter: 0.5 };
    expect(nextAttemptAt({ ...last, now: 1_000 + GIVE_UP_MS - HOUR })).toBe(1_000 + GIVE_UP_MS);
    expect(nextAttemptAt({ ...last, now: 1_001 + GIVE_UP_MS - HOUR })).toBeNull();
  });

  it('makes a dead receiver cost 33 attempts in all', () => {
    let now = 0;
    let attempts = 0;
    for (let next: number | null = 0; next !== null; attempts += 1) {
      now = next;
      next = nextAttemptAt({ createdAt: 0, now, attempts, jitter: 0.5 });
    }
    expect(attempts).toBe(33);
  });
});

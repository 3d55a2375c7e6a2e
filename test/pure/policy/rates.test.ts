import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateTracker } from '../../../proxy-core/policy/rates.ts';
import type { RateLimit } from '../../../proxy-core/policy/schema.ts';
import { addAmount, EMPTY_WINDOW, slide, totalOf } from '../../../proxy-core/policy/sliding-window.ts';

const subject = { runId: 'run_1', agentId: 'agt_1' };
const perRun: RateLimit = { per: 'run', calls: 3, window_seconds: 60 };

describe('call rates', () => {
  it('admit as many calls as the limit and then say when the next may come', () => {
    const rates = createRateTracker();
    for (const at of [0, 10_000, 20_000]) expect(rates.admit([perRun], subject, at).kind).toBe('admitted');
    expect(rates.admit([perRun], subject, 30_000)).toEqual({
      kind: 'limited',
      limit: perRun,
      unit: 'calls',
      used: 3,
      retryAfterSeconds: 30,
    });
    expect(rates.admit([perRun], subject, 59_999)).toMatchObject({ retryAfterSeconds: 1 });
    expect(rates.admit([perRun], subject, 60_000).kind).toBe('admitted');
    expect(rates.admit([perRun], subject, 60_001)).toMatchObject({ retryAfterSeconds: 10 });
  });

  it('count runs apart and an agent’s runs together', () => {
    const rates = createRateTracker();
    const perAgent: RateLimit = { per: 'agent', calls: 2, window_seconds: 60 };
    const other = { runId: 'run_2', agentId: 'agt_1' };
    expect(rates.admit([perAgent], subject, 0).kind).toBe('admitted');
    expect(rates.admit([perAgent], other, 0).kind).toBe('admitted');
    expect(rates.admit([perAgent], other, 1).kind).toBe('limited');
    expect(rates.admit([perRun], other, 1).kind).toBe('admitted');
    expect(rates.admit([perAgent], { runId: 'run_3', agentId: 'agt_2' }, 1).kind).toBe('admitted');
  });

  it('count a call against every limit or against none', () => {
    const rates = createRateTracker();
    const tight: RateLimit = { per: 'agent', calls: 1, window_seconds: 10 };
    rates.admit([tight, perRun], subject, 0);
    for (let at = 1; at < 9; at += 1) expect(rates.admit([tight, perRun], subject, at).kind).toBe('limited');
    expect(rates.admit([perRun], subject, 9).kind).toBe('admitted');
    expect(rates.admit([perRun], subject, 9).kind).toBe('admitted');
    expect(rates.admit([perRun], subject, 9).kind).toBe('limited');
  });

  it('name the limit that lasts longest', () => {
    const rates = createRateTracker();
    const limits: RateLimit[] = [
      { per: 'run', calls: 1, window_seconds: 5 },
      { per: 'run', calls: 1, window_seconds: 50 },
    ];
    rates.admit(limits, subject, 0);
    expect(rates.admit(limits, subject, 1_000)).toMatchObject({ retryAfterSeconds: 49 });
  });
});

describe('token rates', () => {
  const tokens: RateLimit = { per: 'agent', tokens: 1000, window_seconds: 60 };
  it('admit until the window holds the limit', () => {
    const rates = createRateTracker();
    expect(rates.admit([tokens], subject, 0).kind).toBe('admitted');
    rates.recordTokens([tokens], subject, 600, 5_000);
    expect(rates.admit([tokens], subject, 6_000).kind).toBe('admitted');
    rates.recordTokens([tokens], subject, 600, 20_000);
    expect(rates.admit([tokens], subject, 30_000)).toMatchObject({ unit: 'tokens', used: 1200, retryAfterSeconds: 35 });
    expect(rates.admit([tokens], subject, 65_000).kind).toBe('admitted');
  });
});

describe('bounds', () => {
  it('a clock set back neither forgets nor blocks for longer than the window', () => {
    const rates = createRateTracker();
    const day = 86_400_000;
    for (let call = 0; call < 3; call += 1) rates.admit([perRun], subject, day);
    expect(rates.admit([perRun], subject, 0)).toMatchObject({ kind: 'limited', retryAfterSeconds: 60 });
  });

  it('the windows longest unused are forgotten first', () => {
    const rates = createRateTracker(2);
    const one: RateLimit = { per: 'run', calls: 1, window_seconds: 60 };
    const run = (id: string) => ({ runId: id, agentId: 'a' });
    rates.admit([one], run('1'), 0);
    rates.admit([one], run('2'), 0);
    rates.admit([one], run('3'), 0);
    expect(rates.admit([one], run('3'), 1).kind).toBe('limited');
    expect(rates.admit([one], run('1'), 1).kind).toBe('admitted');
  });

  it('a window of many entries stays small, loses no amount and forgets nothing early', () => {
    fc.assert(
      fc.property(fc.integer({ min: 600, max: 3000 }), (count) => {
        let window = EMPTY_WINDOW;
        for (let at = 0; at < count; at += 1) window = addAmount(window, at, 1);
        expect(window.entries.length).toBeLessThanOrEqual(512);
        expect(totalOf(window)).toBe(count);
        const span = 500;
        const exact = Math.min(count, span);
        expect(totalOf(slide(window, count - 1, span))).toBeGreaterThanOrEqual(exact);
      }),
      { numRuns: 30 },
    );
  });
});

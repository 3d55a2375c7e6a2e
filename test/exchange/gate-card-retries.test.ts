import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGateRetries } from '../../proxy-core/exchange/gate-retries.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const start = () => {
  const told: [string, number][] = [];
  const began = Date.now();
  const retries = createGateRetries({ now: () => Date.now() }, (gateId) => told.push([gateId, Date.now() - began]));
  return { told, retries };
};

describe('retries of waiting agents', () => {
  it('are told of at once, then once a second for each gate, and after the last', () => {
    const { told, retries } = start();
    for (let asked = 0; asked < 8; asked += 1) {
      retries.note('a', 400);
      if (asked === 0) retries.note('b', null);
      vi.advanceTimersByTime(400);
    }
    vi.advanceTimersByTime(5_000);
    expect(told.filter(([gateId]) => gateId === 'a').map(([, at]) => at)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(told.filter(([gateId]) => gateId === 'b')).toEqual([['b', 0]]);
  });

  it('show the pace of their agent', () => {
    const { retries } = start();
    expect(retries.gapOf('a')).toBeNull();
    retries.note('a', null);
    expect(retries.gapOf('a')).toBeNull();
    retries.note('a', 5_000);
    expect(retries.gapOf('a')).toBe(5_000);
  });

  it('are told of no more once closed', () => {
    const { told, retries } = start();
    retries.note('a', null);
    retries.note('a', 1);
    retries.close();
    vi.advanceTimersByTime(5_000);
    expect(told).toHaveLength(1);
  });
});

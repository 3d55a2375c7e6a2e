import { describe, expect, it } from 'vitest';
import { collapse, retryNote } from '../../../renderer/screens/inbox/collapse.ts';
import { arrange, inOrder, NOTHING_SHOWN, neighbour, nextWaiting } from '../../../renderer/screens/inbox/order.ts';
import { gateOf } from './inbox-gate.ts';

const always = (): boolean => true;

describe('the order of the inbox', () => {
  it('puts what expires first on top, and what is decided but not fetched below', () => {
    const late = gateOf({ gate_id: 'late', expires_at: 900 });
    const soon = gateOf({ gate_id: 'soon', expires_at: 500 });
    const approved = gateOf({ gate_id: 'approved', state: 'approved', decided_at: 50, effective_at: 60 });
    const over = gateOf({ gate_id: 'over', state: 'rejected', decided_at: 50, effective_at: 60 });
    expect(inOrder([approved, over, late, soon], 100)).toEqual(['soon', 'late', 'approved']);
  });

  it('leaves out a gate from the instant of its expiry on', () => {
    expect(inOrder([gateOf({ expires_at: 500 })], 499)).toEqual(['gate_1']);
    expect(inOrder([gateOf({ expires_at: 500 })], 500)).toEqual([]);
  });

  it('keeps a rejection in the list while it can be taken back', () => {
    const rejected = gateOf({ state: 'rejected', decided_at: 50, effective_at: 200 });
    expect(inOrder([rejected], 199)).toEqual(['gate_1']);
    expect(inOrder([rejected], 200)).toEqual([]);
  });

  it('frozen, moves no row and counts what has arrived', () => {
    const before = { shown: ['b', 'c'], arrived: [] };
    expect(arrange(before, ['a', 'b', 'c', 'd'], true, always)).toEqual({ shown: ['b', 'c'], arrived: ['a', 'd'] });
    expect(arrange(before, ['c', 'b'], true, always)).toBe(before);
  });

  it('takes everything in once it is no longer frozen, and always while it is empty', () => {
    expect(arrange({ shown: ['b'], arrived: ['a'] }, ['a', 'b'], false, always)).toEqual({
      shown: ['a', 'b'],
      arrived: [],
    });
    expect(arrange(NOTHING_SHOWN, ['a'], true, always).shown).toEqual(['a']);
  });

  it('drops rows of gates that are no longer known even while frozen', () => {
    expect(arrange({ shown: ['a', 'b'], arrived: [] }, ['b'], true, (id) => id === 'b').shown).toEqual(['b']);
  });

  it('moves to the neighbour and stays at the ends', () => {
    expect(neighbour(['a', 'b'], 'a', 1)).toBe('b');
    expect(neighbour(['a', 'b'], 'b', 1)).toBe('b');
    expect(neighbour(['a', 'b'], null, 1)).toBe('a');
    expect(neighbour(['a', 'b'], 'gone', -1)).toBe('b');
    expect(neighbour([], null, 1)).toBeNull();
  });

  it('goes on to the next waiting gate below, then to the first above, then nowhere', () => {
    expect(nextWaiting(['a', 'b', 'c'], 'b', always)).toBe('c');
    expect(nextWaiting(['a', 'b', 'c'], 'c', always)).toBe('a');
    expect(nextWaiting(['a', 'b', 'c'], 'b', (id) => id === 'a')).toBe('a');
    expect(nextWaiting(['a', 'b'], 'a', (id) => id === 'a')).toBeNull();
  });
});

describe('gates of the same request', () => {
  it('become one entry: the waiting gate, with all retries', () => {
    const expired = gateOf({ gate_id: 'old', fingerprint: 'f', state: 'expired', retries: 4, last_retry_at: 70 });
    const again = gateOf({ gate_id: 'new', fingerprint: 'f', created_at: 2_000, retries: 2, last_retry_at: 90 });
    const [entry, ...others] = collapse([expired, again]);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ gate: { gate_id: 'new' }, earlier: 1, retries: 6, lastRetryAt: 90 });
  });

  it('say how often and when they were retried', () => {
    expect(retryNote({ retries: 6, lastRetryAt: 1_000 }, 13_000)).toBe('retried ×6, last 12 s ago');
    expect(retryNote({ retries: 0, lastRetryAt: null }, 13_000)).toBeNull();
  });
});

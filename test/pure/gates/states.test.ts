import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesAt, stateAt } from '../../../proxy-core/gates/states.ts';
import { EXPIRES, gateRecord } from './gate-fixtures.ts';

describe('what an agent sees of a gate', () => {
  it.each([
    [-1, 'pending'],
    [0, 'expired'],
    [1, 'expired'],
  ] as const)('E3: a pending one, %i ms from its expiry, is %s', (offset, state) => {
    expect(stateAt(gateRecord(), EXPIRES + offset)).toBe(state);
  });

  it.each(['approved', 'rejected'] as const)('one that is %s is pending until the verdict takes effect', (state) => {
    const gate = gateRecord({ state, decided_at: 1_000, effective_at: 6_000 });
    expect(stateAt(gate, 5_999)).toBe('pending');
    expect(stateAt(gate, 6_000)).toBe(state);
  });

  it('a verdict that was claimed in time counts, although it takes effect after the expiry', () => {
    const gate = gateRecord({ state: 'approved', decided_at: EXPIRES - 1, effective_at: EXPIRES + 4_999 });
    expect(stateAt(gate, EXPIRES)).toBe('pending');
    expect(stateAt(gate, EXPIRES + 4_999)).toBe('approved');
  });

  it.each(['approved', 'rejected', 'expired', 'cancelled'] as const)(
    'one that ended as %s stays so, whatever the clock says',
    (state) => {
      const effective_at = state === 'approved' || state === 'rejected' ? 0 : null;
      fc.assert(
        fc.property(fc.integer({ min: 0, max: EXPIRES * 3 }), (now) => {
          expect(stateAt(gateRecord({ state, effective_at }), now)).toBe(state);
        }),
      );
    },
  );
});

describe('when that changes by itself', () => {
  it('is the expiry of a pending gate and the effective instant of a verdict', () => {
    expect(changesAt(gateRecord(), EXPIRES - 1)).toBe(EXPIRES);
    expect(changesAt(gateRecord({ state: 'approved', effective_at: 6_000 }), 5_000)).toBe(6_000);
  });

  it('is never for what has ended', () => {
    expect(changesAt(gateRecord(), EXPIRES)).toBeNull();
    expect(changesAt(gateRecord({ state: 'approved', effective_at: 6_000 }), 6_000)).toBeNull();
    expect(changesAt(gateRecord({ state: 'cancelled' }), 0)).toBeNull();
  });

  it('agrees with the state: nothing changes before it, something does at it', () => {
    const states = fc.constantFrom('pending', 'approved', 'rejected', 'expired', 'cancelled');
    const instant = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(states, instant, instant, instant, (state, expires_at, effective_at, now) => {
        const gate = gateRecord({ state, expires_at, effective_at });
        const at = changesAt(gate, now);
        const last = at === null ? 1_000 : at - 1;
        expect(stateAt(gate, last)).toBe(stateAt(gate, now));
        if (at !== null) expect(stateAt(gate, at)).not.toBe(stateAt(gate, now));
      }),
    );
  });
});

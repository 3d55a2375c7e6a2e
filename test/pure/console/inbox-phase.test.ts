import { describe, expect, it } from 'vitest';
import { crossed, expiryAnnouncement, urgencyOf } from '../../../renderer/screens/inbox/countdown.ts';
import { undoable } from '../../../renderer/screens/inbox/decisions.ts';
import { isDecidable, phaseOf, resolverOf } from '../../../renderer/screens/inbox/phase.ts';
import { gateOf } from './inbox-gate.ts';

const MINUTE = 60_000;

describe('where a gate stands', () => {
  it('is held until its expiry, that instant excluded', () => {
    expect(phaseOf(gateOf({ expires_at: 500 }), 499)).toEqual({ kind: 'held' });
    expect(phaseOf(gateOf({ expires_at: 500 }), 500)).toEqual({ kind: 'expired', at: 500 });
    expect(isDecidable(gateOf({ expires_at: 500 }), 500)).toBe(false);
  });

  it('can be undone until the verdict takes effect, then waits for the agent, then has resumed', () => {
    const approved = gateOf({ state: 'approved', decided_at: 100, effective_at: 5_100 });
    expect(phaseOf(approved, 5_099)).toEqual({ kind: 'undoable', verdict: 'approved', until: 5_100 });
    expect(phaseOf(approved, 5_100)).toEqual({ kind: 'approved' });
    expect(phaseOf({ ...approved, released_at: 9_000 }, 9_001)).toEqual({ kind: 'resumed', at: 9_000 });
  });

  it('ends rejected, expired or cancelled', () => {
    expect(phaseOf(gateOf({ state: 'rejected', effective_at: 1 }), 2).kind).toBe('rejected');
    expect(phaseOf(gateOf({ state: 'expired' }), 2).kind).toBe('expired');
    expect(phaseOf(gateOf({ state: 'cancelled', reason: 'run_ended' }), 2)).toEqual({
      kind: 'cancelled',
      reason: 'run_ended',
      revoked: false,
    });
    const revoked = gateOf({ state: 'cancelled', reason: 'approval_revoked', effective_at: 1 });
    expect(phaseOf(revoked, 2)).toMatchObject({ kind: 'cancelled', revoked: true });
  });

  it('names who decided and how, and nobody while nobody has', () => {
    const at = new Date(2026, 10, 22, 14, 2, 11).getTime();
    const gate = gateOf({ state: 'approved', decided_at: at, decided_by: 'operator', channel: 'notification' });
    expect(resolverOf(gate)).toBe('you 14:02:11, by notification');
    expect(resolverOf({ ...gate, decided_by: 'slack:U1', channel: 'pigeon' })).toBe('slack:U1 14:02:11, pigeon');
    expect(resolverOf(gateOf())).toBeNull();
  });

  it('offers the latest revocable verdict first', () => {
    const first = gateOf({ gate_id: 'first', state: 'approved', decided_at: 10, effective_at: 100 });
    const second = gateOf({ gate_id: 'second', state: 'rejected', decided_at: 20, effective_at: 110 });
    const over = gateOf({ gate_id: 'over', state: 'approved', decided_at: 1, effective_at: 50 });
    expect(undoable([first, second, over], 50).map(({ gate_id }) => gate_id)).toEqual(['second', 'first']);
  });
});

describe('the countdown', () => {
  it('grows urgent in the last ten and the last two minutes', () => {
    expect([11, 10, 2, 1].map((minutes) => urgencyOf(minutes * MINUTE))).toEqual(['calm', 'soon', 'last', 'last']);
  });

  it('announces each threshold once', () => {
    const expires = 60 * MINUTE;
    expect(crossed(expires, expires - 10 * MINUTE - 1, expires - 10 * MINUTE)).toBe(10);
    expect(crossed(expires, expires - 10 * MINUTE, expires - 10 * MINUTE + 1_000)).toBeNull();
    expect(crossed(expires, expires - 2 * MINUTE - 1, expires - 2 * MINUTE)).toBe(2);
  });

  it('after sleep announces only the nearest threshold, and none past the expiry', () => {
    const expires = 60 * MINUTE;
    expect(crossed(expires, 0, expires - 30_000)).toBe(1);
    expect(crossed(expires, 0, expires)).toBeNull();
  });

  it('speaks of one gate by its agent and of several at once', () => {
    const gates = [
      { agent: 'a', expires_at: 10 * MINUTE },
      { agent: 'b', expires_at: 10 * MINUTE + 500 },
    ];
    expect(expiryAnnouncement(gates.slice(0, 1), 8 * MINUTE - 1, 8 * MINUTE)).toBe('2 minutes left to decide for a');
    expect(expiryAnnouncement(gates, 8 * MINUTE - 1, 8 * MINUTE + 500)).toBe('2 gates expire within 2 minutes');
    expect(expiryAnnouncement(gates, 0, 0)).toBeNull();
  });
});

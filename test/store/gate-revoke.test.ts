import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import type { Store, VerbInput } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { NOON, OPERATOR, type TemporaryHome, temporaryHome } from './fixture-store.ts';
import { beginRun, decision, EXPIRES, gateOpening, grant, keptAnswer, openInput } from './gate-fixtures.ts';

/** Withdrawing an approval, and the release it competes with. */

let home: TemporaryHome;
let store: Store;
beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await beginRun(store);
});
afterEach(async () => {
  const verdict = verifyChain(store.read.audit({ afterSeq: 0, limit: 100_000 }), sha256);
  await home.remove();
  expect(verdict).toMatchObject({ kind: 'ok' });
});

const approve = (over: Partial<VerbInput<'decideGate'>> = {}) =>
  store.write('decideGate', decision('gate_1', NOON + 1, over)).committed;
const revoke = (at = NOON + 2, reason: string | null = null) =>
  store.write('revokeGate', { at, gateId: 'gate_1', reason, by: { actor: 'ann', channel: 'console' } }).committed;
const release = (at = NOON + 2) => store.write('releaseGate', { at, gateId: 'gate_1' }).committed;
const kinds = (): readonly string[] =>
  store.read
    .audit({ afterSeq: 0, limit: 100_000 })
    .map(({ kind }) => kind)
    .filter((kind) => /^(gate|grant)\./.test(kind));

describe('an approval of an answer', () => {
  beforeEach(() =>
    store.write('openGate', { ...openInput('gate_1'), answer: keptAnswer('{"ok":true}') }).committed.then(() => {}),
  );

  it('that is revoked is never released; its answer stays stored and its request may be asked anew', async () => {
    await approve();
    expect(await revoke(NOON + 2, 'wrong account')).toMatchObject({
      kind: 'revoked',
      gate: {
        state: 'cancelled',
        decided_by: 'ann',
        channel: 'console',
        decided_at: NOON + 2,
        reason: 'wrong account',
      },
    });
    expect(await release(NOON + 3)).toEqual({ released: false });
    expect(store.read.gate('gate_1')?.released_at).toBeNull();
    expect(store.read.keptAnswer('gate_1')).not.toBeNull();
    const again = gateOpening('gate_2', { fingerprint: gateOpening('gate_1').fingerprint });
    const opening = { at: NOON + 4, gate: again, answer: null, replacesExpired: false };
    expect(await store.write('openGate', opening).committed).toMatchObject({ opened: true });
  });

  it('leaves who, how and why in the audit, and who had approved', async () => {
    await approve();
    await revoke(NOON + 2, 'wrong account');
    const record = store.read.audit({ afterSeq: 0, limit: 1_000 }).find(({ kind }) => kind === 'gate.revoked');
    expect(record).toMatchObject({ actor: 'ann', channel: 'console' });
    expect(record?.fields).toMatchObject({
      reason: { value: 'wrong account' },
      before: { value: { decided_by: OPERATOR.actor, decided_at: NOON + 1 } },
    });
  });

  it('is revoked with the grant that came with it', async () => {
    await approve({ grant: grant('gate_1') });
    expect(store.read.grants(NOON + 2)).toHaveLength(1);
    await revoke();
    expect(store.read.grants(NOON + 2)).toEqual([]);
    expect(kinds()).toEqual(['gate.opened', 'gate.approved', 'grant.added', 'grant.revoked', 'gate.revoked']);
  });

  it('can be revoked while it can be undone, by anybody who may decide', async () => {
    await approve({ effectiveAt: NOON + 5_001 });
    expect(await revoke()).toMatchObject({ kind: 'revoked' });
  });

  it('is not revoked once it was released', async () => {
    await approve();
    await release();
    expect(await revoke(NOON + 3)).toMatchObject({ kind: 'too_late', gate: { released_at: NOON + 2 } });
    expect(kinds()).not.toContain('gate.revoked');
  });

  it.each(['pending', 'rejected', 'expired', 'cancelled'] as const)(
    'is not there where the gate is %s',
    async (state) => {
      if (state === 'rejected') await approve({ verdict: 'rejected' });
      if (state === 'cancelled') {
        await approve();
        await revoke();
      }
      const at = state === 'expired' ? EXPIRES : NOON + 3;
      expect(await revoke(at)).toMatchObject({ kind: 'too_late', gate: { state }, claimed: false });
    },
  );

  it('and its release exclude each other, whichever was asked for first', async () => {
    await approve();
    const order = [release(), release(), revoke(), release(), revoke()];
    const [first, second, revoked, third, again] = await Promise.all(order);
    expect([first, second, third]).toEqual(Array(3).fill({ released: true }));
    expect([revoked, again]).toMatchObject([{ kind: 'too_late' }, { kind: 'too_late' }]);
  });
});

describe('an approval of a request', () => {
  const claim = (exchangeId: string) =>
    store.write('claimGate', { at: NOON + 2, gateId: 'gate_1', exchangeId }).committed;
  beforeEach(async () => {
    await store.write('openGate', openInput('gate_1', { kind: 'request', exchangeId: null })).committed;
    await approve();
  });

  it('is not revoked while a call under it is under way, and can be once that has failed', async () => {
    await claim('xch_2');
    expect(await revoke()).toMatchObject({ kind: 'too_late', claimed: true });
    await store.write('consumeGate', { at: NOON + 3, gateId: 'gate_1', answer: null }).committed;
    expect(await revoke(NOON + 4)).toMatchObject({ kind: 'revoked' });
  });

  it('that is revoked is not claimed', async () => {
    const [revoked, ...claims] = await Promise.all([revoke(), claim('xch_2'), claim('xch_3')]);
    expect(revoked).toMatchObject({ kind: 'revoked' });
    expect(claims).toEqual([{ claimed: false }, { claimed: false }]);
  });
});

it('a gate that nobody knows is not revoked', async () => {
  expect(await revoke()).toEqual({ kind: 'not_found' });
});

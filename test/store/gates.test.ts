import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import type { AuditRecord, GateRecord } from '../../proxy-core/contract/records.ts';
import type { Store, VerbInput } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import {
  admitInput,
  agentInput,
  NOON,
  OPERATOR,
  settleInput,
  type TemporaryHome,
  temporaryHome,
} from './fixture-store.ts';
import {
  beginRun,
  decision,
  EXPIRES,
  gateOpening,
  grant,
  keptAnswer,
  MINUTE,
  openInput,
  REFUND,
} from './gate-fixtures.ts';

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

const open = (gateId: string, over: Parameters<typeof openInput>[1] = {}, at = NOON) =>
  store.write('openGate', openInput(gateId, over, at)).committed;
const decide = (gateId: string, at: number, over: Partial<VerbInput<'decideGate'>> = {}) =>
  store.write('decideGate', decision(gateId, at, over)).committed;
const gate = (gateId: string): GateRecord => {
  const found = store.read.gate(gateId);
  if (found === null) throw new Error(`no gate ${gateId}`);
  return found;
};
const runState = (): string | undefined => store.read.run('run_1')?.state;
const audited = (...kinds: readonly string[]): readonly AuditRecord[] =>
  store.read
    .audit({ afterSeq: 0, limit: 100_000 })
    .filter(({ kind }) => (kinds.length === 0 ? /^(gate|grant)\./.test(kind) : kinds.includes(kind)));
const facts = (record: AuditRecord | undefined): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record?.fields ?? {}).map(([name, field]) => [name, 'value' in field ? field.value : field]),
  );
const gateStep = (gateId: string) =>
  store.read
    .steps('run_1', { limit: 1_000 })
    .find(({ kind, detail }) => kind === 'gate' && detail['gate_id'] === gateId);
const reopen = async (): Promise<void> => {
  await store.close();
  store = await home.open();
};

describe('opening a gate', () => {
  it('stores it as it was given, with the agent, and pending', async () => {
    const { opened, gate: record } = await open('gate_1');
    expect(opened).toBe(true);
    expect(record).toEqual({
      gate_id: 'gate_1',
      run_id: 'run_1',
      agent_id: 'agt_1',
      agent: 'bot',
      kind: 'response',
      state: 'pending',
      rule: 'refund:over-$500',
      policy: 'refunds@7',
      message: 'Refunds over $500 need a second pair of eyes.',
      fingerprint: 'print_gate_1',
      action_hash: 'hash_gate_1',
      proposed_actions: gateOpening('gate_1').proposedActions,
      explanation: gateOpening('gate_1').explanation,
      approver_channels: ['slack://#customer-ops', 'desktop://'],
      exchange_id: 'xch_1',
      created_at: NOON,
      expires_at: EXPIRES,
      decided_at: null,
      effective_at: null,
      decided_by: null,
      channel: null,
      reason: null,
      suggested_args: null,
      released_at: null,
      outcome_unknown: false,
      retries: 0,
      last_retry_at: null,
      agent_gone_at: null,
    });
    expect(store.read.gate('gate_1')).toEqual(record);
  });

  it('makes its run wait, is a step of its trace, and is audited with the exact proposed action', async () => {
    await open('gate_1');
    expect(runState()).toBe('waiting');
    expect(gateStep('gate_1')).toMatchObject({
      step: 2,
      exchange_id: 'xch_1',
      summary: 'refund:over-$500',
      detail: { gate_state: 'pending', waited_ms: null, tools: ['issue_refund', 'note'], calls: 2 },
    });
    const [record] = audited('gate.opened');
    expect(record).toMatchObject({ actor: 'agent:bot', channel: 'proxy', run_id: 'run_1', at: NOON });
    expect(facts(record)).toMatchObject({
      gate_id: 'gate_1',
      fingerprint: 'print_gate_1',
      action_hash: 'hash_gate_1',
      proposed_actions: gateOpening('gate_1').proposedActions,
      expires_at: EXPIRES,
    });
  });

  it('audits the hash of proposed actions that are longer than 64 KiB, and keeps them whole', async () => {
    const args = { script: 'x'.repeat(2_000_000) };
    await open('gate_1', { proposedActions: [{ ...REFUND, args }] });
    expect(gate('gate_1').proposed_actions[0]?.args).toEqual(args);
    const { proposed_actions, proposed_actions_sha256, proposed_actions_bytes } = facts(audited('gate.opened')[0]);
    const text = JSON.stringify([{ ...REFUND, args }]);
    expect(proposed_actions).toBeUndefined();
    expect(proposed_actions_sha256).toBe(sha256(text));
    expect(proposed_actions_bytes).toBe(text.length);
    expect(gateStep('gate_1')?.detail).toMatchObject({ tools: ['issue_refund'] });
  });

  it.each(['pending', 'approved', 'rejected', 'expired'] as const)(
    'returns the one that is %s for the same fingerprint',
    async (state) => {
      await open('gate_1');
      if (state === 'approved' || state === 'rejected') await decide('gate_1', NOON + 1, { verdict: state });
      const at = state === 'expired' ? EXPIRES : NOON + 2;
      const again = await open('gate_2', { fingerprint: 'print_gate_1', expiresAt: EXPIRES * 2 }, at);
      expect(again).toMatchObject({ opened: false, gate: { gate_id: 'gate_1', state } });
      expect(store.read.gate('gate_2')).toBeNull();
    },
  );

  it('of 50 at once for one fingerprint opens one', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, (_, n) => open(`gate_${n}`, { fingerprint: 'same' })));
    expect(results.filter(({ opened }) => opened)).toHaveLength(1);
    expect(new Set(results.map((result) => result.gate.gate_id)).size).toBe(1);
    expect(audited('gate.opened')).toHaveLength(1);
  });

  it('opens another for a fingerprint whose gate was cancelled', async () => {
    await open('gate_1');
    await store.write('cancelGate', { at: NOON + 1, gateId: 'gate_1', why: 'agent_cancelled', by: OPERATOR }).committed;
    expect(await open('gate_2', { fingerprint: 'print_gate_1' }, NOON + 2)).toMatchObject({
      opened: true,
      gate: { gate_id: 'gate_2' },
    });
  });

  it('opens another for an expired one only when that is asked for, and then the new one answers', async () => {
    await open('gate_1');
    await store.write('expireGates', { at: EXPIRES }).committed;
    const second = openInput('gate_2', { fingerprint: 'print_gate_1', expiresAt: EXPIRES + MINUTE }, EXPIRES + 1);
    expect(await store.write('openGate', { ...second, replacesExpired: true }).committed).toMatchObject({
      opened: true,
      gate: { gate_id: 'gate_2' },
    });
    const third = openInput('gate_3', { fingerprint: 'print_gate_1', expiresAt: EXPIRES + MINUTE }, EXPIRES + 2);
    expect(await store.write('openGate', { ...third, replacesExpired: true }).committed).toMatchObject({
      opened: false,
      gate: { gate_id: 'gate_2' },
    });
    expect(gate('gate_1').state).toBe('expired');
  });

  it('does not replace an approved gate even when a new one is asked for', async () => {
    await open('gate_1');
    await decide('gate_1', NOON + 1);
    const second = { ...openInput('gate_2', { fingerprint: 'print_gate_1' }), replacesExpired: true };
    expect(await store.write('openGate', second).committed).toMatchObject({
      opened: false,
      gate: { gate_id: 'gate_1' },
    });
  });

  it('records and cancels at once what comes after its run has ended or its agent was revoked', async () => {
    await store.write('endRun', { at: NOON, runId: 'run_1', state: 'stopped', by: OPERATOR }).committed;
    expect(await open('gate_1')).toMatchObject({ opened: false, gate: { state: 'cancelled', reason: 'run_ended' } });
    expect(runState()).toBe('stopped');
    await store.write('admit', admitInput('xch_2', { runId: 'run_2' })).committed;
    await store.write('revokeAgent', { at: NOON, agentId: 'agt_1', by: OPERATOR }).committed;
    expect(await open('gate_2', { runId: 'run_2' })).toMatchObject({
      opened: false,
      gate: { state: 'cancelled', reason: 'token_revoked' },
    });
  });

  it("refuses a run that is another agent's, and an expiry that has passed, and stores nothing of them", async () => {
    await expect(open('gate_1', { agentId: 'agt_2' })).rejects.toThrow("not this agent's");
    await expect(open('gate_1', { runId: 'run_9' })).rejects.toThrow("not this agent's");
    await expect(open('gate_1', { expiresAt: NOON })).rejects.toThrow('expire');
    expect(store.read.gate('gate_1')).toBeNull();
    expect(audited()).toEqual([]);
    expect(runState()).toBe('open');
  });
});

describe('deciding a gate', () => {
  beforeEach(() => open('gate_1'));

  it('approves: the record says who, when and by which channel, and the run goes on', async () => {
    const result = await decide('gate_1', NOON + MINUTE, { reason: 'checked' });
    expect(result).toMatchObject({
      kind: 'decided',
      gate: {
        state: 'approved',
        decided_at: NOON + MINUTE,
        effective_at: NOON + MINUTE,
        decided_by: 'operator',
        channel: 'cli',
        reason: 'checked',
      },
    });
    expect(runState()).toBe('open');
    expect(gateStep('gate_1')?.detail).toMatchObject({
      gate_state: 'approved',
      decided_by: 'operator',
      channel: 'cli',
      waited_ms: MINUTE,
    });
    const [record] = audited('gate.approved');
    expect(record).toMatchObject({ actor: 'operator', channel: 'cli', run_id: 'run_1' });
    expect(facts(record)).toMatchObject({
      gate_id: 'gate_1',
      reason: 'checked',
      waited_ms: MINUTE,
      proposed_actions: [REFUND, {}],
      action_hash: 'hash_gate_1',
    });
  });

  it('rejects with a reason and suggested arguments', async () => {
    const suggestedArgs = { amount_usd: 400 };
    const result = await decide('gate_1', NOON + 1, { verdict: 'rejected', reason: 'too much', suggestedArgs });
    expect(result).toMatchObject({
      kind: 'decided',
      gate: { state: 'rejected', reason: 'too much', suggested_args: suggestedArgs },
    });
    expect(facts(audited('gate.rejected')[0])).toMatchObject({ reason: 'too much', suggested_args: suggestedArgs });
    expect(gateStep('gate_1')?.detail).toMatchObject({ gate_state: 'rejected', reason: 'too much' });
  });

  it('the run waits until the last of its gates is decided', async () => {
    await open('gate_2');
    await decide('gate_1', NOON + 1);
    expect(runState()).toBe('waiting');
    await decide('gate_2', NOON + 2, { verdict: 'rejected' });
    expect(runState()).toBe('open');
  });

  it('tells the loser who won, and changes nothing', async () => {
    await decide('gate_1', NOON + 1, { by: { actor: 'ann@example.com', channel: 'slack' } });
    const lost = await decide('gate_1', NOON + 2, { verdict: 'rejected', reason: 'no' });
    expect(lost).toMatchObject({
      kind: 'already_resolved',
      gate: { state: 'approved', decided_by: 'ann@example.com', channel: 'slack', decided_at: NOON + 1, reason: null },
    });
    expect(audited('gate.rejected')).toEqual([]);
  });

  it('E1: of 100 mixed decisions at once one wins and 99 are told so', async () => {
    const channels = ['desktop', 'console', 'cli', 'slack', 'email', 'webhook'];
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        decide('gate_1', NOON + 1, {
          verdict: n % 3 === 0 ? 'rejected' : 'approved',
          by: { actor: `reviewer-${n}`, channel: channels[n % channels.length] ?? 'cli' },
        }),
      ),
    );
    const winners = results.filter(({ kind }) => kind === 'decided');
    expect(winners).toHaveLength(1);
    expect(results.filter(({ kind }) => kind === 'already_resolved')).toHaveLength(99);
    const records = new Set(results.map((result) => JSON.stringify('gate' in result ? result.gate : null)));
    expect(records.size).toBe(1);
    expect(audited('gate.approved', 'gate.rejected')).toHaveLength(1);
  });

  it('E4: refuses a hash that is not the stored one, and accepts the stored one', async () => {
    expect(await decide('gate_1', NOON + 1, { actionHash: 'hash_other' })).toMatchObject({
      kind: 'changed',
      gate: { state: 'pending' },
    });
    expect(await decide('gate_1', NOON + 2, { actionHash: 'hash_gate_1' })).toMatchObject({ kind: 'decided' });
  });

  it('knows no gate of another name', async () => {
    expect(await decide('gate_9', NOON + 1)).toEqual({ kind: 'not_found' });
  });

  it.each([
    [-1, 'decided', 'approved'],
    [0, 'already_resolved', 'expired'],
    [1, 'already_resolved', 'expired'],
  ] as const)('E3: %i ms from its expiry it is %s', async (offset, kind, state) => {
    expect(await decide('gate_1', EXPIRES + offset)).toMatchObject({ kind, gate: { state } });
    expect(audited('gate.expired')).toHaveLength(state === 'expired' ? 1 : 0);
  });

  it('E3: what has expired stays so when the clock is rewound', async () => {
    await decide('gate_1', EXPIRES);
    expect(await decide('gate_1', NOON)).toMatchObject({
      kind: 'already_resolved',
      gate: { state: 'expired', decided_by: 'system', channel: 'expiry' },
    });
    expect(
      await store.write('extendGate', { at: NOON, gateId: 'gate_1', expiresAt: EXPIRES * 2, by: OPERATOR }).committed,
    ).toMatchObject({ extended: false });
    expect(await open('gate_2', { fingerprint: 'print_gate_1' }, NOON)).toMatchObject({
      opened: false,
      gate: { state: 'expired' },
    });
    expect(runState()).toBe('open');
  });
});

describe('undoing a verdict', () => {
  const ann = { actor: 'ann', channel: 'desktop' };
  const undo = (at: number, by = ann) => store.write('undoGate', { at, gateId: 'gate_1', by }).committed;
  beforeEach(() => open('gate_1'));

  it('is for the same reviewer before it takes effect: the gate is pending and the run waits again', async () => {
    await decide('gate_1', NOON + 1, { by: ann, effectiveAt: NOON + 5_001, reason: 'oops' });
    expect(await undo(NOON + 5_000)).toMatchObject({
      undone: true,
      gate: { state: 'pending', decided_by: null, decided_at: null, effective_at: null, channel: null, reason: null },
    });
    expect(runState()).toBe('waiting');
    expect(gateStep('gate_1')?.detail).toMatchObject({ gate_state: 'pending', waited_ms: null });
    expect(facts(audited('gate.undone')[0])).toMatchObject({ before: 'approved' });
    expect(await decide('gate_1', NOON + 6_000, { verdict: 'rejected' })).toMatchObject({ kind: 'decided' });
  });

  it('is refused to another reviewer, from the effective instant on, and where there is no verdict', async () => {
    expect(await undo(NOON)).toMatchObject({ undone: false, gate: { state: 'pending' } });
    await decide('gate_1', NOON + 1, { by: ann, effectiveAt: NOON + 5_001 });
    expect(await undo(NOON + 2, { actor: 'bob', channel: 'desktop' })).toMatchObject({
      undone: false,
      gate: { state: 'approved' },
    });
    expect(await undo(NOON + 5_001)).toMatchObject({ undone: false, gate: { state: 'approved' } });
    expect(await store.write('undoGate', { at: NOON, gateId: 'gate_9', by: ann }).committed).toEqual({
      undone: false,
      gate: null,
    });
    expect(audited('gate.undone')).toEqual([]);
  });

  it('takes back no approval that an agent has been given, even if the clock was rewound', async () => {
    await decide('gate_1', NOON + 1, { by: ann, effectiveAt: NOON + 5_001 });
    await store.write('releaseGate', { at: NOON + 5_001, gateId: 'gate_1' }).committed;
    expect(await undo(NOON + 2)).toMatchObject({ undone: false, gate: { state: 'approved' } });
  });

  it('past the expiry leaves it expired, not pending', async () => {
    await decide('gate_1', EXPIRES - 1, { by: ann, effectiveAt: EXPIRES + 4_999 });
    expect(await undo(EXPIRES)).toMatchObject({ undone: true, gate: { state: 'expired' } });
  });

  it('revokes the grant that came with it', async () => {
    await decide('gate_1', NOON + 1, { by: ann, effectiveAt: NOON + 5_001, grant: grant('gate_1') });
    expect(store.read.grants(NOON + 2)).toHaveLength(1);
    await undo(NOON + 3);
    expect(store.read.grants(NOON + 3)).toEqual([]);
    expect(audited().map(({ kind }) => kind)).toEqual([
      'gate.opened',
      'gate.approved',
      'grant.added',
      'grant.revoked',
      'gate.undone',
    ]);
  });
});

describe('expiry and extension', () => {
  it('expires what is due, that instant included, and nothing else', async () => {
    await open('gate_1');
    await open('gate_2', { expiresAt: EXPIRES + 1 });
    await open('gate_3');
    await decide('gate_3', NOON + 1);
    expect(await store.write('expireGates', { at: EXPIRES - 1 }).committed).toEqual({ gates: [] });
    const { gates } = await store.write('expireGates', { at: EXPIRES }).committed;
    expect(gates.map(({ gate_id, state }) => [gate_id, state])).toEqual([['gate_1', 'expired']]);
    expect(runState()).toBe('waiting');
    await store.write('expireGates', { at: EXPIRES + 1 }).committed;
    expect(runState()).toBe('open');
    expect(await store.write('expireGates', { at: EXPIRES * 2 }).committed).toEqual({ gates: [] });
    expect(audited('gate.expired').map(({ actor, channel }) => [actor, channel])).toEqual([
      ['system', 'expiry'],
      ['system', 'expiry'],
    ]);
  });

  it('D11: 30 days fit, and a clock a day back or forth expires only by being past the instant', async () => {
    const month = NOON + 30 * 86_400_000;
    await open('gate_1', { expiresAt: month });
    for (const at of [NOON - 86_400_000, NOON + 86_400_000, month - 1])
      expect(await store.write('expireGates', { at }).committed).toEqual({ gates: [] });
    expect((await store.write('expireGates', { at: month }).committed).gates).toHaveLength(1);
  });

  it('extends a pending gate, never shortens one, and revives none', async () => {
    await open('gate_1');
    const extend = (at: number, expiresAt: number) =>
      store.write('extendGate', { at, gateId: 'gate_1', expiresAt, by: OPERATOR }).committed;
    expect(await extend(NOON, EXPIRES + MINUTE)).toMatchObject({
      extended: true,
      gate: { expires_at: EXPIRES + MINUTE },
    });
    expect(await extend(NOON, EXPIRES)).toMatchObject({ extended: false, gate: { expires_at: EXPIRES + MINUTE } });
    expect(await store.write('expireGates', { at: EXPIRES }).committed).toEqual({ gates: [] });
    expect(await extend(EXPIRES + MINUTE, EXPIRES * 2)).toMatchObject({ extended: false, gate: { state: 'expired' } });
    expect(
      await store.write('extendGate', { at: NOON, gateId: 'gate_9', expiresAt: EXPIRES, by: OPERATOR }).committed,
    ).toEqual({ extended: false, gate: null });
    expect(audited('gate.extended').map(facts)).toMatchObject([{ expires_at: EXPIRES + MINUTE, before: EXPIRES }]);
  });
});

describe('cancelling', () => {
  it('ends a pending gate with the reason why, and no other', async () => {
    await open('gate_1');
    await open('gate_2');
    await decide('gate_2', NOON + 1);
    const cancel = (gateId: string) =>
      store.write('cancelGate', { at: NOON + 2, gateId, why: 'agent_gone', by: OPERATOR }).committed;
    expect(await cancel('gate_1')).toMatchObject({
      cancelled: true,
      gate: { state: 'cancelled', reason: 'agent_gone', decided_at: NOON + 2 },
    });
    expect(await cancel('gate_1')).toMatchObject({ cancelled: false });
    expect(await cancel('gate_2')).toMatchObject({ cancelled: false, gate: { state: 'approved' } });
    expect(await cancel('gate_9')).toEqual({ cancelled: false, gate: null });
    expect(runState()).toBe('open');
    expect(audited('gate.cancelled').map(facts)).toMatchObject([{ gate_id: 'gate_1', why: 'agent_gone' }]);
  });

  it('ending a run cancels its pending gates in the same transaction and leaves the run ended', async () => {
    await open('gate_1');
    await open('gate_2');
    await decide('gate_2', NOON + 1);
    await store.write('endRun', { at: NOON + 2, runId: 'run_1', state: 'completed', by: OPERATOR }).committed;
    expect(gate('gate_1')).toMatchObject({ state: 'cancelled', reason: 'run_ended' });
    expect(gate('gate_2')).toMatchObject({ state: 'approved' });
    expect(runState()).toBe('completed');
    expect(await decide('gate_1', NOON + 3)).toMatchObject({ kind: 'already_resolved', gate: { state: 'cancelled' } });
    expect(store.read.liveGates()).toEqual([]);
  });

  it('revoking an agent cancels its pending gates', async () => {
    await open('gate_1');
    await store.write('revokeAgent', { at: NOON + 2, agentId: 'agt_1', by: OPERATOR }).committed;
    expect(gate('gate_1')).toMatchObject({ state: 'cancelled', reason: 'token_revoked' });
    expect(runState()).toBe('open');
  });

  it('cancels by run or by agent on request', async () => {
    await store.write('admit', admitInput('xch_2', { runId: 'run_2' })).committed;
    await open('gate_1');
    await open('gate_2', { runId: 'run_2' });
    const cancel = (runId: string | null, agentId: string | null) =>
      store.write('cancelGates', { at: NOON + 1, runId, agentId, why: 'test', by: OPERATOR }).committed;
    expect((await cancel(null, null)).gates).toEqual([]);
    expect((await cancel('run_2', null)).gates.map(({ gate_id }) => gate_id)).toEqual(['gate_2']);
    expect((await cancel(null, 'agt_1')).gates.map(({ gate_id }) => gate_id)).toEqual(['gate_1']);
  });
});

describe('kept answers and their release', () => {
  it('are kept byte for byte, and survive a restart', async () => {
    const body = Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 37) % 256));
    const answer = { status: 200, headers: ['Content-Type', 'text/event-stream', 'X-A', ''], stream: true, body };
    await store.write('openGate', { ...openInput('gate_1'), answer }).durable;
    await decide('gate_1', NOON + 1);
    await reopen();
    const kept = store.read.keptAnswer('gate_1');
    expect({ ...kept, body: Buffer.from(kept?.body ?? []) }).toEqual({ ...answer, body, exchangeId: 'xch_1' });
    expect(store.read.keptAnswer('gate_9')).toBeNull();
  });

  it('a gate without one has none', async () => {
    await open('gate_1');
    expect(store.read.keptAnswer('gate_1')).toBeNull();
  });

  it('notes the first release once', async () => {
    await open('gate_1');
    await decide('gate_1', NOON + 1);
    for (const at of [NOON + 2, NOON + 3]) await store.write('releaseGate', { at, gateId: 'gate_1' }).committed;
    expect(gate('gate_1').released_at).toBe(NOON + 2);
    expect(audited('gate.released')).toHaveLength(1);
    expect(gateStep('gate_1')?.detail).toMatchObject({ released_at: NOON + 2 });
  });

  it.each(['pending', 'rejected', 'expired', 'not yet effective'] as const)(
    'refuses the release of one that is %s',
    async (state) => {
      await open('gate_1');
      if (state === 'rejected') await decide('gate_1', NOON + 1, { verdict: 'rejected' });
      if (state === 'expired') await store.write('expireGates', { at: EXPIRES }).committed;
      if (state === 'not yet effective') await decide('gate_1', NOON + 1, { effectiveAt: NOON + 3 });
      await expect(store.write('releaseGate', { at: NOON + 2, gateId: 'gate_1' }).committed).rejects.toThrow(
        'not approved',
      );
      expect(gate('gate_1').released_at).toBeNull();
    },
  );

  it('counts retries, never back', async () => {
    await open('gate_1');
    await store.write('noteRetries', { gateId: 'gate_1', retries: 6, lastRetryAt: NOON + 9 }).committed;
    await store.write('noteRetries', { gateId: 'gate_1', retries: 2, lastRetryAt: NOON + 3 }).committed;
    expect(gate('gate_1')).toMatchObject({ retries: 6, last_retry_at: NOON + 9 });
  });
});

describe('request gates', () => {
  const claim = (exchangeId: string, at = NOON + 2) =>
    store.write('claimGate', { at, gateId: 'gate_1', exchangeId }).committed;
  const consume = (answer: ReturnType<typeof keptAnswer> | null) =>
    store.write('consumeGate', { at: NOON + 3, gateId: 'gate_1', answer }).committed;
  beforeEach(() => open('gate_1', { kind: 'request', exchangeId: null }));

  it('are claimed by one exchange at a time, once approved', async () => {
    expect(await claim('xch_2')).toEqual({ claimed: false });
    await decide('gate_1', NOON + 1);
    const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => claim(`xch_${n}`)));
    expect(claims.filter(({ claimed }) => claimed)).toHaveLength(1);
    expect(claims[0]).toEqual({ claimed: true });
    expect(audited('gate.claimed').map(facts)).toMatchObject([{ exchange_id: 'xch_0' }]);
  });

  it('are not claimed before their approval takes effect', async () => {
    await decide('gate_1', NOON + 1, { effectiveAt: NOON + 3 });
    expect(await claim('xch_2', NOON + 2)).toEqual({ claimed: false });
    expect(await claim('xch_2', NOON + 3)).toEqual({ claimed: true });
  });

  it('a complete answer consumes the approval and is kept', async () => {
    await decide('gate_1', NOON + 1);
    await claim('xch_2');
    await consume(keptAnswer('{"ok":true}'));
    expect(Buffer.from(store.read.keptAnswer('gate_1')?.body ?? []).toString()).toBe('{"ok":true}');
    expect(await claim('xch_3')).toEqual({ claimed: false });
    expect(facts(audited('gate.consumed')[0])).toMatchObject({ exchange_id: 'xch_2', status: 200 });
    await consume(keptAnswer('another'));
    expect(Buffer.from(store.read.keptAnswer('gate_1')?.body ?? []).toString()).toBe('{"ok":true}');
  });

  it('any other end leaves it approved for the next claim', async () => {
    await decide('gate_1', NOON + 1);
    await claim('xch_2');
    await consume(null);
    expect(gate('gate_1').state).toBe('approved');
    expect(await claim('xch_3')).toEqual({ claimed: true });
    expect(audited('gate.unclaimed')).toHaveLength(1);
  });

  it('that nobody has claimed cannot be consumed, and a response gate cannot be claimed', async () => {
    await decide('gate_1', NOON + 1);
    await expect(consume(keptAnswer('x'))).rejects.toThrow('not claimed');
    await open('gate_2');
    await decide('gate_2', NOON + 1);
    expect(await store.write('claimGate', { at: NOON + 2, gateId: 'gate_2', exchangeId: 'xch_2' }).committed).toEqual({
      claimed: false,
    });
  });

  it('claimed at a crash wait for a person again, as long as they were opened for, once', async () => {
    await decide('gate_1', NOON + 1, { reason: 'fine' });
    await claim('xch_1');
    const after = EXPIRES + 5 * MINUTE;
    await store.write('recover', { at: after }).committed;
    expect(gate('gate_1')).toMatchObject({
      state: 'pending',
      outcome_unknown: true,
      expires_at: after + 60 * MINUTE,
      decided_by: null,
      reason: null,
      effective_at: null,
    });
    expect(runState()).toBe('waiting');
    expect(facts(audited('gate.outcome_unknown')[0])).toMatchObject({
      exchange_id: 'xch_1',
      before: { decided_by: 'operator', decided_at: NOON + 1 },
    });
    await store.write('recover', { at: after + 1 }).committed;
    expect(audited('gate.outcome_unknown')).toHaveLength(1);
    await decide('gate_1', after + MINUTE);
    expect(gateStep('gate_1')?.detail).toMatchObject({
      gate_state: 'approved',
      waited_ms: MINUTE,
      outcome_unknown: true,
    });
    expect(
      await store.write('claimGate', { at: after + MINUTE, gateId: 'gate_1', exchangeId: 'xch_5' }).committed,
    ).toEqual({ claimed: true });
    await consume(keptAnswer('done'));
    expect(gate('gate_1')).toMatchObject({ state: 'approved', outcome_unknown: false });
  });

  it('claimed at a crash are cancelled when their run has ended', async () => {
    await decide('gate_1', NOON + 1);
    await claim('xch_1');
    await store.write('endRun', { at: NOON + 3, runId: 'run_1', state: 'stopped', by: OPERATOR }).committed;
    await store.write('recover', { at: NOON + 4 }).committed;
    expect(gate('gate_1')).toMatchObject({ state: 'cancelled', reason: 'run_ended', outcome_unknown: true });
    expect(runState()).toBe('stopped');
  });

  it('that were consumed are left as they are by a recovery', async () => {
    await decide('gate_1', NOON + 1);
    await claim('xch_2');
    await consume(keptAnswer('done'));
    await store.write('recover', { at: NOON + 9 }).committed;
    expect(gate('gate_1')).toMatchObject({ state: 'approved', outcome_unknown: false });
  });
});

describe('grants', () => {
  beforeEach(() => open('gate_1'));
  const use = (at: number, runId = 'run_1') =>
    store.write('useGrant', { at, grantId: 'grant_1', runId, exchangeId: 'xch_1' }).committed;

  it('come with an approval, are used, listed and revoked, each audited', async () => {
    await decide('gate_1', NOON + 1, { grant: grant('gate_1') });
    await use(NOON + 2);
    await use(NOON + 3);
    expect(store.read.grants(NOON + 3)).toEqual([{ ...grant('gate_1'), used: 2, revoked_at: null }]);
    const revoke = (at: number) => store.write('revokeGrant', { at, grantId: 'grant_1', by: OPERATOR }).committed;
    expect(await revoke(NOON + 4)).toMatchObject({ grant: { revoked_at: NOON + 4, used: 2 } });
    expect(await revoke(NOON + 5)).toMatchObject({ grant: { revoked_at: NOON + 4 } });
    expect(await store.write('revokeGrant', { at: NOON, grantId: 'grant_9', by: OPERATOR }).committed).toEqual({
      grant: null,
    });
    expect(store.read.grants(NOON + 5)).toEqual([]);
    await expect(use(NOON + 6)).rejects.toThrow('does not hold');
    expect(audited('grant.added', 'grant.used', 'grant.revoked').map(({ kind }) => kind)).toEqual([
      'grant.added',
      'grant.used',
      'grant.used',
      'grant.revoked',
    ]);
    expect(facts(audited('grant.added')[0])).toMatchObject({
      shown: grant('gate_1').shown,
      gate_id: 'gate_1',
      scope: 'rule-run',
    });
  });

  it('end at their expiry, that instant included', async () => {
    await decide('gate_1', NOON, {
      grant: grant('gate_1', { scope: 'rule-agent', run_id: null, expires_at: NOON + MINUTE }),
    });
    await use(NOON + MINUTE - 1, 'run_any');
    await expect(use(NOON + MINUTE, 'run_any')).rejects.toThrow('does not hold');
    expect(store.read.grants(NOON + MINUTE - 1)).toHaveLength(1);
    expect(store.read.grants(NOON + MINUTE)).toEqual([]);
  });

  it('of one run do not hold in another', async () => {
    await decide('gate_1', NOON, { grant: grant('gate_1') });
    await expect(use(NOON + 1, 'run_2')).rejects.toThrow('does not hold');
  });

  it.each([
    ['a rejection', { verdict: 'rejected' }, {}],
    ['another rule', {}, { rule: 'other' }],
    ['another agent', {}, { agent_id: 'agt_2' }],
    ['another run', {}, { run_id: 'run_2' }],
    ['another gate', {}, { gate_id: 'gate_2' }],
    ['an agent without an end', {}, { scope: 'rule-agent', run_id: null }],
  ] as const)('for %s are refused together with the decision', async (_, over, wrong) => {
    await expect(decide('gate_1', NOON + 1, { ...over, grant: grant('gate_1', wrong) })).rejects.toThrow(/grant/);
    expect(gate('gate_1').state).toBe('pending');
    expect(store.read.grants(NOON)).toEqual([]);
    expect(audited('gate.approved', 'gate.rejected', 'grant.added')).toEqual([]);
  });

  it('are not added by a decision that lost', async () => {
    await decide('gate_1', NOON + 1);
    expect(await decide('gate_1', NOON + 2, { grant: grant('gate_1') })).toMatchObject({ kind: 'already_resolved' });
    expect(store.read.grants(NOON)).toEqual([]);
  });
});

describe('the outbox of notices', () => {
  const enqueue = (eventId: string, channel: string, at = NOON) =>
    store.write('enqueueNotice', { at, eventId, channel, event: 'approval.pending', payload: `{"event":"${eventId}"}` })
      .committed;
  const note = (noticeId: number, at: number, nextAt: number | null, error: string | null) =>
    store.write('noteDelivery', { at, noticeId, nextAt, error }).committed;
  const due = (now: number) => store.read.dueNotices(now, 10).map(({ eventId, channel }) => `${eventId} ${channel}`);

  it('holds one notice per event and channel, due at once, oldest first', async () => {
    await enqueue('evt_1', 'webhook://oncall');
    await enqueue('evt_1', 'webhook://oncall', NOON + 5);
    await enqueue('evt_1', 'slack://#ops', NOON + 1);
    expect(due(NOON)).toEqual(['evt_1 webhook://oncall']);
    expect(due(NOON + 9)).toEqual(['evt_1 webhook://oncall', 'evt_1 slack://#ops']);
    expect(store.read.notices({ limit: 9 })).toMatchObject([
      { channel: 'slack://#ops' },
      {
        channel: 'webhook://oncall',
        createdAt: NOON,
        attempts: 0,
        payload: '{"event":"evt_1"}',
        deliveredAt: null,
        error: null,
      },
    ]);
    expect(store.read.notices({ channel: 'slack://#ops', limit: 9 })).toHaveLength(1);
  });

  it('is tried again until it is delivered or given up, and survives a restart in between', async () => {
    await enqueue('evt_1', 'webhook://oncall');
    await enqueue('evt_2', 'webhook://oncall');
    const [first, second] = store.read.dueNotices(NOON, 10).map(({ noticeId }) => noticeId);
    await note(first ?? 0, NOON, NOON + MINUTE, 'HTTP 500');
    await reopen();
    expect(due(NOON + MINUTE - 1)).toEqual(['evt_2 webhook://oncall']);
    expect(due(NOON + MINUTE)).toHaveLength(2);
    await note(first ?? 0, NOON + MINUTE, null, null);
    await note(second ?? 0, NOON + MINUTE, null, 'gave up');
    await note(first ?? 0, NOON + 2 * MINUTE, NOON + 3 * MINUTE, 'late');
    expect(due(NOON * 2)).toEqual([]);
    expect(store.read.notices({ limit: 9 })).toMatchObject([
      { eventId: 'evt_2', attempts: 1, deliveredAt: null, nextAt: null, error: 'gave up' },
      { eventId: 'evt_1', attempts: 2, deliveredAt: NOON + MINUTE, nextAt: null, error: null },
    ]);
  });
});

describe('reading gates', () => {
  it('lists them newest first, by state and run, in pages', async () => {
    await store.write('admit', admitInput('xch_2', { runId: 'run_2' })).committed;
    for (let n = 0; n < 7; n += 1)
      await open(`gate_${n}`, { runId: n === 6 ? 'run_2' : 'run_1' }, NOON + Math.floor(n / 2));
    await decide('gate_3', NOON + 9);
    const ids = (page: { readonly items: readonly GateRecord[] }) => page.items.map(({ gate_id }) => gate_id);
    expect(ids(store.read.gates({ limit: 10 }))).toEqual([
      'gate_6',
      'gate_5',
      'gate_4',
      'gate_3',
      'gate_2',
      'gate_1',
      'gate_0',
    ]);
    expect(ids(store.read.gates({ states: ['approved'], limit: 10 }))).toEqual(['gate_3']);
    expect(ids(store.read.gates({ runId: 'run_2', limit: 10 }))).toEqual(['gate_6']);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: ReturnType<Store['read']['gates']> = store.read.gates({
        states: ['pending'],
        limit: 2,
        ...(cursor === '' ? {} : { cursor }),
      });
      seen.push(...ids(page));
      cursor = page.next;
    }
    expect(seen).toEqual(['gate_6', 'gate_5', 'gate_4', 'gate_2', 'gate_1', 'gate_0']);
    expect(() => store.read.gates({ limit: 2, cursor: 'x' })).toThrow(RangeError);
  });

  it('live gates end with the one that answers for its fingerprint, even if it was opened on a rewound clock', async () => {
    await open('gate_1');
    await store.write('expireGates', { at: EXPIRES }).committed;
    const second = openInput('gate_2', { fingerprint: 'print_gate_1' }, NOON - MINUTE);
    await store.write('openGate', { ...second, replacesExpired: true }).committed;
    expect(store.read.liveGates().map(({ gate_id }) => gate_id)).toEqual(['gate_1', 'gate_2']);
  });

  it('live gates are those of runs that have not ended, in every state, and survive a restart', async () => {
    await store.write('admit', admitInput('xch_2', { runId: 'run_2' })).committed;
    await open('gate_1');
    await open('gate_2');
    await decide('gate_2', NOON + 1);
    await open('gate_3', { runId: 'run_2' });
    await store.write('endRun', { at: NOON + 2, runId: 'run_2', state: 'stopped', by: OPERATOR }).durable;
    await reopen();
    expect(store.read.liveGates().map(({ gate_id, state }) => [gate_id, state])).toEqual([
      ['gate_1', 'pending'],
      ['gate_2', 'approved'],
    ]);
    expect(runState()).toBe('waiting');
    expect(await decide('gate_1', NOON + 3)).toMatchObject({ kind: 'decided' });
  });
});

it('what is charged and what waits do not disturb each other: calls go on in a waiting run', async () => {
  await open('gate_1');
  expect(await store.write('admit', admitInput('xch_2')).committed).toMatchObject({ kind: 'admitted' });
  await store.write('settle', settleInput('xch_2')).committed;
  expect(runState()).toBe('waiting');
  expect(await store.write('saveAgent', agentInput({ team: 'other' })).committed).toMatchObject({ team: 'other' });
  expect(gate('gate_1').agent).toBe('bot');
});

import { describe, expect, it, onTestFinished } from 'vitest';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import { DEFAULT_PREFERENCES } from '../../proxy-core/contract/host.ts';
import type { OperationInput, OperationName } from '../../proxy-core/contract/operations.ts';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import { addRefundAgent, askRefund, openRefundGate } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** What a reviewer does with a gate besides deciding it: put it aside, keep it open, take a verdict back, remember one later. */

const HOUR = 3_600_000;

async function startWithGate() {
  const rungate = await startTestRungate({ limits: { undoMs: 5000 } });
  onTestFinished(() => rungate.close());
  const token = await addRefundAgent(rungate);
  const gateId = await openRefundGate(rungate, token);
  return { rungate, token, gateId, shown: () => gateOf(rungate, gateId) };
}

const gateOf = async (rungate: TestRungate, gateId: string): Promise<GateRecord> =>
  (await rungate.call('gates.show', { gate_id: gateId })).gate;

const failureOf = async <N extends OperationName>(rungate: TestRungate, name: N, input: OperationInput<N>) => {
  const reply = await rungate.tryCall(name, input);
  if (reply.ok) throw new Error(`${name} succeeded`);
  return reply.failure;
};

const audited = (rungate: TestRungate, runId = 'refund-run'): Promise<readonly string[]> =>
  rungate
    .call('runs.audit', { run_id: runId })
    .then(({ records }) => records.map(({ kind }) => kind).filter((kind) => /^(gate|grant)\./.test(kind)));

const named = (rungate: TestRungate, name: PublishedEvent['name']) =>
  rungate.events.filter((event) => event.name === name).map(({ body }) => body);

const decideVia = async (rungate: TestRungate, name: OperationName, input: unknown, actor = 'operator') =>
  rungate.core.call(name, input, { actor, channel: 'desktop' });

describe('a snooze', () => {
  it('hides a gate until then, and brings it back when told so', async () => {
    const { rungate, gateId } = await startWithGate();
    const { until } = await rungate.call('gates.snooze', { gate_id: gateId, seconds: 300 });
    expect(until).toBeGreaterThan(rungate.now() + 290_000);
    expect((await rungate.call('gates.card', { gate_id: gateId })).card.snoozed_until).toBe(until);
    expect((await rungate.call('core.snapshot', {})).snoozed).toEqual([{ gate_id: gateId, until }]);
    expect((await rungate.call('gates.snooze', { gate_id: gateId, seconds: 0 })).until).toBeNull();
    await rungate.call('gates.snooze', { gate_id: gateId, seconds: 0 });
    expect(named(rungate, 'approval.snoozed')).toEqual([
      { gate_id: gateId, until },
      { gate_id: gateId, until: null },
    ]);
  });

  it('ends two minutes before its gate expires, at the latest', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    const { expires_at: end } = await shown();
    rungate.advance(HOUR - 10 * 60_000);
    expect((await rungate.call('gates.snooze', { gate_id: gateId, seconds: 900 })).until).toBe(end - 120_000);
    rungate.advance(8 * 60_000);
    expect((await rungate.call('gates.snooze', { gate_id: gateId, seconds: 300 })).until).toBeNull();
  });

  it('is refused for a gate that is decided, expired or not there', async () => {
    const { rungate, gateId } = await startWithGate();
    expect(await failureOf(rungate, 'gates.snooze', { gate_id: 'gate_none', seconds: 60 })).toMatchObject({
      code: 'not_found',
    });
    rungate.advance(HOUR);
    expect(await failureOf(rungate, 'gates.snooze', { gate_id: gateId, seconds: 60 })).toMatchObject({
      code: 'gate_already_resolved',
      context: { state: 'expired' },
    });
  });
});

describe('reviewing', () => {
  it('extends a gate once, by five minutes, in its last minute only, and says who in the audit', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    const { expires_at: end } = await shown();
    const review = async () => (await rungate.call('gates.reviewing', { gate_id: gateId })).gate.expires_at;
    expect(await review()).toBe(end);
    rungate.advance(HOUR - 50_000);
    const both = await Promise.all([review(), review()]);
    expect(Math.max(...both)).toBe(end + 300_000);
    expect((await shown()).expires_at).toBe(end + 300_000);
    rungate.advance(300_000);
    expect(await review()).toBe(end + 300_000);
    expect((await audited(rungate)).filter((kind) => kind === 'gate.extended')).toHaveLength(1);
    expect(named(rungate, 'approval.changed')).toHaveLength(1);
  });

  it('extends nothing if the preferences say so', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    const { expires_at: end } = await shown();
    await rungate.call('preferences.set', {
      preferences: { ...DEFAULT_PREFERENCES, gates: { extend_while_reviewing: false } },
    });
    rungate.advance(HOUR - 1_000);
    expect((await rungate.call('gates.reviewing', { gate_id: gateId })).gate.expires_at).toBe(end);
  });

  it('comes too late at the expiry', async () => {
    const { rungate, gateId } = await startWithGate();
    rungate.advance(HOUR);
    expect(await failureOf(rungate, 'gates.reviewing', { gate_id: gateId })).toMatchObject({
      code: 'gate_already_resolved',
    });
    expect((await gateOf(rungate, gateId)).state).toBe('expired');
  });
});

describe('an extension at the very end', () => {
  it('is refused once the time is over, and everybody hears of the expiry once', async () => {
    const { rungate, gateId } = await startWithGate();
    rungate.advance(HOUR);
    const failure = await failureOf(rungate, 'gates.extend', { gate_id: gateId, seconds: 900 });
    expect(failure).toMatchObject({ code: 'gate_already_resolved', context: { state: 'expired' } });
    await rungate.core.clockChanged();
    expect(named(rungate, 'approval.expired')).toHaveLength(1);
    expect(named(rungate, 'approval.changed')).toEqual([]);
  });

  it('races a verdict and an expiry without harm: the gate ends in one way', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    rungate.advance(HOUR - 1);
    const replies = await Promise.all([
      rungate.tryCall('gates.extend', { gate_id: gateId, seconds: 900 }),
      rungate.tryCall('gates.approve', { gate_id: gateId }),
      rungate.tryCall('gates.snooze', { gate_id: gateId, seconds: 300 }),
      rungate.core.clockChanged(),
      rungate.tryCall('gates.reviewing', { gate_id: gateId }),
    ]);
    expect(replies).toHaveLength(5);
    const { state } = await shown();
    expect(['approved', 'expired']).toContain(state);
    const kinds = await audited(rungate);
    expect(kinds.filter((kind) => kind === 'gate.approved' || kind === 'gate.expired')).toHaveLength(1);
  });
});

describe('a verdict at the desktop', () => {
  it('can be taken back while the retry still waits; the audit has both (goal 10)', async () => {
    const { rungate, token, gateId, shown } = await startWithGate();
    const { action_hash } = (await rungate.call('gates.card', { gate_id: gateId })).card.gate;
    expect(await decideVia(rungate, 'gates.approve', { gate_id: gateId, action_hash })).toMatchObject({ ok: true });
    expect((await askRefund(rungate, token)).status).toBe(202);
    expect(await decideVia(rungate, 'gates.undo', { gate_id: gateId }, 'somebody else')).toMatchObject({ ok: false });
    expect(await decideVia(rungate, 'gates.undo', { gate_id: gateId })).toMatchObject({ ok: true });
    expect((await shown()).state).toBe('pending');
    expect((await askRefund(rungate, token)).status).toBe(202);
    expect(await audited(rungate)).toEqual(['gate.opened', 'gate.approved', 'gate.undone']);
  });

  it('that is undone after the gate’s time leaves it expired, and says so', async () => {
    const { rungate, gateId } = await startWithGate();
    rungate.advance(HOUR - 1_000);
    await decideVia(rungate, 'gates.approve', { gate_id: gateId });
    rungate.advance(2_000);
    const undone = await decideVia(rungate, 'gates.undo', { gate_id: gateId });
    expect(undone).toMatchObject({ ok: true, value: { gate: { state: 'expired' } } });
    expect(named(rungate, 'approval.expired')).toHaveLength(1);
  });

  it('on a card that shows something else is refused with 409 (E4)', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    const { action_hash: seen } = (await rungate.call('gates.card', { gate_id: gateId })).card.gate;
    const other = seen.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(await failureOf(rungate, 'gates.approve', { gate_id: gateId, action_hash: other })).toMatchObject({
      code: 'gate_already_resolved',
      context: { action_hash: seen },
    });
    expect((await shown()).state).toBe('pending');
  });
});

describe('what the agent does meanwhile', () => {
  it('is told of as it happens: its retries, then the release', async () => {
    const { rungate, token, gateId, shown } = await startWithGate();
    for (let asked = 0; asked < 5; asked += 1) await askRefund(rungate, token);
    const last = (await rungate.event('approval.changed', ({ body }) => 'gate' in body && body.gate.retries === 5))
      .body;
    expect(last).toMatchObject({ gate: { gate_id: gateId, state: 'pending', last_retry_at: expect.any(Number) } });
    await rungate.call('gates.approve', { gate_id: gateId });
    await askRefund(rungate, token);
    await rungate.event('approval.changed', ({ body }) => 'gate' in body && body.gate.released_at !== null);
    expect((await shown()).released_at).not.toBeNull();
  });
});

describe('remembering an approval later', () => {
  it('gives the grant that the approval itself would have given, once', async () => {
    const { rungate, token, gateId } = await startWithGate();
    await rungate.call('gates.approve', { gate_id: gateId });
    const { offers } = (await rungate.call('gates.card', { gate_id: gateId })).card;
    const { grant } = await rungate.call('grants.add', { gate_id: gateId, scope: 'rule-run' });
    expect(grant).toMatchObject({ scope: 'rule-run', gate_id: gateId, rule: 'refund:over-$500', run_id: 'refund-run' });
    expect(offers.map(({ shown }) => shown)).toContain(grant.shown);
    expect(await rungate.call('grants.add', { gate_id: gateId, scope: 'rule-run' })).toEqual({ grant });
    expect((await rungate.call('grants.list', {})).grants).toEqual([grant]);
    const answer = await askRefund(rungate, token, { order: 'ord_2', amount_usd: 900 });
    expect(answer.status).toBe(200);
    expect(await audited(rungate)).toEqual(['gate.opened', 'gate.approved', 'grant.added', 'grant.used']);
  });

  it('for the agent holds for its time', async () => {
    const { rungate, gateId } = await startWithGate();
    await rungate.call('gates.approve', { gate_id: gateId });
    const { grant } = await rungate.call('grants.add', { gate_id: gateId, scope: 'rule-agent', for_seconds: 600 });
    expect(grant.expires_at).toBe(grant.created_at + 600_000);
  });

  it('of a verdict that can still be undone has no effect before it, and is gone with it', async () => {
    const { rungate, gateId, shown } = await startWithGate();
    await decideVia(rungate, 'gates.approve', { gate_id: gateId });
    const { grant } = await rungate.call('grants.add', { gate_id: gateId, scope: 'rule-run' });
    expect(grant.created_at).toBe((await shown()).effective_at);
    await decideVia(rungate, 'gates.undo', { gate_id: gateId });
    expect((await rungate.call('grants.list', {})).grants).toEqual([]);
  });

  it('is refused for what is not approved, for a run that has ended, and for what is not there', async () => {
    const { rungate, gateId } = await startWithGate();
    const add = { gate_id: gateId, scope: 'rule-run' } as const;
    expect(await failureOf(rungate, 'grants.add', add)).toMatchObject({ code: 'invalid_request' });
    expect(await failureOf(rungate, 'grants.add', { ...add, gate_id: 'gate_none' })).toMatchObject({
      code: 'not_found',
    });
    await rungate.call('gates.approve', { gate_id: gateId });
    await rungate.call('runs.stop', { run_id: 'refund-run' });
    expect(await failureOf(rungate, 'grants.add', add)).toMatchObject({ code: 'invalid_request' });
    expect((await rungate.call('grants.add', { gate_id: gateId, scope: 'rule-agent' })).grant.run_id).toBeNull();
  });
});

describe('the history', () => {
  it('has the gates that are over, newest first, page by page, and finds them by rule or agent', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const rejected = await openRefundGate(rungate, token, { order: 'b', amount_usd: 600 });
    const pending = await openRefundGate(rungate, token, { order: 'c', amount_usd: 700 });
    await rungate.call('gates.approve', { gate_id: gateId });
    await rungate.call('gates.reject', { gate_id: rejected });
    const over = ['approved', 'rejected', 'expired', 'cancelled'] as const;
    const first = await rungate.call('gates.list', { states: [...over], limit: 1 });
    expect(first.gates.map(({ gate_id: id }) => id)).toEqual([rejected]);
    const second = await rungate.call('gates.list', { states: [...over], limit: 1, cursor: first.next ?? '' });
    expect(second.gates.map(({ gate_id: id }) => id)).toEqual([gateId]);
    expect(second.next).toBeNull();
    const found = async (find: string) =>
      (await rungate.call('gates.list', { find })).gates.map(({ gate_id: id }) => id);
    expect(await found('REFUND:over')).toEqual([pending, rejected, gateId]);
    expect(await found('fund-bot')).toEqual([pending, rejected, gateId]);
    expect(await found('%')).toEqual([]);
  });
});

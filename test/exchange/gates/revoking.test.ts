import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, decideAs, type GateBench, open, PROPOSAL, startGateBench, waitingOf } from './gate-bench.ts';
import { answering } from './provider-answers.ts';

/** An approval that is revoked before its agent has come for it. */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
beforeEach(() => bench.upstream.script(answering(PROPOSAL)));
afterAll(() => bench.close());

async function waiting(policy = 'gated') {
  const caller = await bench.caller({ policy, delivery: 'retry' });
  const retry = () => ask(bench, caller, 'messages');
  const { gate_id: gateId } = waitingOf(await retry());
  return { caller, gateId, retry };
}

const revoke = (gateId: string, channel = 'console') =>
  bench.rungate.core.call('gates.revoke', { gate_id: gateId, reason: 'wrong account' }, { actor: 'operator', channel });

describe.each(['gated', 'asking'])('a revoked approval (policy %s)', (policy) => {
  it('is never released: the next request opens a new gate, and that one decides', async () => {
    const { gateId, retry, caller } = await waiting(policy);
    await decideAs(bench, 'approve', gateId);
    expect(await revoke(gateId)).toMatchObject({ ok: true, value: { gate: { state: 'cancelled' } } });
    await bench.rungate.event('approval.cancelled', ({ body }) => 'gate' in body && body.gate.gate_id === gateId);
    const next = waitingOf(await retry()).gate_id;
    expect(next).not.toBe(gateId);
    expect((await bench.gates(caller)).map(({ state }) => state)).toEqual(['pending', 'cancelled']);
    await decideAs(bench, 'reject', next);
    expect((await retry()).status).toBe(403);
  });

  it('is refused once the agent has its answer, saying so and when', async () => {
    const { gateId, retry } = await waiting(policy);
    await decideAs(bench, 'approve', gateId);
    const first = await retry();
    const answered = first.status === 202 ? null : first.status;
    const reply = await revoke(gateId);
    expect(answered).not.toBeNull();
    expect(reply).toMatchObject({
      ok: false,
      failure: {
        code: 'gate_already_resolved',
        message: expect.stringMatching(/^Already resumed at \d\d:\d\d:\d\d/),
        context: { released_at: expect.any(String) },
      },
    });
  });

  it.each([0, 1, 3, 6])('and %s of many retries race: exactly one wins', async (before) => {
    const { gateId, retry, caller } = await waiting(policy);
    await decideAs(bench, 'approve', gateId);
    const forwarded = bench.forwarded();
    const early = Array.from({ length: before }, retry);
    // Let what was sent first get to the core, or not: every order has to hold.
    for (let turn = 0; turn < before * 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const revoking = revoke(gateId);
    const answers = await Promise.all([...early, ...Array.from({ length: 10 }, retry)]);
    const revoked = (await revoking) as { readonly ok: boolean };
    const gate = await bench.gate(gateId);
    expect([gate.state, gate.released_at === null]).toEqual(revoked.ok ? ['cancelled', true] : ['approved', false]);
    const statuses = new Set(answers.map(({ status }) => status));
    if (revoked.ok) {
      expect([...statuses]).toEqual([202]);
      expect((await bench.gates(caller)).filter(({ state }) => state === 'pending')).toHaveLength(1);
      if (policy === 'asking') expect(forwarded()).toBe(0);
    } else {
      expect([...statuses]).toEqual([200]);
      if (policy === 'gated') expect(forwarded()).toBe(0);
    }
  });
});

describe('revoking', () => {
  it('takes the grant along that came with the approval', async () => {
    const { gateId, retry } = await waiting();
    await decideAs(bench, 'approve', gateId, { remember: 'rule-run' });
    await revoke(gateId);
    expect((await bench.rungate.call('grants.list', {})).grants.filter(({ gate_id }) => gate_id === gateId)).toEqual(
      [],
    );
    expect(waitingOf(await retry()).gate_id).not.toBe(gateId);
  });

  it('needs an approval', async () => {
    const { gateId } = await waiting();
    expect(await revoke(gateId)).toMatchObject({ ok: false, failure: { code: 'invalid_request' } });
    expect(await revoke('gate_none')).toMatchObject({ ok: false, failure: { code: 'not_found' } });
    await decideAs(bench, 'approve', gateId);
    await revoke(gateId);
    expect(await revoke(gateId)).toMatchObject({ ok: false, failure: { code: 'gate_already_resolved' } });
    expect((await bench.gate(gateId)).state).toBe('cancelled');
  });

  it('survives a restart', async () => {
    const own = await startGateBench();
    const caller = await own.caller({ delivery: 'retry' });
    const gateId = waitingOf(await ask(own, caller, 'messages')).gate_id;
    await decideAs(own, 'approve', gateId);
    await own.rungate.core.call('gates.revoke', { gate_id: gateId }, { actor: 'operator', channel: 'console' });
    const rungate = await own.rungate.restart();
    const answer = await ask({ ...own, rungate }, caller, 'messages');
    expect(waitingOf(answer).gate_id).not.toBe(gateId);
    await rungate.close();
    await own.upstream.close();
  });

  it.each(['gated', 'asking'])('ends a held stream that was to be answered (policy %s)', async (policy) => {
    const caller = await bench.caller({ policy, delivery: 'hold' });
    const call = open(bench, caller, 'messages', { stream: true });
    const gate = await bench.opened(caller);
    await call.until(gate.gate_id);
    const by = { actor: 'operator', channel: 'console' };
    await bench.rungate.core.call('gates.approve', { gate_id: gate.gate_id }, by);
    // Within the undo window the stream is still held.
    expect(await revoke(gate.gate_id)).toMatchObject({ ok: true });
    const { text } = await call.answer;
    expect(text).toContain('The approval was cancelled');
    expect(text).not.toContain('call_refund');
  });

  it.each(['gated', 'asking'])('and the release of a held stream exclude each other (policy %s)', async (policy) => {
    bench.upstream.script(answering(policy === 'gated' ? PROPOSAL : { text: 'hello', calls: [] }));
    for (const first of ['approve', 'both'] as const) {
      const caller = await bench.caller({ policy, delivery: 'hold' });
      const call = open(bench, caller, 'messages', { stream: true });
      const gate = await bench.opened(caller);
      await call.until(gate.gate_id);
      const approving = decideAs(bench, 'approve', gate.gate_id);
      if (first === 'approve') await approving;
      const revoked = (await revoke(gate.gate_id)) as { readonly ok: boolean };
      await approving;
      const { text } = await call.answer.catch(() => ({ text: '' }));
      // The provider's text comes in two pieces.
      const given = text.includes(policy === 'gated' ? 'call_refund' : '"lo"');
      expect(given).toBe(!revoked.ok);
    }
  });
});

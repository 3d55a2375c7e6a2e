import { describe, expect, it, onTestFinished } from 'vitest';
import type { OperationInput, OperationName } from '../../proxy-core/contract/operations.ts';
import { addRefundAgent, askRefund, openRefundGate } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

async function startWithGate() {
  const rungate = await startTestRungate({ limits: { undoMs: 5000 } });
  onTestFinished(() => rungate.close());
  const token = await addRefundAgent(rungate);
  const gateId = await openRefundGate(rungate, token);
  return { rungate, token, gateId };
}

/** The failure of an operation; fails the test when it succeeds. */
async function failureOf<N extends OperationName>(
  rungate: TestRungate,
  name: N,
  input: OperationInput<N>,
  channel = 'test',
) {
  const reply = await rungate.core.call(name, input, { actor: 'operator', channel });
  if (reply.ok) throw new Error(`${name} succeeded`);
  return reply.failure;
}

const callVia = async (rungate: TestRungate, channel: string, name: OperationName, input: unknown) => {
  const reply = await rungate.core.call(name, input, { actor: 'operator', channel });
  if (!reply.ok) throw new Error(reply.failure.message);
  return reply.value as { gate: { state: string; decided_at: number; effective_at: number } };
};

describe('gates.list and gates.show', () => {
  it('give the gate with its proposed actions and how often the agent has asked', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const before = (await rungate.call('gates.show', { gate_id: gateId })).gate;
    await askRefund(rungate, token);
    await askRefund(rungate, token);
    const { gates, next } = await rungate.call('gates.list', { states: ['pending'] });
    expect(next).toBeNull();
    expect(gates).toEqual([
      expect.objectContaining({
        gate_id: gateId,
        state: 'pending',
        rule: 'refund:over-$500',
        retries: before.retries + 2,
        proposed_actions: [
          expect.objectContaining({ tool: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 } }),
        ],
      }),
    ]);
  });

  it('filter by state and run', async () => {
    const { rungate } = await startWithGate();
    expect((await rungate.call('gates.list', { states: ['approved'] })).gates).toEqual([]);
    expect((await rungate.call('gates.list', { run_id: 'another-run' })).gates).toEqual([]);
    expect((await rungate.call('gates.list', { run_id: 'refund-run' })).gates).toHaveLength(1);
  });

  it('show a gate as expired from the instant of its expiry on', async () => {
    const { rungate, gateId } = await startWithGate();
    rungate.advance(3_600_000);
    expect((await rungate.call('gates.list', { states: ['pending'] })).gates).toEqual([]);
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.state).toBe('expired');
  });

  it('refuse an unknown gate', async () => {
    const { rungate } = await startWithGate();
    expect(await failureOf(rungate, 'gates.show', { gate_id: 'gate_nope' })).toMatchObject({ code: 'not_found' });
    expect(await failureOf(rungate, 'gates.approve', { gate_id: 'gate_nope' })).toMatchObject({ code: 'not_found' });
  });
});

describe('a verdict', () => {
  it('lets the agent have its answer on the next retry', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const { gate, grant } = await rungate.call('gates.approve', { gate_id: gateId, reason: 'checked' });
    expect(gate).toMatchObject({ state: 'approved', decided_by: 'operator', channel: 'test', reason: 'checked' });
    expect(grant).toBeNull();
    const answer = await askRefund(rungate, token);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('issue_refund');
  });

  it('of rejection reaches the agent with its reason and the suggestion', async () => {
    const { rungate, token, gateId } = await startWithGate();
    await rungate.call('gates.reject', { gate_id: gateId, reason: 'too much', suggested_args: { amount_usd: 400 } });
    const answer = await askRefund(rungate, token);
    expect(answer.status).toBe(403);
    expect(answer.refusal).toMatchObject({
      code: 'approval_rejected',
      context: { reason: 'too much', suggested_args: { amount_usd: 400 } },
    });
  });

  it('that comes second is told who was first, when and how', async () => {
    const { rungate, gateId } = await startWithGate();
    const { gate } = await callVia(rungate, 'slack', 'gates.approve', { gate_id: gateId });
    const failure = await failureOf(rungate, 'gates.reject', { gate_id: gateId });
    const time = new Date(gate.decided_at);
    const two = (value: number) => String(value).padStart(2, '0');
    const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
    expect(failure.code).toBe('gate_already_resolved');
    expect(failure.message).toBe(`Already approved by operator via slack at ${clock}.`);
    expect(failure.context).toMatchObject({
      gate_id: gateId,
      state: 'approved',
      decided_by: 'operator',
      decided_at: time.toISOString(),
      channel: 'slack',
    });
  });

  it('on another day names the day', async () => {
    const { rungate, gateId } = await startWithGate();
    await rungate.call('gates.approve', { gate_id: gateId });
    rungate.advance(2 * 86_400_000);
    const { message } = await failureOf(rungate, 'gates.approve', { gate_id: gateId });
    expect(message).toMatch(/at \d\d:\d\d:\d\d on \d{4}-\d\d-\d\d\.$/);
  });

  it('of a hundred at once counts once', async () => {
    const { rungate, gateId } = await startWithGate();
    const verdicts = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0
        ? rungate.tryCall('gates.approve', { gate_id: gateId })
        : rungate.tryCall('gates.reject', { gate_id: gateId }),
    );
    const replies = await Promise.all(verdicts);
    expect(replies.filter((reply) => reply.ok)).toHaveLength(1);
    const codes = replies.flatMap((reply) => (reply.ok ? [] : [reply.failure.code]));
    expect(new Set(codes)).toEqual(new Set(['gate_already_resolved']));
  });

  it('on something else than what is stored decides nothing', async () => {
    const { rungate, gateId } = await startWithGate();
    const failure = await failureOf(rungate, 'gates.approve', { gate_id: gateId, action_hash: '0'.repeat(64) });
    expect(failure).toMatchObject({ code: 'gate_already_resolved', context: { state: 'pending' } });
    const { gate } = await rungate.call('gates.show', { gate_id: gateId });
    expect(gate.state).toBe('pending');
    await rungate.call('gates.approve', { gate_id: gateId, action_hash: gate.action_hash });
  });

  it('after the expiry is refused and says so', async () => {
    const { rungate, gateId } = await startWithGate();
    rungate.advance(3_600_000);
    const failure = await failureOf(rungate, 'gates.approve', { gate_id: gateId });
    expect(failure).toMatchObject({ code: 'gate_already_resolved', context: { state: 'expired' } });
    expect(failure.message).toMatch(/^Already expired at /);
  });
});

describe('undo', () => {
  it('takes a verdict of the console back in its window; agents saw the gate pending all the time', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const { gate } = await callVia(rungate, 'console', 'gates.approve', { gate_id: gateId });
    expect(gate.effective_at - gate.decided_at).toBe(5000);
    expect((await askRefund(rungate, token)).status).toBe(202);
    await callVia(rungate, 'console', 'gates.undo', { gate_id: gateId });
    rungate.advance(5000);
    expect((await askRefund(rungate, token)).status).toBe(202);
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });

  it('is too late once the window is over', async () => {
    const { rungate, gateId } = await startWithGate();
    await callVia(rungate, 'desktop', 'gates.approve', { gate_id: gateId });
    rungate.advance(5000);
    const failure = await failureOf(rungate, 'gates.undo', { gate_id: gateId }, 'desktop');
    expect(failure.code).toBe('gate_already_resolved');
    expect(failure.message).toMatch(/^Too late to undo/);
  });

  it('has nothing to take back on a pending gate', async () => {
    const { rungate, gateId } = await startWithGate();
    expect(await failureOf(rungate, 'gates.undo', { gate_id: gateId })).toMatchObject({ code: 'invalid_request' });
  });
});

describe('extend', () => {
  it('gives a pending gate more time', async () => {
    const { rungate, gateId } = await startWithGate();
    const { gate } = await rungate.call('gates.show', { gate_id: gateId });
    const extended = await rungate.call('gates.extend', { gate_id: gateId, seconds: 900 });
    expect(extended.gate.expires_at).toBe(gate.expires_at + 900_000);
    rungate.advance(3_600_000);
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });

  it('does not revive a gate that has been decided', async () => {
    const { rungate, gateId } = await startWithGate();
    await rungate.call('gates.reject', { gate_id: gateId });
    const failure = await failureOf(rungate, 'gates.extend', { gate_id: gateId, seconds: 900 });
    expect(failure.message).toMatch(/^Already rejected by operator via test at /);
  });
});

describe('an approval with memory', () => {
  it('silences its rule for the run until it is revoked', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const { grant } = await rungate.call('gates.approve', { gate_id: gateId, remember: 'rule-run' });
    expect(grant).toMatchObject({
      scope: 'rule-run',
      run_id: 'refund-run',
      rule: 'refund:over-$500',
      expires_at: null,
    });
    expect((await askRefund(rungate, token, { amount_usd: 900 })).status).toBe(200);
    const { grants } = await rungate.call('grants.list', {});
    expect(grants).toEqual([expect.objectContaining({ grant_id: grant?.grant_id, used: 1 })]);
    const revoked = await rungate.call('grants.revoke', { grant_id: grant?.grant_id ?? '' });
    expect(revoked.grant.revoked_at).not.toBeNull();
    expect((await rungate.call('grants.list', {})).grants).toEqual([]);
    expect((await askRefund(rungate, token, { amount_usd: 901 })).status).toBe(202);
  });

  it('of an exact action covers nothing else', async () => {
    const { rungate, token, gateId } = await startWithGate();
    await rungate.call('gates.approve', { gate_id: gateId, remember: 'exact-run' });
    expect((await askRefund(rungate, token, { order: 'ord_1', amount_usd: 1241 })).status).toBe(202);
  });

  it('for an agent lasts an hour unless told otherwise, in any run', async () => {
    const { rungate, token, gateId } = await startWithGate();
    const { grant } = await rungate.call('gates.approve', { gate_id: gateId, remember: 'rule-agent' });
    expect((grant?.expires_at ?? 0) - (grant?.created_at ?? 0)).toBe(3_600_000);
    expect((await askRefund(rungate, token, { amount_usd: 900 }, 'another-run')).status).toBe(200);
    rungate.advance(3_600_000);
    expect((await askRefund(rungate, token, { amount_usd: 902 }, 'another-run')).status).toBe(202);
  });

  it('needs a scope when a time is given', async () => {
    const { rungate, gateId } = await startWithGate();
    const failure = await failureOf(rungate, 'gates.approve', { gate_id: gateId, for_seconds: 60 });
    expect(failure).toMatchObject({ code: 'invalid_request', context: { field: 'for_seconds' } });
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });

  it('is forgotten with the approval that is undone', async () => {
    const { rungate, token, gateId } = await startWithGate();
    await callVia(rungate, 'console', 'gates.approve', { gate_id: gateId, remember: 'rule-run' });
    await callVia(rungate, 'console', 'gates.undo', { gate_id: gateId });
    expect((await rungate.call('grants.list', {})).grants).toEqual([]);
    expect((await askRefund(rungate, token, { amount_usd: 903 })).status).toBe(202);
  });

  it('silences nothing before its verdict takes effect', async () => {
    const { rungate, token, gateId } = await startWithGate();
    await callVia(rungate, 'console', 'gates.approve', { gate_id: gateId, remember: 'rule-run' });
    expect((await askRefund(rungate, token, { amount_usd: 904 })).status).toBe(202);
    rungate.advance(5000);
    expect((await askRefund(rungate, token, { amount_usd: 905 })).status).toBe(200);
  });

  it('that does not exist cannot be revoked', async () => {
    const { rungate } = await startWithGate();
    expect(await failureOf(rungate, 'grants.revoke', { grant_id: 'grant_nope' })).toMatchObject({ code: 'not_found' });
  });
});

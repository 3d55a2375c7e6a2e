import { describe, expect, it, onTestFinished } from 'vitest';
import { addRefundAgent, openRefundGate } from '../harness/refunds.ts';
import { startTestRungate } from '../harness/rungate.ts';

async function startWithGate(cliDecisions: boolean) {
  const rungate = await startTestRungate({ limits: { cliDecisions } });
  onTestFinished(() => rungate.close());
  const gateId = await openRefundGate(rungate, await addRefundAgent(rungate));
  const call = (name: string, input: unknown, channel: string) =>
    rungate.core.call(name, input, { actor: 'operator', channel });
  return { rungate, gateId, call };
}

const DECISIONS = (gateId: string) =>
  [
    ['gates.approve', { gate_id: gateId }],
    ['gates.reject', { gate_id: gateId }],
    ['gates.undo', { gate_id: gateId }],
    ['gates.revoke', { gate_id: gateId }],
    ['gates.extend', { gate_id: gateId, seconds: 60 }],
    ['grants.revoke', { grant_id: 'grant_1' }],
    ['budgets.set', { scope: 'agent', name: 'refund-bot', usd: 100 }],
    ['budgets.reset', { scope: 'agent', name: 'refund-bot' }],
    ['policies.apply', { document: 'policy: refunds', file_name: 'p.yaml', note: 'open' }],
    ['core.resume', {}],
  ] as const;

describe('without cli_decisions, the command socket', () => {
  it('may not decide anything, and nothing is changed', async () => {
    const { rungate, gateId, call } = await startWithGate(false);
    for (const [name, input] of DECISIONS(gateId)) {
      const reply = await call(name, input, 'cli');
      expect(reply, name).toMatchObject({
        ok: false,
        failure: { code: 'decision_not_allowed', context: { operation: name } },
      });
    }
    expect((await rungate.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
    expect(
      (await rungate.call('policies.list', {})).policies.filter(({ policy }) => policy === 'refunds'),
    ).toHaveLength(1);
    expect(rungate.logged.filter(({ event }) => event === 'control.decision_refused')).toHaveLength(10);
  });

  it('may still look and stop', async () => {
    const { gateId, call } = await startWithGate(false);
    for (const [name, input] of [
      ['gates.show', { gate_id: gateId }],
      ['gates.list', {}],
      ['core.pause', {}],
      ['runs.stop', { run_id: 'refund-run' }],
    ] as const) {
      expect(await call(name, input, 'cli'), name).toMatchObject({ ok: true });
    }
  });

  it('does not take the decision from the desktop', async () => {
    const { gateId, call } = await startWithGate(false);
    expect(await call('gates.approve', { gate_id: gateId }, 'desktop')).toMatchObject({ ok: true });
  });
});

describe('with cli_decisions, the command socket', () => {
  it('decides at once, without an undo window', async () => {
    const { gateId, call } = await startWithGate(true);
    const reply = await call('gates.approve', { gate_id: gateId }, 'cli');
    expect(reply).toMatchObject({ ok: true, value: { gate: { state: 'approved', channel: 'cli' } } });
    const { gate } = (reply as { value: { gate: { decided_at: number; effective_at: number } } }).value;
    expect(gate.effective_at).toBe(gate.decided_at);
  });
});

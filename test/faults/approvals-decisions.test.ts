import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GateRecord } from '../../proxy-core/contract/records.ts';
import { fingerprintOf } from '../../proxy-core/exchange/gate-meeting.ts';
import { gateOpening } from '../../proxy-core/exchange/gated-answer.ts';
import { stateAt } from '../../proxy-core/gates/states.ts';
import { type CoreBench, openCoreBench } from '../exchange/gates/core-bench.ts';
import {
  applyPolicies,
  ask,
  benchOn,
  decideAs,
  type GateBench,
  open,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import { answering, REFUND } from '../exchange/gates/provider-answers.ts';
import { openCall } from '../harness/agent-client.ts';
import { startTestRungate } from '../harness/rungate.ts';

/** Faults E1 to E4 and D11: who decides, when, and on what. */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
afterAll(() => bench.close());

async function waiting() {
  const caller = await bench.caller({ delivery: 'retry' });
  const { gate_id: gateId } = waitingOf(await ask(bench, caller, 'messages'));
  return { caller, gateId, retry: () => ask(bench, caller, 'messages') };
}

const CHANNELS = ['desktop', 'console', 'cli', 'slack', 'email', 'webhook', 'test'];

describe('E1 a hundred reviewers at once', () => {
  it('have one winner; the others are told who, when and how', async () => {
    const own = await startGateBench({ limits: { cliDecisions: true } });
    const caller = await own.caller({ delivery: 'retry' });
    const { gate_id: gateId } = waitingOf(await ask(own, caller, 'messages'));
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        own.rungate.core.call(
          n % 3 === 0 ? 'gates.reject' : 'gates.approve',
          { gate_id: gateId, reason: `reason ${n}` },
          { actor: `reviewer-${n}`, channel: CHANNELS[n % CHANNELS.length] ?? 'test' },
        ),
      ),
    );
    const won = replies.filter((reply) => reply.ok);
    expect(won).toHaveLength(1);
    const gate = await own.gate(gateId);
    const lost = replies.flatMap((reply) => (reply.ok ? [] : [reply.failure]));
    expect(lost).toHaveLength(99);
    for (const failure of lost) {
      expect(failure.code).toBe('gate_already_resolved');
      expect(failure.context).toMatchObject({ decided_by: gate.decided_by, channel: gate.channel, state: gate.state });
    }
    const index = Number(gate.decided_by?.replace('reviewer-', ''));
    expect([gate.reason, gate.state]).toEqual([`reason ${index}`, index % 3 === 0 ? 'rejected' : 'approved']);
    const told = own.rungate.events.filter(({ name }) => name === 'approval.approved' || name === 'approval.rejected');
    expect(told).toHaveLength(1);
    await own.close();
  });
});

describe('E2 a verdict that is sent again', () => {
  it('has no second effect, not even with the same words from the same reviewer', async () => {
    const { caller, gateId, retry } = await waiting();
    const input = { gate_id: gateId, reason: 'fine', remember: 'rule-run' } as const;
    const [first, second] = await Promise.all([1, 2].map(() => bench.rungate.tryCall('gates.approve', input)));
    expect([first?.ok, second?.ok].sort()).toEqual([false, true]);
    const before = await bench.gate(gateId);
    expect(await bench.rungate.tryCall('gates.approve', input)).toMatchObject({ ok: false });
    expect(await bench.rungate.tryCall('gates.reject', { gate_id: gateId })).toMatchObject({ ok: false });
    expect(await bench.gate(gateId)).toEqual(before);
    const { grants } = await bench.rungate.call('grants.list', {});
    expect(grants.filter((grant) => grant.gate_id === gateId)).toHaveLength(1);
    expect((await retry()).status).toBe(200);
    expect((await bench.run(caller)).state).toBe('open');
  });

  it('after a restart is refused as before it', async () => {
    const own = await startGateBench();
    const caller = await own.caller({ delivery: 'retry' });
    const { gate_id: gateId } = waitingOf(await ask(own, caller, 'messages'));
    await decideAs(own, 'reject', gateId);
    const again = benchOn(await own.rungate.restart(), own.upstream);
    expect(await again.rungate.tryCall('gates.approve', { gate_id: gateId })).toMatchObject({
      ok: false,
      failure: { code: 'gate_already_resolved' },
    });
    expect((await ask(again, caller, 'messages')).status).toBe(403);
    await again.close();
  });
});

describe('E3 at the millisecond of expiry', () => {
  let parts: CoreBench;
  let token: string;
  const START = 1_790_000_000_000;
  beforeAll(async () => {
    const home = mkdtempSync(join(tmpdir(), 'rungate-test-'));
    const rungate = await startTestRungate({ home });
    token = await rungate.addAgent('clockwork');
    await rungate.core.close();
    parts = await openCoreBench(home, START);
  });
  afterAll(() => parts.close());

  let requests = 0;
  /** A gate that expires in an hour, and what its request meets. */
  async function opened(): Promise<{ gate: GateRecord; meets: () => string }> {
    parts.now = START + requests * 86_400_000;
    requests += 1;
    const call = {
      path: '/v1/messages',
      token,
      body: { model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: `${requests}` }] },
    };
    const { request, run, policy, exchangeId } = await parts.admitted(call);
    const decision = {
      effect: 'gate',
      rule: null,
      stage: 'tool_call',
      version: policy.ref,
      tool: null,
      explanation: [],
      alerts: [],
    } as const;
    const actions = [{ tool: 'pay', args: { n: requests }, call_id: null, rule: 'r' }];
    const subject = {
      kind: 'response',
      request,
      run,
      fingerprint: fingerprintOf(request, run),
      exchangeId,
      decision,
      actions,
    } as const;
    const kept = { status: 200, headers: [], stream: false, body: Buffer.from('{}') };
    const { gate } = await parts.core.gates.open(gateOpening(parts.core, subject), kept, false);
    return { gate, meets: () => stateAt(parts.core.gates.byId(gate.gate_id) ?? gate, parts.now) };
  }
  const decide = async ({ gate_id: gateId, action_hash: actionHash }: GateRecord) =>
    (
      await parts.core.gates.decide({
        gateId,
        verdict: 'approved',
        reason: null,
        suggestedArgs: null,
        actionHash,
        remember: null,
        undoMs: 0,
        by: { actor: 'operator', channel: 'test' },
      })
    ).kind;

  it.each([
    [-1, 'decided', 'approved'],
    [0, 'already_resolved', 'expired'],
    [1, 'already_resolved', 'expired'],
  ])('a verdict %i ms from it is %s', async (offset, outcome, state) => {
    const { gate, meets } = await opened();
    parts.now = gate.expires_at + offset;
    expect(await decide(gate)).toBe(outcome);
    expect(meets()).toBe(state);
  });

  it('a clock that is set back before anybody noticed does not shorten the wait', async () => {
    const { gate, meets } = await opened();
    parts.now = gate.created_at - 86_400_000;
    await parts.core.gates.tick();
    expect(meets()).toBe('pending');
    expect(await decide(gate)).toBe('decided');
  });

  it('a clock that is set back after the expiry was noticed revives nothing', async () => {
    const { gate, meets } = await opened();
    parts.now = gate.expires_at;
    await parts.core.gates.tick();
    parts.now = gate.created_at;
    expect(meets()).toBe('expired');
    expect(await decide(gate)).toBe('already_resolved');
  });

  it('an approval is not undone by a clock that runs past the expiry', async () => {
    const { gate, meets } = await opened();
    await decide(gate);
    parts.now = gate.expires_at + 1_000_000;
    await parts.core.gates.tick();
    expect(meets()).toBe('approved');
  });
});

describe('E3 an agent that was told 410', () => {
  it('is told so for ever, though the clock is set back a day', async () => {
    const { gateId, retry } = await waiting();
    bench.rungate.advance(3_600_000);
    expect((await retry()).status).toBe(410);
    bench.rungate.advance(-86_400_000);
    expect((await retry()).status).toBe(410);
    expect((await bench.gate(gateId)).state).toBe('expired');
    expect(await bench.rungate.tryCall('gates.approve', { gate_id: gateId })).toMatchObject({ ok: false });
    bench.rungate.advance(86_400_000);
  });

  it('and looked at by its agent, stays expired as well', async () => {
    const { caller, gateId, retry } = await waiting();
    bench.rungate.advance(3_600_000);
    const look = async () =>
      (await openCall(bench.rungate.url, { path: `/v1/gates/${gateId}`, token: caller.token }).answer).json();
    expect(await look()).toMatchObject({ state: 'expired' });
    bench.rungate.advance(-86_400_000);
    expect(await look()).toMatchObject({ state: 'expired' });
    expect((await retry()).status).toBe(410);
    bench.rungate.advance(86_400_000);
  });
});

describe('E4 what the reviewer saw', () => {
  it('decides only if it is what is stored', async () => {
    const { gateId } = await waiting();
    const gate = await bench.gate(gateId);
    for (const name of ['gates.approve', 'gates.reject'] as const) {
      const stale = await bench.rungate.tryCall(name, {
        gate_id: gateId,
        action_hash: `${gate.action_hash.slice(0, -1)}x`,
      });
      expect(stale).toMatchObject({
        ok: false,
        failure: { code: 'gate_already_resolved', context: { action_hash: gate.action_hash } },
      });
    }
    expect((await bench.gate(gateId)).state).toBe('pending');
    await bench.rungate.call('gates.approve', { gate_id: gateId, action_hash: gate.action_hash });
    expect((await bench.gate(gateId)).state).toBe('approved');
  });

  it('is another hash for every other action', async () => {
    const hashes = new Set<string>();
    for (const args of [
      '{"amount_usd":900}',
      '{"amount_usd":900,"to":"me"}',
      '{"amount_usd":901}',
      '{"amount_usd":900}',
    ]) {
      bench.upstream.script(answering({ calls: [{ ...REFUND, args }] }));
      const caller = await bench.caller({ delivery: 'retry' });
      hashes.add((await bench.gate(waitingOf(await ask(bench, caller, 'messages')).gate_id)).action_hash);
    }
    bench.upstream.script(answering(PROPOSAL));
    expect(hashes.size).toBe(3);
  });
});

describe('D11 a clock that jumps', () => {
  const LONG = `policy: monthly
loops: { action: alert }
rules: [{ rule: "slow", match: { tool: issue_refund }, action: gate, expires_in_seconds: 2592000 }]
`;

  it('a wait of thirty days overflows no timer', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', note);
    await applyPolicies(bench.rungate, [LONG]);
    const caller = await bench.caller({ policy: 'monthly', delivery: 'hold' });
    const held = open(bench, caller, 'messages', { stream: true });
    const gate = await bench.opened(caller);
    expect(gate.expires_at - gate.created_at).toBeLessThanOrEqual(30 * 86_400_000);
    await held.until(gate.gate_id);
    bench.rungate.advance(29 * 86_400_000);
    await bench.rungate.core.clockChanged();
    expect((await bench.gate(gate.gate_id)).state).toBe('pending');
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await held.answer).text).toContain('call_refund');
    process.off('warning', note);
    expect(warnings).not.toContain('TimeoutOverflowWarning');
  });

  it('a day ahead expires what is due, tells whoever holds, and nothing else', async () => {
    await applyPolicies(bench.rungate, [LONG]);
    const short = await bench.caller({ delivery: 'hold' });
    const long = await bench.caller({ policy: 'monthly', delivery: 'retry' });
    const held = open(bench, short, 'messages', { stream: true });
    const gate = await bench.opened(short);
    const waits = waitingOf(await ask(bench, long, 'messages'));
    bench.rungate.advance(86_400_000);
    await bench.rungate.core.clockChanged();
    expect((await held.answer).text).toContain('Nobody decided in time');
    expect((await bench.gate(gate.gate_id)).state).toBe('expired');
    expect(waitingOf(await ask(bench, long, 'messages')).gate_id).toBe(waits.gate_id);
  });

  it('a day back expires nothing early', async () => {
    const { gateId, retry } = await waiting();
    bench.rungate.advance(-86_400_000);
    await bench.rungate.core.clockChanged();
    expect(waitingOf(await retry()).gate_id).toBe(gateId);
    bench.rungate.advance(86_400_000);
  });

  it('an expiry passes while the core is down', async () => {
    const home = mkdtempSync(join(tmpdir(), 'rungate-test-'));
    const own = await startGateBench({ home });
    const gone = await own.caller({ delivery: 'retry' });
    const first = waitingOf(await ask(own, gone, 'messages'));
    await own.rungate.core.close();
    const parts = await openCoreBench(home, Date.now() + 3_600_000);
    expect(stateAt(parts.core.gates.byId(first.gate_id) as GateRecord, parts.now)).toBe('expired');
    await parts.core.gates.tick();
    expect(parts.events.map(({ name }) => name)).toContain('approval.expired');
    await parts.close();
    const again = benchOn(await startTestRungate({ home, upstreamUrl: own.upstream.url }), own.upstream);
    expect((await ask(again, gone, 'messages')).status).toBe(410);
    await again.close();
  });
});

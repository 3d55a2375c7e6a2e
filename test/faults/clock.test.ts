import { afterEach, describe, expect, it } from 'vitest';
import { createSteadyClock } from '../../proxy-core/steady-clock.ts';
import {
  ask,
  benchOn,
  decideAs,
  type GateBench,
  PROPOSAL,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import { answering } from '../exchange/gates/provider-answers.ts';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';

/** F3: a system clock that is set ahead and back. */

const DAY = 86_400_000;
let bench: GateBench;
afterEach(() => bench.close());

async function waiting(policy: string) {
  bench = await startGateBench({ limits: { undoMs: 500 } });
  bench.upstream.script(answering(PROPOSAL));
  const caller = await bench.caller({ policy, delivery: 'retry' });
  const retry = (at: GateBench = bench) => ask(at, caller, 'messages');
  return { caller, retry, gateId: waitingOf(await retry()).gate_id };
}

describe.each(['gated', 'asking'])('a clock set back by a day (policy %s)', (policy) => {
  it('leaves an approved gate approved: its agent gets the answer, not a 202', async () => {
    const { retry, gateId } = await waiting(policy);
    await decideAs(bench, 'approve', gateId);
    bench.rungate.advance(-DAY);
    expect((await retry()).status).toBe(200);
    expect(await bench.rungate.tryCall('gates.reject', { gate_id: gateId })).toMatchObject({ ok: false });
  });

  it('leaves it approved over a restart too', async () => {
    const { retry, gateId } = await waiting(policy);
    await decideAs(bench, 'approve', gateId);
    bench.rungate.advance(-DAY);
    bench = { ...benchOn(await bench.rungate.restart(), bench.upstream), upstream: bench.upstream };
    expect((await retry()).status).toBe(200);
  });
});

describe('an undo window', () => {
  it('ends when it was to end although the clock is set back in it', async () => {
    const { retry, gateId } = await waiting('gated');
    const reply = await bench.rungate.core.call(
      'gates.approve',
      { gate_id: gateId },
      { actor: 'operator', channel: 'console' },
    );
    expect(reply).toMatchObject({ ok: true });
    expect((await retry()).status).toBe(202);
    bench.rungate.advance(-DAY);
    expect((await retry()).status).toBe(202);
    // The window's half second of real time, told by the gate itself.
    for (let answer = await retry(); answer.status !== 200; answer = await retry()) expect(answer.status).toBe(202);
  });
});

describe('a gate that waits', () => {
  it('expires after the time that was said, whatever the clock did before', async () => {
    const { retry, gateId } = await waiting('gated');
    const { created_at, expires_at } = await bench.gate(gateId);
    bench.rungate.advance(-DAY);
    expect((await retry()).status).toBe(202);
    bench.rungate.advance(DAY + (expires_at - created_at));
    expect((await retry()).status).toBe(410);
    bench.rungate.advance(-2 * DAY);
    expect((await retry()).status).toBe(410);
  });
});

describe('the spend of a day', () => {
  it('is not forgotten by a clock that goes three days ahead and back', async () => {
    bench = await startGateBench();
    bench.upstream.script(answerAnything);
    const { rungate } = bench;
    const token = await rungate.addAgent('bot', { budget_usd: 5 });
    const call = () =>
      send(rungate.url, {
        path: '/v1/chat/completions',
        token,
        body: { model: 'gpt-4.1', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] },
      });
    const spent = async () => {
      const { budgets } = await rungate.call('budgets.list', {});
      return budgets.find(({ scope, name }) => scope === 'agent' && name === 'bot')?.spent_nano ?? 0;
    };
    expect((await call()).status).toBe(200);
    const once = await spent();
    expect(once).toBeGreaterThan(0);
    await rungate.call('budgets.set', { scope: 'agent', name: 'bot', usd: once / 1e9, window: 'day' });
    expect((await call()).status).toBe(402);
    rungate.advance(3 * DAY);
    expect((await call()).status).toBe(200);
    rungate.advance(-3 * DAY);
    expect((await call()).status).toBe(402);
    expect(await spent()).toBe(2 * once);
    // The next day is a day of its own.
    rungate.advance(DAY);
    expect(await spent()).toBe(once);
  });
});

describe('the steady clock', () => {
  it('follows the system clock, and its own pace where that is set back, until it has caught up', () => {
    let system = 1_000;
    let machine = 50;
    const clock = createSteadyClock(
      () => system,
      () => machine,
    );
    const pass = (ms: number, jump = 0): readonly number[] => {
      machine += ms;
      system += ms + jump;
      return [clock.now(), clock.civil(), clock.cautious()];
    };
    expect(pass(10)).toEqual([1_010, 1_010, 1_010]);
    expect(pass(10, -500)).toEqual([1_020, 520, 520]);
    expect(pass(400)).toEqual([1_420, 920, 920]);
    expect(pass(10, 700)).toEqual([1_630, 1_630, 1_630]);
    expect(pass(1.9, -0.9)).toEqual([1_631, 1_631, 1_631]);
    clock.notBefore(2_000);
    expect(pass(5)).toEqual([2_005, 1_636, 1_636]);
    clock.notBefore(1_000);
    expect(pass(5)).toEqual([2_010, 1_641, 1_641]);
  });
});

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ask,
  benchOn,
  callOf,
  decideAs,
  type GateBench,
  startGateBench,
  waitingOf,
} from '../exchange/gates/gate-bench.ts';
import { answering, jsonOf } from '../exchange/gates/provider-answers.ts';
import { openCall } from '../harness/agent-client.ts';
import { startTestRungate } from '../harness/rungate.ts';
import type { ScriptedUpstream } from '../harness/scripted-upstream.ts';
import { startVictim } from '../harness/victim.ts';

/** A core that is killed while approvals are under way: nothing is carried out twice on one approval. */

const HELLO = { text: 'hello', calls: [] };
let upstream: ScriptedUpstream | null = null;
let bench: GateBench | null = null;
afterEach(async () => {
  await bench?.rungate.close();
  await upstream?.close();
});

const revive = async (home: string, provider: ScriptedUpstream): Promise<GateBench> =>
  benchOn(await startTestRungate({ home, upstreamUrl: provider.url }), provider);

describe('a core killed after it has forwarded an approved request', () => {
  it('does not know the outcome, asks a person again, and forwards only after that', async () => {
    const home = mkdtempSync(join(tmpdir(), 'rungate-test-'));
    const first = await startGateBench({ home });
    upstream = first.upstream;
    const caller = await first.caller({ policy: 'asking', delivery: 'retry' });
    const { gate_id: gateId } = waitingOf(await ask(first, caller, 'messages'));
    await decideAs(first, 'approve', gateId);
    await first.rungate.core.close();

    const victim = await startVictim(home, upstream.url);
    upstream.script(() => undefined);
    const call = openCall(victim.url ?? '', callOf(caller, 'messages'));
    await upstream.request(1);
    victim.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');
    await expect(call.answer).rejects.toThrow();

    bench = await revive(home, upstream);
    expect(await bench.gate(gateId)).toMatchObject({ state: 'pending', outcome_unknown: true, decided_by: null });
    upstream.script(answering(HELLO));
    const calls = bench.forwarded();
    expect(waitingOf(await ask(bench, caller, 'messages')).gate_id).toBe(gateId);
    expect(calls()).toBe(0);
    await decideAs(bench, 'approve', gateId);
    for (let n = 0; n < 2; n += 1) {
      expect((await ask(bench, caller, 'messages')).text).toBe(JSON.stringify(jsonOf('messages', HELLO)));
    }
    expect(calls()).toBe(1);
    // What the killed call may have cost is charged as reserved.
    const { exchanges } = await bench.rungate.call('runs.show', { run_id: caller.runId });
    expect(exchanges.map(({ estimated, cost_nano: cost }) => [estimated, (cost ?? 0) > 0])).toEqual([
      [true, true],
      [false, true],
    ]);
  });
});

describe('a core killed while an answer waits', () => {
  it('has the gate, its bytes and its charge afterwards, and asks the provider nothing', async () => {
    const home = mkdtempSync(join(tmpdir(), 'rungate-test-'));
    const first = await startGateBench({ home });
    upstream = first.upstream;
    const caller = await first.caller({ delivery: 'retry' });
    await first.rungate.core.close();

    const victim = await startVictim(home, upstream.url);
    const waits = waitingOf(await openCall(victim.url ?? '', callOf(caller, 'chat')).answer);
    victim.kill('SIGKILL');
    await victim.ended;

    bench = await revive(home, upstream);
    upstream.script(answering(HELLO));
    const calls = bench.forwarded();
    expect(waitingOf(await ask(bench, caller, 'chat')).gate_id).toBe(waits.gate_id);
    expect((await bench.run(caller)).state).toBe('waiting');
    await decideAs(bench, 'approve', waits.gate_id);
    expect((await ask(bench, caller, 'chat')).text).toContain('call_refund');
    expect(calls()).toBe(0);
    expect((await bench.run(caller)).reserved_nano).toBe(0);
  });
});

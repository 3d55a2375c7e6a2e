import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { gateRisks } from '../../../proxy-core/exchange/gate-risks.ts';
import { openReadingBudget } from '../../../proxy-core/exchange/reading-budget.ts';
import { openCall } from '../../harness/agent-client.ts';
import { applyPolicies, ask, type Caller, decideAs, type GateBench, startGateBench, waitingOf } from './gate-bench.ts';
import { answering, type SaidCall } from './provider-answers.ts';

/** How many gates of one agent may wait, and what they cost while they do (security D1, D3). */

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench({ limits: { maxPendingGates: 2 } });
  await applyPolicies(bench.rungate, [
    'policy: asks\nbudget: { run_usd: 5 }\nloops: { action: alert }\nrules:\n  - { rule: refund, match: { tool: issue_refund }, action: gate }\n',
  ]);
});
afterAll(() => bench.close());

const tool = (caller: Caller, id: string) =>
  openCall(bench.rungate.url, {
    path: '/v1/tools/issue_refund',
    token: caller.token,
    headers: { 'x-rungate-run-id': caller.runId },
    body: { args: { amount_usd: 1 }, call_id: id },
  }).answer;

describe('the bound on gates that wait', () => {
  it('refuses the next gate of the agent with 429 until one is decided, and nobody else’s', async () => {
    const caller = await bench.caller({ policy: 'asks', delivery: 'retry' });
    const { gate_id: first } = waitingOf(await tool(caller, 'c1'));
    waitingOf(await tool(caller, 'c2'));
    const refused = await tool(caller, 'c3');
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({
      error: {
        code: 'rate_limited',
        context: { rule: 'max_pending_gates', recover: expect.stringContaining('decided') },
      },
    });
    expect((await tool(caller, 'c1')).status).toBe(202);
    waitingOf(await tool(await bench.caller({ policy: 'asks', delivery: 'retry' }), 'c1'));
    await decideAs(bench, 'reject', first);
    waitingOf(await tool(caller, 'c3'));
  });

  it('holds for calls in a model’s answer too', async () => {
    const caller = await bench.caller({ policy: 'asks', delivery: 'retry' });
    const refund: SaidCall = { id: 'call_1', name: 'issue_refund', args: '{"amount_usd":1}' };
    bench.upstream.script(answering({ text: 'x', calls: [refund] }));
    for (const words of ['one', 'two']) waitingOf(await ask(bench, caller, 'chat', { words }));
    const { status, text } = await ask(bench, caller, 'chat', { words: 'three' });
    expect([status, text.includes('call_1')]).toEqual([429, false]);
  });
});

it('reads the risk of a gate once, however often it is asked for', () => {
  let reads = 0;
  const gate = {
    gate_id: 'g1',
    kind: 'response',
    get proposed_actions() {
      reads += 1;
      return [{ tool: 'Bash', args: { command: 'sudo ls' }, call_id: null, rule: 'r' }];
    },
  } as unknown as GateRecord;
  const riskOf = gateRisks();
  expect([riskOf(gate), riskOf(gate), riskOf(gate), reads]).toEqual(['critical', 'critical', 'critical', 1]);
});

it('judges calls beyond what is read of one answer as calls whose arguments cannot be told', () => {
  const budget = openReadingBudget(() => 0);
  const call = (name: string, length: number) =>
    ({ id: null, name, kind: 'function', argsText: 'x'.repeat(length) }) as const;
  expect(Array.from({ length: 1_000 }, () => budget.take(call('Bash', 100)).truncated).includes(true)).toBe(false);
  const other = openReadingBudget(() => 0);
  expect(Array.from({ length: 1_000 }, () => other.take(call('Bash', 4_000)).truncated).at(-1)).toBe(true);
  const notes = openReadingBudget(() => 0);
  expect(Array.from({ length: 100 }, () => notes.take(call('note', 100_000)).truncated).at(-1)).toBeUndefined();
});

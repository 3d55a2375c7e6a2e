import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../proxy-core/config/parse.ts';
import { type AgentAnswer, openCall } from '../../harness/agent-client.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../../harness/scripted-upstream.ts';
import {
  applyPolicies,
  ask,
  type Caller,
  decideAs,
  type GateBench,
  settled,
  startGateBench,
  waitingOf,
} from './gate-bench.ts';
import { answering, LOOKUP } from './provider-answers.ts';

/** `POST /v1/tools/NAME`: the same rules for calls that hooks and scripts make themselves. */

const TOOLS = `policy: tools
budget: { run_usd: 1 }
tools: { block: ["wipe_*"] }
loops: { action: alert }
tool_cost_usd: { paid_lookup: 0.25 }
rules:
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
  - { rule: "mail:never", match: { tool: send_mail, args.to: { $regex: "@example[.]com$" } }, action: block, message: "Not there." }
`;

let backend: ScriptedUpstream;
let bench: GateBench;
beforeAll(async () => {
  backend = await startScriptedUpstream(answerJson({ refunded: true }));
  const parsed = parseConfiguration(
    `tools:\n  - { name: issue_refund, url: "${backend.url}/refunds?via=rungate" }\n  - { name: paid_lookup, url: "${backend.url}/lookup" }\n`,
    'rungate.yaml',
  );
  if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
  bench = await startGateBench({ configuration: parsed.value });
  await applyPolicies(bench.rungate, [TOOLS]);
});
beforeEach(() => backend.script(answerJson({ refunded: true })));
afterAll(async () => {
  await bench.close();
  await backend.close();
});

const newCaller = (delivery: 'retry' | 'hold' | 'auto' = 'retry'): Promise<Caller> =>
  bench.caller({ policy: 'tools', delivery });

/** Call a tool; what is not an object is sent as the body's text. */
function call(
  caller: Caller,
  tool: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<AgentAnswer> {
  return openCall(bench.rungate.url, {
    path: `/v1/tools/${tool}`,
    token: caller.token,
    headers: { 'x-rungate-run-id': caller.runId, ...headers },
    body,
  }).answer;
}

/** How many calls the tool's own address has had since. */
function backendCalls(): () => number {
  const before = backend.received.length;
  return () => backend.received.length - before;
}

const SMALL = { args: { order: 'ord_1', amount_usd: 20 }, call_id: 'c1' };
const LARGE = { args: { order: 'ord_1', amount_usd: 1240 }, call_id: 'c1' };

describe('a call that the policy allows', () => {
  it('of a tool without an address is only checked', async () => {
    const caller = await newCaller();
    const answer = await call(caller, 'anything', { args: {}, call_id: 'c1' });
    expect([answer.status, answer.text]).toEqual([200, '{"status":"allowed"}']);
    expect(answer.headers['x-rungate-run-id']).toBe(caller.runId);
    expect((await bench.run(caller)).spent_nano).toBe(0);
  });

  it('of a tool with an address is forwarded there once, as it stands, and without the agent’s token', async () => {
    const caller = await newCaller();
    const calls = backendCalls();
    const answer = await call(caller, 'issue_refund', '{"args": {"amount_usd": 20.00}, "call_id": "c1"}');
    expect(answer.json()).toEqual({ refunded: true });
    expect(calls()).toBe(1);
    const received = backend.received.at(-1);
    expect(received?.url).toBe('/refunds?via=rungate');
    expect(received?.body.toString()).toBe('{"args": {"amount_usd": 20.00}, "call_id": "c1"}');
    expect(received?.rawHeaders.join('\n')).not.toContain(caller.token);
  });

  it('with a price is charged, until the budget is spent', async () => {
    const caller = await newCaller();
    for (let n = 0; n < 4; n += 1) {
      expect((await call(caller, 'paid_lookup', { args: {}, call_id: `c${n}` })).status).toBe(200);
    }
    expect((await bench.run(caller)).spent_nano).toBe(1_000_000_000);
    const calls = backendCalls();
    expect((await call(caller, 'paid_lookup', { args: {}, call_id: 'c9' })).refusal.code).toBe('budget_exceeded');
    expect(calls()).toBe(0);
  });

  it('passes the tool’s own errors through', async () => {
    backend.script(answerJson({ why: 'no such order' }, 422));
    const answer = await call(await newCaller(), 'issue_refund', SMALL);
    expect([answer.status, answer.json()]).toEqual([422, { why: 'no such order' }]);
  });
});

describe('a call that the policy blocks', () => {
  it.each([
    ['by a rule', 'send_mail', { to: 'x@example.com' }, 'mail:never'],
    ['by the list of tools', 'wipe_disk', {}, 'tools.block'],
  ])('%s is refused with 403 and the rule', async (_, tool, args, rule) => {
    const answer = await call(await newCaller(), tool, { args, call_id: 'c1' });
    expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
    expect(answer.refusal.context['rule']).toBe(rule);
  });
});

describe('a call that waits', () => {
  async function waiting() {
    const caller = await newCaller();
    const calls = backendCalls();
    const { gate_id: gateId, proposed_action: proposed } = waitingOf(await call(caller, 'issue_refund', LARGE));
    return { caller, calls, gateId, proposed, retry: () => call(caller, 'issue_refund', LARGE) };
  }

  it('is told 202 and not forwarded; approved, it is forwarded exactly once', async () => {
    const { caller, calls, gateId, proposed, retry } = await waiting();
    expect(proposed).toEqual({ tool: 'issue_refund', args: LARGE.args });
    expect(await bench.gate(gateId)).toMatchObject({ kind: 'tool', rule: 'refund:over-$500' });
    expect(waitingOf(await retry()).gate_id).toBe(gateId);
    expect([calls(), (await bench.run(caller)).state]).toEqual([0, 'waiting']);
    await decideAs(bench, 'approve', gateId);
    const answers = await Promise.all(Array.from({ length: 10 }, retry));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(['200 {"refunded":true}']));
    expect(calls()).toBe(1);
  });

  it('rejected is 403 with reason and suggestion; expired is 410 until asked anew', async () => {
    const rejected = await waiting();
    await decideAs(bench, 'reject', rejected.gateId, { reason: 'no', suggested_args: { amount_usd: 400 } });
    expect((await rejected.retry()).refusal).toMatchObject({
      code: 'approval_rejected',
      context: { reason: 'no', suggested_args: { amount_usd: 400 } },
    });
    const expired = await waiting();
    bench.rungate.advance(3_600_000);
    expect((await expired.retry()).status).toBe(410);
    const anew = await call(expired.caller, 'issue_refund', LARGE, { 'x-rungate-new-gate': 'true' });
    expect(waitingOf(anew).gate_id).not.toBe(expired.gateId);
    expect(rejected.calls() + expired.calls()).toBe(0);
  });

  it('is approved for its own call_id, arguments and tool only', async () => {
    const { caller, gateId } = await waiting();
    await decideAs(bench, 'approve', gateId);
    const others = [
      { ...LARGE, call_id: 'c2' },
      { ...LARGE, args: { ...LARGE.args, amount_usd: 1241 } },
    ];
    for (const other of others) expect(waitingOf(await call(caller, 'issue_refund', other)).gate_id).not.toBe(gateId);
  });

  it('is held where its caller asks for it', async () => {
    const caller = await newCaller();
    const held = call(caller, 'issue_refund', LARGE, { 'x-rungate-gate': 'hold' });
    const gate = await bench.opened(caller);
    await decideAs(bench, 'approve', gate.gate_id);
    expect((await held).json()).toEqual({ refunded: true });
  });

  it('that its tool could not carry out stays approved', async () => {
    const { calls, gateId, retry } = await waiting();
    await decideAs(bench, 'approve', gateId);
    backend.script(answerJson({ error: 'busy' }, 503));
    expect((await retry()).status).toBe(503);
    backend.script(answerJson({ refunded: true }));
    expect((await retry()).status).toBe(200);
    expect((await retry()).status).toBe(200);
    expect(calls()).toBe(2);
  });

  it('can be approved for the rest of the run', async () => {
    const { caller, gateId } = await waiting();
    await decideAs(bench, 'approve', gateId, { remember: 'rule-run' });
    expect((await call(caller, 'issue_refund', { ...LARGE, call_id: 'c7' })).status).toBe(200);
  });
});

describe('a malformed call', () => {
  it.each([
    ['without call_id', { args: {} }],
    ['with an empty call_id', { args: {}, call_id: '' }],
    ['with a call_id that is no text', { args: {}, call_id: 7 }],
    ['with another key', { args: {}, call_id: 'c1', approve: true }],
    ['with a key twice', '{"args":{},"call_id":"c1","args":{"amount_usd":1}}'],
    ['that is a list', '[]'],
    ['that is no JSON', 'issue_refund'],
  ])('%s is refused with 400 and opens nothing', async (_, body) => {
    const caller = await newCaller();
    const answer = await call(caller, 'issue_refund', body);
    expect([answer.status, answer.refusal.code]).toEqual([400, 'invalid_request']);
    expect(await bench.rungate.tryCall('runs.show', { run_id: caller.runId })).toMatchObject({ ok: false });
  });

  it.each(['a%20b', 'x%0Ay', `${'n'.repeat(200)}`])('of a tool named %s is refused with 400', async (name) => {
    expect((await call(await newCaller(), name, SMALL)).status).toBe(400);
  });

  it.each([
    ['an integer beyond 2^53', '{"amount_usd":-9007199254740993}', 202],
    ['a prototype', '{"__proto__":{"amount_usd":9000}}', 202],
    ['a number as text', '{"amount_usd":"500"}', 202],
    ['a key twice', '{"amount_usd":1,"x":{"amount_usd":1,"amount_usd":2}}', 400],
  ])('whose arguments are read differently by different readers (%s) is not let through', async (_, args, status) => {
    const calls = backendCalls();
    const answer = await call(await newCaller(), 'issue_refund', `{"args":${args},"call_id":"c1"}`);
    expect([answer.status, calls()]).toEqual([status, 0]);
  });

  it('of another method is no endpoint', async () => {
    const caller = await newCaller();
    const answer = await openCall(bench.rungate.url, {
      method: 'PUT',
      path: '/v1/tools/issue_refund',
      token: caller.token,
      body: SMALL,
    }).answer;
    expect(answer.refusal.code).toBe('endpoint_not_governed');
  });
});

describe('the run of a call', () => {
  it('is that of the answer which proposed it', async () => {
    bench.upstream.script(answering({ calls: [{ ...LOOKUP, id: 'call_from_model' }] }));
    const caller = await newCaller();
    expect((await ask(bench, caller, 'messages', { tools: ['lookup'] })).status).toBe(200);
    const answer = await openCall(bench.rungate.url, {
      path: '/v1/tools/lookup',
      token: caller.token,
      body: { args: { q: 'ord_1' }, call_id: 'call_from_model' },
    }).answer;
    expect([answer.status, answer.headers['x-rungate-run-id']]).toEqual([200, caller.runId]);
    await settled(async () => (await bench.run(caller)).exchanges === 2);
  });

  it('may be the path’s', async () => {
    const caller = await newCaller();
    const answer = await openCall(bench.rungate.url, {
      path: `/r/${caller.runId}/v1/tools/lookup`,
      token: caller.token,
      body: SMALL,
    }).answer;
    expect(answer.headers['x-rungate-run-id']).toBe(caller.runId);
  });

  it('is another agent’s to nobody else', async () => {
    const [caller, other] = [await newCaller(), await newCaller()];
    expect((await call(caller, 'lookup', SMALL)).status).toBe(200);
    expect((await call({ ...other, runId: caller.runId }, 'lookup', SMALL)).refusal.code).toBe('not_found');
  });
});

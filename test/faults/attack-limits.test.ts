import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTarget } from '../../proxy-core/exchange/endpoint.ts';
import { NOTHING_TYPED } from '../../proxy-core/policy/call-context.ts';
import { compilePolicy } from '../../proxy-core/policy/compile.ts';
import { evaluateToolCall } from '../../proxy-core/policy/evaluate.ts';
import { USUAL_PLACES } from '../../proxy-core/policy/own-places.ts';
import { parsePolicy } from '../../proxy-core/policy/parse.ts';
import { STARTER_POLICY } from '../../proxy-core/policy/starter.ts';
import { conversationKeys } from '../../proxy-core/runs/conversation.ts';
import { applyPolicies, ask, type GateBench, startGateBench } from '../exchange/gates/gate-bench.ts';
import { framesOf, LOOKUP } from '../exchange/gates/provider-answers.ts';
import { chatAnswer } from '../harness/answers.ts';
import { answerJson, answerStream } from '../harness/scripted-upstream.ts';

/** A hostile agent tries to pass a limit by asking again, at once or for something endless. */

const POLICIES = [
  'policy: rated\nbudget: { run_usd: 5 }\nrates: [{ per: agent, calls: 1, window_seconds: 60 }]\n',
  'policy: metered\nbudget: { run_usd: 5 }\nrates: [{ per: agent, tokens: 100, window_seconds: 60 }]\n',
  'policy: unlooped\nbudget: { run_usd: 5 }\nloops: { action: block, identical_requests: 2, identical_tool_calls: 2 }\n',
];

let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
  await applyPolicies(bench.rungate, POLICIES);
});
afterAll(() => bench.close());

describe('a request that a limit refused', () => {
  it.each([
    ['rated', 429],
    ['unlooped', 403],
  ])('is refused again when it is sent again (%s)', async (policy, status) => {
    const caller = await bench.caller({ policy });
    bench.upstream.script(answerJson(chatAnswer()));
    const forwarded = bench.forwarded();
    const statuses: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) statuses.push((await ask(bench, caller, 'chat')).status);
    expect([statuses, forwarded()]).toEqual([[200, status, status, status, status], 1]);
  });
});

describe('a limit of tokens', () => {
  it.each([
    ['what the provider reports', chatAnswer()],
    ['the bytes where it reports nothing', { ...chatAnswer('x'.repeat(900)), usage: undefined }],
  ])('counts %s', async (_, answer) => {
    const caller = await bench.caller({ policy: 'metered' });
    bench.upstream.script(answerJson(answer));
    const statuses: number[] = [];
    for (const words of ['one', 'two']) statuses.push((await ask(bench, caller, 'chat', { words })).status);
    expect(statuses).toEqual([200, 429]);
  });
});

it('an address of endless slashes is read in linear time: it is looked at before anyone is known', () => {
  expect(parseTarget(`/messages${'/'.repeat(300_000)}x`).path).toBe(`/v1/messages${'/'.repeat(300_000)}x`);
  expect(parseTarget(`/v1/messages${'/'.repeat(300_000)}`).path).toBe('/v1/messages');
  expect([parseTarget('//').path, parseTarget('/v1/').path, parseTarget('/v1').path]).toEqual(['/v1/', '/v1/', '/v1']);
});

it('identical calls beside each other in one stream: the one too many does not reach the agent', async () => {
  const caller = await bench.caller({ policy: 'unlooped', delivery: 'retry' });
  const calls = [LOOKUP, { ...LOOKUP, id: 'call_again' }];
  bench.upstream.script(answerStream(framesOf('chat', { calls })));
  const { text } = await ask(bench, caller, 'chat', { stream: true, tools: [LOOKUP.name] });
  expect([text.includes(LOOKUP.id), text.includes('call_again')]).toEqual([true, false]);
});

it('a model’s name of megabytes is refused and not kept', async () => {
  const caller = await bench.caller();
  const answer = await ask(bench, caller, 'chat', { body: { model: `gpt-${'a'.repeat(1 << 20)}` } });
  expect([answer.status, answer.refusal.code, answer.text.length < 1_000]).toEqual([400, 'invalid_request', true]);
});

describe('work that grows with the square of what an agent sends', () => {
  it('is not done on the turns of a conversation', () => {
    const hashed: string[] = [];
    const messages = Array.from({ length: 200_000 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant' }));
    const keys = conversationKeys({ messages }, (text) => `key ${hashed.push(text)}`);
    expect([keys.whole, hashed.length]).toEqual([null, 0]);
  });

  it('is not done on the commands behind find: what is left unread counts against the call', () => {
    const parsed = parsePolicy(STARTER_POLICY, 'starter');
    if (parsed.kind !== 'policy') throw new Error('the starter policy is not valid');
    const argsText = JSON.stringify({ command: 'find . -exec '.repeat(20_000) });
    const call = { id: 'c', name: 'Bash', kind: 'function', argsText } as const;
    const evaluation = evaluateToolCall(compilePolicy(parsed.definition, 1), SUBJECT, call);
    expect(evaluation.kind === 'decided' ? evaluation.decision.effect : 'pending').not.toBe('allow');
  });
});

const SUBJECT = {
  provider: 'openai',
  wireFormat: 'chat',
  endpoint: '/v1/chat/completions',
  model: 'gpt-4.1',
  furtherModels: [],
  unnamedModels: false,
  stream: false,
  declared: [],
  background: false,
  inputTokens: 1,
  estimatedCostUsd: 0,
  agent: 'agent',
  team: null,
  labels: {},
  run: { spentUsd: 0, exchanges: 0, toolCalls: 0 },
  hour: 12,
  client: null,
  usedTools: new Set<string>(),
  typed: NOTHING_TYPED,
  own: USUAL_PLACES,
} as const;

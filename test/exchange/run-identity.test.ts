import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';
import { answering, type Said } from './gates/provider-answers.ts';

/** One session is one run, for clients that say nothing of their session: what their requests show decides (behaviour §2). */

const SECOND = 1_000;
const MINUTE = 60_000;
const TOOLS = ['bash', 'task'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object' } },
}));
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const NEW_RUN = { 'x-rungate-new-run': 'true' };
const SUMMARY = Array.from({ length: 40 }, (_, at) => `Step ${at}: looked at file ${at * 7} and noted it.`).join(' ');

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let agent = '';
let token = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  agent = `identity-${agents}`;
  token = await rungate.addAgent(agent, { budget_usd: 50 });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

interface Asked {
  readonly messages?: readonly unknown[];
  readonly tools?: readonly unknown[];
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

/** A chat call; with the tools of an agent unless it says otherwise. */
const callOf = ({ messages = [user('do the task')], tools = TOOLS, body = {}, headers = {}, path }: Asked = {}) => ({
  path: path ?? '/v1/chat/completions',
  token,
  headers,
  body: { model: 'gpt-4.1', messages, ...(tools.length === 0 ? {} : { tools }), ...body },
});
const call = (asked?: Asked): Promise<AgentAnswer> => send(rungate.url, callOf(asked));
const runIn = (answer: AgentAnswer): string => String(answer.headers['x-rungate-run-id']);
const runOf = async (asked?: Asked): Promise<string> => {
  const answer = await call(asked);
  expect(answer.status).toBe(200);
  return runIn(answer);
};
/** Another open run of the agent, active last. */
const openAnother = (): Promise<string> => runOf({ messages: [user('other')], tools: [], headers: NEW_RUN });
const says = (said: Said): void => upstream.script(answering(said));
const exchangesOf = async (runId: string) => (await rungate.call('runs.show', { run_id: runId })).exchanges;

describe('the same request again', () => {
  it.each([402, 409, 429, 503, 500])('after a %i of the provider stays in its run', async (status) => {
    upstream.script(answerJson({ error: { message: 'no', type: 'x' } }, status));
    const first = await call();
    expect(first.status).toBe(status);
    await openAnother().catch(() => undefined);
    upstream.script(answerAnything);
    const other = await openAnother();
    expect(other).not.toBe(runIn(first));
    // Spelled otherwise and asked for in the other form, it is the same request.
    const { model, messages, tools } = callOf().body as unknown as Record<string, unknown>;
    const again = await send(rungate.url, { ...callOf(), body: { tools, stream: true, messages, model } });
    expect(again.status).toBe(200);
    expect(runIn(again)).toBe(runIn(first));
    // Now it has had its answer.
    expect(await runOf()).not.toBe(runIn(first));
  });

  it('after a 402 of its own cap stays in its run, and passes there once the cap is raised', async () => {
    const poor = await rungate.addAgent(`${agent}-poor`, { budget_usd: 0.000_001 });
    const request = { ...callOf(), token: poor };
    const refused = await send(rungate.url, request);
    expect(refused.status).toBe(402);
    expect(runIn(await send(rungate.url, request))).toBe(runIn(refused));
    await rungate.call('budgets.set', { scope: 'run', name: runIn(refused), usd: 1 });
    await rungate.call('budgets.set', { scope: 'agent', name: `${agent}-poor`, usd: 1, window: 'day' });
    const passed = await send(rungate.url, request);
    expect([passed.status, runIn(passed)]).toEqual([200, runIn(refused)]);
  });

  it('after a stream that was cut stays in its run, also after a restart', async () => {
    const own = await startTestRungate({ upstreamUrl: upstream.url });
    const before = rungate;
    rungate = own;
    try {
      token = await own.addAgent('cut');
      upstream.script((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hal"}}]}\n\n');
        response.socket?.end();
      });
      const open = openCall(rungate.url, callOf({ body: { stream: true } }));
      const runId = String((await open.head).headers['x-rungate-run-id']);
      expect((await open.answer).ended).toBe(false);
      upstream.script(answerAnything);
      await openAnother();
      rungate = await rungate.restart();
      expect(await runOf({ body: { stream: true } })).toBe(runId);
    } finally {
      await rungate.close();
      rungate = before;
    }
  });

  it('while the first is under way is in its run, and so are 20 at once', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => runOf()));
    expect(new Set(runs).size).toBe(1);
  });

  it('after a 202 stays in its run until a minute after the answer was fetched', async () => {
    const document = `policy: gate-${agent}\nrules: [{ rule: all, match: { tool: bash }, action: gate }]\n`;
    await rungate.call('policies.apply', { document, file_name: 'gate.yaml', note: 'for tests' });
    token = await rungate.addAgent(`${agent}-gated`, { policy: `gate-${agent}`, delivery: 'retry' });
    says({ calls: [{ id: `call_${agent}`, name: 'bash', args: '{"command":"true"}' }] });
    const first = await call();
    expect(first.status).toBe(202);
    await openAnother().catch(() => undefined);
    const again = await call();
    expect([again.status, runIn(again)]).toEqual([202, runIn(first)]);
    await rungate.call('gates.approve', { gate_id: String(again.headers['x-rungate-gate-id']) });
    rungate.advance(10 * SECOND);
    expect(await runOf()).toBe(runIn(first));
    rungate.advance(59 * SECOND);
    expect(await runOf()).toBe(runIn(first));
    rungate.advance(61 * SECOND);
    const later = await call();
    expect(runIn(later)).not.toBe(runIn(first));
  });

  it('that asks for a new run gets one, although the first waits at a gate', async () => {
    const document = `policy: ask-${agent}\nrules: [{ rule: all, match: { endpoint: /v1/chat/completions }, action: gate }]\n`;
    await rungate.call('policies.apply', { document, file_name: 'ask.yaml', note: 'for tests' });
    token = await rungate.addAgent(`${agent}-asking`, { policy: `ask-${agent}`, delivery: 'retry' });
    const first = await call();
    expect(first.status).toBe(202);
    const second = await call({ headers: NEW_RUN });
    expect(second.status).toBe(202);
    expect(runIn(second)).not.toBe(runIn(first));
    expect(runIn(await call())).toBe(runIn(second));
  });
});

describe('two sessions', () => {
  it('with the same prompt, each answered, are two runs, and their next turns stay in them', async () => {
    says({ text: 'Working. ', calls: [{ id: `call_1_${agent}`, name: 'bash', args: '{}' }] });
    const one = await runOf();
    says({ text: 'Working. ', calls: [{ id: `call_2_${agent}`, name: 'bash', args: '{}' }] });
    const two = await runOf();
    expect(two).not.toBe(one);
    upstream.script(answerAnything);
    const turn = (id: string) => [
      user('do the task'),
      {
        ...assistant('Working. '),
        tool_calls: [{ id, type: 'function', function: { name: 'bash', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: id, content: 'ok' },
    ];
    expect(await runOf({ messages: turn(`call_1_${agent}`) })).toBe(one);
    expect(await runOf({ messages: turn(`call_2_${agent}`) })).toBe(two);
  });

  it('one of which is a fork of the other are two runs where the client names them', async () => {
    const claude = (session: string, messages: readonly unknown[]): Asked => ({
      path: '/v1/messages',
      headers: { 'x-claude-code-session-id': `${session}-${agent}` },
      messages,
      tools: [{ name: 'Bash', input_schema: {} }],
      body: { model: 'claude-opus-4-8', max_tokens: 100 },
    });
    const id = `toolu_${agent}`;
    says({ text: 'Working. ', calls: [{ id, name: 'Bash', args: '{"command":"true"}' }] });
    const one = await runOf(claude('one', [user('go')]));
    upstream.script(answerAnything);
    const history = [
      user('go'),
      { role: 'assistant', content: [{ type: 'tool_use', id, name: 'Bash', input: { command: 'true' } }] },
      user([{ type: 'tool_result', tool_use_id: id, content: 'ok' }]),
    ];
    expect(await runOf(claude('fork', history))).not.toBe(one);
    expect(await runOf(claude('one', history))).toBe(one);
  });
});

describe('a subagent', () => {
  const PROMPT = 'Look through the sources and list every place that opens a socket.';
  const spawn = (args: unknown, id = `call_spawn_${agent}`) => ({ id, name: 'task', args: JSON.stringify(args) });
  /** A session whose model has just begun a subagent. */
  const begin = async (args: unknown, id?: string, text = `session ${Math.random()}`): Promise<string> => {
    says({ text: 'I will delegate. ', calls: [spawn(args, id)] });
    const run = await runOf({ messages: [user(text)] });
    upstream.script(answerAnything);
    return run;
  };
  const subagent = (text: unknown): Asked => ({ messages: [{ role: 'system', content: 'You help.' }, user(text)] });

  it('whose prompt is an argument, nested, second among the text parts and wrapped, is in its parent’s run', async () => {
    const run = await begin({ agents: [{ prompt: PROMPT, kind: 'general-purpose' }] });
    await openAnother();
    const parts = [
      { type: 'text', text: '<context>today</context>' },
      { type: 'text', text: `Your task:\n${PROMPT}\nBe brief.` },
    ];
    expect(await runOf(subagent(parts))).toBe(run);
    const next = [...(subagent(parts).messages ?? []), assistant('hello'), user('go on')];
    expect(await runOf({ messages: next })).toBe(run);
    const found = (await exchangesOf(run)).map((one) => one.subagent);
    expect(found).toEqual([null, `call_spawn_${agent}`, `call_spawn_${agent}`]);
  });

  it('is not looked for once the result of the call has come back', async () => {
    const run = await begin({ prompt: PROMPT }, undefined, 'main');
    const call1 = { id: `call_spawn_${agent}`, type: 'function', function: { name: 'task', arguments: '{}' } };
    const result = { role: 'tool', tool_call_id: call1.id, content: 'done' };
    expect(
      await runOf({ messages: [user('main'), { role: 'assistant', content: '', tool_calls: [call1] }, result] }),
    ).toBe(run);
    expect(await runOf(subagent(PROMPT))).not.toBe(run);
  });

  it.each(['.', 'src', 'general-purpose', 'x'.repeat(23)])('is not found by the argument %j', async (short) => {
    const run = await begin({ path: short, prompt: short });
    expect(await runOf(subagent(`please look at ${short} and say what it is`))).not.toBe(run);
  });

  it('goes to the longest of several arguments, of equally long ones to the newest call of one run', async () => {
    const shorter = await begin({ prompt: PROMPT.slice(0, 40) }, 'call_shorter');
    const longer = await begin({ prompt: PROMPT }, 'call_longer');
    await begin({ prompt: PROMPT.slice(0, 30) }, 'call_shortest');
    expect(await runOf(subagent(PROMPT))).toBe(longer);
    expect(longer).not.toBe(shorter);
    says({ text: 'Again. ', calls: [spawn({ prompt: PROMPT }, 'call_newest')] });
    const turn = [user('x'), { role: 'assistant', content: '', tool_calls: [] }];
    await runOf({
      messages: [...turn, { role: 'tool', tool_call_id: 'call_other', content: '' }],
      headers: { 'x-rungate-run-id': longer },
    });
    upstream.script(answerAnything);
    expect(await runOf(subagent(`${PROMPT} Now.`))).toBe(longer);
    expect((await exchangesOf(longer)).at(-1)?.subagent).toBe('call_newest');
  });

  it('whose prompt stands in calls of two runs matches neither', async () => {
    const runs = [await begin({ prompt: PROMPT }, 'call_a'), await begin({ prompt: PROMPT }, 'call_b')];
    expect(runs).not.toContain(await runOf(subagent(PROMPT)));
  });

  it('of another agent is not in the run', async () => {
    const run = await begin({ prompt: PROMPT });
    token = await rungate.addAgent(`${agent}-stranger`);
    expect(await runOf(subagent(PROMPT))).not.toBe(run);
  });
});

describe('a compacted conversation', () => {
  it('is in the run that gave its summary, for an hour', async () => {
    says({ text: SUMMARY, calls: [] });
    const run = await runOf({ messages: [user('summarise')] });
    upstream.script(answerAnything);
    await openAnother();
    const compacted = (words: string): Asked => ({
      messages: [{ role: 'system', content: 'You code.' }, user(`This session continues another: ${words}`)],
    });
    expect(await runOf(compacted(SUMMARY.slice(100, 300)))).toBe(run);
    expect(await runOf(compacted(SUMMARY.slice(500, 699)))).not.toBe(run);
    expect(await runOf({ ...compacted(SUMMARY.slice(300)), tools: [] })).not.toBe(run);
    rungate.advance(61 * MINUTE);
    expect(await runOf(compacted(SUMMARY.slice(50)))).not.toBe(run);
  });

  it('is found after a restart too, streamed or not', async () => {
    const own = await startTestRungate({ upstreamUrl: upstream.url });
    const before = rungate;
    rungate = own;
    try {
      token = await own.addAgent('compacting');
      says({ text: SUMMARY, calls: [] });
      const run = await runOf({ messages: [user('summarise')], body: { stream: true } });
      upstream.script(answerAnything);
      rungate = await rungate.restart();
      expect(await runOf({ messages: [user(`Summary: ${SUMMARY}`)] })).toBe(run);
    } finally {
      await rungate.close();
      rungate = before;
    }
  });
});

describe('a call that cannot begin a session', () => {
  const FORCED = { tool_choice: { type: 'function', function: { name: 'bash' } } };

  it('joins the latest run: 100 calls with a forced tool are one', async () => {
    const runs = new Set<string>();
    for (let count = 0; count < 100; count += 1)
      runs.add(await runOf({ messages: [user(`record ${count}`)], body: FORCED }));
    expect(runs.size).toBe(1);
  });

  it.each([
    ['chat', '/v1/chat/completions', FORCED],
    [
      'responses',
      '/v1/responses',
      { tool_choice: { type: 'function', name: 'bash' }, input: 'x', messages: undefined },
    ],
    [
      'messages',
      '/v1/messages',
      { tool_choice: { type: 'tool', name: 'bash' }, model: 'claude-opus-4-8', max_tokens: 9 },
    ],
  ])('is known by the forced tool of %s', async (_format, path, body) => {
    const tools = path === '/v1/responses' ? [{ type: 'function', name: 'bash', parameters: {} }] : TOOLS;
    const declared = path === '/v1/messages' ? [{ name: 'bash', input_schema: {} }] : tools;
    const run = await openAnother();
    expect(await runOf({ path, body, tools: declared })).toBe(run);
    expect(await runOf({ path, body: { ...body, tool_choice: undefined }, tools: declared })).not.toBe(run);
  });

  it('is one that counts tokens, whatever it holds', async () => {
    const run = await openAnother();
    const body = { model: 'claude-opus-4-8' };
    const tools = [{ name: 'bash', input_schema: {} }];
    expect(await runOf({ path: '/v1/messages/count_tokens', body, tools })).toBe(run);
  });
});

describe('a title', () => {
  const TITLE: Asked = { messages: [user('Write a title for: do the task')], tools: [] };
  const AGENT = { 'user-agent': 'grok-cli/1' };

  it('that comes first gives its run to the session that follows', async () => {
    const run = await runOf({ ...TITLE, headers: AGENT });
    expect(await runOf({ headers: AGENT })).toBe(run);
    // It has calls with tools now.
    expect(await runOf({ messages: [user('another task')], headers: AGENT })).not.toBe(run);
  });

  it('does not, of another client or more than 10 s before', async () => {
    const run = await runOf({ ...TITLE, headers: AGENT });
    expect(await runOf({ headers: { 'user-agent': 'other/1' } })).not.toBe(run);
    rungate.advance(11 * SECOND);
    expect(await runOf({ messages: [user('late')], headers: AGENT })).not.toBe(run);
  });

  it('that comes later joins the run of its session', async () => {
    const run = await runOf();
    expect(await runOf(TITLE)).toBe(run);
    upstream.script(answerJson(chatAnswer('A title')));
    expect(await runOf({ ...TITLE, messages: [user('Write another')] })).toBe(run);
  });
});

describe('drift', () => {
  const used = (model: string, more: Asked = {}): Promise<string> => runOf({ ...more, body: { model, ...more.body } });
  const drifted = (model: string): boolean => {
    const named = rungate.events.filter(
      ({ name, body }) => name === 'policy.drift' && 'agent' in body && body.agent === agent,
    );
    return named.map(({ body }) => ('value' in body ? body.value : null)).includes(model);
  };

  it('is learned in the first run, and titles neither set nor trip it', async () => {
    const opencode = (session: string, tools: readonly unknown[], model: string): Promise<string> =>
      used(model, { tools, headers: { 'x-session-affinity': session, 'x-session-id': session } });
    await opencode('ses_1', [], 'gpt-nano');
    await opencode('ses_1', TOOLS, 'gpt-4.1');
    await opencode('ses_1', TOOLS, 'gpt-4.1-mini');
    await opencode('ses_2', [], 'gpt-other-nano');
    await opencode('ses_2', TOOLS, 'gpt-4.1');
    for (const model of ['gpt-nano', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-other-nano']) expect(drifted(model)).toBe(false);
    await opencode('ses_2', TOOLS, 'gpt-new');
    expect(drifted('gpt-new')).toBe(true);
    // A title's model is no habit.
    await opencode('ses_2', TOOLS, 'gpt-nano');
    expect(drifted('gpt-nano')).toBe(true);
  });
});

import Anthropic from '@anthropic-ai/sdk';
import { LLMock } from '@copilotkit/aimock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { answerAnything, messageAnswer, recording, SMALL_COST } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';
import { type SdkExchange, type SdkTraffic, watchTraffic } from '../harness/sdk-traffic.ts';

const ASK: Anthropic.MessageParam[] = [{ role: 'user', content: 'refund order 1' }];
const BASH: Anthropic.Tool = {
  name: 'Bash',
  input_schema: { type: 'object', properties: { command: { type: 'string' } } },
};
const MODEL = 'claude-opus-4-8';

interface Caller {
  readonly client: Anthropic;
  readonly traffic: SdkTraffic;
  readonly token: string;
}

let agents = 0;
async function newCaller(rungate: TestRungate, path = ''): Promise<Caller> {
  agents += 1;
  const token = await rungate.addAgent(`anthropic-${agents}`);
  const traffic = watchTraffic();
  const client = new Anthropic({
    apiKey: token,
    baseURL: `${rungate.url}${path}`,
    fetch: traffic.fetch,
    maxRetries: 0,
  });
  return { client, traffic, token };
}

const runOf = ({ headers }: SdkExchange): string => headers.get('x-rungate-run-id') ?? '';
const runsOf = (traffic: SdkTraffic): readonly string[] => [...new Set(traffic.exchanges.map(runOf))];
const shown = (rungate: TestRungate, exchange: SdkExchange) => rungate.call('runs.show', { run_id: runOf(exchange) });

describe('the anthropic SDK against a recorded provider', () => {
  let upstream: ScriptedUpstream;
  let rungate: TestRungate;
  let caller: Caller;

  beforeAll(async () => {
    upstream = await startScriptedUpstream(answerAnything);
    rungate = await startTestRungate({ upstreamUrl: upstream.url });
  });
  beforeEach(async () => {
    upstream.script(answerAnything);
    caller = await newCaller(rungate);
  });
  afterAll(async () => {
    await rungate.close();
    await upstream.close();
  });

  const forwarded = () => {
    const last = upstream.received.at(-1);
    if (last === undefined) throw new Error('nothing was forwarded');
    return last;
  };

  it('creates a message with the bytes of both sides untouched and the exact cost in its headers', async () => {
    const message = await caller.client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK });
    const exchange = caller.traffic.last();
    expect(message.content).toMatchObject([{ type: 'text', text: 'hello' }]);
    expect(forwarded().body.equals(exchange.sent)).toBe(true);
    expect((await exchange.received).toString()).toBe(JSON.stringify(messageAnswer()));
    expect(exchange.headers.get('x-rungate-cost-usd')).toBe('0.0003');
    expect(exchange.headers.get('x-rungate-budget-remaining-usd')).toBe('4.9997');
    expect(exchange.headers.get('x-rungate-policy')).toMatch(/^[\w.-]+@1$/);
    const { run, exchanges } = await shown(rungate, exchange);
    expect(run).toMatchObject({ spent_nano: SMALL_COST, reserved_nano: 0, client: 'anthropic-sdk' });
    expect(exchanges[0]?.exchange_id).toBe(exchange.headers.get('x-rungate-exchange-id'));
  });

  it('swaps whichever header carried the token for the provider’s own', async () => {
    const raw = new Anthropic({
      apiKey: null,
      authToken: null,
      baseURL: rungate.url,
      defaultHeaders: { 'x-api-key': caller.token, authorization: null },
    });
    for (const client of [caller.client, raw]) {
      await client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK });
      expect(forwarded().headers['x-api-key']).toBe('sk-test');
      expect(forwarded().headers.authorization).toBeUndefined();
      expect(forwarded().rawHeaders.join('\n')).not.toContain(caller.token);
    }
  });

  it('leaves a subscription’s credential, its version and its betas alone', async () => {
    const client = new Anthropic({
      apiKey: null,
      authToken: 'sk-ant-oat01-own',
      baseURL: rungate.url,
      defaultHeaders: { 'x-rungate-token': caller.token, 'anthropic-beta': 'oauth-2025-04-20,effort-2025-11-24' },
    });
    await client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK });
    expect(forwarded().headers.authorization).toBe('Bearer sk-ant-oat01-own');
    expect(forwarded().headers['anthropic-beta']).toBe('oauth-2025-04-20,effort-2025-11-24');
    expect(forwarded().headers['anthropic-version']).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(Object.keys(forwarded().headers).filter((name) => name.startsWith('x-rungate'))).toEqual([]);
  });

  it('streams raw events byte for byte and charges the usage they report', async () => {
    const stream = await caller.client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK, stream: true });
    const events = [];
    for await (const event of stream) events.push(event.type);
    expect(events.at(-1)).toBe('message_stop');
    const exchange = caller.traffic.last();
    expect(forwarded().body.equals(exchange.sent)).toBe(true);
    expect((await exchange.received).equals(recording('messages.text'))).toBe(true);
    const { run } = await shown(rungate, exchange);
    expect(run).toMatchObject({ spent_nano: 25 * 3_000 + 15 * 15_000, input_tokens: 25, output_tokens: 15 });
  });

  it('lets the stream helper assemble thinking, text and two tool calls, cached tokens priced each at their rate', async () => {
    upstream.script(answerStream([recording('messages.tools')]));
    const stream = caller.client.messages.stream({ model: MODEL, max_tokens: 100, messages: ASK, tools: [BASH] });
    const message = await stream.finalMessage();
    expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text', 'tool_use', 'tool_use']);
    expect(message.content[2]).toMatchObject({ id: 'toolu_1', input: { command: 'echo "hé"' } });
    const { run, steps } = await shown(rungate, caller.traffic.last());
    // 25 fresh, 1000 read, 100 written for 5 min and 200 for 1 h, 89 output.
    expect(run.spent_nano).toBe(25 * 3_000 + 1_000 * 300 + 100 * 3_750 + 200 * 6_000 + 89 * 15_000);
    // The first use of a tool is an alert of its own.
    const calls = steps.filter(({ kind }) => kind !== 'alert');
    expect(calls.map((step) => [step.kind, step.summary])).toEqual([
      ['model_call', MODEL],
      ['tool_call', 'Bash'],
      ['tool_call', 'Stop'],
    ]);
  });

  it('keeps a conversation with a tool in one run and records the failed result', async () => {
    upstream.script(
      answerJson(messageAnswer([{ type: 'tool_use', id: 'toolu_trip', name: 'Bash', input: { command: 'ls' } }])),
    );
    const first = await caller.client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK, tools: [BASH] });
    upstream.script(answerJson(messageAnswer()));
    const result = { type: 'tool_result', tool_use_id: 'toolu_trip', content: 'Exit code 1', is_error: true } as const;
    await caller.client.messages.create({
      model: MODEL,
      max_tokens: 100,
      messages: [...ASK, { role: 'assistant', content: first.content }, { role: 'user', content: [result] }],
      tools: [BASH],
    });
    expect(runsOf(caller.traffic)).toHaveLength(1);
    const { run, steps } = await shown(rungate, caller.traffic.last());
    expect(run).toMatchObject({ spent_nano: 2 * SMALL_COST, exchanges: 2, tool_calls: 1 });
    expect(steps.map((step) => step.kind)).toEqual(['model_call', 'tool_call', 'tool_result', 'model_call']);
  });

  it('counts tokens for nothing, even under a cap that is spent', async () => {
    const token = await rungate.addAgent('no-money', { budget_usd: 0 });
    const client = new Anthropic({ apiKey: token, baseURL: rungate.url, fetch: caller.traffic.fetch, maxRetries: 0 });
    const refused = client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK });
    await expect(refused).rejects.toMatchObject({ status: 402, error: { error: { type: 'billing_error' } } });
    const count = await client.messages.countTokens({ model: MODEL, messages: ASK });
    expect(count.input_tokens).toBe(25);
    expect(forwarded()).toMatchObject({ method: 'POST', url: '/v1/messages/count_tokens' });
    expect(forwarded().body.equals(caller.traffic.last().sent)).toBe(true);
    const { exchanges } = await shown(rungate, caller.traffic.last());
    expect(exchanges.at(-1)).toMatchObject({
      side: 'count_tokens',
      cost_nano: 0,
      estimated: false,
      state: 'completed',
    });
  });

  it('lists models through the provider of the SDK’s family without starting a run', async () => {
    const model = { type: 'model', id: MODEL, display_name: 'Opus', created_at: '2026-01-01T00:00:00Z' };
    upstream.script(answerJson({ data: [model], has_more: false, first_id: MODEL, last_id: MODEL }));
    expect((await caller.client.models.list()).data.map(({ id }) => id)).toEqual([MODEL, 'demo-model']);
    upstream.script(answerJson(model));
    expect(await caller.client.models.retrieve(MODEL)).toMatchObject({ id: MODEL });
    expect(forwarded()).toMatchObject({ method: 'GET', url: `/v1/models/${MODEL}` });
    expect(forwarded().headers['x-api-key']).toBe('sk-test');
    expect(runsOf(caller.traffic)).toEqual(['']);
  });

  it.each(['', '/v1', '/r/anthropic-by-path'])('answers under the base URL %j and keeps the query', async (path) => {
    const other = await newCaller(rungate, path);
    const options = { query: { beta: 'true' } };
    await other.client.messages.create({ model: MODEL, max_tokens: 100, messages: ASK }, options);
    expect(forwarded().url).toBe('/v1/messages?beta=true');
    if (path.startsWith('/r/')) expect(runOf(other.traffic.last())).toBe('anthropic-by-path');
  });

  it('gives a provider’s error to the SDK as it came, for nothing', async () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' }, request_id: 'req_1' };
    upstream.script((_request, response) => {
      response.writeHead(529, { 'content-type': 'application/json', 'request-id': 'req_1' }).end(JSON.stringify(error));
    });
    const thrown = await caller.client.messages
      .create({ model: MODEL, max_tokens: 9, messages: ASK })
      .catch((e: unknown) => e);
    expect(thrown).toMatchObject({ status: 529, requestID: 'req_1' });
    expect((await caller.traffic.last().received).toString()).toBe(JSON.stringify(error));
    expect((await shown(rungate, caller.traffic.last())).run.spent_nano).toBe(0);
  });

  it('raises the SDK’s own error for a refusal and does not make it retry', async () => {
    const client = new Anthropic({
      apiKey: caller.token,
      baseURL: rungate.url,
      fetch: caller.traffic.fetch,
      maxRetries: 2,
    });
    const headers = { 'x-rungate-policy': 'someone-elses' };
    const thrown = await client.messages
      .create({ model: MODEL, max_tokens: 9, messages: ASK }, { headers })
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(thrown).toMatchObject({ status: 403, error: { type: 'error', error: { type: 'permission_error' } } });
    expect(caller.traffic.exchanges).toHaveLength(1);
  });

  it('makes the SDK fail on a stream that the provider cut', async () => {
    const bytes = recording('messages.text');
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    });
    const stream = caller.client.messages.stream({ model: MODEL, max_tokens: 100, messages: ASK });
    await expect(stream.finalMessage()).rejects.toThrow();
  });
});

describe('the anthropic SDK against aimock', () => {
  let mock: LLMock;
  let rungate: TestRungate;

  beforeAll(async () => {
    mock = new LLMock({ port: 0 });
    const usage = { input_tokens: 25, output_tokens: 15 };
    mock.onToolResult('toolu_mock', { content: 'It is done.', usage });
    mock.onMessage('refund', { toolCalls: [{ id: 'toolu_mock', name: 'Bash', arguments: '{"command":"ls"}' }], usage });
    await mock.start();
    rungate = await startTestRungate({ upstreamUrl: mock.url });
  });
  afterAll(async () => {
    await rungate.close();
    await mock.stop();
  });

  it('streams a tool round trip in one run at the usage that the mock reports', async () => {
    const { client, traffic } = await newCaller(rungate);
    const asked = { model: MODEL, max_tokens: 100, tools: [BASH] };
    const first = await client.messages.stream({ ...asked, messages: ASK }).finalMessage();
    expect(first.content).toMatchObject([{ type: 'tool_use', id: 'toolu_mock', input: { command: 'ls' } }]);
    const messages: Anthropic.MessageParam[] = [
      ...ASK,
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_mock', content: 'a.txt' }] },
    ];
    const second = await client.messages.stream({ ...asked, messages }).finalMessage();
    expect(second.content).toMatchObject([{ type: 'text', text: 'It is done.' }]);
    expect(runsOf(traffic)).toHaveLength(1);
    expect((await shown(rungate, traffic.last())).run.spent_nano).toBe(2 * SMALL_COST);
  });
});

describe('the anthropic SDK against the built-in demo', () => {
  let rungate: TestRungate;
  beforeAll(async () => {
    rungate = await startTestRungate();
  });
  afterAll(() => rungate.close());

  it('plays a tool round trip offline in one run whose steps add up to its spend', async () => {
    const { client, traffic } = await newCaller(rungate);
    const asked = { model: 'demo-1', max_tokens: 500, tools: [BASH] };
    const ask: Anthropic.MessageParam[] = [{ role: 'user', content: 'run the command: echo hi' }];
    const first = await client.messages.stream({ ...asked, messages: ask }).finalMessage();
    const call = first.content.find((block) => block.type === 'tool_use');
    expect(call?.input).toEqual({ command: 'echo hi' });
    const result = { type: 'tool_result', tool_use_id: call?.id ?? '', content: 'hi' } as const;
    const second = await client.messages.create({
      ...asked,
      messages: [...ask, { role: 'assistant', content: first.content }, { role: 'user', content: [result] }],
    });
    expect(JSON.stringify(second.content)).toContain('The tool answered');
    expect(runsOf(traffic)).toHaveLength(1);
    const { run, exchanges } = await shown(rungate, traffic.last());
    expect(exchanges.reduce((sum, exchange) => sum + (exchange.cost_nano ?? 0), 0)).toBe(run.spent_nano);
    expect(run).toMatchObject({ tool_calls: 1, exchanges: 2 });
    expect((await client.messages.countTokens({ model: 'demo-1', messages: ask })).input_tokens).toBeGreaterThan(0);
  });
});

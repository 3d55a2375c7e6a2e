import { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answerAnything,
  chatAnswer,
  chatToolAnswer,
  EMBEDDINGS,
  recording,
  responsesAnswer,
  SMALL_COST,
} from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';
import { type SdkExchange, type SdkTraffic, watchTraffic } from '../harness/sdk-traffic.ts';

const REFUND = {
  type: 'function',
  function: {
    name: 'issue_refund',
    description: 'Pay an order back',
    parameters: { type: 'object', properties: { order: { type: 'string' }, amount_usd: { type: 'number' } } },
  },
} as const;
const ASK = [{ role: 'user', content: 'refund order 1' }] as const;

/** An SDK pointed at a core, with an agent of its own so that no two tests share a run. */
interface Caller {
  readonly client: OpenAI;
  readonly traffic: SdkTraffic;
  readonly token: string;
}

let agents = 0;
async function newCaller(rungate: TestRungate, options: { path?: string } = {}): Promise<Caller> {
  agents += 1;
  const token = await rungate.addAgent(`openai-${agents}`);
  const traffic = watchTraffic();
  const baseURL = `${rungate.url}${options.path ?? '/v1'}`;
  return { client: new OpenAI({ apiKey: token, baseURL, fetch: traffic.fetch, maxRetries: 0 }), traffic, token };
}

const runOf = ({ headers }: SdkExchange): string => headers.get('x-rungate-run-id') ?? '';
const runsOf = (traffic: SdkTraffic): readonly string[] => [...new Set(traffic.exchanges.map(runOf))];
const shown = (rungate: TestRungate, exchange: SdkExchange) => rungate.call('runs.show', { run_id: runOf(exchange) });

/** The chunk that only carries usage, with its blank line. */
const withoutUsageChunk = (stream: Buffer): Buffer =>
  Buffer.from(
    stream
      .toString()
      .split(/(?<=\n\n)/)
      .filter((frame) => !frame.includes('"choices":[]'))
      .join(''),
  );

describe('the openai SDK against a recorded provider', () => {
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

  it('completes a chat with the bytes of both sides untouched and the exact cost in its headers', async () => {
    const completion = await caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK] });
    const exchange = caller.traffic.last();
    expect(completion.choices[0]?.message.content).toBe('hello');
    expect(forwarded().body.equals(exchange.sent)).toBe(true);
    expect((await exchange.received).toString()).toBe(JSON.stringify(chatAnswer()));
    expect(exchange.headers.get('x-rungate-policy')).toMatch(/^[\w.-]+@1$/);
    expect(exchange.headers.get('x-rungate-exchange-id')).toMatch(/^xch_[0-9a-z]{26}$/);
    expect(exchange.headers.get('x-rungate-cost-usd')).toBe('0.0003');
    expect(exchange.headers.get('x-rungate-budget-remaining-usd')).toBe('4.9997');
    const { run, exchanges } = await shown(rungate, exchange);
    expect(run).toMatchObject({ spent_nano: SMALL_COST, reserved_nano: 0, input_tokens: 100, output_tokens: 20 });
    expect(exchanges).toMatchObject([
      { cost_nano: SMALL_COST, estimated: false, state: 'completed', client: 'openai-sdk' },
    ]);
  });

  it('keeps the provider key on this side and the agent token on that one', async () => {
    await caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK] });
    expect(forwarded().headers.authorization).toBe('Bearer sk-test');
    expect(forwarded().rawHeaders.join('\n')).not.toContain(caller.token);
    expect(forwarded().headers['accept-encoding']).toBe('identity');
  });

  it('asks for the usage of a chat stream that did not ask, and hides its chunk', async () => {
    const stream = await caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK], stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    const exchange = caller.traffic.last();
    expect(text).toBe('Grüße 👋 world');
    expect(JSON.parse(forwarded().body.toString())).toEqual({
      ...JSON.parse(exchange.sent.toString()),
      stream_options: { include_usage: true },
    });
    expect((await exchange.received).toString()).toBe(withoutUsageChunk(recording('chat.text')).toString());
    // 36 fresh tokens at $1, 64 cached at $0.10 and 20 output at $10 per million.
    const { run, exchanges } = await shown(rungate, exchange);
    expect(run.spent_nano).toBe(242_400);
    expect(exchanges[0]).toMatchObject({ estimated: false, usage: { cache_read_input_tokens: 64 } });
  });

  it('leaves a chat stream that asks for its usage as it is, in both directions', async () => {
    const stream = await caller.client.chat.completions.create({
      model: 'gpt-4.1',
      messages: [...ASK],
      stream: true,
      stream_options: { include_usage: true },
    });
    const usages = [];
    for await (const chunk of stream) if (chunk.usage != null) usages.push(chunk.usage.total_tokens);
    const exchange = caller.traffic.last();
    expect(usages).toEqual([120]);
    expect(forwarded().body.equals(exchange.sent)).toBe(true);
    expect((await exchange.received).equals(recording('chat.text'))).toBe(true);
    expect((await shown(rungate, exchange)).run.spent_nano).toBe(242_400);
  });

  it('passes a stream whole wherever the provider cuts it into packets', async () => {
    const bytes = recording('chat.text');
    for (const size of [1, 7, 333]) {
      upstream.script(async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let at = 0; at < bytes.length; at += size) {
          if (!response.write(bytes.subarray(at, at + size)))
            await new Promise((resolve) => response.once('drain', resolve));
          if (size > 1 || at % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      });
      const asked = { model: 'gpt-4.1', messages: [...ASK], stream: true as const };
      await drain(await caller.client.chat.completions.create({ ...asked, stream_options: { include_usage: true } }));
      expect((await caller.traffic.last().received).equals(bytes)).toBe(true);
      await drain(await caller.client.chat.completions.create(asked));
      expect((await caller.traffic.last().received).equals(withoutUsageChunk(bytes))).toBe(true);
    }
  });

  it('passes on what a provider sends after its terminal event', async () => {
    const pieces = [recording('chat.text').toString(), ': bye\n', '\n'];
    upstream.script(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) {
        response.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const asked = { model: 'gpt-4.1', messages: [...ASK], stream: true as const };
    await drain(await caller.client.chat.completions.create({ ...asked, stream_options: { include_usage: true } }));
    expect((await caller.traffic.last().received).toString()).toBe(pieces.join(''));
    await drain(await caller.client.chat.completions.create(asked));
    expect((await caller.traffic.last().received).toString()).toBe(
      withoutUsageChunk(Buffer.from(pieces.join(''))).toString(),
    );
  });

  it('lets the stream helper assemble parallel tool calls', async () => {
    upstream.script(answerStream([recording('chat.parallel-tools')]));
    const stream = caller.client.chat.completions.stream({ model: 'gpt-4.1', messages: [...ASK], tools: [REFUND] });
    const completion = await stream.finalChatCompletion();
    const calls = completion.choices[0]?.message.tool_calls?.map((call) => call.id);
    expect(calls).toEqual(['call_A', 'call_B']);
    const { run, steps } = await shown(rungate, caller.traffic.last());
    expect(run.tool_calls).toBe(2);
    expect(steps.filter((step) => step.kind === 'tool_call').map((step) => step.summary)).toEqual([
      'issue_refund',
      'lookup',
    ]);
  });

  it('keeps a conversation with a tool in one run and records call and result', async () => {
    upstream.script(answerJson(chatToolAnswer('call_round_trip')));
    const tools = [REFUND];
    const first = await caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK], tools });
    const message = first.choices[0]?.message;
    if (message === undefined) throw new Error('no answer');
    upstream.script(answerJson(chatAnswer('refunded')));
    const result = { role: 'tool', tool_call_id: 'call_round_trip', content: 'ok' } as const;
    await caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK, message, result], tools });
    expect(runsOf(caller.traffic)).toHaveLength(1);
    const { run, steps } = await shown(rungate, caller.traffic.last());
    expect(run).toMatchObject({ spent_nano: 2 * SMALL_COST, exchanges: 2, tool_calls: 1 });
    expect(steps.map((step) => step.kind)).toEqual(['model_call', 'tool_call', 'tool_result', 'model_call']);
  });

  it('runs the whole of a runTools conversation in one run', async () => {
    const answers = [chatToolAnswer('call_run_tools'), chatAnswer('all done')];
    upstream.script((request, response) => answerJson(answers.shift())(request, response));
    const refunds: unknown[] = [];
    const runner = caller.client.chat.completions.runTools({
      model: 'gpt-4.1',
      messages: [...ASK],
      tools: [
        {
          type: 'function',
          function: {
            ...REFUND.function,
            parse: JSON.parse,
            function: (args: unknown) => {
              refunds.push(args);
              return 'refunded';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('all done');
    expect(refunds).toEqual([{ order: 'ord_1', amount_usd: 1240 }]);
    expect(runsOf(caller.traffic)).toHaveLength(1);
  });

  it('carries Responses, plain and as a stream, byte for byte', async () => {
    const plain = await caller.client.responses.create({ model: 'gpt-5.5', input: 'hello' });
    expect(plain.output_text).toBe('hello');
    expect(forwarded().body.equals(caller.traffic.last().sent)).toBe(true);
    expect(caller.traffic.last().headers.get('x-rungate-cost-usd')).toBe('0.0003');
    const events = [];
    const stream = await caller.client.responses.create({ model: 'gpt-5.5', input: 'hello', stream: true });
    for await (const event of stream) events.push(event.type);
    expect(events.at(-1)).toBe('response.completed');
    expect(forwarded().body.equals(caller.traffic.last().sent)).toBe(true);
    expect((await caller.traffic.last().received).equals(recording('responses.text'))).toBe(true);
    // 72 fresh at $1, 128 cached at $0.10, 40 output at $10 per million.
    const { exchanges } = await shown(rungate, caller.traffic.last());
    expect(exchanges.map((exchange) => exchange.cost_nano)).toEqual([SMALL_COST, 484_800]);
  });

  it('lets the Responses stream helper finish with its tool calls', async () => {
    upstream.script(answerStream([recording('responses.tools')]));
    const stream = caller.client.responses.stream({ model: 'gpt-5.5', input: 'run it' });
    const final = await stream.finalResponse();
    expect(final.output.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []))).toEqual([
      'call_1',
      'call_2',
    ]);
    const { run } = await shown(rungate, caller.traffic.last());
    expect(run.tool_calls).toBe(2);
  });

  it('follows previous_response_id into the run that gave the response out', async () => {
    const ids = ['resp_one', 'resp_elsewhere', 'resp_two'];
    upstream.script((request, response) => answerJson(responsesAnswer(ids.shift() ?? ''))(request, response));
    const first = await caller.client.responses.create({ model: 'gpt-5.5', input: 'one' }, { headers: newRun });
    await caller.client.responses.create({ model: 'gpt-5.5', input: 'elsewhere' }, { headers: newRun });
    await caller.client.responses.create({ model: 'gpt-5.5', input: 'two', previous_response_id: first.id });
    const [one, elsewhere, two] = caller.traffic.exchanges.map(runOf);
    expect(two).toBe(one);
    expect(elsewhere).not.toBe(one);
  });

  it('prices embeddings by their input alone', async () => {
    const answer = await caller.client.embeddings.create({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
      encoding_format: 'float',
    });
    expect(answer.data.map((item) => item.embedding)).toEqual(EMBEDDINGS.data.map((item) => item.embedding));
    expect(caller.traffic.last().headers.get('x-rungate-cost-usd')).toBe('0.0000008');
    expect(forwarded().body.equals(caller.traffic.last().sent)).toBe(true);
  });

  it('streams legacy completions and hides the usage chunk that only it asked for', async () => {
    upstream.script(answerStream([recording('completions.text')]));
    const model = 'gpt-3.5-turbo-instruct';
    const stream = await caller.client.completions.create({ model, prompt: 'Say hi', stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    expect(text).toBe('Hi');
    expect((await caller.traffic.last().received).toString()).toBe(
      withoutUsageChunk(recording('completions.text')).toString(),
    );
    const { run } = await shown(rungate, caller.traffic.last());
    expect(run.spent_nano).toBe(3 * 1_000 + 16 * 10_000);
  });

  it('lists models through the provider of the SDK’s family without starting a run', async () => {
    upstream.script(
      answerJson({ object: 'list', data: [{ id: 'gpt-4.1', object: 'model', created: 1, owned_by: 'x' }] }),
    );
    const page = await caller.client.models.list();
    expect(page.data.map((model) => model.id)).toEqual(['gpt-4.1', 'demo-model']);
    expect(forwarded()).toMatchObject({ method: 'GET', url: '/v1/models' });
    expect(forwarded().headers.authorization).toBe('Bearer sk-test');
    expect(caller.traffic.last().headers.get('x-rungate-run-id')).toBeNull();
  });

  it.each(['', '/v1', '/v1/v1', '/r/named-by-path/v1'])('answers under the base URL %j', async (path) => {
    const other = await newCaller(rungate, { path });
    await other.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK] });
    expect(forwarded().url).toBe('/v1/chat/completions');
    if (path.startsWith('/r/')) expect(runOf(other.traffic.last())).toBe('named-by-path');
  });

  it('accepts the token beside a credential of the agent’s own, which reaches the provider untouched', async () => {
    const client = new OpenAI({
      apiKey: 'sk-my-own',
      baseURL: `${rungate.url}/v1`,
      defaultHeaders: { 'x-rungate-token': caller.token, 'openai-organization': 'org_1' },
    });
    await client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK] });
    expect(forwarded().headers.authorization).toBe('Bearer sk-my-own');
    expect(forwarded().headers['openai-organization']).toBe('org_1');
    expect(Object.keys(forwarded().headers).filter((name) => name.startsWith('x-rungate'))).toEqual([]);
  });

  it('gives a provider’s error to the SDK as it came, for nothing', async () => {
    const error = { error: { message: 'Slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' } };
    upstream.script((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' }).end(JSON.stringify(error));
    });
    const failure = await caller.client.chat.completions
      .create({ model: 'gpt-4.1', messages: [...ASK] })
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(OpenAI.RateLimitError);
    const exchange = caller.traffic.last();
    expect((await exchange.received).toString()).toBe(JSON.stringify(error));
    expect(exchange.headers.get('retry-after')).toBe('7');
    expect(exchange.headers.get('x-rungate-cost-usd')).toBe('0');
    expect((await shown(rungate, exchange)).run.spent_nano).toBe(0);
  });

  it('ends a stream with the provider’s own error event as the provider did, and charges the reservation', async () => {
    upstream.script(answerStream([recording('chat.error')]));
    const raw = await caller.client.chat.completions
      .create({ model: 'gpt-4.1', messages: [...ASK], stream: true })
      .asResponse();
    expect(Buffer.from(await raw.arrayBuffer()).equals(recording('chat.error'))).toBe(true);
    const again = caller.client.chat.completions.create({ model: 'gpt-4.1', messages: [...ASK], stream: true });
    await expect(again.then(drain)).rejects.toThrow('The server had an error.');
    const { exchanges } = await shown(rungate, caller.traffic.last());
    const [failed, retry] = exchanges;
    expect(failed).toMatchObject({ state: 'failed', estimated: true, cost_nano: failed?.reserved_nano });
    expect(retry).toMatchObject({ state: 'failed', retry_of: failed?.exchange_id });
  });

  it('raises the SDK’s own error for a refusal and does not make it retry', async () => {
    const client = new OpenAI({
      apiKey: caller.token,
      baseURL: `${rungate.url}/v1`,
      fetch: caller.traffic.fetch,
      maxRetries: 2,
    });
    const failure = await client.chat.completions
      .create({ model: 'local-unpriced', messages: [...ASK] })
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(failure).toMatchObject({ status: 403, code: 'model_unpriced', type: 'permission_denied', param: null });
    expect(caller.traffic.exchanges).toHaveLength(1);
  });
});

describe('the openai SDK against aimock', () => {
  let mock: LLMock;
  let rungate: TestRungate;
  let caller: Caller;

  beforeAll(async () => {
    mock = new LLMock({ port: 0 });
    const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
    mock.onToolResult('call_mock', { content: 'It is done.', usage });
    mock.onMessage('refund', {
      toolCalls: [{ id: 'call_mock', name: 'issue_refund', arguments: '{"order":"o"}' }],
      usage,
    });
    mock.onMessage('hello', { content: 'Hi there!', usage });
    await mock.start();
    rungate = await startTestRungate({ upstreamUrl: mock.url });
  });
  beforeEach(async () => {
    caller = await newCaller(rungate);
  });
  afterAll(async () => {
    await rungate.close();
    await mock.stop();
  });

  it('charges the usage of a stream that the SDK did not ask for and does not see', async () => {
    const stream = await caller.client.chat.completions.create({
      model: 'gpt-4.1',
      messages: [{ role: 'user', content: 'hello' }],
      stream: true,
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Hi there!');
    expect(chunks.every((chunk) => chunk.usage == null)).toBe(true);
    const { run } = await shown(rungate, caller.traffic.last());
    expect(run.spent_nano).toBe(SMALL_COST);
  });

  it('carries a tool round trip over Responses in one run', async () => {
    const tools = [{ ...REFUND.function, type: 'function', strict: false } as const];
    const first = await caller.client.responses.create({ model: 'gpt-4.1', input: 'refund it', tools });
    const call = first.output.find((item) => item.type === 'function_call');
    if (call === undefined) throw new Error('no call');
    const result = { type: 'function_call_output', call_id: call.call_id, output: 'ok' } as const;
    const input = [{ role: 'user', content: 'refund it' } as const, call, result];
    const second = await caller.client.responses.create({ model: 'gpt-4.1', input, tools });
    expect(second.output_text).toBe('It is done.');
    expect(runsOf(caller.traffic)).toHaveLength(1);
    const { run } = await shown(rungate, caller.traffic.last());
    expect(run).toMatchObject({ exchanges: 2, tool_calls: 1 });
  });
});

describe('the openai SDK against the built-in demo', () => {
  let rungate: TestRungate;
  let caller: Caller;

  beforeAll(async () => {
    rungate = await startTestRungate();
  });
  beforeEach(async () => {
    caller = await newCaller(rungate);
  });
  afterAll(() => rungate.close());

  it('plays a tool round trip offline in one run whose steps add up to its spend', async () => {
    const messages = [{ role: 'user', content: 'call issue_refund with {"order":"o1","amount_usd":5}' }] as const;
    const first = await caller.client.chat.completions.create({
      model: 'demo-1',
      messages: [...messages],
      tools: [REFUND],
    });
    const message = first.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    if (message === undefined || call === undefined) throw new Error('no call was proposed');
    expect(call).toMatchObject({ function: { name: 'issue_refund', arguments: '{"order":"o1","amount_usd":5}' } });
    const stream = await caller.client.chat.completions.create({
      model: 'demo-1',
      messages: [...messages, message, { role: 'tool', tool_call_id: call.id, content: 'paid' }],
      tools: [REFUND],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toContain('The tool answered "paid"');
    expect(runsOf(caller.traffic)).toHaveLength(1);
    const { run, exchanges } = await shown(rungate, caller.traffic.last());
    expect(run.spent_nano).toBeGreaterThan(0);
    expect(exchanges.reduce((sum, exchange) => sum + (exchange.cost_nano ?? 0), 0)).toBe(run.spent_nano);
    expect(exchanges.some((exchange) => exchange.estimated)).toBe(false);
  });

  it('serves Responses, embeddings, completions and models', async () => {
    const { client } = caller;
    expect((await client.responses.create({ model: 'demo-1', input: 'hi' })).output_text).toContain('You wrote "hi"');
    expect((await client.embeddings.create({ model: 'demo-1', input: 'hi' })).data).toHaveLength(1);
    expect((await client.completions.create({ model: 'demo-1', prompt: 'hi' })).choices[0]?.text).toContain('hi');
    expect((await client.models.list()).data.length).toBeGreaterThan(0);
  });
});

const newRun = { 'x-rungate-new-run': 'true' };

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

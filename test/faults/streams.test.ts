import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeRecord } from '../../proxy-core/contract/records.ts';
import { type AgentCall, openCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer, messageAnswer, recording } from '../harness/answers.ts';
import { startTestRungate, type TestOptions, type TestRungate } from '../harness/rungate.ts';
import {
  answerJson,
  answerStream,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts';

/** Answers that are cut, malformed, endless, or lie about what they cost (group D). */

let rungate: TestRungate;
let upstream: ScriptedUpstream;
let token: string;

async function begin(options: TestOptions = {}): Promise<void> {
  rungate = await startTestRungate({ upstreamUrl: upstream.url, ...options });
  token = await rungate.addAgent('bot');
}

beforeEach(async () => {
  upstream = await startScriptedUpstream(answerAnything);
});
afterEach(async () => {
  await rungate.close();
  await upstream.close();
});

const RUN = 'streams';
const call = (path: string, body: object): AgentCall => ({ path, token, headers: { 'x-rungate-run-id': RUN }, body });
const messages = [{ role: 'user', content: 'hi' }];
const streamed = (): AgentCall =>
  call('/v1/messages', { model: 'claude-opus-4-8', max_tokens: 100, messages, stream: true });
const plain = (): AgentCall => call('/v1/chat/completions', { model: 'gpt-4.1', max_tokens: 100, messages });

/** The run's only exchange, once it is settled. */
async function settled(): Promise<ExchangeRecord> {
  for (;;) {
    const news = new Promise<void>((resolve) => {
      const stop = rungate.core.subscribe(() => {
        stop();
        resolve();
      });
    });
    const { exchanges, run } = await rungate.call('runs.show', { run_id: RUN });
    const [exchange] = exchanges;
    if (exchange !== undefined && exchange.state !== 'open') {
      expect(run).toMatchObject({ spent_nano: exchange.cost_nano, reserved_nano: 0 });
      return exchange;
    }
    await news;
  }
}

const TEXT = recording('messages.text');

describe('D2 bytes of a stream that are not what they should be', () => {
  const text = TEXT.toString();
  const odd: Readonly<Record<string, Buffer>> = {
    'a byte order mark before it': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), TEXT]),
    'carriage returns as line ends': Buffer.from(text.replaceAll(/\r?\n/g, '\r')),
    'carriage returns and line feeds': Buffer.from(text.replaceAll(/\r?\n/g, '\r\n')),
    'invalid UTF-8 in a comment': Buffer.concat([
      Buffer.from(': '),
      Buffer.from([0xff, 0xfe, 0xc0]),
      Buffer.from('\n\n'),
      TEXT,
    ]),
    'invalid UTF-8 in the text': Buffer.from(TEXT.toString('latin1').replace('"text":"', '"text":"\xff\xfe'), 'latin1'),
    'unknown fields and events': Buffer.concat([
      Buffer.from('event: news\nretry: 5\nfoo: bar\ndata: {"type":"news"}\n\n'),
      TEXT,
    ]),
  };

  it.each(Object.keys(odd))('%s: the agent gets every byte', async (what) => {
    await begin();
    const bytes = odd[what] ?? Buffer.alloc(0);
    upstream.script(answerStream([bytes]));
    const answer = await send(rungate.url, streamed());
    expect(answer).toMatchObject({ status: 200, ended: true });
    expect(answer.body.equals(bytes)).toBe(true);
    expect(await settled()).toMatchObject({ state: 'completed' });
  });

  it('a stream that ends without its last event is cut, not ended, and charged as estimated', async () => {
    await begin();
    const cut = TEXT.subarray(0, TEXT.indexOf('event: message_stop'));
    upstream.script(answerStream([cut]));
    const answer = await send(rungate.url, streamed());
    expect(answer.ended).toBe(false);
    expect(answer.body.subarray(0, cut.length).equals(cut)).toBe(true);
    const { state, estimated, cost_nano, reserved_nano } = await settled();
    expect({ state, estimated }).toEqual({ state: 'failed', estimated: true });
    expect(cost_nano).toBeGreaterThanOrEqual(reserved_nano);
  });

  it('a stream that ends inside a character is cut', async () => {
    await begin();
    const at = TEXT.indexOf('"text":"') + 8;
    upstream.script(answerStream([TEXT.subarray(0, at), Buffer.from([0xe2, 0x82])]));
    expect(await send(rungate.url, streamed())).toMatchObject({ status: 200, ended: false });
    expect(await settled()).toMatchObject({ state: 'failed', estimated: true });
  });
});

describe('D5 an agent that leaves', () => {
  /** Writes the start of a stream, then hands over the response. */
  function half(): Promise<ServerResponse> {
    return new Promise((resolve) =>
      upstream.script((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(TEXT.subarray(0, TEXT.indexOf('event: message_delta')));
        resolve(response);
      }),
    );
  }

  it('mid-stream: the rest is read for its usage, and that is charged', async () => {
    await begin();
    const provider = half();
    const leaving = openCall(rungate.url, streamed());
    await leaving.until('message_start');
    leaving.leave();
    (await provider).end(TEXT.subarray(TEXT.indexOf('event: message_delta')));
    const exchange = await settled();
    expect(exchange).toMatchObject({
      estimated: false,
      usage: expect.objectContaining({ output_tokens: 15 }) as unknown,
    });
    expect(exchange.cost_nano).toBeLessThan(exchange.reserved_nano);
  });

  it('mid-stream, with more to come than is read on: the provider is hung up on and the reservation charged', async () => {
    await begin({ limits: { drainBytes: 1_000 } });
    const provider = half();
    const leaving = openCall(rungate.url, streamed());
    await leaving.until('message_start');
    leaving.leave();
    const response = await provider;
    const closed = new Promise((resolve) => response.once('close', resolve));
    const filler = `: ${'x'.repeat(4_000)}\n\n`;
    const pump = setInterval(() => response.write(filler), 5);
    await closed;
    clearInterval(pump);
    const exchange = await settled();
    expect(exchange).toMatchObject({ state: 'aborted', failure: 'aborted_by_agent', estimated: true });
    expect(exchange.cost_nano).toBeGreaterThanOrEqual(exchange.reserved_nano);
  });

  it('before the first byte, and the provider stays silent: given up after the drain time, charged as estimated', async () => {
    await begin({ limits: { drainMs: 50 } });
    upstream.script(() => undefined);
    const leaving = openCall(rungate.url, plain());
    const request = await upstream.request(1);
    leaving.leave();
    await request.closed;
    const exchange = await settled();
    expect(exchange).toMatchObject({ state: 'aborted', estimated: true, status: null });
    expect(exchange.cost_nano).toBe(exchange.reserved_nano);
  });
});

describe('D6 a provider that breaks off', () => {
  it('mid-stream: an error event, then a cut; charged', async () => {
    await begin();
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(TEXT.subarray(0, TEXT.indexOf('event: message_delta')), () => response.destroy());
    });
    const answer = await send(rungate.url, streamed());
    expect(answer.ended).toBe(false);
    expect(answer.text).toMatch(/event: error\ndata: .*upstream_unreachable/);
    expect(await settled()).toMatchObject({ state: 'failed', estimated: true });
  });

  it('before an answer: 502 and charged, because the request may have been carried out', async () => {
    await begin();
    upstream.script((_request, response) => void response.destroy());
    const answer = await send(rungate.url, plain());
    expect(answer.status).toBe(502);
    expect(await settled()).toMatchObject({ state: 'failed', failure: 'upstream_unreachable', estimated: true });
    expect(upstream.received).toHaveLength(1);
  });

  it('by not listening at all: 502 and free', async () => {
    await begin();
    await upstream.close();
    expect((await send(rungate.url, plain())).status).toBe(502);
    expect(await settled()).toMatchObject({ state: 'failed', cost_nano: 0, estimated: false });
    upstream = await startScriptedUpstream(answerAnything);
  });
});

describe('D7 a provider that hangs', () => {
  it('at connect: 504, and nothing is charged', async () => {
    const lookup = (): void => undefined; // a name server that never answers
    await begin({
      upstream: { connectTimeoutMs: 200, lookup },
      providers: [
        {
          id: 'far',
          kind: 'http',
          baseUrl: new URL('http://hanging.test/v1'),
          formats: ['chat'],
          models: ['gpt-*'],
          auth: 'bearer',
          key: { kind: 'none' },
        },
      ],
    });
    const answer = await send(rungate.url, plain());
    expect(answer.status).toBe(504);
    expect(answer.refusal).toMatchObject({ code: 'upstream_timeout', context: { phase: 'connect' } });
    expect(await settled()).toMatchObject({ state: 'failed', cost_nano: 0, estimated: false });
  });

  it('before its headers: 504, charged as estimated', async () => {
    await begin({ upstream: { headersTimeoutMs: 200 } });
    upstream.script(() => undefined);
    const answer = await send(rungate.url, plain());
    expect(answer.status).toBe(504);
    expect(answer.refusal).toMatchObject({ code: 'upstream_timeout', context: { phase: 'headers' } });
    const exchange = await settled();
    expect(exchange).toMatchObject({ state: 'failed', failure: 'upstream_timeout', estimated: true });
    expect(exchange.cost_nano).toBe(exchange.reserved_nano);
  });

  it('between two chunks: an error event and a cut, charged as estimated', async () => {
    await begin({ upstream: { chunkTimeoutMs: 200 } });
    upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(TEXT.subarray(0, TEXT.indexOf('event: message_delta')));
    });
    const answer = await send(rungate.url, streamed());
    expect(answer.ended).toBe(false);
    expect(answer.text).toContain('upstream_timeout');
    expect(await settled()).toMatchObject({ state: 'failed', failure: 'upstream_timeout', estimated: true });
  });
});

describe('D12 usage that cannot be believed', () => {
  const withUsage = (usage: unknown) => answerJson({ ...chatAnswer(), usage });

  it.each([
    ['missing', undefined],
    ['null', null],
    ['not an object', 'many'],
    ['empty', {}],
  ])('%s: the reservation is charged and marked estimated', async (_what, usage) => {
    await begin();
    upstream.script(withUsage(usage));
    await send(rungate.url, plain());
    const exchange = await settled();
    expect(exchange).toMatchObject({ state: 'completed', estimated: true });
    expect(exchange.cost_nano).toBe(exchange.reserved_nano);
  });

  it.each([
    ['negative', { prompt_tokens: -100, completion_tokens: -20, total_tokens: -120 }],
    ['not a number', { prompt_tokens: 'NaN', completion_tokens: {}, total_tokens: [] }],
    ['fractional', { prompt_tokens: 0.5, completion_tokens: 1.5, total_tokens: 2 }],
    ['larger than any context', { prompt_tokens: 1e300, completion_tokens: 1e300, total_tokens: 2e300 }],
    ['beyond exact integers', { prompt_tokens: 2 ** 60, completion_tokens: 1, total_tokens: 2 ** 60 }],
  ])('%s: the charge stays exact, is never negative, and is marked', async (_what, usage) => {
    await begin();
    upstream.script(withUsage(usage));
    await send(rungate.url, plain());
    const { cost_nano, estimated } = await settled();
    expect(estimated).toBe(true);
    expect(cost_nano).toBeGreaterThanOrEqual(0);
    expect(Number.isSafeInteger(cost_nano)).toBe(true);
  });

  it('explicit zero: honoured', async () => {
    await begin();
    upstream.script(withUsage({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }));
    await send(rungate.url, plain());
    expect(await settled()).toMatchObject({
      cost_nano: 0,
      usage: expect.objectContaining({ input_tokens: 0 }) as unknown,
    });
  });

  it('of an error that came with status 200 inside a stream: the call counts as failed', async () => {
    await begin();
    upstream.script(answerStream([recording('messages.error')]));
    await send(rungate.url, streamed());
    expect(await settled()).toMatchObject({ state: 'failed' });
  });

  it('of an error status: free, whatever usage the body claims', async () => {
    await begin();
    upstream.script(answerJson({ ...messageAnswer(), error: { type: 'overloaded_error' } }, 529));
    expect((await send(rungate.url, plain())).status).toBe(529);
    expect(await settled()).toMatchObject({ state: 'failed', status: 529, cost_nano: 0 });
  });
});

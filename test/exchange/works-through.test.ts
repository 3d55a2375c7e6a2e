import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeRecord } from '../../proxy-core/contract/records.ts';
import type { Provider } from '../../proxy-core/providers/provider.ts';
import { type AgentAnswer, type AgentCall, openCall, send, sendBytes } from '../harness/agent-client.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What works with a provider directly works through the proxy (behaviour §2). */

const CHAT = '/v1/chat/completions';
const KEY = 'sk-provider/secret+key_0123456789';
const ASK = { model: 'gpt-4.1', max_tokens: 20, messages: [{ role: 'user', content: 'hello' }] };
const STREAM = { ...ASK, stream: true };
const TOOL = { type: 'function', function: { name: 'wipe_disk', parameters: { type: 'object' } } };
const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', model: 'gpt-4.1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const HELLO = `${chunk({ role: 'assistant', content: 'hel' })}${chunk({ content: 'lo' })}${chunk({}, 'stop')}`;
const USAGE = `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', model: 'gpt-4.1', choices: [], usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 } })}\n\n`;
const DONE = 'data: [DONE]\n\n';
/** 1,000 tokens in and 100 out at the test prices. */
const EXACT = 2_000_000;

/** Blocks one tool, so that what cannot be read may have to be withheld. */
const STRICT = `policy: strict
budget: { run_usd: 5 }
rules:
  - { rule: "disk:never", match: { tool: wipe_disk }, action: block }
`;
const OPAQUE = `policy: opaque
budget: { run_usd: 5 }
endpoints: ["/v1/audio/transcriptions"]
endpoint_cost_usd: 0.01
`;

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let token = '';
let runId = '';
let runs = 0;

const provider = (id: string, more: Partial<Provider> = {}): Provider => ({
  id,
  kind: 'http',
  baseUrl: new URL(`${upstream.url}/v1`),
  formats: ['chat', 'responses', 'embeddings', 'completions'],
  models: [`gpt-${id}*`],
  auth: 'bearer',
  key: { kind: 'env', name: 'TEST_KEY' },
  ...more,
});

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerJson({}));
  rungate = await startTestRungate({
    providers: [
      provider('422'),
      provider('400'),
      provider('picky'),
      provider('off', { includeUsage: false }),
      provider('hangs', { timeouts: { connectMs: 2000, headersMs: 100, idleMs: 100 } }),
      provider('rest', { models: ['gpt-*', 'text-*'] }),
    ],
    credentials: {
      env: { TEST_KEY: KEY },
      keychain: { find: async () => null, save: async () => undefined, remove: async () => undefined },
      passphrase: async () => null,
    },
  });
  for (const document of [STRICT, OPAQUE])
    await rungate.call('policies.apply', { document, file_name: 'p.yaml', note: 'for tests' });
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});
beforeEach(() => as('open'));

/** A new agent and run under a policy. */
async function as(policy: string, delivery: 'retry' | 'hold' = 'retry'): Promise<void> {
  runs += 1;
  runId = `run-${runs}`;
  token = await rungate.addAgent(`agent-${runs}`, { policy, delivery });
}

const callOf = (body: unknown, more: Partial<AgentCall> = {}): AgentCall => ({
  path: CHAT,
  token,
  body,
  ...more,
  headers: { 'x-rungate-run-id': runId, ...more.headers },
});
const ask = (body: unknown, more?: Partial<AgentCall>): Promise<AgentAnswer> => send(rungate.url, callOf(body, more));
async function exchange(): Promise<ExchangeRecord> {
  const { exchanges } = await rungate.call('runs.show', { run_id: runId });
  const last = exchanges.at(-1);
  if (last === undefined) throw new Error('no exchange');
  return last;
}
/** Answers with these bytes under these headers, in pieces. */
const answerAs = (pieces: readonly (string | Uint8Array)[], headers: Readonly<Record<string, string>>, status = 200) =>
  upstream.script((_request, response) => {
    response.writeHead(status, headers);
    for (const piece of pieces) response.write(piece);
    response.end();
  });
/** What the last requests asked for the usage chunk. */
const asked = (count: number): readonly boolean[] =>
  upstream.received.slice(-count).map(({ body }) => body.includes('"include_usage"'));

describe('a stream under another content type', () => {
  it.each(['text/plain; charset=utf-8', 'application/json', 'application/octet-stream', ''])(
    '(%s) passes as it is and costs what its usage says',
    async (type) => {
      answerAs([HELLO, USAGE, DONE], type === '' ? {} : { 'content-type': type });
      const answer = await ask(STREAM);
      expect([answer.status, answer.text, answer.headers['content-type'] ?? '']).toEqual([200, HELLO + DONE, type]);
      expect(await exchange()).toMatchObject({ state: 'completed', cost_nano: EXACT, estimated: false });
    },
  );

  it('is known by its first bytes however they are cut, behind comments and a byte order mark', async () => {
    const text = `\ufeff: OPENROUTER PROCESSING\n\n${HELLO}`;
    answerAs([...Buffer.from(text)].map((byte) => Buffer.of(byte)).concat([Buffer.from(USAGE + DONE)]), {});
    expect((await ask(STREAM)).text).toBe(text + DONE);
    expect(await exchange()).toMatchObject({ cost_nano: EXACT, estimated: false });
  });

  it('is still held where a rule blocks a call in it', async () => {
    await as('strict');
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'wipe_disk', arguments: '{}' } };
    answerAs([chunk({ tool_calls: [call] }), chunk({}, 'tool_calls'), DONE], { 'content-type': 'application/json' });
    const answer = await ask({ ...STREAM, tools: [TOOL] });
    expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
  });
});

describe('an answer that cannot be read, where no rule could withhold anything', () => {
  const GZIPPED = gzipSync('{"choices":[]}');
  const cases: readonly (readonly [string, string | Uint8Array, Readonly<Record<string, string>>, boolean])[] = [
    [
      'gzip although identity was asked for',
      GZIPPED,
      { 'content-encoding': 'gzip', 'content-type': 'application/json' },
      false,
    ],
    [
      'a gzipped stream',
      gzipSync(HELLO + DONE),
      { 'content-encoding': 'gzip', 'content-type': 'text/event-stream' },
      true,
    ],
    ['JSON with a comma too many', '{"choices":[],}', { 'content-type': 'application/json' }, false],
    ['a page', '<html>hello</html>', { 'content-type': 'text/html' }, false],
    ['nothing', '', {}, false],
    ['lines of JSON instead of events', '{"a":1}\n{"b":2}\n', { 'content-type': 'application/x-ndjson' }, true],
    ['a stream of other words', 'data: hello\n\ndata: world\n\n', { 'content-type': 'text/event-stream' }, true],
  ];

  it.each(cases)('(%s) passes byte for byte and is charged by estimate', async (_name, bytes, headers, stream) => {
    answerAs([bytes], headers);
    const answer = await ask(stream ? STREAM : ASK);
    expect([answer.status, answer.ended]).toEqual([200, true]);
    expect(answer.body.equals(Buffer.from(bytes))).toBe(true);
    expect(answer.headers).toMatchObject(headers);
    const { state, estimated, cost_nano } = await exchange();
    expect([state, estimated, (cost_nano ?? 0) > 0]).toEqual(['completed', true, true]);
  });

  it.each(cases.slice(0, 3))('(%s) is withheld where a rule could', async (_name, bytes, headers, stream) => {
    await as('strict');
    answerAs([bytes], headers);
    const answer = await ask({ ...(stream ? STREAM : ASK), tools: [TOOL] });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it('one long call of a great many names is withheld where a rule could, and passes where none could', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(100_000) });
    const call = (nth: number) => ({
      index: 0,
      id: 'a',
      function: { name: `n${nth}`, arguments: nth === 0 ? long : '' },
    });
    const said = Array.from({ length: 200 }, (_, nth) => chunk({ tool_calls: [call(nth)] })).join('');
    answerAs([said, chunk({}, 'tool_calls'), DONE], { 'content-type': 'text/event-stream' });
    expect((await ask({ ...STREAM, tools: [TOOL] })).ended).toBe(true);
    await as('strict');
    const { status, refusal } = await ask({ ...STREAM, tools: [TOOL] });
    expect([status, refusal.context['rule']]).toEqual([403, 'answer:unreadable']);
  });

  it('a stream that was cut inside what is read stays cut', async () => {
    answerAs([HELLO.slice(0, -60)], { 'content-type': 'text/event-stream' });
    expect((await ask(STREAM)).ended).toBe(false);
  });

  it('an embeddings answer in another form passes although rules gate tools', async () => {
    await as('strict');
    answerAs(['{"data":[1,],}'], { 'content-type': 'application/json' });
    const answer = await ask({ model: 'text-embedding-3-small', input: 'a' }, { path: '/v1/embeddings' });
    expect([answer.status, answer.text]).toEqual([200, '{"data":[1,],}']);
  });
});

describe('the usage chunk that we ask for', () => {
  const refuseWith = (status: number, body: string) =>
    upstream.script((request, response) => {
      if (request.body.includes('stream_options'))
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(HELLO + DONE);
    });
  const FOREIGN = '{"detail":[{"type":"extra_forbidden","loc":["body"],"msg":"Extra inputs are not permitted"}]}';

  it.each([
    ['422', '{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}'],
    ['400', FOREIGN],
  ])('refused with %s: the agent’s own bytes go out once more, and from then on at once', async (status, body) => {
    refuseWith(Number(status), body);
    const request = { ...STREAM, model: `gpt-${status}` };
    const answer = await ask(request);
    expect([answer.status, answer.text, asked(2)]).toEqual([200, HELLO + DONE, [true, false]]);
    expect(upstream.received.at(-1)?.body.toString()).toBe(JSON.stringify(request));
    expect(await exchange()).toMatchObject({ state: 'completed', status: 200, estimated: true });
    await ask({ ...request, model: `gpt-${status}-other`, messages: [{ role: 'user', content: 'again' }] });
    expect(asked(3)).toEqual([true, false, false]);
  });

  it('an error that is the agent’s own reaches it as the answer to its own bytes, and nothing is remembered', async () => {
    upstream.script(answerJson({ error: { message: 'no such model' } }, 400));
    const model = 'gpt-picky';
    expect(await ask({ ...STREAM, model })).toMatchObject({
      status: 400,
      text: '{"error":{"message":"no such model"}}',
    });
    expect(asked(2)).toEqual([true, false]);
    answerAs([HELLO, USAGE, DONE], { 'content-type': 'text/event-stream' });
    expect((await ask({ ...STREAM, model })).text).toBe(HELLO + DONE);
    expect(asked(1)).toEqual([true]);
    // It has taken the edit, so the next error is not ours.
    upstream.script(answerJson({ error: { message: 'too long' } }, 400));
    const before = upstream.received.length;
    expect((await ask({ ...STREAM, model })).status).toBe(400);
    expect(upstream.received.length).toBe(before + 1);
  });

  it('the agent’s own wish for it is refused unmodified, once', async () => {
    refuseWith(422, FOREIGN);
    const before = upstream.received.length;
    const answer = await ask({ ...STREAM, stream_options: { include_usage: true } });
    expect([answer.status, answer.text, upstream.received.length]).toEqual([422, FOREIGN, before + 1]);
  });

  it('is not asked for where the provider’s setting says so', async () => {
    refuseWith(422, FOREIGN);
    expect((await ask({ ...STREAM, model: 'gpt-off' })).text).toBe(HELLO + DONE);
    expect(asked(1)).toEqual([false]);
  });

  it('is still asked for after an error that only repeats what the agent wrote, and after a passing one', async () => {
    const model = 'gpt-include_usage';
    upstream.script(answerJson({ error: { message: `no such model: ${model}` } }, 404));
    expect((await ask({ ...STREAM, model })).status).toBe(404);
    answerAs([HELLO, USAGE, DONE], { 'content-type': 'text/event-stream' });
    expect((await ask({ ...STREAM, model })).text).toBe(HELLO + DONE);
    expect(await exchange()).toMatchObject({ cost_nano: EXACT, estimated: false });
    // The chunk has come for this model, so a provider that fails once says nothing about it.
    let failing = true;
    upstream.script((_request, response) => {
      if (failing) response.writeHead(503).end('include_usage');
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(HELLO + USAGE + DONE);
      failing = false;
    });
    await ask({ ...STREAM, model });
    expect(asked(2)).toEqual([true, false]);
    await ask({ ...STREAM, model: 'gpt-4.1' });
    expect(asked(1)).toEqual([true]);
  });

  it('where a provider never answers it, the agent’s next try goes out as written', async () => {
    upstream.script((request, response) => {
      if (!request.body.includes('stream_options'))
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(HELLO + DONE);
    });
    expect((await ask({ ...STREAM, model: 'gpt-hangs' })).refusal.code).toBe('upstream_timeout');
    expect((await ask({ ...STREAM, model: 'gpt-hangs' })).text).toBe(HELLO + DONE);
  });
});

describe('endpoints that first-class clients call', () => {
  it('a compaction is governed as a Responses call and charged by its usage', async () => {
    const compacted = {
      id: 'resp_1',
      object: 'response.compaction',
      output: [{ type: 'compaction', encrypted_content: 'abc' }],
      usage: { input_tokens: 1000, output_tokens: 100, total_tokens: 1100 },
    };
    upstream.script(answerJson(compacted));
    const answer = await ask({ model: 'gpt-4.1', input: 'long history' }, { path: '/v1/responses/compact' });
    expect(answer.json()).toEqual(compacted);
    expect(upstream.received.at(-1)?.url).toBe('/v1/responses/compact');
    expect(await exchange()).toMatchObject({ wire_format: 'responses', cost_nano: EXACT, estimated: false });
  });

  it('input tokens are counted free of charge', async () => {
    upstream.script(answerJson({ object: 'response.input_tokens', input_tokens: 11 }));
    const answer = await ask({ model: 'gpt-4.1', input: 'hello' }, { path: '/v1/responses/input_tokens' });
    expect(answer.json()).toMatchObject({ input_tokens: 11 });
    expect(await exchange()).toMatchObject({ side: 'count_tokens', cost_nano: 0 });
  });
});

describe('an endpoint that the policy lists', () => {
  const PARTS =
    '--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\u0000\u0001RIFF\r\n--x--\r\n';
  const upload = { path: '/v1/audio/transcriptions', headers: { 'content-type': 'multipart/form-data; boundary=x' } };

  it('takes and answers any content type, and costs what the policy says', async () => {
    await as('opaque');
    answerAs(['WEBVTT\n\nhello'], { 'content-type': 'text/vtt' });
    const answer = await ask(PARTS, upload);
    expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([200, 'WEBVTT\n\nhello', 'text/vtt']);
    expect(upstream.received.at(-1)?.body.toString()).toBe(PARTS);
    expect(upstream.received.at(-1)?.headers['content-type']).toBe('multipart/form-data; boundary=x');
    expect((await exchange()).cost_nano).toBe(10_000_000);
  });

  it('where it is not listed, is refused for that and not for its type', async () => {
    const before = upstream.received.length;
    expect((await ask(PARTS, upload)).refusal.code).toBe('endpoint_not_governed');
    expect(upstream.received.length).toBe(before);
  });

  it('a governed endpoint still takes JSON only', async () => {
    expect((await ask('a=b', { headers: { 'content-type': 'text/plain' } })).refusal.code).toBe(
      'unsupported_media_type',
    );
  });
});

describe('an error or a count that holds a call which a rule blocks', () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'wipe_disk', arguments: '{}' } };
  const chat = JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', tool_calls: [call] } }] });
  const item = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'wipe_disk', arguments: '{}' };
  const events = `data: ${JSON.stringify({ type: 'response.output_item.done', output_index: 0, item })}\n\n`;
  const twice = `${chat.slice(0, -1)},"choices":[]}`;
  const JSON_TYPE = { 'content-type': 'application/json' };
  beforeEach(() => as('strict'));

  it.each([
    ['plainly', chat, {}],
    ['under gzip', gzipSync(chat), { 'content-encoding': 'gzip' }],
    ['under two codings', gzipSync(brotliCompressSync(chat)), { 'content-encoding': 'br, gzip' }],
    ['under a coding that is not known', gzipSync(chat), { 'content-encoding': 'secret' }],
    ['with a key twice', twice, {}],
    ['with a key twice under gzip', gzipSync(twice), { 'content-encoding': 'gzip' }],
  ])('%s is refused', async (_how, body, headers) => {
    answerAs([body], { ...JSON_TYPE, ...headers }, 400);
    const answer = await ask({ ...ASK, tools: [TOOL] });
    expect([answer.status, answer.refusal.code]).toEqual([403, 'policy_blocked']);
  });

  it.each([
    ['gzipped', gzipSync('{"error":{"message":"slow down"}}'), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
    ['a page', '<html><script>function call() {}</script></html>', { 'content-type': 'text/html' }],
    ['cut short', '{"error":{"message":"slow do', JSON_TYPE],
    ['a list', '[{"error":{"message":"function calls are off"}}]', JSON_TYPE],
  ])('while an honest error passes byte for byte (%s)', async (_how, body, headers) => {
    answerAs([body], headers, 429);
    const answer = await ask({ ...ASK, tools: [TOOL] });
    expect([answer.status, answer.body.equals(Buffer.from(body))]).toEqual([429, true]);
  });

  it('a count that is a stream passes in no piece', async () => {
    const answered = Promise.withResolvers<void>();
    upstream.script(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(events);
      await answered.promise;
      response.end('data: {}\n\n');
    });
    const counted = openCall(
      rungate.url,
      callOf({ model: 'gpt-4.1', input: 'a' }, { path: '/v1/responses/input_tokens' }),
    );
    answered.resolve();
    const answer = await counted.answer;
    expect([answer.status, answer.text.includes('call_1')]).toEqual([403, false]);
  });
});

describe('signs of life', () => {
  const JSON_ANSWER = JSON.stringify({
    id: 'c1',
    object: 'chat.completion',
    model: 'gpt-4.1',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
  });

  it('white space before a document passes at once, and the document follows', async () => {
    const slow = Promise.withResolvers<void>();
    upstream.script(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('\n \n');
      await slow.promise;
      response.end(JSON_ANSWER);
    });
    const call = openCall(rungate.url, callOf(ASK));
    await call.until('\n \n');
    slow.resolve();
    expect(await call.answer).toMatchObject({ status: 200, text: `\n \n${JSON_ANSWER}`, ended: true });
    expect(await exchange()).toMatchObject({ cost_nano: EXACT, estimated: false });
  });

  it('does not pass where the answer may have to be refused', async () => {
    await as('strict');
    const call = { id: 'call_1', type: 'function', function: { name: 'wipe_disk', arguments: '{}' } };
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    const body = JSON.stringify({ id: 'c1', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    answerAs(['\n\n', body], { 'content-type': 'application/json' });
    expect(await ask({ ...ASK, tools: [TOOL] })).toMatchObject({ status: 403 });
  });

  it('comments pass while a call is held', async () => {
    await as('strict', 'hold');
    const rest = Promise.withResolvers<void>();
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'wipe_disk', arguments: '' } };
    upstream.script(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ role: 'assistant', content: 'now' }) + chunk({ tool_calls: [call] }));
      response.write(': still there\n\n');
      await rest.promise;
      response.end(chunk({}, 'tool_calls') + DONE);
    });
    const held = openCall(rungate.url, callOf({ ...STREAM, tools: [TOOL] }));
    await held.until(': still there\n\n');
    rest.resolve();
    const answer = await held.answer;
    expect(answer.text).not.toContain('wipe_disk"');
    expect(answer.text).toContain('disk:never');
  });

  it('interim answers pass before the answer', async () => {
    upstream.script((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON_ANSWER);
    });
    const call = openCall(rungate.url, callOf(ASK));
    const interim: number[] = [];
    call.request.on('information', ({ statusCode }) => interim.push(statusCode));
    expect((await call.answer).text).toBe(JSON_ANSWER);
    expect(interim).toEqual([102, 103]);
  });
});

describe('a provider that repeats the key it was sent', () => {
  const blank = '*'.repeat(KEY.length);

  it('in an error shows it neither to the agent nor to the record', async () => {
    upstream.script((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json', 'x-key': `Bearer ${KEY}` });
      response.end(JSON.stringify({ error: { message: `Incorrect API key: ${KEY}.` } }));
    });
    const answer = await ask(ASK);
    expect(answer.json()).toEqual({ error: { message: `Incorrect API key: ${blank}.` } });
    expect(answer.headers['x-key']).toBe(`Bearer ${blank}`);
    const { exchange_id } = await exchange();
    const { content } = await rungate.call('exchanges.body', { exchange_id, side: 'response' });
    expect(content).toContain(blank);
    expect(content).not.toContain(KEY);
  });

  it.each(['/v1/models', '/v1/models/gpt-4.1'])('at %s shows it neither', async (path) => {
    upstream.script((_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json', 'x-key': KEY });
      response.write(`{"error":"bad key ${KEY.slice(0, 9)}`);
      setImmediate(() => response.end(`${KEY.slice(9)}"}`));
    });
    const answer = await ask(undefined, { method: 'GET', path });
    expect([answer.status, answer.text, answer.headers['x-key']]).toEqual([401, `{"error":"bad key ${blank}"}`, blank]);
  });

  it('in a list of models that is merged shows it neither', async () => {
    upstream.script(answerJson({ data: [{ id: 'gpt-4.1', object: 'model', owned_by: KEY }] }));
    expect((await ask(undefined, { method: 'GET', path: '/v1/models' })).json()).toEqual({
      object: 'list',
      data: [{ id: 'gpt-4.1', object: 'model', owned_by: blank }],
    });
  });

  it('in a stream shows it in no piece of it, wherever that is cut', async () => {
    const said = chunk({ content: `your key is ${KEY}, and sk-other` });
    for (let cut = 1; cut < KEY.length; cut += 7) {
      const at = said.indexOf(KEY) + cut;
      const answered = upstream.received.length + 1;
      upstream.script(async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(said.slice(0, at));
        await new Promise((resolve) => setImmediate(resolve));
        response.end(said.slice(at) + chunk({}, 'stop') + USAGE + DONE);
      });
      const answer = await ask({ ...STREAM, messages: [{ role: 'user', content: `cut at ${cut}` }] });
      expect(answer.text).toBe(`${said.replace(KEY, blank)}${chunk({}, 'stop')}${DONE}`);
      expect(upstream.received.length).toBe(answered);
    }
  });
});

describe('a credential header that is there twice', () => {
  it.each(['Authorization: Bearer TOKEN', 'x-api-key: TOKEN', 'x-rungate-token: TOKEN'])('%s: 400', async (line) => {
    const header = line.replace('TOKEN', token);
    const before = upstream.received.length;
    const answer = await sendBytes(
      rungate.url,
      `POST ${CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\n${header}\r\n${header}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('more than once');
    expect(upstream.received.length).toBe(before);
  });
});

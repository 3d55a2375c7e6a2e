import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../proxy-core/contract/failures.ts';
import { renderStreamRefusal } from '../../proxy-core/wire/refusal.ts';
import { type AgentCall, send } from '../harness/agent-client.ts';
import { answerAnything, chatAnswer, chatToolAnswer } from '../harness/answers.ts';
import { requestText, sendRaw } from '../harness/raw-socket.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** What a request, or a provider, can make the gateway do with keys, connections and records (group C). */

let rungate: TestRungate;
let upstream: ScriptedUpstream;
/** A provider that is in no configuration. */
let evil: ScriptedUpstream;
let token: string;
let seen = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  evil = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({ upstreamUrl: upstream.url });
  token = await rungate.addAgent('bot');
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
  await evil.close();
});
beforeEach(() => {
  upstream.script(answerAnything);
  seen = upstream.received.length;
});

const newRequests = () => upstream.received.slice(seen);
const messages = [{ role: 'user', content: 'hi' }];
const chat = (extra: object = {}, call: Partial<AgentCall> = {}): AgentCall => ({
  path: '/v1/chat/completions',
  token,
  body: { model: 'gpt-4.1', messages, max_tokens: 10, ...extra },
  ...call,
});

describe('C1 the provider and its key come from the configuration only', () => {
  it.each([
    ['base_url', () => ({ base_url: evil.url })],
    ['api_base and api_key', () => ({ api_base: evil.url, api_key: 'sk-evil' })],
    ['a nested model list', () => ({ model_list: [{ litellm_params: { api_base: evil.url, api_key: 'sk-evil' } }] })],
    ['a nested client', () => ({ extra_body: { client: { base_url: evil.url } }, metadata: { base_url: evil.url } })],
  ])('%s in the body goes nowhere', async (_what, extra) => {
    await send(rungate.url, chat(extra()));
    expect(evil.received).toEqual([]);
    expect(newRequests().map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-test']);
  });

  it.each([
    'x-base-url',
    'x-portkey-custom-host',
    'x-forwarded-host',
    'x-original-url',
    'x-rewrite-url',
    'openai-base-url',
    'x-rungate-upstream',
    'forwarded',
  ])('the header %s goes nowhere', async (name) => {
    const value = name === 'forwarded' ? `host=${new URL(evil.url).host}` : evil.url;
    await send(rungate.url, chat({}, { headers: { [name]: value } }));
    expect(evil.received).toEqual([]);
    const [request] = newRequests();
    expect(request?.headers.host).toBe(new URL(upstream.url).host);
    expect(request?.url).toBe('/v1/chat/completions');
  });

  it.each([
    '//evil.test/v1/chat/completions',
    '/v1/../../admin',
    '/v1/%2e%2e/%2e%2e/admin',
    '/v1/..%2fadmin',
    '/v1\\..\\admin',
    '/v1/chat/completions/../../../admin',
    '/@evil.test/',
  ])('the path %s reaches no other place of the provider', async (path) => {
    const headers = ['host: 127.0.0.1', `authorization: Bearer ${token}`, 'content-type: application/json'];
    const body = JSON.stringify(chat().body);
    const text = requestText(`POST ${path}`, [...headers, `content-length: ${body.length}`, 'connection: close'], body);
    const { statuses } = await sendRaw(rungate.url, text);
    expect([400, 403, 404]).toContain(statuses[0]);
    expect(newRequests()).toEqual([]);
  });

  it('a key that the agent sent beside its token reaches no provider', async () => {
    await send(rungate.url, chat({}, { headers: { 'x-api-key': 'sk-of-the-agent' } }));
    expect(newRequests()[0]?.rawHeaders.join('\n')).not.toMatch(/sk-of-the-agent|rg_agt_/);
  });
});

describe.each([301, 302, 303, 307, 308])('C2 a %i from the provider', (status) => {
  const redirect = () =>
    upstream.script((_request, response) => {
      response.writeHead(status, { location: `${evil.url}/steal`, 'content-type': 'application/json' }).end('{}');
    });

  // Passed on, it would be followed by the agent's own client: its token would leave, and nobody would judge the answer.
  it.each([
    ['a call', () => chat({ model: 'gpt-4.1' }, { headers: { 'x-rungate-run-id': `redirected-${status}` } })],
    ['the list of models', () => ({ path: '/v1/models', token })],
  ])('to %s is neither followed nor passed on', async (_what, call) => {
    redirect();
    const answer = await send(rungate.url, call());
    expect(answer.status).toBe(502);
    expect(answer.refusal.message).toContain('redirect');
    expect(answer.headers.location).toBeUndefined();
    expect(evil.received).toEqual([]);
    expect(newRequests()).toHaveLength(1);
  });

  it('costs nothing', async () => {
    const { run } = await rungate.call('runs.show', { run_id: `redirected-${status}` });
    expect(run).toMatchObject({ exchanges: 1, spent_nano: 0, reserved_nano: 0 });
  });
});

describe('C4 what two parsers could read differently', () => {
  const head = (): string[] => ['host: 127.0.0.1', `authorization: Bearer ${token}`, 'content-type: application/json'];
  const smuggled = 'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

  it.each([
    [
      'Content-Length with Transfer-Encoding',
      ['content-length: 5', 'transfer-encoding: chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    ['two Content-Lengths', ['content-length: 5', 'content-length: 6'], 'hello!'],
    ['a folded header', ['content-length: 2', 'x-long: one\r\n two'], '{}'],
    ['a chunk size with rubbish', ['transfer-encoding: chunked'], '5x\r\nhello\r\n0\r\n\r\n'],
    ['chunked twice', ['transfer-encoding: chunked, identity'], '0\r\n\r\n'],
    ['a space before the colon', ['content-length : 5'], 'hello'],
    ['a negative length', ['content-length: -1'], ''],
    ['a NUL in a header', ['x-nul: a\0b', 'content-length: 0'], ''],
  ])('%s: 400, and the connection is closed', async (_what, headers, body) => {
    const answer = await sendRaw(rungate.url, requestText('POST /v1/chat/completions', [...head(), ...headers], body));
    expect(answer).toMatchObject({ statuses: [400], closed: true });
    expect(newRequests()).toEqual([]);
  });

  it('a bare line feed between headers: 400, and the connection is closed', async () => {
    const text = `POST /v1/chat/completions HTTP/1.1\nhost: 127.0.0.1\ncontent-length: 2\n\n{}`;
    expect(await sendRaw(rungate.url, text)).toMatchObject({ statuses: [400], closed: true });
  });

  it('hop-by-hop headers, and those that Connection names, stay on their side', async () => {
    const body = JSON.stringify(chat().body);
    const hop = [
      'connection: close, x-secret-hop',
      'x-secret-hop: 1',
      'te: trailers',
      'proxy-authorization: Basic x',
      'keep-alive: 5',
      'cookie: a=b',
    ];
    await sendRaw(
      rungate.url,
      requestText('POST /v1/chat/completions', [...head(), ...hop, `content-length: ${body.length}`], body),
    );
    const names = Object.keys(newRequests()[0]?.headers ?? {});
    expect(names).not.toEqual([]);
    for (const name of ['x-secret-hop', 'te', 'proxy-authorization', 'keep-alive', 'cookie'])
      expect(names).not.toContain(name);
  });
});

describe('C5 a refusal that comes before the body', () => {
  const inner = () => requestText('GET /v1/models', ['host: 127.0.0.1', `authorization: Bearer ${token}`]);
  const padded = (): string => `${inner()}${' '.repeat(200_000)}`;

  it.each([
    ['401', () => ['authorization: Bearer rg_agt_0123456789abcdef', 'content-type: application/json'], 401],
    ['415', () => [`authorization: Bearer ${token}`, 'content-type: text/plain'], 415],
    [
      '413',
      () => [`authorization: Bearer ${token}`, 'content-type: application/json', 'content-length: 99999999999'],
      413,
    ],
  ])('%s closes the connection, and what follows on it is never read as a request', async (_what, headers, status) => {
    const sent = headers();
    const length = sent.some((header) => header.startsWith('content-length'))
      ? []
      : [`content-length: ${padded().length}`];
    const text = requestText('POST /v1/chat/completions', ['host: 127.0.0.1', ...sent, ...length], padded());
    const answer = await sendRaw(rungate.url, text);
    expect(answer).toMatchObject({ statuses: [status], closed: true });
    expect(newRequests()).toEqual([]);
  });

  it('402 leaves the connection at the next request, with the body it refused consumed', async () => {
    const poor = await rungate.addAgent('poor', { budget_usd: 0.000001 });
    const body = JSON.stringify(chat().body);
    const headers = ['host: 127.0.0.1', `authorization: Bearer ${poor}`, 'content-type: application/json'];
    const one = requestText('POST /v1/chat/completions', [...headers, `content-length: ${body.length}`], body);
    const answer = await sendRaw(rungate.url, `${one}${one}`, { answers: 2 });
    expect(answer.statuses).toEqual([402, 402]);
    expect(newRequests()).toEqual([]);
  });
});

describe('C6 SQL in everything that is stored', () => {
  const INJECTION = `'); DROP TABLE runs; --`;

  it('is data: it comes back as it went in, and the tables are still there', async () => {
    upstream.script(answerJson(chatToolAnswer(`call_${INJECTION}`, INJECTION, JSON.stringify({ note: INJECTION }))));
    const answer = await send(
      rungate.url,
      chat(
        {
          model: `gpt-${INJECTION}`,
          prompt_cache_key: INJECTION,
          metadata: { user_id: INJECTION },
          tools: [{ type: 'function', function: { name: INJECTION } }],
        },
        {
          headers: {
            'x-rungate-run-id': 'sql-run',
            'x-rungate-label-goal': INJECTION,
            'x-claude-code-session-id': INJECTION,
            'session-id': INJECTION,
          },
        },
      ),
    );
    expect(answer.status).toBe(200);
    const shown = await rungate.call('runs.show', { run_id: 'sql-run' });
    expect(shown.run).toMatchObject({ labels: { goal: INJECTION }, models: [`gpt-${INJECTION}`] });
    expect(shown.steps.map(({ summary }) => summary)).toContain(INJECTION);
    expect((await rungate.call('runs.list', {})).runs.length).toBeGreaterThan(0);
  });

  it.each(['x-rungate-run-id', 'path'])('a run id that holds it is refused (%s)', async (where) => {
    const call =
      where === 'path'
        ? chat({}, { path: `/r/${encodeURIComponent(INJECTION)}/v1/chat/completions` })
        : chat({}, { headers: { [where]: INJECTION } });
    expect((await send(rungate.url, call)).status).toBe(400);
    expect(newRequests()).toEqual([]);
  });

  it('an operator cannot inject either: names are checked, cursors are parsed', async () => {
    for (const input of [
      { agents: [INJECTION] },
      { policies: [INJECTION] },
      { models: [INJECTION.slice(1)] },
      { tools: [`x${INJECTION}`] },
      { text: `" OR run_text MATCH "x* ${INJECTION} NEAR(` },
      { ids: [INJECTION] },
    ]) {
      const reply = await rungate.tryCall('runs.list', input);
      if (reply.ok) expect(reply.value.runs).toEqual([]);
      else expect(reply.failure.code).toBe('invalid_request');
    }
    expect(await rungate.tryCall('agents.add', { name: INJECTION })).toMatchObject({ ok: false });
  });
});

describe('C9 line ends inside an event', () => {
  const NASTY = [
    'a\r\n\r\ndata: {"choices":[]}',
    'a\n\nevent: message_stop\n\n',
    'a\rdata: x\r\r',
    'id: 7\u2028\u2029\0',
  ];

  it.each(NASTY)('of a failure inside a stream make exactly one event: %j', (text) => {
    for (const format of ['chat', 'messages', 'responses'] as const) {
      const target = { format, dialect: null, stream: true, wordsAs: null, requestId: text };
      const rendered = renderStreamRefusal(failure('upstream_unreachable', text, { detail: text }), target);
      const events: string[] = [];
      const parser = createParser({ onEvent: ({ data }) => events.push(data) });
      parser.feed(rendered);
      expect(events).toHaveLength(1);
      expect(JSON.stringify(JSON.parse(events[0] ?? ''))).toContain('upstream_unreachable');
    }
  });

  it('of a model name stay inside the refusal that quotes it', async () => {
    const { refusal, headers } = await send(rungate.url, chat({ model: 'nobody\r\nx-injected: 1\r\n\r\n' }));
    expect(refusal.code).toBe('provider_unavailable');
    expect(headers['x-injected']).toBeUndefined();
  });

  it('of a provider’s header never become a header of ours', async () => {
    upstream.script((_request, response) => {
      response.socket?.end(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-folded: a\r\n b\r\ncontent-length: 2\r\n\r\n{}',
      );
    });
    const { status, headers } = await send(rungate.url, chat());
    expect([200, 502]).toContain(status);
    expect(headers['x-folded'] ?? '').not.toMatch(/[\r\n]/);
  });
});

describe('C11 what is not known is refused', () => {
  it.each([
    'GET /v1/files',
    'POST /v1/images/generations',
    'DELETE /v1/models/gpt-4.1',
    'POST /v1/fine_tuning/jobs',
    'PATCH /v1/messages',
    'POST /admin',
  ])('an unknown route: %s', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    const answer = await send(rungate.url, { method, path, token, ...(method === 'GET' ? {} : { body: {} }) });
    expect(answer.status).toBe(403);
    expect(answer.refusal.code).toBe('endpoint_not_governed');
    expect(newRequests()).toEqual([]);
  });

  it('an unpriced model under a budget', async () => {
    const answer = await send(rungate.url, chat({ model: 'local-llm-without-price' }));
    expect(answer.status).toBe(403);
    expect(answer.refusal).toMatchObject({ code: 'model_unpriced', context: { model: 'local-llm-without-price' } });
    expect(newRequests()).toEqual([]);
  });

  it('a body that is no JSON object, or says a key twice', async () => {
    for (const body of [
      '[]',
      'null',
      '"x"',
      '{"model":',
      '{"model":"gpt-4.1","model":"gpt-4.1-mini"}',
      `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    ]) {
      const answer = await send(rungate.url, chat({}, { body }));
      expect(answer.status).toBe(400);
    }
    expect(newRequests()).toEqual([]);
  });
});

it('and a plain call still goes through', async () => {
  expect((await send(rungate.url, chat())).json()).toEqual(chatAnswer());
});

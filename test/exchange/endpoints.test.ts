import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAnswer, type AgentCall, openCall, send, sendBytes } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { answerJson, type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

const CHAT = '/v1/chat/completions';
const ASK = { model: 'gpt-4.1', max_tokens: 20, messages: [{ role: 'user', content: 'hello' }] };
const MESSAGE = { model: 'claude-opus-4-8', max_tokens: 20, messages: ASK.messages };
const JSON_TYPE = { 'content-type': 'application/json' };

let upstream: ScriptedUpstream;
let rungate: TestRungate;
let agent = '';
let token = '';
let agents = 0;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({
    upstreamUrl: upstream.url,
    limits: { maxBodyBytes: 20_000, requestTimeoutMs: 200, headersTimeoutMs: 150 },
  });
});
beforeEach(async () => {
  upstream.script(answerAnything);
  agents += 1;
  agent = `endpoints-${agents}`;
  token = await rungate.addAgent(agent);
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const call = (options: AgentCall): Promise<AgentAnswer> => send(rungate.url, { token, ...options });
const codeOf = (answer: AgentAnswer): readonly [number, string] => [answer.status, answer.refusal.code];
async function forwardsNothing<T>(answer: Promise<T>): Promise<T> {
  const before = upstream.received.length;
  const given = await answer;
  expect(upstream.received.length).toBe(before);
  return given;
}
const forwarded = () => {
  const last = upstream.received.at(-1);
  if (last === undefined) throw new Error('nothing was forwarded');
  return last;
};

describe('governed endpoints', () => {
  const endpoints: readonly (readonly [string, string, unknown])[] = [
    ['POST', '/chat/completions', ASK],
    ['POST', '/responses', { model: 'gpt-5.5', input: 'hi' }],
    ['POST', '/messages', MESSAGE],
    ['POST', '/messages/count_tokens', MESSAGE],
    ['POST', '/embeddings', { model: 'text-embedding-3-small', input: 'a' }],
    ['GET', '/models', undefined],
    ['GET', '/models/gpt-4.1', undefined],
  ];

  it.each(endpoints)(
    '%s %s answers with /v1, without it, doubled and under a run’s prefix, query kept',
    async (method, path, body) => {
      for (const prefix of ['/v1', '', '/v1/v1', `/r/${agent}`, `/r/${agent}/v1`, `/r/${agent}/v1/v1`]) {
        const answer = await call({ method, path: `${prefix}${path}?beta=true&x=a%20b`, body });
        expect([prefix, answer.status]).toEqual([prefix, 200]);
        expect(forwarded()).toMatchObject({ method, url: `/v1${path}?beta=true&x=a%20b` });
        if (prefix.startsWith('/r/') && method === 'POST') expect(answer.headers['x-rungate-run-id']).toBe(agent);
      }
    },
  );

  it('answer with a slash too many at the end', async () => {
    expect((await call({ path: `${CHAT}/`, body: ASK })).status).toBe(200);
    expect(forwarded().url).toBe(CHAT);
  });
});

describe('what answers without a token', () => {
  it('is HEAD / and the page that describes this port', async () => {
    const head = await send(rungate.url, { method: 'HEAD', path: '/' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    const page = await send(rungate.url, { path: '/llms.txt' });
    expect(page.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(page.text).toContain(`${rungate.url}/v1`);
    for (const word of ['202', '402', '403', '409', '410', '429', 'expires_at']) expect(page.text).toContain(word);
    expect((await send(rungate.url, { path: '/' })).headers['location']).toBe('/llms.txt');
  });
});

describe('an endpoint that is not governed', () => {
  it.each([
    ['GET', '/v1/files'],
    ['DELETE', '/v1/files/file-1'],
    ['POST', '/v1/messages/batches'],
    ['POST', '/v1/audio/speech'],
    ['GET', CHAT],
    ['PUT', '/v1/messages'],
    ['POST', '/v1/models'],
    ['POST', '/v1beta/models/gemini:generateContent'],
    ['POST', '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse'],
    ['POST', '/v1/%6dessages'],
    ['POST', '/v1/chat%2Fcompletions'],
    ['POST', '/v1/Chat/Completions'],
    ['GET', '/v1/runs'],
    ['GET', '/anything'],
  ])('%s %s is refused and not forwarded', async (method, path) => {
    const answer = await forwardsNothing(call({ method, path, ...(method === 'GET' ? {} : { body: '{}' }) }));
    expect(codeOf(answer)).toEqual([403, 'endpoint_not_governed']);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(answer.refusal.context['recover']).toContain('llms.txt');
  });

  it.each(['/v1/files/../chat/completions', '/v1/files/..%2fchat/completions', '/v1/./messages', '/v1//messages'])(
    'is never reached by the path %s',
    async (path) => {
      const request = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`;
      const answer = await forwardsNothing(sendBytes(rungate.url, request));
      expect(answer).toMatch(/^HTTP\/1\.1 (400|403) /);
    },
  );

  it('is let through by the policy’s list, byte for byte, and charged what the policy says', async () => {
    const open = await opaqueAgent();
    upstream.script(answerJson({ flagged: false }));
    const body = '{ "input" : "x", "n": 1.0 }';
    const answer = await call({ path: '/v1/moderations?v=2', body, token: open });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({ flagged: false });
    expect(forwarded()).toMatchObject({ method: 'POST', url: '/v1/moderations?v=2' });
    expect(forwarded().body.toString()).toBe(body);
    expect(forwarded().headers.authorization).toBe('Bearer sk-test');
    expect(answer.headers).toMatchObject({ 'x-rungate-cost-usd': '0.01', 'x-rungate-budget-remaining-usd': '0.99' });
    const { run, exchanges } = await rungate.call('runs.show', { run_id: String(answer.headers['x-rungate-run-id']) });
    expect(run.spent_nano).toBe(10_000_000);
    expect(exchanges).toMatchObject([{ wire_format: null, model: null, cost_nano: 10_000_000, estimated: false }]);
  });

  it('is listed with its method, and costs nothing where the provider refuses it', async () => {
    const open = await opaqueAgent();
    upstream.script(answerJson({ error: { message: 'gone' } }, 404));
    const answer = await call({ method: 'GET', path: '/v1/files/file-1', token: open });
    expect([answer.status, answer.headers['x-rungate-cost-usd']]).toEqual([404, '0']);
    const other = await forwardsNothing(call({ method: 'DELETE', path: '/v1/files/file-1', token: open }));
    expect(codeOf(other)).toEqual([403, 'endpoint_not_governed']);
  });

  it('is stopped by a cap like every call', async () => {
    const open = await opaqueAgent();
    const headers = { 'x-rungate-budget-usd': '0.015' };
    expect((await call({ path: '/v1/moderations', body: '{}', token: open, headers })).status).toBe(200);
    const refused = await forwardsNothing(call({ path: '/v1/moderations', body: '{}', token: open }));
    expect(codeOf(refused)).toEqual([402, 'budget_exceeded']);
  });

  // The store records it as a model call; this test says so as soon as it no longer does.
  it('is one opaque step of its run', async () => {
    const open = await opaqueAgent();
    const answer = await call({ path: '/v1/moderations', body: '{}', token: open });
    const { steps } = await rungate.call('runs.show', { run_id: String(answer.headers['x-rungate-run-id']) });
    expect(steps.map(({ kind, summary }) => [kind, summary])).toEqual([['opaque_call', '/v1/moderations']]);
  });
});

/** An agent whose policy lets two extra endpoints through. */
async function opaqueAgent(): Promise<string> {
  const document = [
    'policy: opaque',
    'endpoints: ["/v1/moderations", "GET /v1/files/*"]',
    'endpoint_cost_usd: 0.01',
    'budget: { run_usd: 1 }',
  ].join('\n');
  await rungate.call('policies.apply', { document, file_name: 'opaque.yaml', note: 'two extra endpoints' });
  return rungate.addAgent(`${agent}-opaque`, { policy: 'opaque' });
}

describe('a WebSocket upgrade', () => {
  it('is answered with 426 at once, so that Codex falls back to HTTPS', async () => {
    const request = [
      'GET /v1/responses HTTP/1.1',
      'host: 127.0.0.1',
      'connection: Upgrade',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: baNeBza8DlijUhlQ25CoiQ==',
      `authorization: Bearer ${token}`,
    ];
    const answer = await forwardsNothing(sendBytes(rungate.url, `${request.join('\r\n')}\r\n\r\n`));
    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
    expect(answer).toContain('"code":"use_https"');
  });
});

type Compress = (bytes: Buffer) => Buffer;

describe('a compressed body', () => {
  const plain = JSON.stringify({ ...ASK, pad: 'Grüße 👋'.repeat(20) });

  it.each<[string, Compress]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
    ['identity', (bytes) => bytes],
  ])('in %s is decoded, inspected and forwarded plain', async (encoding, compress) => {
    const answer = await call({
      path: CHAT,
      body: compress(Buffer.from(plain)),
      headers: { ...JSON_TYPE, 'content-encoding': encoding },
    });
    expect(answer.status).toBe(200);
    expect(forwarded().body.toString()).toBe(plain);
    expect(forwarded().headers['content-length']).toBe(String(Buffer.byteLength(plain)));
    if (encoding !== 'identity') expect(forwarded().headers['content-encoding']).toBeUndefined();
  });

  it.each(['gzip', 'br', 'deflate', 'zstd'])('that is no %s is refused', async (encoding) => {
    const answer = await forwardsNothing(
      call({ path: CHAT, body: plain, headers: { ...JSON_TYPE, 'content-encoding': encoding } }),
    );
    expect(codeOf(answer)).toEqual([400, 'invalid_request']);
  });

  it.each(['compress', 'gzip, br', 'aes128gcm'])('in %s is not supported', async (encoding) => {
    const answer = await forwardsNothing(
      call({ path: CHAT, body: plain, headers: { ...JSON_TYPE, 'content-encoding': encoding } }),
    );
    expect(codeOf(answer)).toEqual([415, 'unsupported_media_type']);
  });

  it.each<[string, Compress]>([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ])('in %s that would grow beyond the limit is given up there', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(5_000_000, 32));
    expect(bomb.length).toBeLessThan(20_000);
    const answer = await forwardsNothing(
      call({ path: CHAT, body: bomb, headers: { ...JSON_TYPE, 'content-encoding': encoding } }),
    );
    expect(codeOf(answer)).toEqual([413, 'request_too_large']);
  });
});

describe('a body that cannot be read in one way only', () => {
  it.each([
    ['nothing', ''],
    ['half a document', '{"model":"gpt-4.1","messages":['],
    ['a list', '[]'],
    ['a text', '"hello"'],
    ['a trailing comma', '{"model":"gpt-4.1",}'],
    ['two documents', '{"model":"gpt-4.1"}{}'],
    ['a bare word', '{"model":NaN}'],
    ['a single quote', "{'model':'gpt-4.1'}"],
    ['a repeated key', '{"model":"gpt-4.1","model":"gpt-4.1-mini"}'],
    ['a repeated key in another spelling', '{"model":"gpt-4.1","mod\\u0065l":"gpt-4.1-mini"}'],
    ['a repeated key far inside', '{"model":"gpt-4.1","messages":[{"role":"user","content":"a","content":"b"}]}'],
    ['nesting without end', `{"model":"gpt-4.1","x":${'['.repeat(2_000)}${']'.repeat(2_000)}}`],
  ])('(%s) is refused', async (_what, body) => {
    const answer = await forwardsNothing(call({ path: CHAT, body, headers: JSON_TYPE }));
    expect(codeOf(answer)).toEqual([400, 'invalid_request']);
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it('(bytes that are no UTF-8) is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect(codeOf(await forwardsNothing(call({ path: CHAT, body })))).toEqual([400, 'invalid_request']);
  });

  it('is refused in Anthropic’s words on the Messages endpoint', async () => {
    const answer = await forwardsNothing(call({ path: '/v1/messages', body: '{' }));
    expect(answer.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', code: 'invalid_request', param: null },
    });
  });
});

describe('limits of a request', () => {
  it('of its body hold for a declared length and for one that is not declared', async () => {
    const body = JSON.stringify({ ...ASK, pad: 'x'.repeat(30_000) });
    expect(codeOf(await forwardsNothing(call({ path: CHAT, body })))).toEqual([413, 'request_too_large']);
    const chunked = await forwardsNothing(
      sendBytes(
        rungate.url,
        `POST ${CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${(30_000).toString(16)}\r\n${'x'.repeat(30_000)}\r\n`,
      ),
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('of its headers are answered with 431', async () => {
    const request = `POST ${CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-large: ${'x'.repeat(70_000)}\r\n\r\n`;
    const answer = await forwardsNothing(sendBytes(rungate.url, request));
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain('"code":"request_too_large"');
  });

  it.each([
    [
      'its body',
      `POST ${CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer TOKEN\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mod`,
    ],
    ['its headers', `POST ${CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthor`],
  ])('of the time for %s are answered with 408', async (_what, request) => {
    const answer = await forwardsNothing(sendBytes(rungate.url, request.replace('TOKEN', token)));
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"request_timeout"');
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    '',
  ])('of its content type refuse %j', async (type) => {
    const answer = await forwardsNothing(call({ path: CHAT, body: ASK, headers: { 'content-type': type } }));
    expect(codeOf(answer)).toEqual([415, 'unsupported_media_type']);
  });

  it('of its content type let parameters pass', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    expect((await call({ path: CHAT, body: ASK, headers })).status).toBe(200);
  });
});

describe('the guard', () => {
  it.each([
    [{ host: 'evil.test' }, 403, 'host_refused'],
    [{ host: '0.0.0.0:4141' }, 403, 'host_refused'],
    [{ origin: 'https://evil.test' }, 403, 'origin_refused'],
    [{ origin: 'null' }, 403, 'origin_refused'],
    [{ 'sec-fetch-site': 'cross-site' }, 403, 'origin_refused'],
  ])('refuses %o before it looks at the token', async (headers, status, code) => {
    for (const path of [CHAT, '/llms.txt']) {
      const answer = await forwardsNothing(
        send(rungate.url, { method: 'POST', path, body: ASK, headers: headers as Record<string, string> }),
      );
      expect(codeOf(answer)).toEqual([status, code]);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('the token', () => {
  const asked = (headers: Record<string, string>): Promise<AgentAnswer> =>
    send(rungate.url, { path: CHAT, body: ASK, headers });

  it('is taken in all three forms, and an empty credential header counts as absent', async () => {
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { authorization: `bearer ${token}` },
      { 'x-api-key': token },
      { 'x-rungate-token': token },
      { authorization: '', 'x-api-key': token },
      { 'x-rungate-token': '', authorization: `Bearer ${token}` },
      { authorization: 'Bearer sk-someone', 'x-api-key': token },
    ]) {
      expect((await asked(headers as Record<string, string>)).status).toBe(200);
    }
  });

  it.each([
    {},
    { authorization: '' },
    { authorization: 'Bearer ' },
    { authorization: 'Basic cmdfYWd0Xw==' },
    { authorization: 'Bearer sk-not-ours' },
    { authorization: 'Bearer rg_agt_short' },
    { authorization: `Bearer rg_agt_${'x'.repeat(32)}` },
    { 'x-api-key': `rg_agt_${'y'.repeat(129)}` },
    { 'x-rungate-token': 'rg_agt_with space in it' },
  ])('is refused when it is missing or wrong: %o', async (headers) => {
    const answer = await forwardsNothing(asked(headers as Record<string, string>));
    expect(codeOf(answer)).toEqual([401, 'agent_token_invalid']);
    expect(answer.headers['x-should-retry']).toBe('false');
  });

  it('beside a valid one in x-rungate-token does not help if that one is wrong', async () => {
    const answer = await asked({ 'x-rungate-token': `rg_agt_${'x'.repeat(32)}`, authorization: `Bearer ${token}` });
    expect(answer.status).toBe(401);
  });

  it('is needed for unknown endpoints and for the run API too', async () => {
    for (const path of ['/v1/unknown', '/v1/runs/x', '/anything', '/v1/models']) {
      expect(codeOf(await forwardsNothing(send(rungate.url, { path })))).toEqual([401, 'agent_token_invalid']);
    }
  });

  it('is refused at once when it is revoked', async () => {
    expect((await asked({ 'x-api-key': token })).status).toBe(200);
    await rungate.call('agents.revoke', { name: agent });
    expect(codeOf(await forwardsNothing(asked({ 'x-api-key': token })))).toEqual([401, 'agent_token_invalid']);
  });

  it('works for ten minutes more when it is rotated', async () => {
    const rotated = await rungate.call('agents.rotate', { name: agent });
    expect(rotated.token).not.toBe(token);
    const statuses = async () => [
      (await asked({ 'x-api-key': token })).status,
      (await asked({ 'x-api-key': rotated.token })).status,
    ];
    expect(await statuses()).toEqual([200, 200]);
    rungate.advance(9 * 60_000);
    expect(await statuses()).toEqual([200, 200]);
    rungate.advance(60_000);
    expect(await statuses()).toEqual([401, 200]);
  });
});

describe('Gemini CLI', () => {
  it('is told in one plain sentence that its API is not governed, whatever its token stands in', async () => {
    const path = '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse';
    const headers = {
      'x-goog-api-key': token,
      'user-agent': 'GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64; terminal)',
    };
    const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
    const answer = await forwardsNothing(send(rungate.url, { path, headers, body }));
    expect(codeOf(answer)).toEqual([403, 'endpoint_not_governed']);
    expect(answer.refusal.message).toBe(
      'Rungate does not govern Gemini’s API yet; connect this agent by its OpenAI or Anthropic API.',
    );
    const wrong = await forwardsNothing(
      send(rungate.url, { path, headers: { ...headers, 'x-goog-api-key': 'AIza' }, body }),
    );
    expect(codeOf(wrong)).toEqual([401, 'agent_token_invalid']);
  });
});

describe('a refusal in the dialect of its client', () => {
  it('is a 410 for Claude Code, which takes a 403 for a failed login and a 400 for an unknown beta', async () => {
    const headers = { 'x-claude-code-session-id': agent, 'x-rungate-policy': 'other' };
    const answer = await forwardsNothing(call({ path: '/v1/messages', body: MESSAGE, headers }));
    expect([answer.status, answer.headers['x-rungate-status']]).toEqual([410, '403']);
    expect(answer.refusal).toMatchObject({ code: 'policy_not_allowed', type: 'permission_error' });
  });

  it('is a stream that fails at once for Codex, which retries every status', async () => {
    const headers = { originator: 'codex_exec', accept: 'text/event-stream', 'x-rungate-policy': 'other' };
    const body = { model: 'gpt-5.5', input: 'hi', stream: true };
    const answer = await forwardsNothing(call({ path: '/v1/responses', body, headers }));
    expect([answer.status, answer.headers['x-rungate-status']]).toEqual([200, '403']);
    expect(answer.text).toContain('event: response.failed');
    expect(answer.text).toContain('"code":"invalid_prompt"');
  });
});

describe('pausing all agents', () => {
  it('refuses new calls with 503 until they are resumed, and lets those in flight finish', async () => {
    const release = Promise.withResolvers<void>();
    upstream.script(async (request, response) => {
      await release.promise;
      await answerAnything(request, response);
    });
    const before = upstream.received.length;
    const running = openCall(rungate.url, { path: CHAT, token, body: ASK });
    await upstream.request(before + 1);
    await rungate.call('core.pause', {});
    const refused = await forwardsNothing(call({ path: CHAT, body: ASK }));
    expect(codeOf(refused)).toEqual([503, 'operator_paused']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    release.resolve();
    expect((await running.answer).status).toBe(200);
    await rungate.call('core.resume', {});
    expect((await call({ path: CHAT, body: ASK })).status).toBe(200);
  });
});

describe('shutting down', () => {
  it('is not held up by connections that never sent a whole request', async () => {
    const own = await startTestRungate({ upstreamUrl: upstream.url });
    const started = 'POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n';
    const connections = ['', started].map((bytes) => sendBytes(own.url, bytes));
    // Answered on a connection made after those two: both have been accepted by then.
    expect((await send(own.url, { method: 'HEAD', path: '/' })).status).toBe(200);
    await own.close();
    expect(await Promise.all(connections)).toHaveLength(2);
  });
});

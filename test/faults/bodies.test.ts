import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../harness/agent-client.ts';
import { answerAnything } from '../harness/answers.ts';
import { requestText, sendRaw } from '../harness/raw-socket.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../harness/scripted-upstream.ts';

/** Bodies and headers that are too large, too slow, or become too large when they are decoded. */

const MIB = 1_048_576;
const LIMIT = MIB;
const HEADER_LIMIT = 64 * 1024;
let rungate: TestRungate;
let upstream: ScriptedUpstream;
let token: string;

beforeAll(async () => {
  upstream = await startScriptedUpstream(answerAnything);
  rungate = await startTestRungate({
    upstreamUrl: upstream.url,
    operatorPort: 0,
    limits: { maxBodyBytes: LIMIT, headerBytes: HEADER_LIMIT, headersTimeoutMs: 200, requestTimeoutMs: 400 },
  });
  token = await rungate.addAgent('bot');
});
afterAll(async () => {
  await rungate.close();
  await upstream.close();
});

const path = '/v1/chat/completions';
const post = (body: Uint8Array, encoding: string) =>
  send(rungate.url, { path, token, body, headers: { 'content-encoding': encoding } });

describe('C8 a compressed bomb', () => {
  const zeros = Buffer.alloc(96 * MIB);
  const bombs: Readonly<Record<string, () => Buffer>> = {
    gzip: () => gzipSync(zeros, { level: 9 }),
    deflate: () => deflateSync(zeros, { level: 9 }),
    br: () => brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zstd: () => zstdCompressSync(zeros),
  };

  it.each(Object.keys(bombs))('%s is given up at the limit, not at what it would have grown to', async (encoding) => {
    const bomb = bombs[encoding]?.() ?? Buffer.alloc(0);
    expect(bomb.length).toBeLessThan(LIMIT);
    const before = process.memoryUsage().rss;
    const answer = await post(bomb, encoding);
    expect(answer.status).toBe(413);
    expect(answer.refusal).toMatchObject({ code: 'request_too_large', context: { limit_bytes: LIMIT } });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
  });

  it('in a thousand layers is refused unopened', async () => {
    const answer = await post(Buffer.from('{}'), Array.from({ length: 1_000 }, () => 'gzip').join(', '));
    expect(answer.status).toBe(415);
  });

  it.each(['gzip, gzip', 'compress', 'aws-chunked', 'identity, br, zstd'])(
    'in %s is refused unopened',
    async (encoding) => {
      expect((await post(Buffer.from('{}'), encoding)).status).toBe(415);
    },
  );

  it.each(['gzip', 'br', 'zstd', 'deflate'])('that is no %s at all is refused', async (encoding) => {
    expect((await post(Buffer.from('this is not compressed'), encoding)).status).toBe(400);
  });

  it('an honest compressed body still goes through, decoded', async () => {
    const body = Buffer.from(JSON.stringify({ model: 'gpt-4.1', messages: [] }));
    expect((await post(gzipSync(body), 'gzip')).status).toBe(200);
    expect(upstream.received.map((request) => request.body)).toEqual([body]);
  });
});

describe('D9 a client that sends too much or too slowly', () => {
  const head = (): string[] => ['host: 127.0.0.1', `authorization: Bearer ${token}`, 'content-type: application/json'];
  const requestsBefore = (): number => upstream.received.length;

  it('headers over the limit: 431', async () => {
    const answer = await sendRaw(
      rungate.url,
      requestText(`POST ${path}`, [...head(), `x-big: ${'a'.repeat(HEADER_LIMIT)}`]),
    );
    expect(answer).toMatchObject({ statuses: [431], closed: true });
  });

  it('a body announced larger than the limit: 413 before any of it is read', async () => {
    const answer = await sendRaw(rungate.url, requestText(`POST ${path}`, [...head(), `content-length: ${LIMIT + 1}`]));
    expect(answer).toMatchObject({ statuses: [413], closed: true });
  });

  it('a chunked body that grows over the limit: 413, and the connection is closed', async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${'x'.repeat(64 * 1024)}\r\n`;
    const text = requestText(
      `POST ${path}`,
      [...head(), 'transfer-encoding: chunked'],
      chunk.repeat(LIMIT / (64 * 1024) + 1),
    );
    expect(await sendRaw(rungate.url, text)).toMatchObject({ statuses: [413], closed: true });
  });

  it.each(['agent', 'operator'])(
    'a head that never ends (%s port): 408 or an end, never an open connection',
    async (which) => {
      const url = which === 'agent' ? rungate.url : (rungate.core.operator?.url ?? '');
      const answer = await sendRaw(url, `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: `);
      expect(answer.closed).toBe(true);
      expect(answer.statuses).toEqual([408]);
    },
  );

  it('a body that never ends: 408, and nothing is forwarded', async () => {
    const before = requestsBefore();
    const answer = await sendRaw(
      rungate.url,
      requestText(`POST ${path}`, [...head(), 'content-length: 100'], '{"model":'),
    );
    expect(answer).toMatchObject({ statuses: [408], closed: true });
    expect(upstream.received).toHaveLength(before);
  });
});

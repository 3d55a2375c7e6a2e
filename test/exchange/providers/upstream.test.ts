import type { LookupAddress } from 'node:dns';
import { createServer as createTlsServer } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openUpstream, portOf, post, readBody, send, startProvider, startTcp } from './harness.ts';
import { UNTRUSTED } from './untrusted-certificate.ts';

const resolvingTo =
  (address: string): LookupFunction =>
  (_host, options, callback) => {
    const found: LookupAddress = { address, family: 4 };
    if (options.all === true) callback(null, [found]);
    else callback(null, found.address, found.family);
  };

/** Reads what is needed of a request head and body on a raw socket, then calls back once per request. */
function onRequest(socket: Socket, respond: () => void): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (end < 0 || text.length < end + 4 + length) return;
    text = text.slice(end + 4 + length);
    respond();
  });
}

/** undici offers a connection again one turn of the event loop after its last answer. */
const connectionsFree = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a call that goes well', () => {
  it('carries method, path, headers in order and case, and the body byte for byte', async () => {
    const seen = Promise.withResolvers<{ line: string; raw: string[]; body: Buffer }>();
    const server = await startProvider(async (request, response) => {
      const body = await readBody(request);
      seen.resolve({ line: `${request.method} ${request.url}`, raw: request.rawHeaders, body });
      response.end('ok');
    });
    const body = Buffer.from([0, 255, 13, 10, 128, 123]);
    const request = post(`http://127.0.0.1:${portOf(server)}/v1`, {
      path: '/v1/messages?beta=true&x=%2F',
      headers: ['X-Zeta', '1', 'a-beta', 'caf\u00e9', 'X-Zeta', '2'],
      body,
    });
    const { outcome } = send(openUpstream(), request);
    expect((await outcome).body).toBe('ok');
    const { line, raw, body: received } = await seen.promise;
    expect(line).toBe('POST /v1/messages?beta=true&x=%2F');
    expect(received.equals(body)).toBe(true);
    const ours = raw.slice(raw.indexOf('X-Zeta'), raw.indexOf('X-Zeta') + 6);
    expect(ours).toEqual(['X-Zeta', '1', 'a-beta', 'caf\u00e9', 'X-Zeta', '2']);
  });

  it('brings back status, raw headers and body, and ends once', async () => {
    const port = await startTcp((socket) =>
      onRequest(socket, () =>
        socket.write(
          'HTTP/1.1 429 Too Many\r\nX-CaSe: A\r\nx-case: b\r\nRetry-After: 3\r\ncontent-length: 4\r\n\r\nslow',
        ),
      ),
    );
    const sent = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect(await sent.outcome).toEqual({
      status: 429,
      headers: ['X-CaSe', 'A', 'x-case', 'b', 'Retry-After', '3', 'content-length', '4'],
      body: 'slow',
      error: null,
    });
    expect(sent.endings()).toBe(1);
  });

  it('C2: does not follow redirects', async () => {
    let elsewhere = 0;
    const other = await startProvider((_request, response) => {
      elsewhere += 1;
      response.end();
    });
    const server = await startProvider((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${portOf(other)}/steal` }).end('moved');
    });
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`));
    expect(await outcome).toMatchObject({ status: 307, body: 'moved', error: null });
    expect(elsewhere).toBe(0);
  });

  it('keeps interim answers to itself', async () => {
    const port = await startTcp((socket) =>
      onRequest(socket, () =>
        socket.write(
          'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
        ),
      ),
    );
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect(await outcome).toMatchObject({ status: 200, headers: ['content-length', '2'], body: 'ok' });
  });

  it('delivers each chunk as it arrives, without waiting for the next', async () => {
    const server = await startProvider((_request, response) => {
      response.write('one');
      onTestFinished(() => void response.end());
    });
    const sent = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`));
    expect((await sent.firstChunk).toString()).toBe('one');
    expect(sent.endings()).toBe(0);
  });

  it('runs calls side by side, each on its own connection', async () => {
    const waiting: (() => void)[] = [];
    const server = await startProvider((_request, response) => {
      waiting.push(() => response.end('ok'));
      if (waiting.length === 20) for (const answer of waiting) answer();
    });
    const upstream = openUpstream();
    const calls = Array.from({ length: 20 }, () => send(upstream, post(`http://127.0.0.1:${portOf(server)}`)).outcome);
    for (const outcome of await Promise.all(calls)) expect(outcome.body).toBe('ok');
  });

  it('uses a connection again for the next call', async () => {
    const connections = new Set<Socket>();
    const server = await startProvider((request, response) => {
      connections.add(request.socket);
      response.end('ok');
    });
    const upstream = openUpstream();
    for (let i = 0; i < 5; i += 1) {
      await send(upstream, post(`http://127.0.0.1:${portOf(server)}`)).outcome;
      await connectionsFree();
    }
    expect(connections.size).toBe(1);
  });
});

describe('a call that cannot be made', () => {
  it('is unreachable when the connection is refused', async () => {
    const server = await startProvider(() => undefined);
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect((await outcome).error).toMatchObject({ kind: 'unreachable', phase: 'connect', sent: false });
    expect((await outcome).error?.detail).toContain('ECONNREFUSED');
  });

  it('is unreachable when the name does not resolve', async () => {
    const lookup: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND a.test'), { code: 'ENOTFOUND' }), '', 0);
    const { outcome } = send(openUpstream({ lookup }), post('http://a.test'));
    expect((await outcome).error).toMatchObject({ kind: 'unreachable', phase: 'connect', sent: false });
  });

  it('C3: is refused before any byte when a name resolves to loopback', async () => {
    let connections = 0;
    const port = await startTcp(() => {
      connections += 1;
    });
    const upstream = openUpstream({ lookup: resolvingTo('127.0.0.1') });
    const { outcome } = send(upstream, post(`http://provider.test:${port}`));
    expect((await outcome).error).toMatchObject({ kind: 'refused_address', phase: 'connect', sent: false });
    expect(connections).toBe(0);
  });

  it.each([
    'http://169.254.169.254',
    'http://[::ffff:169.254.169.254]',
    'http://100.64.0.1',
    'http://[64:ff9b::a9fe:a9fe]',
  ])('C3: is refused for the literal %s', async (base) => {
    const { outcome } = send(openUpstream(), post(base));
    expect((await outcome).error).toMatchObject({ kind: 'refused_address', phase: 'connect', sent: false });
  });

  it('C3: is refused when the name flips to loopback between two connections', async () => {
    const server = await startProvider((_request, response) => void response.end('ok'));
    let answer = '127.0.0.1';
    const lookup: LookupFunction = (host, options, callback) => resolvingTo(answer)(host, options, callback);
    const upstream = openUpstream({ lookup });
    const base = `http://localhost:${portOf(server)}`;
    expect((await send(upstream, post(base)).outcome).body).toBe('ok');
    server.closeAllConnections();
    answer = '169.254.169.254';
    expect((await send(upstream, post(base)).outcome).error?.kind).toBe('refused_address');
  });

  it('reaches loopback when the configuration says localhost', async () => {
    const server = await startProvider((_request, response) => void response.end('ok'));
    const { outcome } = send(openUpstream(), post(`http://localhost:${portOf(server)}`));
    expect((await outcome).body).toBe('ok');
  });

  it('is unreachable when the certificate is not trusted, and nothing was sent', async () => {
    let requests = 0;
    const server = createTlsServer(UNTRUSTED, (_request, response) => {
      requests += 1;
      response.end('stolen');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { outcome } = send(openUpstream(), post(`https://127.0.0.1:${portOf(server)}`));
    expect((await outcome).error).toMatchObject({ kind: 'unreachable', phase: 'connect', sent: false });
    expect((await outcome).error?.detail).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(requests).toBe(0);
  });

  it('is broken, unsent, when a header cannot be written; the sink hears of it after send has returned', async () => {
    const server = await startProvider((_request, response) => void response.end());
    const request = post(`http://127.0.0.1:${portOf(server)}`, { headers: ['x-a', 'b\r\nx-evil: 1'] });
    const sent = send(openUpstream(), request);
    expect(sent.endings()).toBe(0);
    expect((await sent.outcome).error).toMatchObject({ kind: 'broken', phase: 'connect', sent: false });
  });
});

describe('D7: a provider that hangs', () => {
  it('at the name: timeout while connecting, nothing sent', async () => {
    const upstream = openUpstream({ connectTimeoutMs: 30, lookup: () => undefined });
    const { outcome } = send(upstream, post('http://provider.test'));
    expect((await outcome).error).toMatchObject({ kind: 'timeout', phase: 'connect', sent: false });
  });

  it('in the TLS handshake: timeout while connecting, nothing sent', async () => {
    const port = await startTcp(() => undefined);
    const { outcome } = send(openUpstream({ connectTimeoutMs: 30 }), post(`https://127.0.0.1:${port}`));
    expect((await outcome).error).toMatchObject({ kind: 'timeout', phase: 'connect', sent: false });
  });

  it('before the headers: timeout in that phase, sent, and the connection is closed', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await startTcp((socket) => {
      socket.resume();
      socket.on('close', () => closed.resolve());
    });
    const sent = send(openUpstream({ headersTimeoutMs: 40 }), post(`http://127.0.0.1:${port}`));
    expect((await sent.outcome).error).toMatchObject({ kind: 'timeout', phase: 'headers', sent: true });
    await closed.promise;
    expect(sent.endings()).toBe(1);
  });

  it('between chunks: timeout in the body, after what had arrived', async () => {
    const server = await startProvider((_request, response) => void response.write('some'));
    const { outcome } = send(openUpstream({ chunkTimeoutMs: 40 }), post(`http://127.0.0.1:${portOf(server)}`));
    expect(await outcome).toMatchObject({
      status: 200,
      body: 'some',
      error: { kind: 'timeout', phase: 'body', sent: true },
    });
  });

  it('after a half-written chunked answer that is closed: broken in the body', async () => {
    const port = await startTcp((socket) =>
      onRequest(socket, () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n')),
    );
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect(await outcome).toMatchObject({ body: 'some', error: { kind: 'broken', phase: 'body', sent: true } });
  });

  it.each([
    ['fewer bytes than it announced', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nsome'],
    [
      'a chunked answer on a closing connection cut short',
      'HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n',
    ],
  ])('after %s: broken, never taken for complete', async (_title, bytes) => {
    const port = await startTcp((socket) => onRequest(socket, () => socket.end(bytes)));
    const sent = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect(await sent.outcome).toMatchObject({ body: 'some', error: { kind: 'broken', phase: 'body', sent: true } });
    expect(sent.endings()).toBe(1);
  });

  it.each([
    ['speaks something else', 'SSH-2.0-OpenSSH\r\n'],
    ['switches protocols unasked', 'HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
    ['sends headers without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70 * 1024)}`],
    ['announces two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ])('one that %s: broken while waiting for headers', async (_title, bytes) => {
    const port = await startTcp((socket) => onRequest(socket, () => socket.write(bytes)));
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${port}`));
    expect((await outcome).error).toMatchObject({ kind: 'broken', phase: 'headers', sent: true });
  });
});

describe('D5: a call that is aborted', () => {
  it('while the name resolves: unsent, and no request is written when the connection comes', async () => {
    let requests = 0;
    const server = await startProvider((_request, response) => {
      requests += 1;
      response.end('ok');
    });
    const resolved = Promise.withResolvers<void>();
    const lookup: LookupFunction = (host, options, callback) =>
      void resolved.promise.then(() => resolvingTo('127.0.0.1')(host, options, callback));
    const upstream = openUpstream({ lookup });
    const base = `http://localhost:${portOf(server)}`;
    const sent = send(upstream, post(base));
    sent.call.abort('client gone');
    expect(sent.endings()).toBe(1);
    expect((await sent.outcome).error).toEqual({
      kind: 'aborted',
      phase: 'connect',
      sent: false,
      detail: 'client gone',
    });
    resolved.resolve();
    expect((await send(upstream, post(base)).outcome).body).toBe('ok');
    expect(requests).toBe(1);
    expect(sent.endings()).toBe(1);
  });

  it('while waiting for headers: the provider sees the connection close', async () => {
    const arrived = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const server = await startProvider((request) => {
      arrived.resolve();
      request.socket.on('close', () => closed.resolve());
    });
    const sent = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`));
    await arrived.promise;
    sent.call.abort('client gone');
    expect((await sent.outcome).error).toMatchObject({ kind: 'aborted', phase: 'headers', sent: true });
    await closed.promise;
    expect(sent.endings()).toBe(1);
  });

  it('in mid-stream, from inside a chunk: no further chunk comes and the provider stops', async () => {
    const closed = Promise.withResolvers<void>();
    const server = await startProvider((_request, response) => {
      response.on('close', () => closed.resolve());
      const more = (): void => {
        if (!response.destroyed) response.write('chunk', () => setImmediate(more));
      };
      more();
    });
    let chunks = 0;
    const sent = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`), () => {
      chunks += 1;
      sent.call.abort('enough');
      return true;
    });
    expect((await sent.outcome).error).toMatchObject({ kind: 'aborted', phase: 'body', sent: true });
    await closed.promise;
    expect(chunks).toBe(1);
    expect(sent.endings()).toBe(1);
  });

  it('has no effect after the end, nor has resuming', async () => {
    const server = await startProvider((_request, response) => void response.end('ok'));
    const upstream = openUpstream();
    const sent = send(upstream, post(`http://127.0.0.1:${portOf(server)}`));
    expect((await sent.outcome).error).toBeNull();
    sent.call.abort('late');
    sent.call.resume();
    expect((await send(upstream, post(`http://127.0.0.1:${portOf(server)}`)).outcome).body).toBe('ok');
    expect(sent.endings()).toBe(1);
  });

  it('a sink that throws breaks its own call and no other', async () => {
    const server = await startProvider((_request, response) => void response.end('ok'));
    const upstream = openUpstream();
    const sent = send(upstream, post(`http://127.0.0.1:${portOf(server)}`), () => {
      throw new Error('reader failed');
    });
    expect((await sent.outcome).error).toMatchObject({ kind: 'broken', phase: 'body', detail: 'reader failed' });
    expect((await send(upstream, post(`http://127.0.0.1:${portOf(server)}`)).outcome).body).toBe('ok');
  });

  it('closing the upstream aborts every open call and refuses new ones', async () => {
    const arrived = Promise.withResolvers<void>();
    const server = await startProvider(() => arrived.resolve());
    const upstream = openUpstream();
    const base = `http://127.0.0.1:${portOf(server)}`;
    const sent = send(upstream, post(base));
    await arrived.promise;
    await upstream.close();
    expect((await sent.outcome).error).toMatchObject({ kind: 'aborted', phase: 'headers', sent: true });
    expect((await send(upstream, post(base)).outcome).error).toMatchObject({ kind: 'aborted', sent: false });
    expect((await send(upstream, post('http://127.0.0.1:9')).outcome).error).toMatchObject({ kind: 'aborted' });
  });
});

describe('D8: a reader that stalls', () => {
  const MIB = 1024 * 1024;
  const TOTAL = 64 * MIB;

  /** Answers `/big` with TOTAL bytes as fast as they are taken, anything else at once. */
  const startBig = async () => {
    const block = Buffer.alloc(64 * 1024, 'x');
    const written = { bytes: 0 };
    const server = await startProvider((request, response) => {
      if (request.url !== '/big') return void response.end('ok');
      const more = (): void => {
        while (written.bytes < TOTAL) {
          written.bytes += block.length;
          if (!response.write(block)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    return { base: `http://127.0.0.1:${portOf(server)}`, written };
  };

  it('stops the provider’s socket, in bounded memory, and goes on where it stopped', async () => {
    const { base, written } = await startBig();
    const upstream = openUpstream({ chunkTimeoutMs: 20 });
    let received = 0;
    let chunks = 0;
    let open = false;
    const sent = send(upstream, post(base, { path: '/big' }), (chunk) => {
      received += chunk.length;
      chunks += 1;
      return open;
    });
    await sent.firstChunk;
    // Other calls turn the event loop many times over; a call that was not paused would have gone on.
    for (let i = 0; i < 100; i += 1) expect((await send(upstream, post(base)).outcome).body).toBe('ok');
    expect(chunks).toBe(1);
    expect(received).toBeLessThanOrEqual(64 * 1024);
    expect(written.bytes).toBeLessThan(TOTAL / 2);
    expect(sent.endings()).toBe(0);
    open = true;
    sent.call.resume();
    expect((await sent.outcome).error).toBeNull();
    expect(received).toBe(TOTAL);
  });

  it('delivers every byte in order when it pauses at each chunk', async () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join('');
    const server = await startProvider((_request, response) => void response.end(text));
    const sent = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`), () => {
      setImmediate(() => sent.call.resume());
      return false;
    });
    expect((await sent.outcome).body).toBe(text);
  });

  it('may resume before it has returned from the chunk', async () => {
    const text = 'x'.repeat(500_000);
    const server = await startProvider((_request, response) => void response.end(text));
    const sent = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`), () => {
      sent.call.resume();
      return false;
    });
    expect((await sent.outcome).body.length).toBe(text.length);
  });

  it('may resume one call from inside a chunk of another', async () => {
    const { base } = await startBig();
    const upstream = openUpstream();
    let open = false;
    const stalled = send(upstream, post(base, { path: '/big' }), () => open);
    await stalled.firstChunk;
    const other = send(upstream, post(base), () => {
      open = true;
      stalled.call.resume();
      return true;
    });
    expect((await other.outcome).body).toBe('ok');
    expect((await stalled.outcome).error).toBeNull();
  });

  it('can be aborted while it stalls', async () => {
    const { base } = await startBig();
    const sent = send(openUpstream(), post(base, { path: '/big' }), () => false);
    await sent.firstChunk;
    sent.call.abort('client gone');
    expect((await sent.outcome).error).toMatchObject({ kind: 'aborted', phase: 'body' });
  });
});

describe('D6: a kept connection that has gone stale', () => {
  it.each(['reset', 'ended'] as const)(
    'is replaced by a new one when the provider has %s it while idle',
    async (how) => {
      const sockets: Socket[] = [];
      let requests = 0;
      const server = await startProvider((request, response) => {
        if (!sockets.includes(request.socket)) sockets.push(request.socket);
        requests += 1;
        response.end('ok');
      });
      const upstream = openUpstream();
      const base = `http://127.0.0.1:${portOf(server)}`;
      expect((await send(upstream, post(base)).outcome).body).toBe('ok');
      await connectionsFree();
      // In the same turn of the event loop: the call starts before the reset has been noticed.
      if (how === 'reset') sockets[0]?.resetAndDestroy();
      else sockets[0]?.end();
      expect(await send(upstream, post(base)).outcome).toMatchObject({ status: 200, body: 'ok', error: null });
      expect(requests).toBe(2);
      expect(sockets).toHaveLength(2);
    },
  );

  it('is replaced even when every idle connection of the pool is stale', async () => {
    const sockets = new Set<Socket>();
    const waiting: (() => void)[] = [];
    const server = await startProvider((request, response) => {
      sockets.add(request.socket);
      waiting.push(() => response.end('ok'));
      if (waiting.length >= 3) for (const answer of waiting) answer();
    });
    const upstream = openUpstream();
    const base = `http://127.0.0.1:${portOf(server)}`;
    await Promise.all([1, 2, 3].map(() => send(upstream, post(base)).outcome));
    expect(sockets.size).toBe(3);
    await connectionsFree();
    for (const socket of sockets) socket.resetAndDestroy();
    expect(await send(upstream, post(base)).outcome).toMatchObject({ body: 'ok', error: null });
  });

  it('is not tried again once the request was written, for the provider may have acted on it', async () => {
    let requests = 0;
    const server = await startProvider((request, response) => {
      requests += 1;
      if (requests === 1) response.end('ok');
      else request.socket.resetAndDestroy();
    });
    const upstream = openUpstream();
    const base = `http://127.0.0.1:${portOf(server)}`;
    expect((await send(upstream, post(base)).outcome).body).toBe('ok');
    await connectionsFree();
    const sent = send(upstream, post(base));
    expect((await sent.outcome).error).toMatchObject({ kind: 'broken', phase: 'headers', sent: true });
    expect(requests).toBe(2);
    expect(sent.endings()).toBe(1);
  });

  it('does not make a reset in mid-stream into a second request', async () => {
    let requests = 0;
    const server = await startProvider((request, response) => {
      requests += 1;
      response.write('half', () => request.socket.resetAndDestroy());
    });
    const { outcome } = send(openUpstream(), post(`http://127.0.0.1:${portOf(server)}`));
    expect((await outcome).error).toMatchObject({ kind: 'broken', phase: 'body', sent: true });
    expect(requests).toBe(1);
  });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { excuseLateRequests } from '../../proxy-core/http/late-requests.ts';
import { watchPauses } from '../../proxy-core/http/pause-watch.ts';

/** A server whose requests time out after 50 ms, and which has (or has not) just stood still. */
async function listen(justPaused: boolean, graceMs: number) {
  const server = createServer({ headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20 });
  const late = excuseLateRequests(server, graceMs, { justPaused, close: () => undefined });
  const judged = Promise.withResolvers<'excused' | 'refused'>();
  server.on(
    'request',
    (request, response) =>
      void text(request).then(
        (body) => response.end(`got ${body}`),
        () => response.destroy(),
      ),
  );
  server.on('clientError', (_error, socket: Socket) => {
    const refuse = (): void => void socket.end('HTTP/1.1 408 Late\r\nconnection: close\r\n\r\n');
    const excused = late.excuses(socket, refuse);
    judged.resolve(excused ? 'excused' : 'refused');
    if (!excused) refuse();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const answer = text(socket);
  return { socket, judged: judged.promise, answer };
}

const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n';

describe('a request that times out while it arrives', () => {
  it.each([
    ['its head', HEAD, '\r\nbody'],
    ['its body', `${HEAD}\r\nbo`, 'dy'],
  ])('is answered all the same if we had stood still and the rest of %s comes', async (_what, first, rest) => {
    const { socket, judged, answer } = await listen(true, 60_000);
    socket.write(first);
    expect(await judged).toBe('excused');
    socket.write(rest);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*got body/s);
  });

  it('is refused if we had not', async () => {
    const { socket, judged, answer } = await listen(false, 60_000);
    socket.write(HEAD);
    expect(await judged).toBe('refused');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each([
    ['head', HEAD],
    ['body', `${HEAD}\r\nbo`],
  ])('is refused after its second time if the rest of its %s never comes', async (_what, first) => {
    const { socket, judged, answer } = await listen(true, 20);
    socket.write(first);
    expect(await judged).toBe('excused');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('whether the process has stood still', () => {
  it('is so when far too much time has passed between two looks, and for a moment after', () => {
    let now = 0;
    const pauses = watchPauses(() => now);
    const look = (ms: number): boolean => {
      now += ms;
      return pauses.justPaused;
    };
    expect([500, 1_900, 30_000, 1_500, 1_500].map(look)).toEqual([false, false, true, true, false]);
    pauses.close();
  });
});

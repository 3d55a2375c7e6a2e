import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createBus } from '../../proxy-core/bus.ts';
import type { FeedItem } from '../../proxy-core/contract/feed.ts';
import { createFeed } from '../../proxy-core/control/feed.ts';
import { addEventsRoute } from '../../proxy-core/http/events-route.ts';

/** `GET /api/events` on real sockets: framing, resumption, heartbeats, readers that do not read, endings. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const LONG_MS = 3_600_000;

async function serve(heartbeatMs = LONG_MS) {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const bus = createBus({ now: () => 1000 }, silent);
  const feed = createFeed(bus, { random: { bytes: (count) => new Uint8Array(count).fill(171) }, log: silent });
  const session = { good: true };
  const server = Fastify();
  addEventsRoute(server, { feed, admits: () => session.good, heartbeatMs });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => server.close());
  return { bus, feed, session, server, url: `${url}/api/events` };
}

/** A reader of the stream; `until` resolves once what has come holds a text. */
async function read(url: string, headers: Record<string, string> = {}) {
  const request = get(url, { agent: false, headers });
  request.on('error', () => undefined);
  closers.push(() => request.destroy());
  const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  let text = '';
  const waiting = new Set<() => void>();
  const closed = new Promise<string>((resolve) => response.once('close', () => resolve(text)));
  response.setEncoding('utf8');
  response.on('data', (piece: string) => {
    text += piece;
    for (const look of waiting) look();
  });
  response.on('error', () => undefined);
  return {
    response,
    closed,
    text: () => text,
    until: (wanted: string) =>
      new Promise<string>((resolve) => {
        const look = (): void => {
          if (!text.includes(wanted)) return;
          waiting.delete(look);
          resolve(text);
        };
        waiting.add(look);
        look();
      }),
    leave: () => request.destroy(),
  };
}

const EPOCH = 'ab'.repeat(9);
/** As the specification cuts a stream into lines. */
const linesOf = (text: string): readonly string[] => text.split(/\r\n|\r|\n/);
const fieldsOf = (text: string, field: string): readonly string[] =>
  linesOf(text).flatMap((line) => (line.startsWith(`${field}: `) ? [line.slice(field.length + 2)] : []));
const itemsOf = (text: string): readonly FeedItem[] =>
  fieldsOf(text, 'data').map((json) => JSON.parse(json) as FeedItem);
const idsOf = (text: string): readonly string[] => fieldsOf(text, 'id');

describe('the event stream', () => {
  it('gives what came after Last-Event-ID, each event with its own id', async () => {
    const { bus, url } = await serve();
    for (const run_id of ['a', 'b', 'c']) bus.publish('run.changed', { run_id });
    const reader = await read(url, { 'last-event-id': `${EPOCH}-1` });
    expect(reader.response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    await reader.until('"c"');
    bus.publish('run.changed', { run_id: 'd' });
    const text = await reader.until('"d"');
    expect(idsOf(text)).toEqual([`${EPOCH}-2`, `${EPOCH}-3`, `${EPOCH}-4`]);
    expect(itemsOf(text).map((item) => item.kind === 'event' && item.event.seq)).toEqual([2, 3, 4]);
  });

  it('takes the cursor from ?after, too; the header goes first', async () => {
    const { bus, url } = await serve();
    for (const run_id of ['a', 'b', 'c']) bus.publish('run.changed', { run_id });
    expect(idsOf(await (await read(`${url}?after=${EPOCH}-2`)).until('"c"'))).toEqual([`${EPOCH}-3`]);
    const both = await read(`${url}?after=${EPOCH}-0`, { 'last-event-id': `${EPOCH}-2` });
    expect(idsOf(await both.until('"c"'))).toEqual([`${EPOCH}-3`]);
  });

  it.each(['', '?after=', '?after=nonsense', `?after=${EPOCH}-9`, '?after=other-1', '?after=a-1&after=b-2'])(
    'begins with a gap at the present cursor for %j',
    async (query) => {
      const { bus, url } = await serve();
      bus.publish('run.changed', { run_id: 'a' });
      const text = await (await read(`${url}${query}`)).until('gap');
      expect(itemsOf(text)).toEqual([{ kind: 'gap', cursor: { epoch: EPOCH, seq: 1 } }]);
      expect(idsOf(text)).toEqual([`${EPOCH}-1`]);
    },
  );

  it('C9 line breaks in names and ids end no event and begin no field', async () => {
    const { bus, url } = await serve();
    const run_id = 'a\r\nid: forged\n\ndata: {"kind":"gap"}\r\rretry: 1\u2028\u0000';
    const reader = await read(`${url}?after=${EPOCH}-0`);
    bus.publish('run.changed', { run_id });
    bus.publish('budgets.changed', {});
    const text = await reader.until('budgets.changed');
    expect(idsOf(text)).toEqual([`${EPOCH}-1`, `${EPOCH}-2`]);
    expect(linesOf(text).filter((line) => !/^(: |id: |data: \{|$)/.test(line))).toEqual([]);
    expect(itemsOf(text)).toHaveLength(2);
    expect(itemsOf(text)[0]).toMatchObject({ event: { body: { run_id } } });
  });

  it('says between events that it stands', async () => {
    const { url } = await serve(5);
    const text = await (await read(`${url}?after=${EPOCH}-0`)).until(': still here\n\n: still here\n\n');
    expect(itemsOf(text)).toEqual([]);
  });

  it('is no stream for HEAD', async () => {
    const { url } = await serve();
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(404);
  });
});

describe('a reader that does not read', () => {
  const body = { run_id: 'x'.repeat(64 * 1024) };

  /** A connection that has asked and then reads nothing, with its server side. */
  async function stall(served: Awaited<ReturnType<typeof serve>>) {
    const accepted = new Promise<Socket>((resolve) => served.server.server.once('connection', resolve));
    const reader = await read(`${served.url}?after=${EPOCH}-0`);
    await reader.until('welcome');
    reader.response.pause();
    return { reader, socket: await accepted };
  }

  it('is queued nothing beyond one event, and gets the rest once it reads on', async () => {
    const served = await serve();
    const { reader, socket } = await stall(served);
    for (let n = 0; n < 100; n += 1) served.bus.publish('run.changed', body);
    expect(socket.writableLength).toBeLessThan(2 * 64 * 1024);
    reader.response.resume();
    served.bus.publish('budgets.changed', {});
    const text = await reader.until('budgets.changed');
    expect(itemsOf(text).map((item) => item.kind === 'event' && item.event.seq)).toEqual(
      Array.from({ length: 101 }, (_none, n) => n + 1),
    );
  });

  it('is told of a gap when the rest is no longer kept', async () => {
    const served = await serve();
    const { reader } = await stall(served);
    for (let n = 0; n < 300; n += 1) served.bus.publish('run.changed', body);
    reader.response.resume();
    const text = await reader.until('"gap"');
    const items = itemsOf(text);
    expect(items.at(-1)).toEqual({ kind: 'gap', cursor: { epoch: EPOCH, seq: 300 } });
    expect(items.slice(0, -1).map((item) => item.kind === 'event' && item.event.seq)).toEqual(
      items.slice(0, -1).map((_item, n) => n + 1),
    );
  });

  it('is cut', async () => {
    const served = await serve(5);
    const { socket } = await stall(served);
    const busy = setInterval(() => served.bus.publish('run.changed', body), 1);
    closers.push(() => clearInterval(busy));
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

describe('the stream ends', () => {
  it('with its session, before a further event is given', async () => {
    const { bus, session, url } = await serve();
    const reader = await read(`${url}?after=${EPOCH}-0`);
    bus.publish('run.changed', { run_id: 'seen' });
    await reader.until('seen');
    session.good = false;
    bus.publish('run.changed', { run_id: 'secret' });
    expect(await reader.closed).not.toContain('secret');
  });

  it('with its session, although nothing happens', async () => {
    const { session, url } = await serve(5);
    const reader = await read(`${url}?after=${EPOCH}-0`);
    session.good = false;
    await reader.closed;
  });

  it('with the server, at once', async () => {
    const { server, url } = await serve();
    const reader = await read(`${url}?after=${EPOCH}-0`);
    await server.close();
    await reader.closed;
  });

  it('for nobody but the thirty-third console, until another leaves', async () => {
    const { server, url } = await serve();
    const first = new Promise<Socket>((resolve) => server.server.once('connection', resolve));
    const leaver = await read(`${url}?after=${EPOCH}-0`);
    const gone = first.then((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (let n = 1; n < 32; n += 1) await read(`${url}?after=${EPOCH}-0`);
    const refused = await fetch(url);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ ok: false, failure: { code: 'rate_limited' } });
    leaver.leave();
    await gone;
    expect((await read(`${url}?after=${EPOCH}-0`)).response.statusCode).toBe(200);
  });
});

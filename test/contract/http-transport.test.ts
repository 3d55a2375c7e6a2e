import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FeedItem, FeedListener, FeedState } from '../../proxy-core/contract/feed.ts';
import { waitBefore } from '../../renderer/transport/backoff.ts';
import { createHttpTransport } from '../../renderer/transport/http.ts';
import { launchCode, openSession } from '../harness/browser-session.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** The browser's way to the core: what the network does to it becomes a reply or a state, never a thrown error. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers its requests with these, in order; the last one stays. Resolves to its origin and what it was asked. */
async function scripted(...answers: Answer[]) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const stream =
  (...pieces: (string | Uint8Array)[]): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) response.write(piece);
    response.end();
  };
const standing =
  (...pieces: string[]): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write([': welcome\n\n', ...pieces].join(''));
  };
const frame = (seq: number, name = 'budgets.changed'): string =>
  `id: e-${seq}\ndata: ${JSON.stringify({ kind: 'event', event: { seq, at: 1, name, body: {} } })}\n\n`;
const json =
  (value: unknown, status = 200): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

/** What a listener heard; `until` resolves once that satisfies a condition. */
function hear() {
  const heard: (number | string)[] = [];
  const waiting = new Set<() => void>();
  const note = (what: number | string): void => {
    heard.push(what);
    for (const look of waiting) look();
  };
  const listener: FeedListener = {
    item: (item: FeedItem) => note(item.kind === 'event' ? item.event.seq : `gap@${item.cursor.seq}`),
    state: (state: FeedState) => note(state),
  };
  const until = (enough: (heard: readonly (number | string)[]) => boolean): Promise<readonly (number | string)[]> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (enough(heard)) resolve(heard);
      };
      waiting.add(look);
      look();
    });
  return { heard, listener, until };
}

const from = { epoch: 'e', seq: 0 };
const transportTo = (origin: string, silenceMs = 60_000) => createHttpTransport(openSession(origin, silenceMs));

/** Half of what it promised, then the connection is gone. */
const breaksOff: Answer = (_request, response) => {
  response.writeHead(200, { 'content-length': '9' });
  response.write('{"ok', () => response.destroy());
};

describe('a call', () => {
  it.each([
    ['nobody listens', null, 'core_unreachable'],
    ['the connection is cut', ((_q, r) => r.destroy()) as Answer, 'core_unreachable'],
    ['the answer breaks off', breaksOff, 'core_unreachable'],
    ['the answer is a page', ((_q, r) => r.writeHead(502).end('<html>')) as Answer, 'internal_error'],
    ['the answer is no reply', json({ value: 1 }), 'internal_error'],
    [
      'the failure is unknown',
      json({ ok: false, failure: { code: 'new', message: 'x', context: {} } }),
      'internal_error',
    ],
  ])('is a failure when %s', async (_what, answer, code) => {
    const { origin } = answer === null ? { origin: 'http://127.0.0.1:1' } : await scripted(answer);
    const reply = await transportTo(origin).call('core.status', {});
    expect(reply).toMatchObject({ ok: false, failure: { code } });
  });

  it('carries replies of both kinds unchanged', async () => {
    const failed = {
      ok: false,
      failure: { code: 'store_unavailable', message: 'x', context: { a: 1 }, retryAfterSeconds: 5 },
    };
    const { asked, origin } = await scripted(json({ ok: true, value: { a: [null] } }), json(failed, 503));
    const transport = transportTo(origin);
    expect(await transport.call('core.status', {})).toEqual({ ok: true, value: { a: [null] } });
    expect(await transport.call('gates.list', {})).toEqual(failed);
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /api/core.status',
      'POST /api/gates.list',
    ]);
  });
});

describe('following', () => {
  it('goes on after the last event when the connection ends, and says so', async () => {
    const { asked, origin } = await scripted(stream(frame(1), frame(2)), stream(frame(3)), standing(frame(4)));
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    const heard = await until((so) => so.includes(4));
    expect(heard).toEqual(['live', 1, 2, 'reconnecting', 'live', 3, 'reconnecting', 'live', 4]);
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual(['e-0', 'e-2', 'e-3']);
  });

  it('reads events that arrive byte by byte', async () => {
    const bytes = [...Buffer.from(`\uFEFF${frame(1)}: é\r\n\r\n${frame(2)}`)].map((byte) => Buffer.of(byte));
    const { origin } = await scripted(stream(...bytes), standing());
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    expect((await until((so) => so.includes(2))).slice(0, 3)).toEqual(['live', 1, 2]);
  });

  it('passes over what it does not know, and does not ask for it again', async () => {
    const { asked, origin } = await scripted(stream(frame(1), frame(2, 'core.sang')), standing(frame(3)));
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    expect(await until((so) => so.includes(3))).toEqual(['live', 1, 'reconnecting', 'live', 3]);
    expect(asked[1]?.headers['last-event-id']).toBe('e-2');
  });

  it('hands a gap on and goes on from there', async () => {
    const gap = `id: f-7\ndata: ${JSON.stringify({ kind: 'gap', cursor: { epoch: 'f', seq: 7 } })}\n\n`;
    const { asked, origin } = await scripted(stream(gap), standing());
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    await until((so) => so.filter((what) => what === 'live').length === 2);
    expect(asked[1]?.headers['last-event-id']).toBe('f-7');
  });

  it('takes a stream that stands but says nothing for lost', async () => {
    const { origin } = await scripted(standing(), standing(frame(1)));
    const { listener, until } = hear();
    closers.push(transportTo(origin, 20).follow(from, listener));
    expect((await until((so) => so.includes(1))).slice(0, 4)).toEqual(['live', 'reconnecting', 'live', 1]);
  });

  it('keeps trying while nobody answers or the answer is an error', async () => {
    const cut: Answer = (_request, response) => response.destroy();
    const { origin } = await scripted(cut, json({}, 503), standing(frame(1)));
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    expect(await until((so) => so.includes(1))).toEqual(['reconnecting', 'reconnecting', 'live', 1]);
  });

  it('ends for good when the session has ended', async () => {
    const { asked, origin } = await scripted(stream(frame(1)), json({}, 401), standing(frame(2)));
    const { listener, until } = hear();
    closers.push(transportTo(origin).follow(from, listener));
    expect(await until((so) => so.includes('signed_out'))).toEqual(['live', 1, 'reconnecting', 'signed_out']);
    expect(asked).toHaveLength(2);
  });

  it('is told by a call that the session has ended', async () => {
    const failure = { code: 'operator_session_required', message: 'x', context: {} };
    const { origin } = await scripted(standing(frame(1)), json({ ok: false, failure }, 401));
    const { listener, until } = hear();
    const transport = transportTo(origin);
    closers.push(transport.follow(from, listener));
    await until((so) => so.includes(1));
    expect(await transport.call('core.pause', {})).toMatchObject({ ok: false });
    expect(await until((so) => so.includes('signed_out'))).toEqual(['live', 1, 'signed_out']);
  });

  it('says nothing more once stopped', async () => {
    const { origin } = await scripted(standing(frame(1), frame(2)));
    const { heard, listener, until } = hear();
    const stop = transportTo(origin).follow(from, {
      ...listener,
      item: (item) => {
        listener.item(item);
        stop();
      },
    });
    await until((so) => so.includes(1));
    const other = hear();
    closers.push(transportTo(origin).follow(from, other.listener));
    await other.until((so) => so.includes(2));
    expect(heard).toEqual(['live', 1]);
  });

  it('waits longer each time, at most ten seconds, and never all at once', () => {
    expect([0, 1, 2, 5, 6, 50].map((failures) => waitBefore(failures, 0))).toEqual([
      250, 500, 1000, 8000, 10_000, 10_000,
    ]);
    expect(waitBefore(3, 0.999)).toBeGreaterThanOrEqual(1000);
    expect(waitBefore(3, 0.999)).toBeLessThan(1002);
  });
});

describe('with a core', () => {
  let rungate: TestRungate;
  beforeAll(async () => {
    rungate = await startTestRungate({ operatorPort: 0 });
  });
  afterAll(() => rungate.close());

  const operator = () => {
    const { operator: port } = rungate.core;
    if (port === null) throw new Error('the operator port is not open');
    return port;
  };

  async function signedIn() {
    const transport = transportTo(operator().url);
    expect(await transport.redeem(launchCode(operator().launchUrl()))).toEqual({ ok: true, value: {} });
    return transport;
  }

  const cursorNow = async () => (await rungate.call('core.snapshot', {})).cursor;

  it('signs in with a launch code, once', async () => {
    const code = launchCode(operator().launchUrl());
    const [first, second] = [transportTo(operator().url), transportTo(operator().url)];
    const replies = await Promise.all([first.redeem(code), second.redeem(code)]);
    expect(replies.filter(({ ok }) => ok)).toHaveLength(1);
    const called = await Promise.all([first.call('core.status', {}), second.call('core.status', {})]);
    expect(called.map(({ ok }) => ok)).toEqual(replies.map(({ ok }) => ok));
  });

  it('gives the events after a snapshot', async () => {
    const transport = await signedIn();
    const cursor = await cursorNow();
    const { listener, until } = hear();
    await rungate.call('core.pause', {});
    closers.push(transport.follow(cursor, listener));
    await rungate.call('core.resume', {});
    const heard = await until((so) => so.includes(cursor.seq + 2));
    expect(heard).toEqual(['live', cursor.seq + 1, cursor.seq + 2]);
  });

  it('ends the stream with the session, which does not outlive its twelve hours', async () => {
    const transport = await signedIn();
    const { listener, until } = hear();
    closers.push(transport.follow(await cursorNow(), listener));
    await until((so) => so.includes('live'));
    rungate.advance(12 * 3_600_000);
    await rungate.call('core.resume', {});
    expect(await until((so) => so.includes('signed_out'))).toEqual(['live', 'reconnecting', 'signed_out']);
  });

  it('meets a gap after a restart of the core, once signed in again', async () => {
    const before = await cursorNow();
    rungate = await rungate.restart();
    const transport = await signedIn();
    const { listener, until } = hear();
    closers.push(transport.follow(before, listener));
    const heard = await until((so) => so.length === 2);
    expect(heard).toEqual(['live', `gap@${(await cursorNow()).seq}`]);
  });
});

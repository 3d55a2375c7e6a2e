import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';
import { createBus } from '../../../proxy-core/bus.ts';
import type { Channel } from '../../../proxy-core/channels/channel.ts';
import type { Timers } from '../../../proxy-core/channels/lanes.ts';
import { createOutbox, type Outbox } from '../../../proxy-core/channels/outbox.ts';
import { openWebhook, type WebhookPorts } from '../../../proxy-core/channels/webhook.ts';
import type { Log } from '../../../proxy-core/ports.ts';
import { secretOf } from '../../../proxy-core/providers/secrets.ts';
import { BUILT_IN } from '../../../proxy-core/redaction/redactor.ts';
import type { Store } from '../../../proxy-core/store/store.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** One post as a receiver got it. */
export interface Posted {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The body's event name. */
  readonly type: string;
}

/** A receiver on a free loopback port. */
export interface Receiver {
  readonly url: string;
  readonly posts: readonly Posted[];
  /** Resolves with the post of this number, from 1, past or future. */
  post(number: number): Promise<Posted>;
}

export type Answer = (post: Posted, response: ServerResponse) => void;

export const answering =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_post, response) =>
    void response.writeHead(status, headers).end('an answer nobody reads');

/** A receiver that never answers. */
export const HANGING: Answer = () => undefined;

export async function startReceiver(answer: Answer = answering(204)): Promise<Receiver> {
  const posts: Posted[] = [];
  const waiting = new Map<number, (post: Posted) => void>();
  const server = createServer((request, response) => {
    void readPost(request).then((post) => {
      posts.push(post);
      waiting.get(posts.length)?.(post);
      answer(post, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posts,
    post: (number) =>
      new Promise((resolve) => {
        const past = posts[number - 1];
        if (past === undefined) waiting.set(number, resolve);
        else resolve(past);
      }),
  };
}

async function readPost(request: IncomingMessage): Promise<Posted> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const { type } = JSON.parse(body) as { type: string };
  const headers = request.headers as Record<string, string>;
  return { method: request.method ?? '', url: request.url ?? '', headers, body, type };
}

/** A URL on which nothing listens. */
export async function refusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}/hook`;
}

/** The facts of a post, once its signature has been verified as a receiver does it. */
export const verify = ({ body, headers }: Posted, secret: string | Uint8Array = SECRET): unknown =>
  (typeof secret === 'string' ? new Webhook(secret) : new Webhook(secret, { format: 'raw' })).verify(body, headers);

const SYSTEM_CLOCK = { now: () => Date.now() };

export interface HookOptions extends Partial<WebhookPorts> {
  readonly name?: string;
  readonly secret?: string;
  readonly events?: readonly string[];
}

export const hook = (url: string, { name = 'oncall', secret, events = ['*'], ...ports }: HookOptions = {}): Channel =>
  openWebhook(
    { kind: 'webhook', name, url: new URL(url), secret: secretOf(secret ?? SECRET), events },
    { clock: SYSTEM_CLOCK, ...ports },
  );

/** A clock and its timers, moved by hand. */
export interface HandClock {
  now(): number;
  readonly timers: Timers;
  /** Move on and wake whoever slept until then, in order. */
  advance(ms: number): void;
  /** The instants that somebody sleeps until. */
  alarms(): readonly number[];
}

export function handClock(start = Date.now()): HandClock {
  let now = start;
  const asleep = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => now,
    timers: {
      after(ms, wake) {
        const sleeper = { at: now + ms, wake };
        asleep.add(sleeper);
        // Due at once is due without anybody moving the clock.
        if (ms === 0) queueMicrotask(() => asleep.delete(sleeper) && wake());
        return () => void asleep.delete(sleeper);
      },
    },
    advance(ms) {
      now += ms;
      for (const sleeper of [...asleep].sort((a, b) => a.at - b.at)) {
        if (sleeper.at <= now && asleep.delete(sleeper)) sleeper.wake();
      }
    },
    alarms: () => [...asleep].map(({ at }) => at),
  };
}

export interface Logged {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An outbox over a store, closed when the test ends. */
export interface TestOutbox {
  readonly outbox: Outbox;
  readonly bus: ReturnType<typeof createBus>;
  readonly logged: readonly Logged[];
  /** Resolves with the log line of this event and number, from 1, past or future. */
  readonly line: (event: string, number?: number) => Promise<Logged>;
}

export function startOutbox(store: Store, channels: readonly Channel[], clock: HandClock): TestOutbox {
  const logged: Logged[] = [];
  const watchers = new Set<() => void>();
  const note = (event: string, facts: Logged['facts'] = {}): void => {
    logged.push({ event, facts });
    for (const watch of watchers) watch();
  };
  const log: Log = { info: note, warn: note, error: note };
  const bus = createBus(clock, log);
  const outbox = createOutbox({
    store,
    bus,
    channels,
    clock,
    random: { bytes: (count) => randomBytes(count) },
    log,
    redactor: BUILT_IN,
    consoleUrl: () => 'http://127.0.0.1:4142',
    timers: clock.timers,
  });
  onTestFinished(() => outbox.close());
  outbox.start();
  const line = (event: string, number = 1): Promise<Logged> =>
    new Promise((resolve) => {
      const watch = (): void => {
        const found = logged.filter((one) => one.event === event)[number - 1];
        if (found === undefined) return;
        watchers.delete(watch);
        resolve(found);
      };
      watchers.add(watch);
      watch();
    });
  return { outbox, bus, logged, line };
}

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import {
  type FeedListener,
  type Follow,
  parseCursor,
  parseFeedItem,
  renderCursor,
} from '../../proxy-core/contract/feed.ts';
import type { EventCursor } from '../../proxy-core/contract/operations/core.ts';
import { waitBefore } from './backoff.ts';
import type { HttpPorts } from './http.ts';
import { LineLost, onLine, provenFetch } from './proven-fetch.ts';

/**
 * The feed over `GET /api/events`. Read with `fetch` and not with EventSource, which hides heartbeats and statuses: a
 * stream that stands but says nothing has to be found dead, and an ended session is not to be tried again.
 */
export interface HttpFeed {
  readonly follow: Follow;
  /** A call has found the session ended: whoever follows is told, and nothing is tried again. */
  signedOut(): void;
}

/** One feed for a transport; usually one listener follows at a time. */
export function createHttpFollow(ports: HttpPorts): HttpFeed {
  const followed = new Set<Following>();
  return {
    follow(from, listener) {
      const following = startFollowing(from, listener, ports);
      followed.add(following);
      return () => {
        followed.delete(following);
        following.stop();
      };
    },
    signedOut() {
      for (const following of followed) following.signOut();
    },
  };
}

interface Following {
  stop(): void;
  signOut(): void;
}

type Ending = 'lost' | 'signed_out' | 'broken';

function startFollowing(from: EventCursor, listener: FeedListener, ports: HttpPorts): Following {
  const stopping = new AbortController();
  const place = { cursor: from };
  const signOut = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    listener.state('signed_out');
  };
  const keepReading = async (): Promise<void> => {
    let failures = 0;
    const opened = (): void => {
      failures = 0;
      listener.state('live');
    };
    while (!stopping.signal.aborted) {
      const ending = await readOnce(place, { listener, ports, stopping: stopping.signal, opened });
      if (stopping.signal.aborted) return;
      if (ending === 'signed_out') return signOut();
      listener.state(ending === 'broken' ? 'broken' : 'reconnecting');
      if (ending === 'broken') return;
      await pause(waitBefore(failures, ports.random()), stopping.signal);
      failures += 1;
    }
  };
  void keepReading();
  return { stop: () => stopping.abort(), signOut };
}

interface Reading {
  readonly listener: FeedListener;
  readonly ports: HttpPorts;
  readonly stopping: AbortSignal;
  opened(): void;
}

/**
 * One connection, from its opening to its end. Moves the cursor with every event. Only the network's failures are a lost
 * line, which is tried again; anything else is a bug of this page, which trying again would hide.
 */
async function readOnce(place: { cursor: EventCursor }, reading: Reading): Promise<Ending> {
  const { ports, stopping } = reading;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), ports.silenceMs);
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), ports.silenceMs);
  };
  try {
    const response = await provenFetch(ports, {
      method: 'GET',
      path: '/api/events',
      headers: { accept: 'text/event-stream', 'last-event-id': renderCursor(place.cursor) },
      signal: AbortSignal.any([stopping, silence.signal]),
    });
    if (response.status === 401) return 'signed_out';
    if (!response.ok || response.body === null) return 'lost';
    reading.opened();
    const parser = createParser({ onEvent: (message) => giveOn(message, place, reading) });
    await readText(response.body, (text) => {
      alive();
      parser.feed(text);
    });
    return 'lost';
  } catch (error) {
    if (error instanceof LineLost) return 'lost';
    ports.report(error);
    return 'broken';
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Give a stream's text on as it comes. A reader and a loop: WebKit's streams are not iterable (seen in 2.50). */
async function readText(body: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await onLine(reader.read());
    if (done) return;
    take(decoder.decode(value, { stream: true }));
  }
}

function giveOn({ id, data }: EventSourceMessage, place: { cursor: EventCursor }, reading: Reading): void {
  if (reading.stopping.aborted) return;
  const cursor = id === undefined ? null : parseCursor(id);
  if (cursor === null) return;
  place.cursor = cursor;
  // What this version does not know is left out; the place in the stream moves on all the same.
  const item = parseFeedItem(parseJson(data));
  if (item !== null) reading.listener.item(item);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Resolves after a time, or at once when stopped. */
function pause(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    stopping.addEventListener('abort', finish);
  });
}

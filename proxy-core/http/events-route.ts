import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failure } from '../contract/failures.ts';
import { type FeedItem, parseCursor, renderCursor } from '../contract/feed.ts';
import type { EventCursor } from '../contract/operations/core.ts';
import type { Feed } from '../control/feed.ts';
import { refuse, SECURITY_HEADERS } from './operator-reply.ts';

/**
 * `GET /api/events`: the feed as server-sent events (WHATWG HTML §9.2), each with its cursor as id. It goes on after
 * `Last-Event-ID: EPOCH-SEQ` or `?after=EPOCH-SEQ`; without either it begins with a gap.
 *
 * Threat: a reader that does not read must cost nothing. What it has not taken is not queued for it: it is given again
 * from the feed's own log once there is room, and a reader that makes no room between two heartbeats is cut.
 */
export interface EventsRoute {
  readonly feed: Feed;
  /** Whether the session that asked is still good. */
  admits(request: FastifyRequest): boolean;
  readonly heartbeatMs: number;
}

const STREAMS_AT_MOST = 32;
/** Matches no start of a core, so that the feed begins with a gap. */
const NOWHERE: EventCursor = { epoch: '', seq: 0 };

/** Serve the feed. Streams end when their session or the server does. */
export function addEventsRoute(server: FastifyInstance, route: EventsRoute): void {
  const streams = new Set<EventStream>();
  server.get('/api/events', { exposeHeadRoute: false }, (request, reply) => {
    if (streams.size >= STREAMS_AT_MOST) {
      return refuse(reply, failure('rate_limited', 'Too many consoles follow the events already.', {}, 10));
    }
    reply.hijack();
    reply.raw.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream; charset=utf-8' });
    const { feed, heartbeatMs } = route;
    const stream = openStream(reply.raw, { feed, heartbeatMs, admits: () => route.admits(request) });
    streams.add(stream);
    reply.raw.once('close', () => {
      streams.delete(stream);
      stream.end();
    });
    stream.pour(cursorOf(request));
    return reply;
  });
  server.addHook('preClose', async () => {
    for (const stream of streams) stream.end();
  });
}

function cursorOf(request: FastifyRequest): EventCursor {
  const { after } = request.query as { readonly after?: unknown };
  const written = request.headers['last-event-id'] ?? after;
  return (typeof written === 'string' ? parseCursor(written) : null) ?? NOWHERE;
}

interface EventStream {
  /** Give what follows a cursor. */
  pour(from: EventCursor): void;
  end(): void;
}

interface StreamSources {
  readonly feed: Feed;
  readonly heartbeatMs: number;
  admits(): boolean;
}

function openStream(response: ServerResponse, { feed, heartbeatMs, admits }: StreamSources): EventStream {
  let last = NOWHERE;
  let ended = false;
  /** Heartbeats since there was no more room; null while there is. */
  let full: number | null = null;
  let stopFollowing = (): void => undefined;

  const write = (text: string): void => {
    if (!admits()) end();
    else if (!response.write(text)) full = 0;
  };
  const end = (): void => {
    if (ended) return;
    ended = true;
    clearInterval(beat);
    stopFollowing();
    response.end();
  };
  const give = (item: FeedItem): void => {
    // What comes while there is no room is given again from the log, after `last`.
    if (full !== null || ended) return;
    last = item.kind === 'gap' ? item.cursor : { epoch: feed.cursor().epoch, seq: item.event.seq };
    // JSON has no line break, and an epoch is hex: nothing can end a field early.
    write(`id: ${renderCursor(last)}\ndata: ${JSON.stringify(item)}\n\n`);
  };
  const pour = (from: EventCursor): void => {
    stopFollowing();
    last = from;
    full = null;
    stopFollowing = feed.follow(from, give);
    if (ended) stopFollowing();
  };
  const beat = setInterval(() => {
    if (full === null) write(': still here\n\n');
    else if (full > 0) response.destroy();
    else full += 1;
  }, heartbeatMs);
  response.on('drain', () => {
    if (!ended) pour(last);
  });
  write(': welcome\n\n');
  return { pour, end };
}

import { z } from 'zod';
import { EVENTS, type EventName, type PublishedEvent } from './events.ts';
import { type EventCursor, eventCursor } from './operations/core.ts';

/** The stream of events as it crosses a transport: every event once, in order, or a `gap` that says to load a snapshot anew. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: PublishedEvent }
  /** Events between the cursor and now are no longer kept, or the core has started again. */
  | { readonly kind: 'gap'; readonly cursor: EventCursor };

/**
 * Whether events arrive at present. `signed_out`: the session has ended, nothing arrives until a new one begins. `broken`:
 * the listener's own side has failed; nothing arrives any more, because going on could leave something out.
 */
export type FeedState = 'live' | 'reconnecting' | 'signed_out' | 'broken';

/** How often a transport that can fall silent says that it still stands. */
export const HEARTBEAT_MS = 10_000;

export interface FeedListener {
  item(item: FeedItem): void;
  state(state: FeedState): void;
}

/** Follow the core's events from a snapshot's cursor on; returns how to stop. */
export type Follow = (from: EventCursor, listener: FeedListener) => () => void;

const gap = z.strictObject({ kind: z.literal('gap'), cursor: eventCursor });
const envelope = z.strictObject({
  kind: z.literal('event'),
  event: z.object({ seq: z.int(), at: z.int(), name: z.string(), body: z.unknown() }),
});

/** Parse an item that came over a transport; null for what this version does not know. */
export function parseFeedItem(value: unknown): FeedItem | null {
  const asGap = gap.safeParse(value);
  if (asGap.success) return asGap.data;
  const parsed = envelope.safeParse(value);
  if (!parsed.success || !Object.hasOwn(EVENTS, parsed.data.event.name)) return null;
  const name = parsed.data.event.name as EventName;
  const body = EVENTS[name].safeParse(parsed.data.event.body);
  if (!body.success) return null;
  return { kind: 'event', event: { ...parsed.data.event, name, body: body.data } as PublishedEvent };
}

/** A cursor as it stands in an event's id: `EPOCH-SEQ`. */
export const renderCursor = ({ epoch, seq }: EventCursor): string => `${epoch}-${seq}`;

/** The cursor that `renderCursor` has written, or null. */
export function parseCursor(text: string): EventCursor | null {
  const found = /^(.*)-(\d{1,15})$/s.exec(text);
  const parsed = eventCursor.safeParse({ epoch: found?.[1], seq: Number(found?.[2]) });
  return parsed.success ? parsed.data : null;
}

import type { Bus } from '../bus.ts';
import type { PublishedEvent } from '../contract/events.ts';
import type { FeedItem } from '../contract/feed.ts';
import type { EventCursor } from '../contract/operations/core.ts';
import type { Log, Random } from '../ports.ts';

/**
 * The latest events, kept so that a listener that lost its connection can go on where it was. It is kept in memory
 * only: a core that has started again has another epoch, and every cursor of before then meets a gap.
 */
export interface Feed {
  /** Where the stream stands now. Taken before state is read: an event after it may repeat what was read, none is lost. */
  cursor(): EventCursor;
  /**
   * Every event after the cursor, each once and in order: those that are kept at once, within this call, then those to
   * come. What can no longer be given is told as a `gap` with the present cursor, from which it goes on. A listener that
   * throws is let go. Returns how to stop.
   */
  follow(from: EventCursor, listener: (item: FeedItem) => void): () => void;
}

/** How much is kept: a number of events, and of their bytes as JSON. */
export interface FeedBounds {
  readonly events: number;
  readonly bytes: number;
}

/** What a core keeps: minutes of a busy one, at most this much memory. */
export const FEED_BOUNDS: FeedBounds = { events: 5000, bytes: 8 * 1_048_576 };

const EPOCH_BYTES = 9;

interface Follower {
  readonly listener: (item: FeedItem) => void;
  /** The last sequence it has been given; null: it has to be told of a gap first. */
  seq: number | null;
  /** It is being given events further up the stack; what comes meanwhile follows there. */
  busy: boolean;
  stopped: boolean;
}

/** A feed over a bus that has announced nothing yet. */
export function createFeed(bus: Bus, lent: { random: Random; log: Log }, bounds: FeedBounds = FEED_BOUNDS): Feed {
  const epoch = Buffer.from(lent.random.bytes(EPOCH_BYTES)).toString('hex');
  const kept = createEventLog(bounds);
  const followers = new Set<Follower>();
  const cursor = (): EventCursor => ({ epoch, seq: kept.newest() });

  const nextFor = (follower: Follower): FeedItem | null => {
    if (follower.seq !== null && follower.seq >= kept.newest()) return null;
    const event = follower.seq === null ? null : kept.find(follower.seq + 1);
    follower.seq = event?.seq ?? kept.newest();
    return event === null ? { kind: 'gap', cursor: cursor() } : { kind: 'event', event };
  };
  const stop = (follower: Follower): void => {
    follower.stopped = true;
    followers.delete(follower);
  };
  const give = (follower: Follower): void => {
    if (follower.busy) return;
    follower.busy = true;
    try {
      for (let item = nextFor(follower); item !== null && !follower.stopped; item = nextFor(follower)) {
        follower.listener(item);
      }
    } catch (error) {
      stop(follower);
      lent.log.error('feed.listener_failed', { error: String(error) });
    }
    follower.busy = false;
  };

  bus.subscribe((event) => {
    kept.push(event);
    for (const follower of followers) give(follower);
    kept.trim();
  });
  return {
    cursor,
    follow(from, listener) {
      const known = from.epoch === epoch && from.seq <= kept.newest();
      const follower: Follower = { listener, seq: known ? from.seq : null, busy: false, stopped: false };
      followers.add(follower);
      give(follower);
      return () => stop(follower);
    },
  };
}

/** The newest events within bounds. An event alone may be larger than they are: then none is kept. */
function createEventLog(bounds: FeedBounds) {
  const kept: { readonly event: PublishedEvent; readonly bytes: number }[] = [];
  let bytes = 0;
  let newest = 0;
  return {
    push(event: PublishedEvent): void {
      newest = event.seq;
      const size = Buffer.byteLength(JSON.stringify(event));
      kept.push({ event, bytes: size });
      bytes += size;
    },
    /** Only after everyone here has been given the newest, so that one that is too large to keep reaches them. */
    trim(): void {
      while (kept.length > bounds.events || bytes > bounds.bytes) bytes -= kept.shift()?.bytes ?? 0;
    },
    newest: () => newest,
    find(seq: number): PublishedEvent | null {
      const first = kept[0];
      return first === undefined ? null : (kept[seq - first.event.seq]?.event ?? null);
    },
  };
}

import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bus, createBus } from '../../proxy-core/bus.ts';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import { type FeedItem, parseCursor, parseFeedItem, renderCursor } from '../../proxy-core/contract/feed.ts';
import type { EventCursor } from '../../proxy-core/contract/operations/core.ts';
import { createFeed, FEED_BOUNDS, type Feed, type FeedBounds } from '../../proxy-core/control/feed.ts';

/** The stream of events: each once, in order, or a gap that says so. */

interface Started {
  readonly bus: Bus;
  readonly feed: Feed;
  readonly logged: readonly string[];
  publish(count?: number): void;
}

function start(bounds: FeedBounds = FEED_BOUNDS): Started {
  const logged: string[] = [];
  const note = (event: string): void => void logged.push(event);
  const log = { info: note, warn: note, error: note };
  const bus = createBus({ now: () => 1000 }, log);
  const feed = createFeed(bus, { random: { bytes: (count) => randomBytes(count) }, log }, bounds);
  return {
    bus,
    feed,
    logged,
    publish(count = 1) {
      for (let n = 0; n < count; n += 1) bus.publish('run.changed', { run_id: `run-${n}` });
    },
  };
}

/** `3` for the third event, `gap@5` for a gap whose cursor is at the fifth. */
const shown = (item: FeedItem): number | string => (item.kind === 'event' ? item.event.seq : `gap@${item.cursor.seq}`);

function record(feed: Feed, from: EventCursor) {
  const items: (number | string)[] = [];
  return { items, stop: feed.follow(from, (item) => items.push(shown(item))) };
}

describe('following from a cursor', () => {
  it('gives what came since, then what comes, each once', () => {
    const { feed, publish } = start();
    publish(2);
    const from = feed.cursor();
    publish(3);
    const { items, stop } = record(feed, from);
    expect(items).toEqual([3, 4, 5]);
    publish(2);
    stop();
    publish();
    expect(items).toEqual([3, 4, 5, 6, 7]);
  });

  it('gives nothing but what comes to a cursor that is up to date', () => {
    const { feed, publish } = start();
    publish(2);
    const { items } = record(feed, feed.cursor());
    expect(items).toEqual([]);
    publish();
    expect(items).toEqual([3]);
  });

  it.each([
    ['another start of the core', (cursor: EventCursor) => ({ ...cursor, epoch: 'other' })],
    ['a place that has not been reached', (cursor: EventCursor) => ({ ...cursor, seq: cursor.seq + 1 })],
  ])('tells of a gap to a cursor of %s, and goes on from there', (_what, moved) => {
    const { feed, publish } = start();
    publish(2);
    const { items } = record(feed, moved(feed.cursor()));
    publish();
    expect(items).toEqual(['gap@2', 3]);
  });

  it('tells of a gap even before anything has happened', () => {
    const { feed } = start();
    expect(record(feed, { epoch: 'before', seq: 7 }).items).toEqual(['gap@0']);
  });

  it('tells of a gap when events were dropped by their number', () => {
    const { feed, publish } = start({ events: 3, bytes: 1_000_000 });
    const from = feed.cursor();
    publish(4);
    expect(record(feed, from).items).toEqual(['gap@4']);
    expect(record(feed, { ...from, seq: 1 }).items).toEqual([2, 3, 4]);
  });

  it('tells of a gap when events were dropped by their size, and still gives a large one to who is there', () => {
    const { bus, feed } = start({ events: 100, bytes: 500 });
    const from = feed.cursor();
    const live = record(feed, from);
    bus.publish('run.changed', { run_id: 'x'.repeat(600) });
    expect(live.items).toEqual([1]);
    expect(record(feed, from).items).toEqual(['gap@1']);
    bus.publish('run.changed', { run_id: 'small' });
    expect(record(feed, { ...from, seq: 1 }).items).toEqual([2]);
  });

  it('starts of the core have epochs of their own', () => {
    expect(start().feed.cursor().epoch).not.toBe(start().feed.cursor().epoch);
  });
});

describe('listeners', () => {
  it('are given events in order although they publish while they listen', () => {
    const { bus, feed } = start();
    const items: (number | string)[] = [];
    const seenOnBus: number[] = [];
    feed.follow(feed.cursor(), (item) => {
      items.push(shown(item));
      if (items.length === 1) bus.publish('budgets.changed', {});
    });
    bus.subscribe(({ seq }) => {
      seenOnBus.push(seq);
      if (seq === 1) bus.publish('agents.changed', {});
    });
    const late = record(feed, feed.cursor());
    bus.publish('run.changed', { run_id: 'first' });
    expect([items, late.items, seenOnBus]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('that publish while they catch up are given that after what came before', () => {
    const { bus, feed, publish } = start();
    const from = feed.cursor();
    publish(3);
    const items: (number | string)[] = [];
    feed.follow(from, (item) => {
      items.push(shown(item));
      if (items.length === 1) bus.publish('budgets.changed', {});
    });
    expect(items).toEqual([1, 2, 3, 4]);
  });

  it('that throw are let go and logged; the others go on', () => {
    const { feed, logged, publish } = start();
    let calls = 0;
    feed.follow(feed.cursor(), () => {
      calls += 1;
      throw new Error('broken');
    });
    const { items } = record(feed, feed.cursor());
    publish(2);
    expect([calls, items, logged]).toEqual([1, [1, 2], ['feed.listener_failed']]);
  });
});

it('whoever leaves and comes back again and again misses nothing that no gap tells of, and hears nothing twice', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('leave' as const) }),
    fc.record({ kind: fc.constant('return' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), (steps, kept) => {
      const { feed, publish } = start({ events: kept, bytes: 1_000_000 });
      let cursor = feed.cursor();
      let stop: (() => void) | null = null;
      const listen = (item: FeedItem): void => {
        if (item.kind === 'gap') {
          // A gap is told only where something is really lost.
          expect(item.cursor.seq - cursor.seq).toBeGreaterThan(kept);
          cursor = item.cursor;
          return;
        }
        expect(item.event.seq).toBe(cursor.seq + 1);
        cursor = { ...cursor, seq: item.event.seq };
      };
      for (const one of steps) {
        if (one.kind === 'publish') publish(one.count);
        else if (one.kind === 'return') stop ??= feed.follow(cursor, listen);
        else {
          stop?.();
          stop = null;
        }
        if (stop !== null) expect(cursor).toEqual(feed.cursor());
      }
    }),
  );
});

describe('crossing a transport', () => {
  const event: PublishedEvent = { seq: 4, at: 9, name: 'core.paused', body: { paused: true } };

  it('a cursor is read back as it was written', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), fc.integer({ min: 0, max: 999_999_999_999_999 }), (epoch, seq) => {
        expect(parseCursor(renderCursor({ epoch, seq }))).toEqual({ epoch, seq });
      }),
    );
  });

  it.each(['', '-', 'abc', 'abc-', 'abc-1.5', `${'x'.repeat(65)}-1`, 'abc-1\n'])(
    'what is no cursor is none: %j',
    (text) => expect(parseCursor(text)).toBeNull(),
  );

  it('items are read back; what this version does not know is none', () => {
    expect(parseFeedItem({ kind: 'event', event })).toEqual({ kind: 'event', event });
    const gap = { kind: 'gap', cursor: { epoch: 'a', seq: 3 } };
    expect(parseFeedItem(gap)).toEqual(gap);
    const unknown = [
      { kind: 'event', event: { ...event, name: 'core.sang' } },
      { kind: 'event', event: { ...event, name: 'toString' } },
      { kind: 'event', event: { ...event, body: { paused: 'yes' } } },
      { kind: 'gap' },
      null,
      'event',
    ];
    expect(unknown.map(parseFeedItem)).toEqual(unknown.map(() => null));
  });
});

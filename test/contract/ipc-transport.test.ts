import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bus, createBus } from '../../proxy-core/bus.ts';
import { type DesktopBridge, type InvokeMessage, invokeMessage } from '../../proxy-core/contract/bridge.ts';
import type { FeedItem } from '../../proxy-core/contract/feed.ts';
import { createFeed, type Feed } from '../../proxy-core/control/feed.ts';
import { createIpcTransport } from '../../renderer/transport/ipc.ts';

/** The console's way to the core within the desktop app, over a bridge that delivers when the test says so. */

interface Desk {
  readonly bus: Bus;
  readonly feed: Feed;
  readonly bridge: DesktopBridge;
  /** Deliver the next `count` messages that are on their way to the page; all by default. */
  deliver(count?: number): void;
  /** Fail the next invocations with these errors or values. */
  readonly failures: unknown[];
  readonly invoked: InvokeMessage[];
}

function startDesk(): Desk {
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const bus = createBus({ now: () => 1000 }, silent);
  const feed = createFeed(bus, { random: { bytes: (count) => randomBytes(count) }, log: silent });
  const listeners = new Set<(message: unknown) => void>();
  const onTheirWay: unknown[] = [];
  const failures: unknown[] = [];
  const invoked: InvokeMessage[] = [];
  let stopFollowing = (): void => undefined;
  return {
    bus,
    feed,
    failures,
    invoked,
    deliver(count = onTheirWay.length) {
      for (const message of onTheirWay.splice(0, count)) for (const listener of listeners) listener(message);
    },
    bridge: {
      async invoke(raw) {
        const message = invokeMessage.parse(raw);
        invoked.push(message);
        if (failures.length > 0) {
          const failed = failures.shift();
          if (failed instanceof Error) throw failed;
          return failed;
        }
        if (message.kind === 'call') return { ok: true, value: message.input };
        stopFollowing();
        stopFollowing = feed.follow(message.from, (item) => onTheirWay.push(structuredClone(item)));
        return { ok: true, value: {} };
      },
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
}

const shown = (item: FeedItem): number | string => (item.kind === 'event' ? item.event.seq : `gap@${item.cursor.seq}`);

/** Lets promises that are already settled be heard of. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(desk: Desk) {
  const heard: (number | string)[] = [];
  const states: string[] = [];
  const transport = createIpcTransport(desk.bridge, () => 0);
  const stop = transport.follow(desk.feed.cursor(), {
    item: (item) => heard.push(shown(item)),
    state: (state) => states.push(state),
  });
  return { transport, heard, states, stop };
}

describe('a call', () => {
  it('goes over the invoke channel by its name, and its reply comes back', async () => {
    const desk = startDesk();
    const { call } = createIpcTransport(desk.bridge, () => 0);
    expect(await call('gates.show', { gate_id: 'g' })).toEqual({ ok: true, value: { gate_id: 'g' } });
    expect(desk.invoked).toEqual([{ kind: 'call', name: 'gates.show', input: { gate_id: 'g' } }]);
  });

  it.each([
    [new Error("Error invoking remote method 'rungate:invoke'"), 'core_unreachable'],
    [undefined, 'internal_error'],
    [{ ok: false, failure: { code: 'not_found', message: 'x', context: {} } }, 'not_found'],
  ])('is a failure when main answers %s', async (answer, code) => {
    const desk = startDesk();
    desk.failures.push(answer);
    const reply = await createIpcTransport(desk.bridge, () => 0).call('core.status', {});
    expect(reply).toMatchObject({ ok: false, failure: { code } });
  });
});

describe('following', () => {
  it('gives every event once, in order, and says that it is live', async () => {
    const desk = startDesk();
    const { heard, states } = open(desk);
    await settle();
    for (let n = 0; n < 3; n += 1) desk.bus.publish('budgets.changed', {});
    desk.deliver();
    expect([heard, states]).toEqual([[1, 2, 3], ['live']]);
  });

  it('passes over other messages of the channel and events that it does not know', async () => {
    const desk = startDesk();
    const { heard } = open(desk);
    await settle();
    desk.bus.publish('run.changed', { run_id: 7 as unknown as string });
    desk.bus.publish('budgets.changed', {});
    desk.deliver();
    expect(heard).toEqual([2]);
  });

  it('tries again when main refuses, from where it was', async () => {
    const desk = startDesk();
    desk.failures.push(new Error('not yet'));
    const { heard, states } = open(desk);
    await expect.poll(() => states).toEqual(['reconnecting', 'live']);
    desk.bus.publish('budgets.changed', {});
    desk.deliver();
    expect(heard).toEqual([1]);
  });

  it('hears nothing more once stopped', async () => {
    const desk = startDesk();
    const { heard, stop } = open(desk);
    await settle();
    desk.bus.publish('budgets.changed', {});
    stop();
    desk.deliver();
    expect(heard).toEqual([]);
  });

  it('hears each event once although what an earlier following sent is still on its way', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const) }),
      fc.record({ kind: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('reload' as const) }),
      fc.record({ kind: fc.constant('settle' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const desk = startDesk();
        let from = desk.feed.cursor().seq;
        let page = open(desk);
        for (const one of steps) {
          if (one.kind === 'publish') desk.bus.publish('budgets.changed', {});
          else if (one.kind === 'deliver') desk.deliver(one.count);
          else if (one.kind === 'settle') await settle();
          else {
            page.stop();
            from = desk.feed.cursor().seq;
            page = open(desk);
          }
        }
        // Twice: a hole that the last delivery showed is filled by following anew.
        for (let round = 0; round < 2; round += 1) {
          await settle();
          desk.deliver();
        }
        const expected = Array.from({ length: desk.feed.cursor().seq - from }, (_none, n) => from + n + 1);
        expect(page.heard).toEqual(expected);
      }),
    );
  });
});

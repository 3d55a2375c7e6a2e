import type { Bus } from '../bus.ts';
import type { ChannelRecord } from '../contract/records.ts';
import { GIVE_UP_MS } from '../notify/backoff.ts';
import { type PreparedNotice, renderNotices } from '../notify/notice.ts';
import { type Announced, isAnnounced, lastEventOf } from '../notify/subject.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Store, StoreReader } from '../store/store.ts';
import { createAttempt, NOT_CONFIGURED, sha256 } from './attempt.ts';
import type { Channel } from './channel.ts';
import { type ChannelHealth, createChannelHealth } from './channel-health.ts';
import { createLanes, type Lanes, SYSTEM_TIMERS, type Timers } from './lanes.ts';

/** What the outbox needs of the store. */
export interface OutboxStore extends Pick<Store, 'write'> {
  readonly read: Pick<StoreReader, 'dueNotices' | 'notices' | 'gate' | 'liveGates'>;
}

export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly bus: Bus;
  /** Closed with the outbox. */
  readonly channels: readonly Channel[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Where the operator's console answers at present, null if nowhere: for links. */
  readonly consoleUrl: () => string | null;
  readonly timers?: Timers;
}

/**
 * The durable outbox: events become notices in the store, and notices go out in the background, tried again for a day,
 * across restarts. At least once: a receiver knows a repetition by its id. No gate ever waits for it.
 */
export interface Outbox {
  /**
   * Listen to the bus, go on with what a restart interrupted, and put in again what the open runs' gates stand for, in
   * case a crash came between a gate and its notice (the id makes it one notice).
   */
  start(): void;
  /** The configured channels, then those that gates have named in vain. */
  list(): readonly ChannelRecord[];
  /** Send a test through a channel: `oncall`, `webhook://oncall`, `desktop`. Null if there is no such channel. */
  test(name: string): Promise<{ readonly delivered: boolean; readonly detail: string } | null>;
  /** Stop at once; what was under way is due again at the next start. Call it before the store is closed. */
  close(): Promise<void>;
}

/** An outbox that does nothing before it is started. */
export function createOutbox(options: OutboxOptions): Outbox {
  const { store, bus, clock, random, log, redactor } = options;
  const channels = new Map(options.channels.map((channel) => [channel.name, channel]));
  const health = createChannelHealth(store.read, clock);
  let unsubscribe = (): void => undefined;
  let closed = false;
  const lanes = createLanes({
    read: store.read,
    clock,
    log,
    timers: options.timers ?? SYSTEM_TIMERS,
    channels: [...channels.keys()],
    work: createAttempt({ store, channels, health, clock, random, log, redactor, closing: () => closed }),
  });
  const intake = createIntake(options, lanes);

  return {
    start() {
      unsubscribe = bus.subscribe((event) => {
        if (isAnnounced(event)) intake.announce(event);
      });
      for (const event of unsettledEvents(store.read, clock.now())) intake.announce(event);
      lanes.wakeAll();
    },
    list: () => listChannels(store.read, [...channels.keys()], intake.missing, health),
    async test(name) {
      const channel = options.channels.find((one) => isNamed(one, name));
      if (channel === undefined) return null;
      const result = await channel.test();
      const error = result.kind === 'failed' ? redactor.text(result.detail).value : null;
      health.note(channel.name, error);
      return { delivered: error === null, detail: error ?? 'delivered' };
    },
    async close() {
      closed = true;
      unsubscribe();
      const idle = lanes.close();
      await Promise.all(options.channels.map((channel) => channel.close()));
      await idle;
      await intake.idle();
    },
  };
}

/** Turns events into notices in the store. */
interface Intake {
  announce(event: Announced): void;
  /** Channels that gates named and nobody configured. */
  readonly missing: ReadonlySet<string>;
  /** Resolves when everything announced so far is in the store. */
  idle(): Promise<unknown>;
}

function createIntake({ store, channels, clock, log, redactor, consoleUrl }: OutboxOptions, lanes: Lanes): Intake {
  const routes = channels.map(({ name, kind, events }) => ({ channel: name, kind, events }));
  const missing = new Set<string>();
  const writes = new Set<Promise<void>>();

  const enqueue = async ({ eventId, event, channel, dueAt, payload }: PreparedNotice): Promise<void> => {
    try {
      const at = Math.max(dueAt, clock.now());
      await store.write('enqueueNotice', { at, eventId, channel, event, payload }).committed;
      lanes.wake(channel);
    } catch (error) {
      log.error('notice.not_stored', { channel, event, event_id: eventId, error: String(error) });
    }
  };

  return {
    missing,
    announce(event) {
      const settings = { routes, consoleUrl: consoleUrl(), sha256, redactor };
      const { notices, unknownChannels } = renderNotices(event, settings);
      for (const notice of notices) {
        const write = enqueue(notice).finally(() => writes.delete(write));
        writes.add(write);
      }
      for (const channel of unknownChannels) {
        if (!missing.has(channel)) log.warn('notice.no_channel', { channel });
        missing.add(channel);
      }
    },
    idle: () => Promise.all(writes),
  };
}

/** What gates of open runs stand for: every waiting gate, and verdicts that a notice could still be tried for. */
const unsettledEvents = (read: Pick<StoreReader, 'liveGates'>, now: number): readonly Announced[] =>
  read.liveGates().flatMap((gate) => {
    const event = lastEventOf(gate);
    return event !== null && (gate.state === 'pending' || event.at >= now - GIVE_UP_MS) ? [event] : [];
  });

function listChannels(
  read: Pick<StoreReader, 'dueNotices'>,
  configured: readonly string[],
  missing: ReadonlySet<string>,
  health: ChannelHealth,
): readonly ChannelRecord[] {
  const waiting = read.dueNotices(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const count = (name: string): number => waiting.filter(({ channel }) => channel === name).length;
  return [
    ...configured.map((channel) => ({ channel, waiting: count(channel), ...health.of(channel) })),
    ...[...missing].map((channel) => ({
      channel,
      waiting: count(channel),
      last_delivered_at: null,
      last_error: NOT_CONFIGURED,
    })),
  ];
}

/** Whether a person means this channel: by its whole name, its own part, or its scheme where it has no own part. */
const isNamed = ({ name }: Channel, meant: string): boolean => {
  const [scheme = '', own = ''] = name.split('://');
  return name === meant || (own === '' ? scheme : own) === meant;
};

import type { Clock, Log } from '../ports.ts';
import type { Notice, StoreReader } from '../store/store.ts';

/** Wakes once after a time; returns how to cancel. Tests lend one that they move by hand. */
export interface Timers {
  after(ms: number, wake: () => void): () => void;
}

/** Timers of this process. They never keep it alive. */
export const SYSTEM_TIMERS: Timers = {
  after(ms, wake) {
    const timer = setTimeout(wake, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** What came of working on a notice: `held` when not even that could be noted. */
export type Worked = 'noted' | 'held';

interface Lent {
  readonly read: Pick<StoreReader, 'dueNotices' | 'notices'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly timers: Timers;
  /** Names of the channels there are. */
  readonly channels: readonly string[];
  /** Send one notice and note what came of it in the store. */
  readonly work: (notice: Notice) => Promise<Worked>;
}

/**
 * One lane per channel: its due notices go out one after the other, the longest due first, and no lane waits for
 * another. So there are never more deliveries under way than channels, and a receiver that is down delays only its own.
 */
export interface Lanes {
  /** Look for what is due on a channel. */
  wake(channel: string): void;
  /** Look on every channel. */
  wakeAll(): void;
  /** Begin nothing more. Resolves once every lane has put down what it held. */
  close(): Promise<void>;
}

/** How many waiting notices are looked at in one read; payloads are in memory only for that long. */
const BATCH = 32;
/** Longest time between two looks while anything waits: clocks are moved and machines sleep. */
const LOOK_MS = 15_000;
/** How long a lane rests when the store takes no notes, ms. */
const REST_MS = 30_000;

export function createLanes({ read, clock, log, timers, channels, work }: Lent): Lanes {
  const running = new Map<string, Promise<void>>();
  const rests = createRests(timers);
  let cancel = (): void => undefined;
  let closed = false;

  /** What is due until an instant, the longest due first; a store that cannot be read shows nothing. */
  const look = (until: number): readonly Notice[] => {
    try {
      return read.dueNotices(until, BATCH);
    } catch (error) {
      log.error('notice.not_read', { error: String(error) });
      return [];
    }
  };

  /** One notice of a channel: whether to go on with the next, to rest first, or nothing is due. */
  const step = async (channel: string): Promise<'next' | 'rest' | 'idle'> => {
    try {
      const notice = nextDue(read, channel, clock.now());
      if (notice === null) return 'idle';
      return (await work(notice)) === 'noted' ? 'next' : 'rest';
    } catch (error) {
      log.error('notice.lane_failed', { channel, error: String(error) });
      return 'rest';
    }
  };

  const run = async (channel: string): Promise<void> => {
    while (!closed) {
      const then = await step(channel);
      if (then === 'idle') return;
      if (then === 'rest' && !closed) await rests.begin();
    }
  };

  const wake = (channel: string): void => {
    if (closed || running.has(channel)) return;
    const lane = run(channel).finally(() => {
      running.delete(channel);
      schedule();
    });
    running.set(channel, lane);
  };

  /** Sleep until the next notice of a lane that is not at work is due; lanes at work come back here by themselves. */
  const schedule = (): void => {
    cancel();
    if (closed) return;
    const waiting = look(Number.MAX_SAFE_INTEGER);
    if (waiting.length === 0) return;
    const next = waiting.find(({ channel }) => !running.has(channel))?.nextAt ?? Number.POSITIVE_INFINITY;
    cancel = timers.after(Math.max(0, Math.min(next - clock.now(), LOOK_MS)), wakeAll);
  };

  const wakeAll = (): void => {
    const due = look(clock.now()).map(({ channel }) => channel);
    for (const channel of new Set([...channels, ...due])) wake(channel);
  };

  return {
    wake,
    wakeAll,
    async close() {
      closed = true;
      cancel();
      rests.end();
      await Promise.all(running.values());
    },
  };
}

/** The longest due notice of a channel. A backlog of others' may fill the batch: then the channel's own latest are looked at. */
function nextDue(read: Lent['read'], channel: string, now: number): Notice | null {
  const due = read.dueNotices(now, BATCH);
  const own = due.find((notice) => notice.channel === channel);
  if (own !== undefined || due.length < BATCH) return own ?? null;
  const latest = read.notices({ channel, limit: BATCH });
  return latest.findLast(({ nextAt }) => nextAt !== null && nextAt <= now) ?? null;
}

/** Lanes at rest, all of which a close ends. */
function createRests(timers: Timers): { begin(): Promise<void>; end(): void } {
  const resting = new Set<() => void>();
  return {
    begin: () =>
      new Promise((resolve) => {
        const wakeUp = (): void => {
          cancel();
          resting.delete(wakeUp);
          resolve();
        };
        const cancel = timers.after(REST_MS, wakeUp);
        resting.add(wakeUp);
      }),
    end() {
      for (const wakeUp of resting) wakeUp();
    },
  };
}

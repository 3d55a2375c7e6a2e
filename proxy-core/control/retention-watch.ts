import type { Bus } from '../bus.ts';
import type { Clock, Log } from '../ports.ts';
import { type Purge, type PurgeLimits, type PurgeOutcome, planPurge, purge, resumePurge } from '../store/purge.ts';
import type { By, Store } from '../store/store.ts';
import { StoreUnavailable } from '../store/store.ts';
import { SWEEP_SETTING } from '../store/verbs/retention.ts';

/** What the configuration says of retention; null: no limit. */
export interface RetentionSettings {
  readonly days: number | null;
  readonly maxGb: number | null;
}

/** Removes traces by age and size: at the start, every hour, and when asked. One purge at a time. */
export interface Retention {
  readonly settings: RetentionSettings;
  /** What a purge with these limits would do. */
  plan(limits: RetentionSettings): Promise<PurgeOutcome>;
  /** Remove, after what is under way. */
  purge(limits: RetentionSettings, by: By): Promise<PurgeOutcome>;
  /** Begin: with what an earlier start has left. Nothing waits for it. */
  start(): void;
  /** Stop between two pieces of work. */
  close(): Promise<void>;
}

export interface RetentionPorts {
  readonly store: Pick<Store, 'write' | 'reads' | 'read' | 'trouble'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: RetentionSettings;
  /** A run's record has changed. */
  readonly changed: (runId: string) => void;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const GB = 1_000_000_000;
const AUTOMATIC: By = { actor: 'system', channel: 'retention' };

/** A retention that does nothing before it is started or asked. */
export function createRetention({ store, bus, clock, log, settings, changed }: RetentionPorts): Retention {
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;
  const ports = { store, now: clock.now, stopped: () => closed };

  const limitsOf = ({ days, maxGb }: RetentionSettings): PurgeLimits => ({
    endedBy: days === null ? null : clock.now() - days * DAY_MS,
    maxBytes: maxGb === null ? null : maxGb * GB,
  });

  /** Behind what is under way, whatever becomes of that. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const run = (limits: RetentionSettings, by: By): Promise<PurgeOutcome> =>
    inTurn(async () => {
      const outcome = await purge({ ...ports, by, onRun: changed } satisfies Purge, limitsOf(limits));
      if (outcome.runs > 0) {
        log.info('retention.purged', { ...outcome });
        bus.publish('retention.changed', {});
      }
      return outcome;
    });

  const resume = (): Promise<void> =>
    inTurn(async () => {
      const pending = store.read.setting(SWEEP_SETTING) === true;
      const runs = await resumePurge({ ...ports, by: AUTOMATIC, onRun: changed }, pending);
      if (runs > 0) bus.publish('retention.changed', {});
    });

  /** A purge that cannot be made now is made later: what it has marked stays marked. */
  const look = async (): Promise<void> => {
    if (closed || store.trouble !== null) return;
    try {
      await resume();
      if (settings.days !== null || settings.maxGb !== null) await run(settings, AUTOMATIC);
    } catch (error) {
      if (!closed && !(error instanceof StoreUnavailable)) log.error('retention.failed', { error: String(error) });
    }
  };

  return {
    settings,
    plan: (limits) => planPurge(ports, limitsOf(limits)),
    purge: run,
    start() {
      void look();
      timer = setInterval(() => void look(), HOUR_MS).unref();
    },
    async close() {
      closed = true;
      if (timer !== null) clearInterval(timer);
      await last;
    },
  };
}

import type { Bus } from '../bus.ts';
import type { Clock, Log, Random } from '../ports.ts';
import { type Store, StoreUnavailable } from '../store/store.ts';
import { makeId } from './make-id.ts';

/**
 * Looks at what calls have brought, after they are settled and while nothing else goes on: texts go into the index,
 * files and pictures of tools become artifacts. The store knows what has been looked at, so a restart goes on where
 * the one before stopped. No call waits for it; reading is done on the reader's thread.
 */
export interface Digester {
  /** Look at everything that is settled now, without waiting for a quiet moment: before an export. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

interface Lent {
  readonly store: Pick<Store, 'reads' | 'write' | 'trouble'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A run has new artifacts. */
  changed(runId: string): void;
}

/** Nothing has happened for this long: a quiet moment, ms. */
const QUIET_MS = 400;
/** Where it is never quiet, a little is done this often, ms. */
const PATIENCE_MS = 5_000;
/** Between two batches, so that calls that come meanwhile go first, ms. */
const PAUSE_MS = 25;
/** Calls of one batch. */
const BATCH = 16;

/** Begins with what is left from before. `close` it before the store. */
export function createDigester({ store, bus, clock, random, log, changed }: Lent): Digester {
  let timer: NodeJS.Timeout | null = null;
  let waitingSince: number | null = null;
  let working: Promise<boolean> | null = null;
  let closed = false;

  const wake = (ms: number): void => {
    if (timer !== null) clearTimeout(timer);
    timer = closed ? null : setTimeout(work, ms).unref();
  };

  /** Something goes on: wait for quiet, but not for ever. */
  const defer = (): void => {
    const now = performance.now();
    waitingSince ??= now;
    if (now - waitingSince < PATIENCE_MS || timer === null) wake(QUIET_MS);
  };

  const work = (): void => {
    timer = null;
    waitingSince = null;
    void batch().then((more) => {
      if (more && timer === null) wake(PAUSE_MS);
    });
  };

  /** One batch at a time; true if it found something, so there may be more. */
  const batch = (): Promise<boolean> => {
    working ??= digestSome()
      .catch((error: unknown) => {
        if (!closed && !(error instanceof StoreUnavailable)) log.warn('digest.failed', { error: String(error) });
        return false;
      })
      .finally(() => {
        working = null;
      });
    return working;
  };

  const digestSome = async (): Promise<boolean> => {
    if (closed || store.trouble !== null) return false;
    const at = clock.now();
    const digest = await store.reads.query('digest', { now: at, limit: BATCH });
    if (digest.runs.length + digest.exchanges.length === 0 || closed) return false;
    const artifacts = digest.exchanges.reduce((sum, exchange) => sum + exchange.artifacts.length, 0);
    const artifactIds = Array.from({ length: artifacts }, () => makeId('art', { clock, random }));
    const { runIds } = await store.write('digest', { at, digest, artifactIds }).committed;
    for (const runId of runIds) changed(runId);
    return true;
  };

  const unsubscribe = bus.subscribe(({ name }) => {
    if (name === 'run.changed') defer();
  });
  wake(QUIET_MS);

  return {
    async catchUp() {
      while (await batch());
    },
    async close() {
      closed = true;
      unsubscribe();
      if (timer !== null) clearTimeout(timer);
      await working;
    },
  };
}

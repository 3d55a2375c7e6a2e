import { isChore } from './backlog.ts';
import { createCheckpoints } from './checkpoints.ts';
import { type CommitOutcome, type CommitPorts, commit, type StorageFailure, storageFailure } from './commit.ts';
import { openDatabase } from './database.ts';
import { createDurability } from './durability.ts';
import { createFailPoints, createSync } from './fail-points.ts';
import { writable } from './handle.ts';
import type { FromWorker, Reply, Request, WorkerOptions } from './messages.ts';
import type { StoreTrouble } from './store.ts';
import { beginAudit } from './tables/audit.ts';
import { createRecentBodies } from './tables/bodies.ts';

/** The one that writes: commits batches, has them synced, keeps the log short, and knows whether it still can. */
export interface Writer {
  /** Carry out requests as one transaction (several, if they do not fit together) and answer them. */
  serve(requests: readonly Request[]): void;
  /** Nothing is waiting. */
  rest(): void;
  /** Sync, carry the log over, let go of everything. */
  close(): Promise<void>;
}

/** While writes fail a small one is tried this often, so that the end of a full disk is noticed without traffic, ms. */
const PROBE_EVERY = 1_000;
/** Commits between two looks at the log's length. */
const LOOK_EVERY = 64;

/**
 * A row that takes the room of a call with its body, committed, then made small again. A smaller one would fit where no call
 * does, and the store would be called well while every call is refused.
 */
const PROBE = `INSERT INTO settings (name, value, updated_at) VALUES ('store.probe', json_quote(hex(randomblob(131072))), 0)
  ON CONFLICT DO UPDATE SET value = excluded.value, updated_at = updated_at + 1;
  UPDATE settings SET value = 'true' WHERE name = 'store.probe'`;

/** Open the store for writing. Throws StoreRefused. */
export function openWriter(options: WorkerOptions, say: (message: FromWorker) => void): Writer {
  const failPoint = createFailPoints(options.failPoint);
  const { connection, release } = openDatabase(options.path, () => failPoint('mid-migration'));
  const ports: CommitPorts = { connection, db: writable(connection), recent: createRecentBodies(), failPoint };
  beginAudit(ports.db, options.now);
  const note = (message: Extract<FromWorker, { kind: 'note' }>['note']): void => say({ kind: 'note', note: message });
  const checkpoints = createCheckpoints({ connection, limits: options.limits, failPoint, note });
  const health = createHealth(say, () => connection.exec(PROBE));
  const durability = createDurability({
    walPath: `${options.path}-wal`,
    failPoint,
    sync: createSync(options.medium),
    onDurable: (batch) => say({ kind: 'durable', batch }),
    onFailure: (detail) => health.suffer({ trouble: { reason: 'io_error', detail }, final: true }),
  });
  let batch = 0;
  let enforcing = true;

  const answer = (requests: readonly Request[], outcome: CommitOutcome): void => {
    batch += 1;
    if (outcome.kind === 'lost') {
      health.suffer(outcome.failure);
      say({ kind: 'replies', batch, replies: requests.map(unavailable(outcome.failure.trouble)) });
      return;
    }
    health.recover();
    say({ kind: 'replies', batch, replies: outcome.replies });
    durability.request(batch);
    if (requests.every(isChore)) tend(checkpoints.whenIdle);
    else if (batch % LOOK_EVERY === 0) tend(checkpoints.whenBusy);
  };

  /**
   * A chore removes what nothing refers to any more, and says so itself (`tables/traces.ts`). SQLite would look through
   * whole tables for every row, because what refers has no index for that; it would only slow every call.
   */
  const carryOut = (requests: readonly Request[]): CommitOutcome => {
    const enforced = !requests.every(isChore);
    // Only where it changes: SQLite prepares every statement anew after it.
    if (enforced !== enforcing) connection.pragma(`foreign_keys = ${enforced ? 'ON' : 'OFF'}`);
    enforcing = enforced;
    return commit(ports, requests);
  };

  const tend = (look: () => void): void => {
    if (health.lost === null) health.guard(look);
  };

  return {
    serve(requests) {
      const outcome: CommitOutcome = health.lost === null ? carryOut(requests) : { kind: 'lost', failure: health.lost };
      // What does not fit together may fit in part: a large body must not take the money's records down with it.
      const apart = outcome.kind === 'lost' && !outcome.failure.final && requests.length > 1;
      if (!apart) answer(requests, outcome);
      else for (const request of requests) answer([request], carryOut([request]));
    },
    rest: () => tend(checkpoints.whenIdle),
    async close() {
      health.close();
      await durability.close();
      tend(checkpoints.finish);
      connection.close();
      release();
    },
  };
}

const unavailable =
  (trouble: StoreTrouble) =>
  ({ id }: Request): Reply => ({ id, kind: 'unavailable', trouble });

/** Whether writing works, and for how long it will not. */
interface Health {
  /** What ended all writing until the next start, or null. */
  readonly lost: StorageFailure | null;
  suffer(failure: StorageFailure): void;
  /** Something has been committed. */
  recover(): void;
  /** Run something that touches the storage; its failure is suffered, any other error thrown on. */
  guard(touch: () => void): void;
  close(): void;
}

function createHealth(say: (message: FromWorker) => void, probe: () => void): Health {
  let trouble: StoreTrouble | null = null;
  let lost: StorageFailure | null = null;
  let timer: NodeJS.Timeout | null = null;

  const health: Health = {
    get lost() {
      return lost;
    },
    suffer(failure) {
      if (lost !== null) return;
      if (failure.final) lost = failure;
      else timer ??= setTimeout(attempt, PROBE_EVERY);
      if (trouble?.reason !== failure.trouble.reason || failure.final)
        say({ kind: 'note', note: { level: 'error', event: 'unavailable', detail: failure.trouble.detail } });
      trouble = failure.trouble;
      say({ kind: 'trouble', trouble, final: failure.final });
    },
    recover() {
      // That one small thing fitted does not mean that a call would.
      if (trouble !== null && lost === null) attempt();
    },
    guard(touch) {
      try {
        touch();
      } catch (error) {
        const failure = storageFailure(error);
        if (failure === null) throw error;
        health.suffer(failure);
      }
    },
    close() {
      if (timer !== null) clearTimeout(timer);
    },
  };

  const attempt = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (trouble === null || lost !== null) return;
    health.guard(() => {
      probe();
      trouble = null;
      say({ kind: 'note', note: { level: 'info', event: 'available', detail: 'writes are possible again' } });
      say({ kind: 'trouble', trouble, final: false });
    });
  };
  return health;
}

import { closeSync, fdatasyncSync, fstatSync, openSync, statSync } from 'node:fs';
import type { Sync } from './fail-points.ts';

/**
 * Commit first, sync beside it. Transactions commit with `synchronous=NORMAL`, which in WAL mode means: the frames
 * are in the `-wal` file (they survive the death of this process) but not yet on the medium. This file puts them
 * there with fdatasync on that file, off the worker's thread, one call for every commit made before it began.
 *
 * Why that equals `synchronous=FULL` for whoever waits for it (https://sqlite.org/pragma.html#pragma_synchronous,
 * https://sqlite.org/wal.html, and walFrames() and walCheckpoint() in sqlite3.c):
 *  - FULL differs from NORMAL by one thing only: an xSync of the WAL after the commit frame. (It would also pad the
 *    log to a sector boundary, but not where powersafe overwrite is assumed, which is the default we build with.)
 *    fdatasync on any descriptor flushes the inode's written pages and its size, whoever wrote them.
 *  - A checkpoint syncs the WAL before it copies pages and the database after the last one, under NORMAL too; and a
 *    WAL that begins again from its start has its new header synced before any frame. So frames that were synced
 *    cannot be lost to a reset, and torn frames behind them fail their checksums and are ignored at recovery.
 *  - The directory entry of the WAL is synced by SQLite with that first header sync, and by us at every open.
 *  - An error of the medium is reported to every descriptor that was open when the write was made, once. Ours is
 *    opened before the first write and kept, so it cannot miss one. After an error the kernel may call the pages
 *    clean: nothing may be believed durable any more, so the store stays unavailable until it is opened anew.
 *
 * Only the `-wal` file is opened here, never the database: closing a descriptor of that would drop SQLite's locks.
 * The WAL carries no locks. Its inode is compared before each sync, because a foreign process that unlinked it (the
 * last connection of another program closing) would leave us writing into nothing.
 */
export interface Durability {
  /** Everything up to this batch is committed: sync it. */
  request(batch: number): void;
  /** Resolves when nothing is being synced and the descriptor is closed. */
  close(): Promise<void>;
}

export interface DurabilityPorts {
  readonly walPath: string;
  /** Every batch up to this one is durable. */
  onDurable(batch: number): void;
  /** The medium refused; called once, nothing is synced afterwards. */
  onFailure(detail: string): void;
  failPoint(name: 'before-fsync' | 'after-fsync'): void;
  readonly sync: Sync;
}

/** Sync what the WAL at `walPath` holds, and from now on what is added. Throws if even that cannot be done. */
export function createDurability(ports: DurabilityPorts): Durability {
  const descriptor = openSync(ports.walPath, 'r+');
  fdatasyncSync(descriptor);
  const inode = fstatSync(descriptor, { bigint: true }).ino;
  let requested = 0;
  let durable = 0;
  let state: 'idle' | 'syncing' | 'failed' = 'idle';
  let whenIdle: (() => void) | null = null;

  const fail = (detail: string): void => {
    state = 'failed';
    ports.onFailure(detail);
    whenIdle?.();
  };

  const finish = (batch: number, error: Error | null): void => {
    if (error !== null) {
      fail(`the disk refused to sync the write-ahead log: ${error.message}`);
      return;
    }
    ports.failPoint('after-fsync');
    durable = batch;
    state = 'idle';
    ports.onDurable(batch);
    start();
  };

  const start = (): void => {
    if (state !== 'idle') return;
    if (durable >= requested) {
      whenIdle?.();
      return;
    }
    const batch = requested;
    if (statSync(ports.walPath, { bigint: true, throwIfNoEntry: false })?.ino !== inode) {
      fail('the write-ahead log was removed or replaced by another program');
      return;
    }
    state = 'syncing';
    ports.failPoint('before-fsync');
    ports.sync(descriptor, (error) => finish(batch, error));
  };

  return {
    request(batch) {
      requested = Math.max(requested, batch);
      start();
    },
    async close() {
      if (state === 'syncing') {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      closeSync(descriptor);
    },
  };
}

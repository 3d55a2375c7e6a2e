import type Database from 'better-sqlite3';
import type { FailPointName, StoreLimits, StoreNote } from './messages.ts';

/**
 * Carry the write-ahead log over into the database by our own hand (`wal_autocheckpoint` is 0), so that no commit
 * pays for it: when nothing is waiting, or when the log has become long.
 */
export interface Checkpoints {
  /** After commits: carry over if the log is long. */
  readonly whenBusy: () => void;
  /** When nothing is waiting. */
  readonly whenIdle: () => void;
  /** Carry everything over and empty the log; readers may prevent it. */
  readonly finish: () => void;
}

export interface CheckpointPorts {
  readonly connection: Database.Database;
  readonly limits: StoreLimits;
  readonly note: (note: StoreNote) => void;
  readonly failPoint: (name: FailPointName) => void;
}

interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

export function createCheckpoints({ connection, limits, note, failPoint }: CheckpointPorts): Checkpoints {
  let alarmed = false;

  const run = (mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): LogState => {
    const [state] = connection.pragma(`wal_checkpoint(${mode})`) as readonly LogState[];
    return state ?? { log: 0, checkpointed: 0 };
  };

  const carryOver = (): void => {
    const { log } = run('PASSIVE');
    failPoint('mid-checkpoint');
    if (log >= limits.alarmPages) cut(log);
    else alarmed = false;
  };

  /** A reader keeps the log from starting again: say so once, and cut it without waiting for anyone. */
  const cut = (pages: number): void => {
    if (!alarmed) note({ level: 'warn', event: 'wal_alarm', detail: `the write-ahead log has ${pages} pages` });
    alarmed = true;
    connection.pragma('busy_timeout = 0');
    const { log } = run('TRUNCATE');
    connection.pragma('busy_timeout = 5000');
    if (log === 0) note({ level: 'info', event: 'wal_reset', detail: 'the write-ahead log was cut' });
  };

  const carryOverFrom = (pages: number): void => {
    const { log, checkpointed } = run('NOOP');
    if (log - checkpointed >= pages || (log >= limits.alarmPages && !alarmed)) carryOver();
  };

  return {
    whenBusy: () => carryOverFrom(limits.busyPages),
    whenIdle: () => carryOverFrom(limits.idlePages),
    finish() {
      run('TRUNCATE');
    },
  };
}

import { fdatasync } from 'node:fs';
import type { FailPoint, FailPointName } from './messages.ts';

/**
 * Where a test may have this process killed, as `kill -9` would. Without a fail point, as in the product, the
 * returned function does nothing.
 */
export function createFailPoints(failPoint: FailPoint | null): (name: FailPointName) => void {
  let passes = 0;
  return (name) => {
    if (failPoint?.at !== name) return;
    passes += 1;
    if (passes === failPoint.pass) process.kill(process.pid, 'SIGKILL');
  };
}

/** The states of a medium that a test makes bad, in the first place of the numbers that it shares with the writer. */
export const MEDIUM = {
  well: 0,
  /** A sync does not return while it stays so. */
  hanging: 1,
  /** A sync fails. */
  broken: 2,
} as const;

/** Puts a file's bytes on the medium and says whether that went well. */
export type Sync = (descriptor: number, done: (error: Error | null) => void) => void;

/** The system's own sync; where a test has lent a medium (never in the product), one that is as bad as that says. */
export function createSync(medium: SharedArrayBuffer | null): Sync {
  if (medium === null) return fdatasync;
  const state = new Int32Array(medium);
  const sync: Sync = (descriptor, done) => {
    if (Atomics.load(state, 0) === MEDIUM.broken) return done(new Error('EIO: i/o error, fdatasync'));
    if (Atomics.load(state, 0) === MEDIUM.well) return fdatasync(descriptor, done);
    const wait = Atomics.waitAsync(state, 0, MEDIUM.hanging);
    void Promise.resolve(wait.value).then(() => sync(descriptor, done));
  };
  return sync;
}

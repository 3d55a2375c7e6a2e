/**
 * Whether this process has just stood still (stopped by a signal, a sleeping machine, a starved one). What arrived meanwhile
 * lies unread in the kernel, and every timer is late: whoever judges by the clock right then judges the wrong one.
 */
export interface PauseWatch {
  readonly justPaused: boolean;
  close(): void;
}

const BEAT_MS = 500;
/** So late, the loop was not merely busy. */
const PAUSE_MS = 2_000;
/** After a pause what lay unread is read within this time. */
const AFTER_MS = 2_000;

/** Watch from now on; keeps no process alive. */
export function watchPauses(now: () => number = () => performance.now()): PauseWatch {
  let last = now();
  let pausedUntil = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    const at = now();
    if (at - last >= PAUSE_MS) pausedUntil = at + AFTER_MS;
    last = at;
  };
  const timer = setInterval(look, BEAT_MS).unref();
  return {
    get justPaused() {
      look();
      return now() < pausedUntil;
    },
    close: () => clearInterval(timer),
  };
}

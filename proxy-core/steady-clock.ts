import type { Clock } from './ports.ts';

/**
 * The one rule about a system clock that is set back: **the core's time never goes back and never stands still.** Set back,
 * it goes on from where it was at the pace of the machine's monotonic clock until the system clock has caught up; set ahead,
 * it follows at once, because a sleep looks the same. So whatever was decided, has taken effect or has expired stays so, and
 * expiries, undo windows, sessions, grants and rate windows last as long as was said, never longer. The latest instant in the
 * store counts as well, so a restart changes nothing.
 *
 * What follows the calendar asks `civil`, the system clock as it stands: budget windows (`budget/windows.ts` loses no spend by
 * it), the hour in a policy, times that another machine compares with its own. Removing traces trusts neither alone.
 */
export interface SteadyClock extends Clock {
  /** The system clock as it stands, epoch ms. */
  readonly civil: () => number;
  /** Of the two the earlier: for what must not be removed too soon. */
  readonly cautious: () => number;
  /** Time is at least this from now on, epoch ms. */
  notBefore(instant: number): void;
}

/** Over the system clock (epoch ms) and one that never jumps (ms since whenever). */
export function createSteadyClock(
  system: () => number,
  monotonic: () => number = () => performance.now(),
): SteadyClock {
  let instant = system();
  let mark = monotonic();
  const now = (): number => {
    const elapsed = monotonic();
    const civil = system();
    const reached = instant + Math.floor(elapsed - mark);
    if (civil < reached) return reached;
    instant = civil;
    mark = elapsed;
    return civil;
  };
  return {
    now,
    civil: system,
    cautious: () => Math.min(now(), system()),
    notBefore(floor) {
      if (floor <= now()) return;
      instant = floor;
      mark = monotonic();
    },
  };
}

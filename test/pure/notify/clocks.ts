import type { LocalInstant } from '../../../proxy-core/notify/quiet-hours.ts';

const DAY = 86_400_000;

/** Local time where it is UTC. */
export const UTC: LocalInstant = (at, days, minutes) => (Math.floor(at / DAY) + days) * DAY + minutes * 60_000;

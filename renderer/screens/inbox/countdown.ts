import type { GateRecord } from '../../../proxy-core/contract/records.ts';

/** How close a gate is to its expiry, and when a screen reader is told. */

const MINUTE = 60_000;
/** Minutes before the expiry at which it is announced. */
const ANNOUNCED = [10, 2, 1] as const;

export type Urgency = 'calm' | 'soon' | 'last';

/** `last` in the last two minutes, `soon` in the last ten. `left` in ms. */
export const urgencyOf = (left: number): Urgency =>
  left <= 2 * MINUTE ? 'last' : left <= 10 * MINUTE ? 'soon' : 'calm';

/** The threshold (minutes) that lies between two looks at the clock, the smallest if several; null if none. */
export function crossed(expiresAt: number, before: number, now: number): (typeof ANNOUNCED)[number] | null {
  if (now >= expiresAt) return null;
  return (
    ANNOUNCED.findLast((minutes) => before < expiresAt - minutes * MINUTE && now >= expiresAt - minutes * MINUTE) ??
    null
  );
}

/** What to say of gates that came closer to their expiry between two looks at the clock; null for nothing. */
export function expiryAnnouncement(
  gates: readonly Pick<GateRecord, 'agent' | 'expires_at'>[],
  before: number,
  now: number,
): string | null {
  const due = gates.flatMap((gate) => {
    const minutes = crossed(gate.expires_at, before, now);
    return minutes === null ? [] : [{ agent: gate.agent, minutes }];
  });
  const [first] = due;
  if (first === undefined) return null;
  const least = Math.min(...due.map(({ minutes }) => minutes));
  const time = least === 1 ? '1 minute' : `${least} minutes`;
  return due.length === 1 ? `${time} left to decide for ${first.agent}` : `${due.length} gates expire within ${time}`;
}

import { NOTICE_EVENTS, type PublishedEvent } from '../contract/events.ts';
import type { GateRecord } from '../contract/records.ts';

export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** One such event as it was published; the name tells the body. */
export type Announced = { [N in NoticeEvent]: PublishedEvent<N> }[NoticeEvent];

/** An event that a gate's own approvers are always told of. */
export type AnnouncedGate = Extract<Announced, { readonly body: { readonly gate: GateRecord } }>;

const NAMES: ReadonlySet<string> = new Set(NOTICE_EVENTS);

/** Whether people can be told of this event. */
export const isAnnounced = (event: PublishedEvent): event is Announced => NAMES.has(event.name);

/** Whether this event is about a gate. */
export const isGateEvent = (event: Announced): event is AnnouncedGate => 'gate' in event.body;

/**
 * The event that a gate as it is stored stands for, at the instant at which it came about; null for a cancelled
 * gate. Announcing it again after a crash gives the same notice, with the same id.
 */
export function lastEventOf(gate: GateRecord): AnnouncedGate | null {
  const body = { gate };
  switch (gate.state) {
    case 'pending':
      return { seq: 0, at: gate.created_at, name: 'approval.pending', body };
    case 'approved':
      return { seq: 0, at: gate.decided_at ?? gate.created_at, name: 'approval.approved', body };
    case 'rejected':
      return { seq: 0, at: gate.decided_at ?? gate.created_at, name: 'approval.rejected', body };
    case 'expired':
      return { seq: 0, at: gate.expires_at, name: 'approval.expired', body };
    case 'cancelled':
      return null;
  }
}

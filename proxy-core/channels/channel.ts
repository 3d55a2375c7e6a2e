import type { ChannelKind } from '../notify/notice.ts';

/**
 * The seam between the outbox and a way to reach people. A channel sends one notice and says what came of it; when to
 * try again, what is waiting and what survives a restart is the outbox's concern. A new kind is one file here, one
 * line in `channel-kinds.ts`, and one line in the table of renderers in `notify/notice.ts`.
 */
export interface Channel {
  /** As `approver_channel` names it: `desktop://`, `webhook://oncall`. */
  readonly name: string;
  readonly kind: ChannelKind;
  /** Names, `approval.*` or `*`: what it is told of besides the gates that name it. */
  readonly events: readonly string[];
  /** Send one notice once. Never rejects, and ends within a bounded time. */
  deliver(notice: OutgoingNotice): Promise<DeliveryResult>;
  /** Send something that shows a person that the channel works. Never rejects. */
  test(): Promise<DeliveryResult>;
  /** End what is under way (its `deliver` then fails) and let go of connections. */
  close(): Promise<void>;
}

/** What goes out. */
export interface OutgoingNotice {
  /** The same at every attempt, so that a receiver can tell a repetition. */
  readonly eventId: string;
  readonly event: string;
  /** JSON, in the form of the channel's kind. */
  readonly payload: string;
}

export type DeliveryResult = Delivered | FailedDelivery;

export interface Delivered {
  readonly kind: 'delivered';
}

export interface FailedDelivery {
  readonly kind: 'failed';
  /** False: the receiver wants no further attempt. */
  readonly retryable: boolean;
  /** For the operator, one line. Never an address with its path or query, a secret or a part of the answer. */
  readonly detail: string;
}

export const DELIVERED: Delivered = { kind: 'delivered' };

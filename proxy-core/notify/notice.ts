import type { GateRecord } from '../contract/records.ts';
import type { Redactor } from '../redaction/redactor.ts';
import { eventIdOf, type Sha256 } from './event-id.ts';
import { renderPayload } from './payload.ts';
import { type Announced, isGateEvent, lastEventOf, type NoticeEvent } from './subject.ts';

/** The kinds of channel there are. A new one adds its line to `RENDERERS` and to the table in `channels/channel-kinds.ts`. */
export type ChannelKind = 'webhook' | 'desktop';

/** A channel as the choice of addressees sees it. */
export interface Route {
  /** As `approver_channel` names it: `desktop://`, `webhook://oncall`. */
  readonly channel: string;
  readonly kind: ChannelKind;
  /** Names, `approval.*` or `*`: what it is told of besides the gates that name it. */
  readonly events: readonly string[];
}

/** A notice for one channel, to be put into the outbox. */
export interface PreparedNotice {
  readonly eventId: string;
  readonly event: NoticeEvent;
  readonly channel: string;
  /** From when it may go out, epoch ms. A verdict waits for the end of its undo window. */
  readonly dueAt: number;
  /** JSON. */
  readonly payload: string;
}

export interface NoticeSettings {
  readonly routes: readonly Route[];
  readonly consoleUrl: string | null;
  readonly sha256: Sha256;
  readonly redactor: Redactor;
}

/** What an event gives: the notices, and the channels that a gate names but nobody has configured. */
export interface Notices {
  readonly notices: readonly PreparedNotice[];
  readonly unknownChannels: readonly string[];
}

/** The payload in the form of each kind of channel; null where the kind does not carry the event. */
const RENDERERS: Readonly<Record<ChannelKind, (event: Announced, settings: NoticeSettings) => unknown>> = {
  webhook: (event, { consoleUrl, redactor }) => renderPayload(event, consoleUrl, redactor),
  // When and in which words the desktop tells of it is planned by then (`attention.ts`).
  desktop: (event) => (event.name === 'approval.pending' ? { gate_id: event.body.gate.gate_id } : null),
};

/** Who is told of an event, and what. A gate's own approvers are always told; the others by their `events`. */
export function renderNotices(event: Announced, settings: NoticeSettings): Notices {
  const approvers = isGateEvent(event) ? event.body.gate.approver_channels : [];
  const routes = settings.routes.filter(
    ({ channel, events }) => approvers.includes(channel) || events.some((pattern) => matches(pattern, event.name)),
  );
  const unknownChannels = unknownAmong(approvers, settings.routes);
  if (routes.length === 0) return { notices: [], unknownChannels };
  const eventId = eventIdOf(event, settings.sha256);
  const notices = routes.flatMap((route) => {
    const payload = RENDERERS[route.kind](event, settings);
    if (payload === null) return [];
    const text = JSON.stringify(payload);
    return [{ eventId, event: event.name, channel: route.channel, dueAt: dueAt(event), payload: text }];
  });
  return { notices, unknownChannels };
}

const DESKTOP = 'desktop://';

/** A core without a desktop has no `desktop://`; its console's inbox shows every gate all the same. */
const unknownAmong = (approvers: readonly string[], routes: readonly Route[]): readonly string[] =>
  approvers.filter((name) => name !== DESKTOP && routes.every(({ channel }) => channel !== name));

const matches = (pattern: string, name: NoticeEvent): boolean =>
  pattern === '*' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)));

/** Until a verdict takes effect it can be taken back, and agents see the gate pending: so do receivers. */
const dueAt = (event: Announced): number =>
  isGateEvent(event) ? Math.max(event.at, event.body.gate.effective_at ?? 0) : event.at;

/** A notice that waits in the outbox, with what its kind of channel makes of it. */
export interface WaitingNotice {
  readonly eventId: string;
  readonly event: string;
  readonly kind: ChannelKind;
}

/**
 * Whether a waiting notice about a gate, as the gate is stored now, no longer says what is so: a verdict that was
 * taken back, or the desktop's question about a gate that has been decided. Webhooks hear of a gate's opening even late.
 */
export function isOutdated(notice: WaitingNotice, gate: GateRecord | null, sha256: Sha256): boolean {
  const asks = notice.event === 'approval.pending';
  const decides = notice.event === 'approval.approved' || notice.event === 'approval.rejected';
  if (!decides && !(asks && notice.kind === 'desktop')) return false;
  const now = gate === null ? null : lastEventOf(gate);
  return now === null || eventIdOf(now, sha256) !== notice.eventId;
}

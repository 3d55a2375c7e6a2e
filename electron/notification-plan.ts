import type { NotificationConstructorOptions } from 'electron';
import type { NoticeRecord } from '../proxy-core/contract/host.ts';

/** What a button of a notification does. */
export type NoticeAct = 'approve' | 'reject' | 'review';

const LABELS: Readonly<Record<NoticeAct, string>> = { approve: 'Approve once', reject: 'Reject', review: 'Review' };

/**
 * What a notice becomes on a system (Electron 45): buttons and a reply on macOS and Windows, but on macOS a reply and
 * more than one button exclude each other, so there the reply is the rejection; on Linux neither. What is not shown
 * complete, or is critical, is reviewed before it is approved; of what is not shown at all, nothing is decided here.
 */
export function planNotification(
  notice: NoticeRecord,
  platform: NodeJS.Platform,
): { readonly options: NotificationConstructorOptions; readonly acts: readonly NoticeAct[] } {
  const { notice_id: id, title, body, silent, risk } = notice;
  const common = { title, body, silent };
  const urgency = risk === 'critical' ? 'critical' : 'normal';
  if (platform === 'linux') return { options: { ...common, body: escapeMarkup(body), urgency }, acts: [] };
  const decides = notice.gate_id !== null && risk !== null;
  const first: NoticeAct = notice.action_hash === null || risk === 'critical' ? 'review' : 'approve';
  const acts: readonly NoticeAct[] = !decides ? [] : platform === 'darwin' ? [first] : [first, 'reject'];
  const options = {
    ...common,
    id,
    ...(platform === 'win32' ? { urgency } : {}),
    ...(decides ? { hasReply: true, replyPlaceholder: 'Reject, because…' } : {}),
    actions: acts.map((act) => ({ type: 'button', text: LABELS[act] }) as const),
  } satisfies NotificationConstructorOptions;
  return { options, acts };
}

/**
 * Threat: on Linux a body is markup (Desktop Notifications Specification 1.2, "Markup"; its title is not), and Electron hands
 * it on as it is. A model's text could hide a part of itself in tags, or show a link or a picture.
 */
const escapeMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

import icon from '../../build/icons/icon.svg?url';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import { call, onEvent, useConsole } from '../store/console.ts';
import { navigate } from '../store/navigation.ts';

/**
 * Notices in a browser: the same that the desktop app shows natively. A click lands on the gate. Several tabs show one
 * notice once, because the browser replaces notices of the same tag.
 */
export function startWebNotices(): void {
  const shown = new Map<string, Notification>();
  onEvent((event) => {
    if (useConsole.getState().host?.notifications !== 'browser') return;
    if (event.name === 'notice.shown') show((event as PublishedEvent<'notice.shown'>).body.notice, shown);
    if (event.name !== 'notice.withdrawn') return;
    const { notice_id } = (event as PublishedEvent<'notice.withdrawn'>).body;
    shown.get(notice_id)?.close();
    shown.delete(notice_id);
  });
}

type Notice = PublishedEvent<'notice.shown'>['body']['notice'];

function show(notice: Notice, shown: Map<string, Notification>): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  const { notice_id, title, body, silent, gate_id } = notice;
  const notification = new Notification(title, { body, tag: notice_id, silent, icon });
  shown.set(notice_id, notification);
  notification.onshow = () => void call('notices.report', { notice_id, outcome: 'shown' });
  notification.onerror = () =>
    void call('notices.report', { notice_id, outcome: 'failed', detail: 'the browser did not show it' });
  notification.onclose = () => shown.delete(notice_id);
  notification.onclick = () => {
    window.focus();
    navigate({ screen: 'inbox', tab: 'pending', gateId: gate_id });
    notification.close();
  };
}

import { Notification } from 'electron';
import type { OpenMessage } from '../proxy-core/contract/bridge.ts';
import type { PublishedEvent } from '../proxy-core/contract/events.ts';
import type { NoticeRecord } from '../proxy-core/contract/host.ts';
import type { Rungate } from '../proxy-core/index.ts';
import { type NoticeAct, planNotification } from './notification-plan.ts';

/**
 * Notices as native notifications. A click lands on the gate, focused; nothing else raises the window. Electron keeps no
 * hold on a notification (electron#12690), so they are kept here until they are withdrawn.
 */

interface DeliveryPorts {
  readonly rungate: Pick<Rungate, 'call' | 'subscribe'>;
  readonly platform: NodeJS.Platform;
  readonly openAt: (message: OpenMessage) => void;
}

/** Decisions on a notification's own buttons. */
const BY = { actor: 'operator', channel: 'notification' };
const MOST_KEPT = 200;

/** Show what the core announces from now on; returns how to stop. */
export function deliverNotices({ rungate, platform, openAt }: DeliveryPorts): () => void {
  const kept = new Map<string, Notification>();
  const review = ({ gate_id }: NoticeRecord): void => openAt({ kind: 'open', screen: 'inbox', gate_id });
  const report = (notice: NoticeRecord, outcome: 'failed' | 'dismissed', detail: string): void =>
    void rungate.call('notices.report', { notice_id: notice.notice_id, outcome, detail: detail.slice(0, 300) }, BY);

  const keep = (noticeId: string, notification: Notification): void => {
    kept.set(noticeId, notification);
    for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) withdraw(oldest);
  };
  const withdraw = (noticeId: string): void => {
    const notification = kept.get(noticeId);
    kept.delete(noticeId);
    notification?.close();
  };
  const say = (title: string, body: string): void => {
    const notification = new Notification({ title, body, silent: true });
    keep(`said:${title}:${body}`, notification);
    notification.show();
  };
  const perform = async (notice: NoticeRecord, act: NoticeAct, reason: string): Promise<void> => {
    if (act === 'review') return review(notice);
    const reply = await rungate.call(`gates.${act}`, decisionOf(notice, reason), BY);
    if (!reply.ok) say(act === 'approve' ? 'Not approved' : 'Not rejected', reply.failure.message);
  };

  const show = (notice: NoticeRecord): void => {
    if (!Notification.isSupported()) {
      report(notice, 'failed', 'this system shows no notifications');
      return;
    }
    const plan = planNotification(notice, platform);
    const notification = new Notification(plan.options);
    keep(notice.notice_id, notification);
    notification.on('click', () => review(notice));
    notification.on('action', ({ actionIndex }) => {
      const act = plan.acts[actionIndex];
      if (act !== undefined) void perform(notice, act, '');
    });
    notification.on('reply', ({ reply }) => void perform(notice, 'reject', reply));
    notification.on('failed', (_event, error) => {
      kept.delete(notice.notice_id);
      report(notice, 'failed', error);
    });
    notification.on('close', ({ reason }) => {
      // One that timed out may still lie in the system's list, and be clicked there.
      if (reason === 'userCanceled' && kept.delete(notice.notice_id)) report(notice, 'dismissed', '');
    });
    notification.show();
  };

  // A toast that is clicked when the app had been closed starts the app: there is only the inbox to go to.
  if (platform === 'win32')
    Notification.handleActivation(() => openAt({ kind: 'open', screen: 'inbox', gate_id: null }));
  return rungate.subscribe(({ name, body }: PublishedEvent) => {
    if (name === 'notice.shown' && 'notice' in body) show(body.notice);
    else if (name === 'notice.withdrawn' && 'notice_id' in body) withdraw(body.notice_id);
  });
}

const decisionOf = ({ gate_id, action_hash }: NoticeRecord, reason: string) => ({
  gate_id,
  ...(action_hash === null ? {} : { action_hash }),
  ...(reason.trim() === '' ? {} : { reason: reason.trim().slice(0, 2000) }),
});

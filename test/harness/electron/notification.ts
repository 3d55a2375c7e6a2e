import { EventEmitter } from 'node:events';
import type { NotificationConstructorOptions } from 'electron';
import type { NotificationAct, NotificationRecord } from './desk-record.ts';
import { readLaunch } from './launch.ts';
import { failOnGaps } from './not-implemented.ts';
import { createEvent } from './preventable.ts';

const { platform } = readLaunch();

interface Shown {
  readonly record: NotificationRecord;
  /**
   * Electron delivers nothing for a notification that the app has let go of (electron#12690). Holding it weakly, and
   * collecting garbage before every act, makes such an app fail here too.
   */
  readonly notification: WeakRef<HarnessNotification>;
}

const shown: Shown[] = [];

/** Electron's `Notification`, as the played system shows it: no buttons and no reply on Linux. */
class HarnessNotification extends EventEmitter {
  readonly id: string;
  title: string;
  subtitle: string;
  body: string;
  silent: boolean;
  hasReply: boolean;
  replyPlaceholder: string;
  urgency: string;
  timeoutType: string;
  closeButtonText: string;
  actions: readonly { readonly type: string; readonly text?: string }[];
  private index = -1;

  constructor(options: NotificationConstructorOptions = {}) {
    super();
    this.id = options.id ?? crypto.randomUUID();
    this.title = options.title ?? '';
    this.subtitle = options.subtitle ?? '';
    this.body = options.body ?? '';
    this.silent = options.silent ?? false;
    this.hasReply = options.hasReply ?? false;
    this.replyPlaceholder = options.replyPlaceholder ?? '';
    this.urgency = options.urgency ?? 'normal';
    this.timeoutType = options.timeoutType ?? 'default';
    this.closeButtonText = options.closeButtonText ?? '';
    this.actions = options.actions ?? [];
  }

  static isSupported(): boolean {
    return true;
  }

  static handleActivation(): void {}

  show(): void {
    const buttons = platform === 'linux' ? [] : this.actions;
    const record: NotificationRecord = {
      id: shown.length,
      title: this.title,
      body: this.body,
      silent: this.silent,
      // macOS: a reply and more than one button exclude each other.
      actions: buttons
        .slice(0, platform === 'darwin' && this.hasReply ? 1 : buttons.length)
        .map(({ text = '' }) => text),
      hasReply: platform !== 'linux' && this.hasReply,
      urgency: this.urgency,
      state: 'shown',
    };
    this.index = record.id;
    shown.push({ record, notification: new WeakRef(this) });
    this.emit('show', createEvent({}));
  }

  close(): void {
    if (this.index >= 0 && shown[this.index]?.record.state === 'shown') this.end('closed', 'applicationHidden');
  }

  /** The notification is no longer on the screen. */
  end(state: 'closed' | 'failed', reason: string): void {
    const before = shown[this.index];
    if (before !== undefined) shown[this.index] = { ...before, record: { ...before.record, state } };
    if (state === 'closed') this.emit('close', createEvent({ reason }));
    else this.emit('failed', createEvent({}), reason);
  }
}

/** Electron's `Notification`. */
export const Notification = failOnGaps('Notification', HarnessNotification);

/** Every notification ever shown, oldest first. */
export const notificationRecords = (): readonly NotificationRecord[] => shown.map(({ record }) => record);

/** What a person or the system does with a notification. Throws if that is not possible with it. */
export function actOnNotification(id: number, act: NotificationAct): void {
  globalThis.gc?.();
  const found = shown[id];
  if (found === undefined) throw new Error(`there is no notification ${id}`);
  const { record } = found;
  if (record.state !== 'shown') throw new Error(`notification ${id} is no longer shown: ${record.state}`);
  const notification = found.notification.deref();
  if (notification === undefined) throw new Error(`the app has let go of notification ${id}: nothing would reach it`);
  switch (act.kind) {
    case 'click':
      notification.emit('click', createEvent({}));
      return;
    case 'action': {
      const actionIndex = record.actions.indexOf(act.label);
      if (actionIndex < 0) throw new Error(`no button "${act.label}" but [${record.actions.join(', ')}]`);
      notification.emit('action', createEvent({ actionIndex, selectionIndex: -1 }), actionIndex, -1);
      return;
    }
    case 'reply':
      if (!record.hasReply) throw new Error(`notification ${id} takes no reply`);
      notification.emit('reply', createEvent({ reply: act.text }), act.text);
      return;
    case 'close':
      notification.end('closed', 'userCanceled');
      return;
    case 'fail':
      notification.end('failed', act.error);
      return;
  }
}

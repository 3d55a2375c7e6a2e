/** Everything the app has put before a person outside its windows, as the stand-in recorded it. */
export interface DeskRecord {
  /** Every notification ever shown, oldest first. */
  readonly notifications: readonly NotificationRecord[];
  readonly trays: readonly TrayRecord[];
  readonly applicationMenu: readonly MenuRecord[] | null;
  /** Dialogs that wait for an answer. */
  readonly dialogs: readonly DialogRecord[];
  /** Links and files handed to the system. */
  readonly opened: readonly OpenedRecord[];
  readonly badge: number;
  readonly loginItem: LoginItemRecord;
  readonly clipboard: string;
  /** Types of the power-save blockers that run. */
  readonly powerBlockers: readonly string[];
  readonly windows: readonly WindowRecord[];
}

export interface NotificationRecord {
  readonly id: number;
  readonly title: string;
  readonly body: string;
  readonly silent: boolean;
  /** Labels of the buttons this system would show. */
  readonly actions: readonly string[];
  readonly hasReply: boolean;
  readonly urgency: string;
  readonly state: 'shown' | 'closed' | 'failed';
}

export interface TrayRecord {
  readonly tooltip: string;
  readonly title: string;
  readonly menu: readonly MenuRecord[] | null;
}

export interface MenuRecord {
  readonly label: string;
  readonly type: string;
  readonly enabled: boolean;
  readonly checked: boolean;
  readonly role: string | null;
  readonly accelerator: string | null;
  readonly submenu: readonly MenuRecord[] | null;
}

export interface DialogRecord {
  readonly kind: 'message' | 'save' | 'open' | 'error';
  readonly title: string;
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
  readonly defaultId: number | null;
  readonly cancelId: number | null;
  readonly defaultPath: string | null;
}

/** An answer to a dialog: a button, or paths (none: cancelled). */
export interface DialogAnswer {
  readonly button?: string;
  readonly checkbox?: boolean;
  readonly paths?: readonly string[];
}

export interface OpenedRecord {
  readonly kind: 'external' | 'path' | 'folder' | 'trash';
  readonly target: string;
}

export interface LoginItemRecord {
  readonly openAtLogin: boolean;
  readonly args: readonly string[];
}

export interface WindowRecord {
  readonly id: number;
  readonly url: string;
  readonly title: string;
  readonly visible: boolean;
  readonly focused: boolean;
  readonly minimized: boolean;
  /** How often the window asked the system for the person's attention by taking the focus. */
  readonly raised: number;
  /** Windows: what is said of the icon over the taskbar's. */
  readonly overlay: string | null;
}

/** What a person does outside the windows. */
export type DeskAct =
  | { readonly kind: 'notification'; readonly id: number; readonly act: NotificationAct }
  | { readonly kind: 'tray-click'; readonly tray: number }
  /** A path of labels from the tray's menu or the application's. */
  | { readonly kind: 'menu'; readonly menu: 'tray' | 'application'; readonly labels: readonly string[] }
  | { readonly kind: 'dialog'; readonly answer: DialogAnswer }
  | { readonly kind: 'power'; readonly event: 'suspend' | 'resume' | 'lock-screen' | 'unlock-screen' | 'shutdown' }
  | { readonly kind: 'system-theme'; readonly dark: boolean }
  | { readonly kind: 'activate' };

export type NotificationAct =
  | { readonly kind: 'click' }
  | { readonly kind: 'action'; readonly label: string }
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'close' }
  | { readonly kind: 'fail'; readonly error: string };

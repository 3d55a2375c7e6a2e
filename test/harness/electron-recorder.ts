import type { DeskAct, DeskRecord } from './electron/desk-record.ts';

/**
 * The desk of a real Electron: what the app puts outside its windows is recorded by patching Electron's own classes in
 * the main process. Every function here is sent there as text, so none may use anything but its arguments.
 */
type Electron = typeof import('electron');

/** What the patches keep, on the main process's global object. */
interface Recorder {
  readonly notifications: { record: DeskRecord['notifications'][number]; notification: Electron.Notification }[];
  readonly trays: { tray: Electron.Tray; menu: Electron.Menu | null; tooltip: string; title: string }[];
  readonly dialogs: { record: DeskRecord['dialogs'][number]; answer(answer: object): void }[];
  readonly opened: DeskRecord['opened'][number][];
  readonly blockers: string[];
}

/** Patch Electron. To be done before the app shows anything. */
export function recordDesk({ Notification, Tray, dialog, shell, powerSaveBlocker }: Electron): void {
  const desk: Recorder = { notifications: [], trays: [], dialogs: [], opened: [], blockers: [] };
  Object.assign(globalThis, { rungateDesk: desk });
  const showNotification = Notification.prototype.show;
  Notification.prototype.show = function show(this: Electron.Notification) {
    const isLinux = process.platform === 'linux';
    const { title, body, silent, urgency, hasReply } = this;
    const actions = isLinux ? [] : this.actions.map(({ text = '' }) => text);
    const id = desk.notifications.length;
    const shown = { id, title, body, silent, urgency, actions, hasReply: hasReply && !isLinux };
    desk.notifications.push({ record: { ...shown, state: 'shown' }, notification: this });
    const end = (state: 'closed' | 'failed') => (): void => {
      const kept = desk.notifications[id];
      if (kept !== undefined) kept.record = { ...kept.record, state };
    };
    this.once('close', end('closed')).once('failed', end('failed'));
    showNotification.call(this);
  };
  const trayOf = (tray: Electron.Tray): Recorder['trays'][number] => {
    const known = desk.trays.find((one) => one.tray === tray);
    const found = known ?? { tray, menu: null, tooltip: '', title: '' };
    if (known === undefined) desk.trays.push(found);
    return found;
  };
  const { setContextMenu, setToolTip, setTitle } = Tray.prototype;
  Tray.prototype.setContextMenu = function patched(this: Electron.Tray, menu) {
    trayOf(this).menu = menu;
    setContextMenu.call(this, menu);
  };
  Tray.prototype.setToolTip = function patched(this: Electron.Tray, text) {
    trayOf(this).tooltip = text;
    setToolTip.call(this, text);
  };
  Tray.prototype.setTitle = function patched(this: Electron.Tray, text, options) {
    trayOf(this).title = text;
    setTitle.call(this, text, options);
  };
  type Asked = { title?: string; message?: string; detail?: string; buttons?: string[]; defaultPath?: string };
  const ask =
    (kind: 'message' | 'save' | 'open' | 'error', read: (answer: never, options: Asked) => object) =>
    (...given: unknown[]) =>
      new Promise<never>((resolve) => {
        const options = given.at(-1) as Asked;
        const { title = '', message = '', detail = '', buttons = [], defaultPath = null } = options;
        const record = { kind, title, message, detail, buttons, defaultId: null, cancelId: null, defaultPath };
        desk.dialogs.push({ record, answer: (answer) => resolve(read(answer as never, options) as never) });
      });
  type Chosen = { button?: string; checkbox?: boolean; paths?: string[] };
  dialog.showMessageBox = ask('message', ({ button, checkbox }: Chosen, { buttons = [] }) => ({
    response: buttons.indexOf(button ?? ''),
    checkboxChecked: checkbox ?? false,
  }));
  dialog.showSaveDialog = ask('save', ({ paths }: Chosen) => ({ canceled: !paths?.[0], filePath: paths?.[0] ?? '' }));
  dialog.showOpenDialog = ask('open', ({ paths = [] }: Chosen) => ({ canceled: !paths.length, filePaths: paths }));
  dialog.showErrorBox = (title, message) => void ask('error', () => ({}))({ title, message, buttons: ['OK'] });
  const open = (kind: 'external' | 'path' | 'folder') => (target: string) => {
    desk.opened.push({ kind, target });
    return Promise.resolve('' as never);
  };
  Object.assign(shell, { openExternal: open('external'), openPath: open('path'), showItemInFolder: open('folder') });
  const startBlocker = powerSaveBlocker.start;
  powerSaveBlocker.start = (type) => {
    desk.blockers.push(type);
    return startBlocker(type);
  };
}

/** The desk as it is now. */
export async function readRecorded({ app, BrowserWindow, Menu, clipboard }: Electron): Promise<DeskRecord> {
  const { rungateDesk: desk } = globalThis as unknown as { readonly rungateDesk: Recorder };
  const menuOf = (menu: Electron.Menu | null | undefined): DeskRecord['applicationMenu'] =>
    menu?.items
      .filter(({ visible }) => visible)
      .map((item) => ({
        label: item.label,
        type: item.type,
        enabled: item.enabled,
        checked: item.checked,
        role: item.role ?? null,
        accelerator: String(item.accelerator ?? '') || null,
        submenu: menuOf(item.submenu),
      })) ?? null;
  return {
    notifications: desk.notifications.map(({ record }) => record),
    trays: desk.trays.map(({ menu, tooltip, title }) => ({ menu: menuOf(menu), tooltip, title })),
    applicationMenu: menuOf(Menu.getApplicationMenu()),
    dialogs: desk.dialogs.map(({ record }) => record),
    opened: desk.opened,
    badge: app.getBadgeCount(),
    loginItem: { openAtLogin: app.getLoginItemSettings().openAtLogin, args: [] },
    clipboard: await clipboard.readText(),
    powerBlockers: desk.blockers,
    windows: BrowserWindow.getAllWindows().map((window) => ({
      id: window.id,
      url: window.webContents.getURL(),
      title: window.getTitle(),
      visible: window.isVisible(),
      focused: window.isFocused(),
      minimized: window.isMinimized(),
      raised: 0,
      overlay: null,
    })),
  };
}

/** Do on the desk what a person would. */
export function actOnRecorded({ app, Menu, nativeTheme, powerMonitor }: Electron, act: DeskAct): void {
  const { rungateDesk: desk } = globalThis as unknown as { readonly rungateDesk: Recorder };
  const choose = (menu: Electron.Menu | null | undefined, [label, ...rest]: readonly string[]): void => {
    const item = menu?.items.find((one) => one.visible && one.enabled && one.label === label);
    if (item === undefined) throw new Error(`no menu item "${label}"`);
    if (rest.length > 0) choose(item.submenu, rest);
    else item.click();
  };
  const notify = (id: number, name: string, details: object, ...more: unknown[]): void => {
    const found = desk.notifications[id];
    if (found?.record.state !== 'shown') throw new Error(`notification ${id} is not shown`);
    found.notification.emit(name, details, ...more);
  };
  switch (act.kind) {
    case 'notification': {
      const { id } = act;
      const actions = desk.notifications[id]?.record.actions ?? [];
      if (act.act.kind === 'click') notify(id, 'click', {});
      else if (act.act.kind === 'action') notify(id, 'action', { actionIndex: actions.indexOf(act.act.label) });
      else if (act.act.kind === 'reply') notify(id, 'reply', { reply: act.act.text }, act.act.text);
      else if (act.act.kind === 'close') notify(id, 'close', { reason: 'userCanceled' });
      else notify(id, 'failed', {}, act.act.error);
      return;
    }
    case 'tray-click':
      desk.trays[act.tray]?.tray.emit('click');
      return;
    case 'menu':
      choose(act.menu === 'tray' ? desk.trays[0]?.menu : Menu.getApplicationMenu(), act.labels);
      return;
    case 'dialog':
      desk.dialogs.shift()?.answer(act.answer);
      return;
    case 'power':
      powerMonitor.emit(act.event);
      return;
    case 'system-theme':
      nativeTheme.themeSource = act.dark ? 'dark' : 'light';
      return;
    case 'activate':
      app.emit('activate');
      return;
  }
}

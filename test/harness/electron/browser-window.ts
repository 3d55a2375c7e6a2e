import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { BrowserWindowConstructorOptions, Rectangle, WebPreferences } from 'electron';
import { app, lastWindowClosed, quitRefused, watchWindows } from './app.ts';
import type { WindowRecord } from './desk-record.ts';
import { mainEnd } from './ipc-main.ts';
import { host } from './main-link.ts';
import type { IpcFacts } from './messages.ts';
import { failOnGaps, notImplemented } from './not-implemented.ts';
import { createEvent, emitPreventable } from './preventable.ts';
import { type SessionEnd, sessionEndOf, sessionOf } from './session.ts';
import { type ContentsEnd, createContents } from './web-contents.ts';

const windows = new Map<number, HarnessWindow>();
let nextId = 1;

/** Electron's `BrowserWindow`: a page of Chromium in the test process, and here what the app and the system know of it. */
class HarnessWindow extends EventEmitter {
  readonly id = nextId++;
  readonly contents: ContentsEnd;
  readonly webContents: EventEmitter;
  raised = 0;
  /** What is said of the icon over the taskbar's; null: there is none. */
  overlay: string | null = null;
  private bounds: Rectangle;
  private title: string;
  private visible: boolean;
  private focused: boolean;
  private minimized = false;
  private maximized = false;
  private destroyed = false as boolean;
  private shownOnce = false as boolean;

  constructor(options: BrowserWindowConstructorOptions = {}) {
    super();
    if (!app.isReady()) throw new Error('Cannot create BrowserWindow before app is ready');
    const preferences = options.webPreferences ?? {};
    refuseUnsafe(preferences);
    const session = chosenSession(preferences);
    this.bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 };
    this.title = options.title ?? app.getName();
    this.visible = options.show ?? true;
    // A window that is shown when it is made takes the focus.
    this.focused = this.visible;
    this.contents = createContents({ window: this.id, session, preferences, close: () => this.close() });
    this.webContents = this.contents.api;
    windows.set(this.id, this);
    host.tell('window.create', {
      window: this.id,
      partition: session.partition,
      width: this.bounds.width,
      height: this.bounds.height,
      scripts: preferences.javascript ?? true,
      preload: preferences.preload === undefined ? null : readFileSync(preferences.preload, 'utf8'),
      preloadArguments: preferences.additionalArguments ?? [],
    });
    this.webContents.on('did-finish-load', () => {
      if (this.shownOnce) return;
      this.shownOnce = true;
      this.emit('ready-to-show', {});
    });
    this.webContents.on('page-title-updated', (_event, title: string) => {
      this.title = title;
    });
    this.webContents.on('destroyed', () => this.destroy());
    const guarded = failOnGaps('BrowserWindow', this);
    windows.set(this.id, guarded);
    app.emit('browser-window-created', {}, guarded);
    app.emit('web-contents-created', {}, this.webContents);
    // biome-ignore lint/correctness/noConstructorReturn: gaps of the stand-in must throw by name for windows too
    return guarded;
  }

  static getAllWindows(): HarnessWindow[] {
    return [...windows.values()];
  }

  static getFocusedWindow(): HarnessWindow | null {
    return HarnessWindow.getAllWindows().find((window) => window.isFocused()) ?? null;
  }

  static fromWebContents(contents: object): HarnessWindow | null {
    return HarnessWindow.getAllWindows().find((window) => window.webContents === contents) ?? null;
  }

  static fromId(id: number): HarnessWindow | null {
    return windows.get(id) ?? null;
  }

  loadURL(url: string): Promise<void> {
    return (this.webContents as unknown as { loadURL(url: string): Promise<void> }).loadURL(url);
  }

  show(): void {
    this.showInactive();
    this.focus();
  }

  showInactive(): void {
    if (this.visible) return;
    this.visible = true;
    this.emit('show', {});
  }

  hide(): void {
    if (!this.visible) return;
    this.visible = false;
    this.blur();
    this.emit('hide', {});
  }

  focus(): void {
    this.raised += 1;
    if (this.focused || !this.visible) return;
    this.focused = true;
    this.emit('focus', {});
    app.emit('browser-window-focus', {}, windows.get(this.id));
  }

  blur(): void {
    if (!this.focused) return;
    this.focused = false;
    this.emit('blur', {});
    app.emit('browser-window-blur', {}, windows.get(this.id));
  }

  minimize(): void {
    this.minimized = true;
    this.emit('minimize', {});
  }

  restore(): void {
    this.minimized = false;
    this.maximized = false;
    this.emit('restore', {});
  }

  maximize(): void {
    this.maximized = true;
    this.emit('maximize', {});
  }

  unmaximize(): void {
    this.maximized = false;
    this.emit('unmaximize', {});
  }

  close(): void {
    if (this.destroyed) return;
    if (emitPreventable(this, 'close', {})) quitRefused();
    else this.destroy();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    windows.delete(this.id);
    this.contents.note({ kind: 'gone' });
    host.tell('window.close', { window: this.id });
    this.emit('closed', {});
    if (windows.size === 0) lastWindowClosed();
  }

  isDestroyed = (): boolean => this.destroyed;
  isVisible = (): boolean => this.visible;
  isFocused = (): boolean => this.focused;
  isMinimized = (): boolean => this.minimized;
  isMaximized = (): boolean => this.maximized;
  isFullScreen = (): boolean => false;
  getTitle = (): string => this.title;
  getBounds = (): Rectangle => ({ ...this.bounds });
  getNormalBounds = (): Rectangle => ({ ...this.bounds });
  getSize = (): number[] => [this.bounds.width, this.bounds.height];
  getContentSize = (): number[] => this.getSize();

  setTitle(title: string): void {
    this.title = title;
  }

  setBounds(bounds: Partial<Rectangle>): void {
    this.bounds = { ...this.bounds, ...bounds };
    host.tell('window.resize', { window: this.id, width: this.bounds.width, height: this.bounds.height });
    this.emit('resize', {});
  }

  setSize(width: number, height: number): void {
    this.setBounds({ width, height });
  }

  setOverlayIcon(image: object | null, description: string): void {
    this.overlay = image === null ? null : description;
  }

  setMinimumSize(): void {}
  setMenu(): void {}
  removeMenu(): void {}
  setMenuBarVisibility(): void {}
  setAutoHideMenuBar(): void {}
  setProgressBar(): void {}
  setBackgroundColor(): void {}
  setTitleBarOverlay(): void {}
  setIcon(): void {}
  setContentProtection(): void {}
  setSkipTaskbar(): void {}
  flashFrame(): void {}
  center(): void {}
  moveTop(): void {}
}

export { HarnessWindow as BrowserWindow };

/** Every window as the system knows it. */
export const windowRecords = (): readonly WindowRecord[] =>
  [...windows.values()].map((window) => ({
    id: window.id,
    url: window.contents.frames.main.url,
    title: window.getTitle(),
    visible: window.isVisible(),
    focused: window.isFocused(),
    minimized: window.isMinimized(),
    raised: window.raised,
    overlay: window.overlay,
  }));

/** The pages of the harness are always isolated and sandboxed; an app that asks for less would be tested as if it had not. */
function refuseUnsafe(preferences: WebPreferences): void {
  const unsafe: (keyof WebPreferences)[] = [
    'nodeIntegration',
    'nodeIntegrationInWorker',
    'nodeIntegrationInSubFrames',
    'webviewTag',
    'allowRunningInsecureContent',
    'experimentalFeatures',
    'navigateOnDragDrop',
  ];
  for (const name of unsafe) if (preferences[name] === true) throw notImplemented(`webPreferences.${name}: true`);
  for (const name of ['contextIsolation', 'sandbox', 'webSecurity'] as const) {
    if (preferences[name] === false) throw notImplemented(`webPreferences.${name}: false`);
  }
}

function chosenSession({ partition, session }: WebPreferences): SessionEnd {
  return session === undefined ? sessionOf(partition ?? '') : sessionEndOf(session);
}

watchWindows({
  count: () => windows.size,
  close() {
    for (const window of windows.values()) window.close();
    return windows.size === 0;
  },
});

const contentsOf = (id: number): ContentsEnd | null => windows.get(id)?.contents ?? null;

function contentsFor(id: number): ContentsEnd {
  const found = contentsOf(id);
  if (found === null) throw new Error(`window ${id} is gone`);
  return found;
}

host.serve('window.close', ({ window }) => {
  windows.get(window)?.close();
});
host.serve('window.event', ({ window, event }) => {
  contentsOf(window)?.note(event);
});
host.serve('popup.judge', ({ window, url, frameName }) => ({
  allowed: contentsFor(window).judgePopup(url, frameName),
}));
host.serve('download.judge', ({ window, url }) => {
  const { session, api } = contentsFor(window);
  return { prevented: emitPreventable(session.api, 'will-download', {}, { getURL: () => url }, api) };
});
host.serve('permission.judge', async ({ window, permission, origin }) => {
  const { session, api } = contentsFor(window);
  return { granted: await session.judgePermission(api, permission, origin) };
});
host.serve('navigation.judge', ({ window, url, frame }) => {
  const { api, frames } = contentsFor(window);
  const details = { url, isMainFrame: frame.isMain, isSameDocument: false, frame: frames.find(frame) };
  const prevented = emitPreventable(api, 'will-frame-navigate', details);
  if (!frame.isMain) return { prevented };
  return { prevented: emitPreventable(api, 'will-navigate', details, url) || prevented };
});
host.serve('ipc.invoke', async (facts) => {
  const { contents, event } = messageEvent(facts);
  const listener = contents.ipc.handlerOf(facts.channel) ?? mainEnd.handlerOf(facts.channel);
  if (listener === undefined) throw new Error(`No handler registered for '${facts.channel}'`);
  try {
    return await listener(event, ...facts.args);
  } catch (error) {
    throw new Error(String(error));
  }
});
host.serve('ipc.send', (facts) => {
  const { contents, event } = messageEvent(facts);
  contents.ipc.emit(facts.channel, event, facts.args);
  mainEnd.emit(facts.channel, event, facts.args);
});

function messageEvent({ window, frame }: IpcFacts): { readonly contents: ContentsEnd; readonly event: object } {
  const contents = contentsFor(window);
  const senderFrame = contents.frames.find(frame);
  const { processId, routingId } = senderFrame;
  const reply = (channel: string, ...args: unknown[]): void =>
    host.tell('window.send', { window, channel, args: structuredClone(args) });
  const details = { type: 'frame', sender: contents.api, senderFrame, processId, frameId: routingId, reply };
  return { contents, event: createEvent(details) };
}

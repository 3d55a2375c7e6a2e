import { EventEmitter } from 'node:events';
import type { PrintToPDFOptions, WebContents, WebPreferences, WindowOpenHandlerResponse } from 'electron';
import { createFrames, type Frames } from './frames.ts';
import { createIpcMain, type IpcEnd } from './ipc-main.ts';
import { host } from './main-link.ts';
import type { WindowEvent } from './messages.ts';
import { createImage } from './native-image.ts';
import { failOnGaps } from './not-implemented.ts';
import { emitPreventable } from './preventable.ts';
import type { SessionEnd } from './session.ts';

/** A window's contents: Electron's `WebContents` and what the test process needs of it. */
export interface ContentsEnd {
  readonly api: EventEmitter;
  readonly frames: Frames;
  readonly ipc: IpcEnd;
  readonly session: SessionEnd;
  judgePopup(url: string, frameName: string): boolean;
  note(event: WindowEvent): void;
}

interface ContentsOptions {
  readonly window: number;
  readonly session: SessionEnd;
  readonly preferences: WebPreferences;
  /** `webContents.close` closes the window. */
  close(): void;
}

export function createContents({ window, session, preferences, close }: ContentsOptions): ContentsEnd {
  const events = new EventEmitter();
  const ipc = createIpcMain('webContents.ipc');
  const send = (channel: string, ...args: unknown[]): void => {
    // Electron clones at the call, so that what the app changes later does not reach the page.
    if (!gone) host.tell('window.send', { window, channel, args: structuredClone(args) });
  };
  const frames = createFrames(window, send);
  let gone = false;
  let title = '';
  let openHandler: ((details: { url: string; frameName: string }) => WindowOpenHandlerResponse) | null = null;
  const load = (url: string): Promise<void> => {
    frames.find({ id: 'main', url, isMain: true });
    return host.ask('window.load', { window, url });
  };
  const methods = {
    send,
    loadURL: load,
    reload: () => host.tell('window.reload', { window }),
    getURL: () => frames.main.url,
    getTitle: () => title,
    isDestroyed: () => gone,
    isLoading: () => false,
    isCrashed: () => false,
    isFocused: () => false,
    focus: () => undefined,
    stop: () => undefined,
    close: () => close(),
    getOSProcessId: () => window,
    getProcessId: () => window,
    getUserAgent: () => 'harness',
    setUserAgent: () => undefined,
    executeJavaScript: (code: string) => host.ask('window.script', { window, code }),
    capturePage: async () => createImage(Buffer.from(await host.ask('window.capture', { window }))),
    printToPDF: async (options: PrintToPDFOptions) => {
      const format = typeof options.pageSize === 'string' ? options.pageSize : 'Letter';
      const { landscape = false, printBackground = false } = options;
      return Buffer.from(await host.ask('window.pdf', { window, options: { format, landscape, printBackground } }));
    },
    setWindowOpenHandler: (handler: typeof openHandler) => {
      openHandler = handler;
    },
    setZoomFactor: () => undefined,
    setZoomLevel: () => undefined,
    setVisualZoomLevelLimits: async () => undefined,
    setBackgroundThrottling: () => undefined,
    setIgnoreMenuShortcuts: () => undefined,
    setAudioMuted: () => undefined,
    setWebRTCIPHandlingPolicy: () => undefined,
    openDevTools: () => undefined,
    closeDevTools: () => undefined,
    isDevToolsOpened: () => false,
  } satisfies { [N in keyof WebContents]?: unknown };
  const properties = {
    // Not in Electron's types, but what its own tests read the settings in force with.
    getLastWebPreferences: () => ({ ...DEFAULT_PREFERENCES, ...preferences }),
    id: window,
    session: session.api,
    ipc: ipc.api,
    mainFrame: frames.main,
    hostWebContents: null,
    navigationHistory: { canGoBack: () => false, canGoForward: () => false, clear: () => undefined },
  };
  const api = failOnGaps('webContents', Object.assign(events, methods, properties));
  return {
    api,
    frames,
    ipc,
    session,
    judgePopup: (url, frameName) => openHandler === null || openHandler({ url, frameName }).action === 'allow',
    note(event) {
      switch (event.kind) {
        case 'navigated':
          frames.find({ id: 'main', url: event.url, isMain: true });
          events.emit('did-navigate', {}, event.url, 200, 'OK');
          return;
        case 'dom-ready':
          events.emit('dom-ready', {});
          return;
        case 'loaded':
          events.emit('did-finish-load', {});
          events.emit('did-stop-loading', {});
          return;
        case 'failed':
          events.emit('did-fail-load', {}, -2, event.message, event.url, true);
          return;
        case 'titled':
          title = event.title;
          emitPreventable(events, 'page-title-updated', {}, title, true);
          return;
        case 'crashed':
          events.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 1 });
          return;
        case 'gone':
          if (gone) return;
          gone = true;
          events.emit('destroyed', {});
          return;
      }
    },
  };
}

/** What Electron assumes where the app says nothing. */
const DEFAULT_PREFERENCES: WebPreferences = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  navigateOnDragDrop: false,
};

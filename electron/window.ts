import { BrowserWindow, screen, type WebContents } from 'electron';
import type { OpenMessage } from '../proxy-core/contract/bridge.ts';
import { consoleUrl } from './console-origin.ts';
import type { WindowMemory, WindowMemoryFile } from './window-memory.ts';

/** The smallest size at which the console is laid out (console §3). */
const MINIMUM = { minWidth: 960, minHeight: 600 };
const FIRST = { width: 1280, height: 820 };

/** The app's one window. It is hidden rather than closed, and made anew if it is gone. */
export interface ConsoleWindow {
  /** Show it and give it the focus: only ever because a person asked for it. */
  raise(): void;
  /** The same, at a place of the console. */
  openAt(message: OpenMessage): void;
  hide(): void;
  contents(): WebContents | null;
  /** Null while there is none. */
  current(): BrowserWindow | null;
}

interface WindowPorts {
  readonly preload: string;
  readonly icon: string;
  readonly memory: WindowMemoryFile;
  /** Ask a console that is loaded to go somewhere. */
  readonly send: (message: OpenMessage) => void;
  /** Whether the window may close now; if not, what happens instead has been seen to. */
  readonly mayClose: () => boolean;
  /** Its page is gone: nothing more is to be sent to it. */
  readonly onGone: () => void;
}

/** Make the window; `visible` false: it waits in the tray. */
export function createConsoleWindow(ports: WindowPorts, visible: boolean): ConsoleWindow {
  let current: BrowserWindow | null = null;
  let loaded = false;

  const open = (gateId: string | null, show: boolean): BrowserWindow => {
    const window = buildWindow(ports);
    current = window;
    loaded = false;
    window.webContents.on('did-finish-load', () => {
      loaded = true;
    });
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      ports.onGone();
      if (reason !== 'clean-exit' && !window.isDestroyed()) window.webContents.reload();
    });
    window.on('close', (event) => {
      remember(window, ports.memory);
      if (!ports.mayClose()) event.preventDefault();
    });
    window.on('closed', () => {
      if (current === window) current = null;
      ports.onGone();
    });
    if (show) window.once('ready-to-show', () => window.show());
    void window.loadURL(consoleUrl(gateId)).catch(() => undefined);
    return window;
  };
  const raise = (): void => {
    const window = current ?? open(null, true);
    if (window.isMinimized()) window.restore();
    if (window.isVisible()) window.focus();
    else window.show();
  };

  open(null, visible);
  return {
    raise,
    openAt(message) {
      if (current === null) open(message.gate_id, true);
      else if (loaded) ports.send(message);
      else void current.loadURL(consoleUrl(message.gate_id)).catch(() => undefined);
      raise();
    },
    hide: () => current?.hide(),
    contents: () => (current === null || current.isDestroyed() ? null : current.webContents),
    current: () => current,
  };
}

function buildWindow({ preload, icon, memory }: WindowPorts): BrowserWindow {
  const window = new BrowserWindow({
    ...MINIMUM,
    ...placeOf(memory.read()),
    show: false,
    title: 'Rungate',
    icon,
    autoHideMenuBar: true,
    webPreferences: {
      preload,
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
      spellcheck: false,
    },
  });
  if (memory.read().maximized) window.maximize();
  return window;
}

/** Where the window was, if that is still on a screen. */
function placeOf({ bounds }: WindowMemory): Partial<NonNullable<WindowMemory['bounds']>> {
  if (bounds === null) return FIRST;
  const { workArea } = screen.getDisplayMatching(bounds);
  const across = Math.min(bounds.x + bounds.width, workArea.x + workArea.width) - Math.max(bounds.x, workArea.x);
  const down = Math.min(bounds.y + bounds.height, workArea.y + workArea.height) - Math.max(bounds.y, workArea.y);
  return across >= 100 && down >= 100 ? bounds : { width: bounds.width, height: bounds.height };
}

const remember = (window: BrowserWindow, memory: WindowMemoryFile): void =>
  memory.change({ bounds: window.getNormalBounds(), maximized: window.isMaximized() });

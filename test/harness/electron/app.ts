import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, LoginItemSettings, Settings } from 'electron';
import { createCommandLine } from './command-line.ts';
import type { LoginItemRecord } from './desk-record.ts';
import { readLaunch } from './launch.ts';
import { failOnGaps } from './not-implemented.ts';
import { emitPreventable } from './preventable.ts';
import { createInstanceLock } from './single-instance.ts';

const launch = readLaunch();
const { name: packageName, version } = JSON.parse(readFileSync(join(launch.appPath, 'package.json'), 'utf8')) as {
  readonly name: string;
  readonly version: string;
};
const events = new EventEmitter();
const commandLine = createCommandLine(process.argv);
const ready = Promise.withResolvers<void>();
let isReady = false;
let quitting: 'no' | 'asked' | 'ending' = 'no';
let badge = 0;
let appName = packageName;
let loginItem: LoginItemRecord = { openAtLogin: false, args: [] };

// As on Linux, whatever system is played: it is where this process's files really go.
const appData = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
const userData = commandLine.getSwitchValue('user-data-dir') || join(appData, packageName);
const paths: Record<string, string | undefined> = {
  home: homedir(),
  appData,
  userData,
  sessionData: userData,
  temp: tmpdir(),
  exe: process.execPath,
  desktop: join(launch.profile, 'Desktop'),
  documents: join(launch.profile, 'Documents'),
  downloads: join(launch.profile, 'Downloads'),
  logs: join(launch.profile, 'logs'),
};

const lock = createInstanceLock(() => paths['userData'] ?? userData);

/** Closes the windows as a person would; true if all have closed. The window file sets it: `app` knows no windows. */
let closeWindows: () => boolean = () => true;
let windowsOpen: () => number = () => 0;

const methods = {
  whenReady: () => ready.promise,
  isReady: () => isReady,
  getVersion: () => version,
  getName: () => appName,
  setName: (given: string) => {
    appName = given;
  },
  getAppPath: () => launch.appPath,
  getLocale: () => 'en-US',
  getSystemLocale: () => 'en-US',
  getPath: (wanted: string) => {
    const found = paths[wanted];
    if (found === undefined) throw new Error(`Failed to get '${wanted}' path`);
    return found;
  },
  setPath: (named: string, path: string) => {
    paths[named] = path;
  },
  setAppLogsPath: () => undefined,
  requestSingleInstanceLock: (additional?: Record<never, never>) => lock.request(additional),
  hasSingleInstanceLock: () => lock.held(),
  releaseSingleInstanceLock: () => lock.release(),
  quit: () => quit(),
  exit: (code = 0) => end(code),
  relaunch: () => {
    relaunching = true;
  },
  focus: () => undefined,
  hide: () => undefined,
  setBadgeCount: (count = 0) => {
    badge = count;
    return launch.platform !== 'win32';
  },
  getBadgeCount: () => badge,
  setLoginItemSettings: ({ openAtLogin = false, args = [] }: Settings) => {
    if (launch.platform !== 'linux') loginItem = { openAtLogin, args };
  },
  getLoginItemSettings: () => ({ openAtLogin: loginItem.openAtLogin }) as LoginItemSettings,
  setAppUserModelId: () => undefined,
  setToastActivatorCLSID: () => undefined,
  setAboutPanelOptions: () => undefined,
  setAsDefaultProtocolClient: () => false,
  setDesktopName: () => undefined,
  enableSandbox: () => undefined,
  disableHardwareAcceleration: () => undefined,
};

let relaunching = false;

// `events` is the target so that the methods of an event emitter find their own state.
const properties = {
  commandLine,
  isPackaged: launch.isPackaged,
  get badgeCount() {
    return badge;
  },
  set badgeCount(count: number) {
    badge = count;
  },
  get name() {
    return appName;
  },
  ...(launch.platform === 'darwin' ? { dock: createDock() } : {}),
};

/** Electron's `app`, as far as a governed desktop app needs it. */
export const app = failOnGaps(
  'app',
  Object.defineProperties(events, {
    ...Object.getOwnPropertyDescriptors(methods satisfies Partial<Omit<App, keyof EventEmitter>>),
    ...Object.getOwnPropertyDescriptors(properties),
  }) as EventEmitter & typeof methods & typeof properties,
);

/** Let `ready` fire: only once the main entry has been evaluated, as in Electron. */
export function becomeReady(): void {
  isReady = true;
  ready.resolve();
  // Promises first: Electron resolves whenReady before it emits.
  queueMicrotask(() => events.emit('ready', {}, {}));
}

/** What windows there are, for quitting. */
export function watchWindows(watch: { readonly close: () => boolean; readonly count: () => number }): void {
  closeWindows = watch.close;
  windowsOpen = watch.count;
}

/** The last window has closed: the app decides, or Electron quits. */
export function lastWindowClosed(): void {
  if (quitting !== 'no') finishQuit();
  else if (events.listenerCount('window-all-closed') === 0) quit();
  else events.emit('window-all-closed');
}

/** A window refused to close, which ends the quitting that asked it to. */
export function quitRefused(): void {
  if (quitting === 'asked') quitting = 'no';
}

/** What the system would show of the app beside its windows. */
export const appRecord = (): { readonly badge: number; readonly loginItem: LoginItemRecord } => ({ badge, loginItem });

function quit(): void {
  if (quitting === 'ending') return;
  if (emitPreventable(events, 'before-quit', {})) return;
  quitting = 'asked';
  if (!closeWindows()) {
    quitting = 'no';
    return;
  }
  if (windowsOpen() === 0) finishQuit();
}

function finishQuit(): void {
  if (emitPreventable(events, 'will-quit', {})) {
    quitting = 'no';
    return;
  }
  end(0);
}

function end(code: number): void {
  if (quitting === 'ending') return;
  quitting = 'ending';
  events.emit('quit', {}, code);
  lock.release();
  if (relaunching) spawn(process.execPath, process.argv.slice(1), { detached: true, stdio: 'ignore' }).unref();
  process.exit(code);
}

function createDock() {
  return failOnGaps('app.dock', {
    setBadge: () => undefined,
    getBadge: () => '',
    bounce: () => 0,
    setMenu: () => undefined,
    setIcon: () => undefined,
    hide: () => undefined,
    show: async () => undefined,
    isVisible: () => true,
  });
}

import { EventEmitter } from 'node:events';
import type { Clipboard, Display, NativeTheme, PowerMonitor, PowerSaveBlocker, Screen, Shell } from 'electron';
import type { OpenedRecord } from './desk-record.ts';
import { host } from './main-link.ts';
import { failOnGaps } from './not-implemented.ts';

/** The small parts of Electron that hand something to the system or hear from it. */

const opened: OpenedRecord[] = [];

/** Electron's `shell`: everything it is handed is only recorded. */
export const shell = failOnGaps('shell', {
  openExternal: async (target) => void opened.push({ kind: 'external', target }),
  openPath: async (target) => {
    opened.push({ kind: 'path', target });
    return '';
  },
  showItemInFolder: (target) => void opened.push({ kind: 'folder', target }),
  trashItem: async (target) => void opened.push({ kind: 'trash', target }),
  beep: () => undefined,
} satisfies Partial<Shell>);

/** Links and files handed to the system, oldest first. */
export const openedRecords = (): readonly OpenedRecord[] => opened;

let copied = '';

/** Electron's `clipboard`: promises, as since version 44. */
export const clipboard = failOnGaps('clipboard', {
  readText: async () => copied,
  writeText: async (text) => {
    copied = text;
  },
  clear: () => {
    copied = '';
  },
} satisfies Partial<Clipboard>);

export const clipboardText = (): string => copied;

/** Electron's `powerMonitor`; its events are sent by the test. */
export const powerMonitor = failOnGaps(
  'powerMonitor',
  Object.assign(new EventEmitter(), {
    getSystemIdleState: () => 'active' as const,
    getSystemIdleTime: () => 0,
    getCurrentThermalState: () => 'nominal' as const,
    isOnBatteryPower: () => false,
  } satisfies Partial<Omit<PowerMonitor, keyof EventEmitter>>),
);

const blockers = new Map<number, string>();
let nextBlocker = 1;

/** Electron's `powerSaveBlocker`. */
export const powerSaveBlocker = failOnGaps('powerSaveBlocker', {
  start(type) {
    blockers.set(nextBlocker, type);
    return nextBlocker++;
  },
  stop: (id) => blockers.delete(id),
  isStarted: (id) => blockers.has(id),
} satisfies PowerSaveBlocker);

export const powerBlockerTypes = (): readonly string[] => [...blockers.values()];

let themeSource: NativeTheme['themeSource'] = 'system';
let systemIsDark = false;
const themeEvents = new EventEmitter();

function chooseTheme(source: NativeTheme['themeSource']): void {
  themeSource = source;
  host.tell('theme.choose', { source: source === 'system' ? (systemIsDark ? 'dark' : 'light') : source });
  themeEvents.emit('updated', {});
}

/** Electron's `nativeTheme`: what the app chooses reaches the pages' media queries. */
export const nativeTheme = failOnGaps(
  'nativeTheme',
  Object.defineProperties(
    themeEvents,
    Object.getOwnPropertyDescriptors({
      get themeSource() {
        return themeSource;
      },
      set themeSource(source) {
        chooseTheme(source);
      },
      get shouldUseDarkColors() {
        return themeSource === 'system' ? systemIsDark : themeSource === 'dark';
      },
      shouldUseHighContrastColors: false,
      inForcedColorsMode: false,
    }),
  ),
);

/** The person changes the system's appearance. */
export function chooseSystemTheme(dark: boolean): void {
  systemIsDark = dark;
  if (themeSource === 'system') chooseTheme('system');
}

const AREA = { x: 0, y: 0, width: 1920, height: 1080 };
const DISPLAY = { id: 1, bounds: AREA, workArea: AREA, workAreaSize: AREA, size: AREA, scaleFactor: 1, rotation: 0 };

/** Electron's `screen`: one display. */
export const screen = failOnGaps(
  'screen',
  Object.assign(new EventEmitter(), {
    getPrimaryDisplay: () => DISPLAY as unknown as Display,
    getAllDisplays: () => [DISPLAY as unknown as Display],
    getDisplayMatching: () => DISPLAY as unknown as Display,
    getDisplayNearestPoint: () => DISPLAY as unknown as Display,
    getCursorScreenPoint: () => ({ x: 0, y: 0 }),
  } satisfies Partial<Omit<Screen, keyof EventEmitter>>),
);

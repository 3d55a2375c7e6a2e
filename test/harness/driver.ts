import type { Browser, Page } from '@playwright/test';
import { launchElectron } from './driver-electron.ts';
import { launchHarness } from './driver-harness.ts';
import type { DeskAct, DeskRecord, DialogAnswer, NotificationAct, NotificationRecord } from './electron/desk-record.ts';
import type { PlayedPlatform } from './electron/launch.ts';

/**
 * A running desktop app as a person has it before them. The specs know nothing else, so the same ones run on the
 * stand-in for Electron and, with RG_LAUNCHER=electron, on the real one.
 */
export interface Driver {
  readonly launcher: 'harness' | 'electron';
  /** The folder that holds everything of this app; it outlives a relaunch. */
  readonly profile: string;
  firstWindow(): Promise<Page>;
  /** Run a function in the main process; like Playwright's, with the `electron` module first. */
  evaluate<R, A>(run: (electron: typeof import('electron'), argument: A) => R | Promise<R>, argument: A): Promise<R>;
  /** Everything outside the windows, as it is now. */
  desk(): Promise<DeskRecord>;
  /** Do something outside the windows. */
  act(act: DeskAct): Promise<void>;
  /** The person clicks the first window's close button. */
  closeWindow(): Promise<void>;
  /** What the page must fetch to reach this address of the app's own scheme. */
  addressOf(url: string): string;
  /** Deliver a message to the app's IPC as if a frame of this address had sent it; the answer, or the error's text. */
  invokeAs(
    frame: { readonly url: string; readonly isMain: boolean },
    channel: string,
    message: unknown,
  ): Promise<Answer>;
  /** Start the app once more on the same profile; resolves with its exit code when it has ended of itself. */
  startSecond(args?: readonly string[]): Promise<number | string>;
  /** `quit`, and start again on the same profile. */
  relaunch(): Promise<Driver>;
  /** Quit as the system asks an app to; a question about it is answered with its "Quit". Resolves with the exit code. */
  quit(): Promise<number | string>;
  /** End it if it has not ended, and remove the profile. */
  close(): Promise<void>;
  /** What the main process has written. */
  output(): string;
}

export type Answer =
  | { readonly kind: 'answered'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly error: string };

export interface DriverOptions {
  /** Arguments after the app's own. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The system the stand-in plays; real Electron plays the one it runs on. */
  readonly platform?: PlayedPlatform;
  readonly keyring?: 'gnome_libsecret' | 'basic_text';
  /** False: this desktop has no tray. */
  readonly tray?: boolean;
  /** What the app takes itself for. */
  readonly packaged?: boolean;
  /** The installation's configuration file; without it any free port is used. */
  readonly configuration?: object;
  /** An existing profile; a new one without it. */
  readonly profile?: string;
  /** Another app than this repository's: the folder of its package.json. */
  readonly appPath?: string;
}

/** Start the desktop app under the launcher that RG_LAUNCHER names (`harness` unless it says `electron`). */
export function launchDesktop(browser: Browser, options: DriverOptions = {}): Promise<Driver> {
  const launcher = process.env['RG_LAUNCHER'] ?? 'harness';
  switch (launcher) {
    case 'harness':
      return launchHarness(browser, options);
    case 'electron':
      return launchElectron(options);
    default:
      throw new Error(`RG_LAUNCHER is "harness" or "electron", not "${launcher}"`);
  }
}

/** The notifications on the screen now. */
export const shownNotifications = async (driver: Driver): Promise<readonly NotificationRecord[]> =>
  (await driver.desk()).notifications.filter(({ state }) => state === 'shown');

/** Do something with a notification. */
export const actOnNotification = (driver: Driver, id: number, act: NotificationAct): Promise<void> =>
  driver.act({ kind: 'notification', id, act });

/** Choose from the tray's menu by the labels on the way. */
export const chooseFromTray = (driver: Driver, ...labels: readonly string[]): Promise<void> =>
  driver.act({ kind: 'menu', menu: 'tray', labels });

/** Answer the dialog that has been open longest. */
export const answerDialog = (driver: Driver, answer: DialogAnswer): Promise<void> =>
  driver.act({ kind: 'dialog', answer });

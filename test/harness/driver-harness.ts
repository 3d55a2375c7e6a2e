import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import { APP_PATH, mainBundle } from './built-app.ts';
import type { Driver, DriverOptions } from './driver.ts';
import { serveWindows } from './electron/host/harness-app.ts';
import { type MainOptions, type MainProcess, startMainProcess } from './electron/host/main-process.ts';
import { toWeb } from './electron/scheme-urls.ts';
import { homeOf, prepareProfile } from './profile.ts';

/** Start the app's built main bundle with the stand-in for `electron`, its windows in this browser. */
export async function launchHarness(browser: Browser, options: DriverOptions): Promise<Driver> {
  const profile = options.profile ?? mkdtempSync(join(tmpdir(), 'rungate-desktop-'));
  const start = mainOptions(profile, options);
  const main = startMainProcess(start);
  const app = serveWindows(browser, main.link, start.launch.platform);
  main.link.serve('instance.second', () => undefined);
  const relaunchable = { ...options, profile };
  const quit = async (): Promise<number | string> => {
    main.link.tell('quit', null);
    const how = await confirmQuit(main);
    await app.close();
    return how;
  };
  return {
    launcher: 'harness',
    profile,
    firstWindow: () => Promise.race([app.firstWindow(), endedEarly(main)]),
    evaluate: (run, argument) =>
      main.link.ask('evaluate', { source: String(run), argument }) as ReturnType<Driver['evaluate']> as Promise<never>,
    desk: () => main.link.ask('desk.read', null),
    act: (act) => main.link.ask('desk.act', act),
    async closeWindow() {
      await main.link.ask('window.close', { window: 1 });
    },
    addressOf: (url) => toWeb(url, app.schemes()),
    async invokeAs({ url, isMain }, channel, message) {
      const frame = { id: 'pretended', url, isMain, pretended: true };
      try {
        return {
          kind: 'answered',
          value: await main.link.ask('ipc.invoke', { window: 1, frame, channel, args: [message] }),
        };
      } catch (error) {
        return { kind: 'refused', error: (error as Error).message };
      }
    },
    async startSecond(args = []) {
      const second = startMainProcess({ ...start, args: [...start.args, ...args] });
      const windows = serveWindows(browser, second.link, start.launch.platform);
      second.link.serve('instance.second', (message) => main.link.ask('instance.second', message));
      const how = await second.ended;
      await windows.close();
      return how;
    },
    quit,
    async relaunch() {
      await quit();
      return launchHarness(browser, relaunchable);
    },
    async close() {
      main.kill();
      await main.ended;
      await app.close();
      rmSync(profile, { recursive: true, force: true });
    },
    output: main.output,
  };
}

function mainOptions(profile: string, options: DriverOptions): MainOptions {
  const appPath = options.appPath ?? APP_PATH;
  const user = prepareProfile(profile, options);
  return {
    launch: {
      platform: options.platform ?? 'linux',
      appPath,
      entry: mainBundle(appPath),
      profile,
      keyring: options.keyring ?? 'gnome_libsecret',
      tray: options.tray ?? true,
      isPackaged: options.packaged ?? false,
    },
    args: [`--home=${homeOf(profile)}`, ...(options.args ?? [])],
    env: {
      HOME: user,
      XDG_CONFIG_HOME: join(user, '.config'),
      // The app's own name for the system it shows itself on; `process.platform` stays true for native modules.
      RUNGATE_PLAY_PLATFORM: options.platform ?? 'linux',
      ...options.env,
    },
  };
}

/** How often a question about quitting is looked for, in ms. */
const LOOK_MS = 20;

/** Wait for the end; if the app asks first, say yes. */
async function confirmQuit({ ended, link }: MainProcess): Promise<number | string> {
  for (;;) {
    const how = await Promise.race([ended, new Promise<null>((resolve) => setTimeout(resolve, LOOK_MS, null))]);
    if (how !== null) return how;
    // The process may end between the look and the answer.
    const { dialogs } = await link.ask('desk.read', null).catch(() => ({ dialogs: [] }));
    if (!dialogs[0]?.buttons.includes('Quit')) continue;
    await link.ask('desk.act', { kind: 'dialog', answer: { button: 'Quit' } }).catch(() => undefined);
  }
}

const endedEarly = async ({ ended, output }: MainProcess): Promise<never> => {
  throw new Error(`the app ended (${await ended}) before it opened a window\n${output()}`);
};

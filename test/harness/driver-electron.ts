import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication } from '@playwright/test';
import { APP_PATH } from './built-app.ts';
import type { Driver, DriverOptions } from './driver.ts';
import { actOnRecorded, readRecorded, recordDesk } from './electron-recorder.ts';
import { homeOf, prepareProfile } from './profile.ts';

const MISSING = `RG_LAUNCHER=electron needs Electron's binary, which "npm ci" does not download. Do one of these:
  - node node_modules/electron/install.js
  - set ELECTRON_OVERRIDE_DIST_PATH to the folder of an unpacked Electron
Without it leave RG_LAUNCHER out: the harness runs the same specs.`;

/** Start the app under real Electron. Throws by name if its binary is not there. */
export async function launchElectron(options: DriverOptions): Promise<Driver> {
  const profile = options.profile ?? mkdtempSync(join(tmpdir(), 'rungate-electron-'));
  const executablePath = findElectron();
  const args = [
    options.appPath ?? APP_PATH,
    `--home=${homeOf(profile)}`,
    ...(options.keyring === 'basic_text' ? ['--password-store=basic'] : []),
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ...(options.args ?? []),
  ];
  const env = { ...environment(), HOME: prepareProfile(profile, options), ...options.env };
  const app = await _electron.launch({ executablePath, args, env });
  await app.evaluate(recordDesk);
  const ended = once(app.process(), 'exit').then(([code, signal]) => (signal ?? code) as number | string);
  const written: Buffer[] = [];
  app.process().stderr?.on('data', (chunk: Buffer) => written.push(chunk));
  const quit = async (): Promise<number | string> => {
    // The process may be gone before the answer.
    await app.evaluate(({ app: running }) => running.quit()).catch(() => undefined);
    return ended;
  };
  return {
    launcher: 'electron',
    profile,
    firstWindow: () => app.firstWindow(),
    evaluate: (run, argument) => app.evaluate(run as never, argument as never),
    desk: () => app.evaluate(readRecorded),
    act: (act) => app.evaluate(actOnRecorded, act),
    closeWindow: () => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close()),
    addressOf: (url) => url,
    invokeAs: (frame, channel, message) => invokeAs(app, frame, channel, message),
    async startSecond(more = []) {
      const second = spawn(executablePath, [...args, ...more], { env, stdio: 'ignore' });
      const [code, signal] = await once(second, 'exit');
      return (signal ?? code) as number | string;
    },
    quit,
    async relaunch() {
      await quit();
      return launchElectron({ ...options, profile });
    },
    async close() {
      app.process().kill('SIGKILL');
      await ended;
      rmSync(profile, { recursive: true, force: true });
    },
    output: () => Buffer.concat(written).toString(),
  };
}

/** Where Electron's own package, or whoever overrides it, says the binary is. */
function findElectron(): string {
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (folder !== undefined && folder !== '') {
    const name = process.platform === 'win32' ? 'electron.exe' : 'electron';
    if (existsSync(join(folder, name))) return join(folder, name);
    throw new Error(`ELECTRON_OVERRIDE_DIST_PATH holds no ${name}: ${folder}`);
  }
  const root = join(createRequire(import.meta.url).resolve('electron/package.json'), '..');
  const names = ['dist/electron', 'dist/electron.exe', 'dist/Electron.app/Contents/MacOS/Electron'];
  const found = names.map((name) => join(root, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(MISSING);
  return found;
}

/** Electron keeps the handlers of `ipcMain.handle` in a map of its own; only a sender can be made up for them. */
const invokeAs = (
  app: ElectronApplication,
  frame: { readonly url: string; readonly isMain: boolean },
  channel: string,
  message: unknown,
): ReturnType<Driver['invokeAs']> =>
  app.evaluate(
    async ({ ipcMain, BrowserWindow }, given) => {
      type Handler = (event: unknown, message: unknown) => unknown;
      const handlers = (ipcMain as unknown as { readonly _invokeHandlers: Map<string, Handler> })._invokeHandlers;
      const sender = BrowserWindow.getAllWindows()[0]?.webContents;
      const parent = given.frame.isMain ? null : sender?.mainFrame;
      const senderFrame = { url: given.frame.url, origin: new URL(given.frame.url).origin, parent };
      try {
        const value = await handlers.get(given.channel)?.({ sender, senderFrame }, given.message);
        return { kind: 'answered' as const, value };
      } catch (error) {
        return { kind: 'refused' as const, error: String(error) };
      }
    },
    { frame, channel, message },
  );

const environment = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));

/**
 * The desktop app's entry. Nothing here waits for Electron at the top level: an ES module is evaluated before `ready`
 * fires, so waiting for it there would wait for ever.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { app, dialog, protocol } from 'electron';
import { chooseHome } from './cli/home.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { CONSOLE_PRIVILEGES } from './protocol.ts';
import { findRefusedSwitch } from './switches.ts';

/** Windows knows an app's notifications by these two; the installer writes the same. */
const APP_ID = 'dev.rungate.desktop';
const TOAST_CLSID = '{8C1B5C6E-6B1F-4C55-9D0B-5E2C3A7F4B10}';

function start(): void {
  const refused = app.isPackaged ? findRefusedSwitch(process.argv.slice(1), process.env) : null;
  if (refused !== null) {
    process.stderr.write(`Rungate does not start with ${refused}: it would open the app to other programs.\n`);
    app.exit(1);
    return;
  }
  const home = chooseHome(app.commandLine.getSwitchValue('home') || undefined, process.env);
  chooseUserData(home);
  protocol.registerSchemesAsPrivileged([CONSOLE_PRIVILEGES]);
  app.enableSandbox();
  app.setAppUserModelId(APP_ID);
  if (process.platform === 'win32') app.setToastActivatorCLSID(TOAST_CLSID);
  // The first start is woken by Electron; this one has nothing to do.
  if (!app.requestSingleInstanceLock()) {
    app.exit(0);
    return;
  }
  let desktop: Desktop | null = null;
  app.on('second-instance', () => desktop?.raise());
  void app.whenReady().then(async () => {
    try {
      desktop = await startDesktop({ home, argv: process.argv, env: process.env });
      if (desktop === null) app.exit(0);
    } catch (error) {
      fail(error);
    }
  });
}

/** Chromium's own files lie in the home folder, so that the lock that admits one app is one per home. */
function chooseUserData(home: string): void {
  if (app.commandLine.hasSwitch('user-data-dir')) return;
  const folder = join(home, 'app');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  app.setPath('userData', folder);
}

/** A bug: its stack goes to the log, the person is told that there is one. */
function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  dialog.showErrorBox('Rungate could not start', error instanceof Error ? error.message : String(error));
  app.exit(1);
}

start();

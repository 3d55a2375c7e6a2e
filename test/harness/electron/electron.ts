import { runInThisContext } from 'node:vm';
import { app, becomeReady } from './app.ts';
import { BrowserWindow } from './browser-window.ts';
import { openDesk } from './desk.ts';
import { dialog } from './dialog.ts';
import { mainEnd } from './ipc-main.ts';
import { host } from './main-link.ts';
import { Menu, MenuItem } from './menu.ts';
import { nativeImage } from './native-image.ts';
import { failOnGaps } from './not-implemented.ts';
import { Notification } from './notification.ts';
import { safeStorage } from './safe-storage.ts';
import { net, protocol, session } from './session.ts';
import { clipboard, nativeTheme, powerMonitor, powerSaveBlocker, screen, shell } from './system.ts';
import { Tray } from './tray.ts';

/**
 * The stand-in for the `electron` module in the main process. It runs the app's real code; what is Electron's own is
 * either done by the Chromium of the test process or recorded for the test. What it lacks throws by name.
 */
const ipcMain = mainEnd.api;
const part = (name: string): object => failOnGaps(name, {});
const autoUpdater = part('autoUpdater');
const contentTracing = part('contentTracing');
const crashReporter = part('crashReporter');
const desktopCapturer = part('desktopCapturer');
const globalShortcut = part('globalShortcut');
const systemPreferences = part('systemPreferences');
const utilityProcess = part('utilityProcess');
const webContents = part('webContents');

const electron = failOnGaps('electron', {
  app,
  BrowserWindow,
  clipboard,
  dialog,
  ipcMain,
  Menu,
  MenuItem,
  nativeImage,
  nativeTheme,
  net,
  Notification,
  powerMonitor,
  powerSaveBlocker,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  Tray,
  autoUpdater,
  contentTracing,
  crashReporter,
  desktopCapturer,
  globalShortcut,
  systemPreferences,
  utilityProcess,
  webContents,
} satisfies { [N in keyof typeof import('electron')]?: unknown });

openDesk();
host.serve('instance.second', ({ argv, cwd, additional }) => {
  app.emit('second-instance', {}, argv, cwd, additional);
});
host.serve('quit', () => {
  app.quit();
});
host.serve('evaluate', async ({ source, argument }) => {
  // The test's own function, as Playwright's Electron driver runs it.
  const run = runInThisContext(`(${source})`) as (module: unknown, argument: unknown) => unknown;
  return run(electron, argument);
});

export {
  app,
  autoUpdater,
  BrowserWindow,
  becomeReady,
  clipboard,
  contentTracing,
  crashReporter,
  desktopCapturer,
  dialog,
  globalShortcut,
  ipcMain,
  Menu,
  MenuItem,
  Notification,
  nativeImage,
  nativeTheme,
  net,
  powerMonitor,
  powerSaveBlocker,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  systemPreferences,
  Tray,
  utilityProcess,
  webContents,
};
export default electron;

import { app, type BrowserWindow, dialog, Notification } from 'electron';
import type { Preferences } from '../proxy-core/contract/host.ts';
import type { WindowMemoryFile } from './window-memory.ts';

/** How the window closes and the app ends: agents depend on it, so neither happens unnoticed. */
export interface Closing {
  /** Whether the window may close now; if not, it is hidden or the person is asked. */
  mayClose(): boolean;
  /** End the app: asks first if runs would fail to connect. */
  quit(): void;
  /** End the app without a question: the system goes down, or a signal says so. */
  quitNow(): void;
}

interface ClosingPorts {
  readonly window: () => BrowserWindow | null;
  readonly hasTray: () => boolean;
  readonly close: () => Preferences['desktop']['close'];
  readonly memory: WindowMemoryFile;
  /** Runs that have not ended; null when that is not known. */
  readonly openRuns: () => Promise<number | null>;
  /** Let calls end, settle, close the store. */
  readonly stop: () => Promise<void>;
}

/** Watch over the end. The app quits by itself only after `stop`. */
export function watchClosing(ports: ClosingPorts): Closing {
  let stage: 'open' | 'asking' | 'stopping' | 'stopped' = 'open';
  let said: Notification | null = null;

  const stop = async (): Promise<void> => {
    if (stage === 'stopping' || stage === 'stopped') return;
    stage = 'stopping';
    await ports.stop().catch(() => undefined);
    stage = 'stopped';
    app.quit();
  };
  const askToQuit = async (): Promise<void> => {
    if (stage !== 'open') return;
    stage = 'asking';
    const runs = await ports.openRuns();
    const leave = runs === 0 || (await confirmQuit(runs));
    stage = 'open';
    if (leave) await stop();
  };
  const leaveInTray = (): void => {
    ports.window()?.hide();
    if (ports.memory.read().told_of_tray || !Notification.isSupported()) return;
    ports.memory.change({ told_of_tray: true });
    // Kept: Electron holds on to no notification.
    said = new Notification({
      title: 'Rungate is still running in the tray',
      body: 'Agents go on. Quit from the tray.',
      silent: true,
    });
    said.show();
  };
  const askHowToClose = async (): Promise<void> => {
    const choice = await confirmClose(ports.hasTray());
    if (choice === 'quit') await askToQuit();
    else if (choice === 'stay' && ports.hasTray()) leaveInTray();
    else if (choice === 'stay') ports.window()?.minimize();
  };

  app.on('before-quit', (event) => {
    if (stage === 'stopped') return;
    event.preventDefault();
    void askToQuit();
  });
  // The window is gone only when the app ends, or when it was lost: the core goes on.
  app.on('window-all-closed', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());

  return {
    mayClose() {
      if (stage === 'stopped' || stage === 'stopping') return true;
      const wish = ports.close();
      if (wish === 'quit') void askToQuit();
      else if (wish === 'tray' && ports.hasTray()) leaveInTray();
      else void askHowToClose();
      return false;
    },
    quit: () => void askToQuit(),
    quitNow: () => void stop(),
  };
}

async function confirmQuit(runs: number | null): Promise<boolean> {
  const who = runs === null ? 'Runs that are open' : runs === 1 ? '1 run' : `${runs} runs`;
  const { response } = await dialog.showMessageBox({
    type: 'warning',
    message: `${who} will fail to connect.`,
    detail: 'Their agents call through Rungate. Closing the window instead leaves it running.',
    buttons: ['Quit', 'Cancel'],
    defaultId: 1,
    cancelId: 1,
  });
  return response === 0;
}

async function confirmClose(tray: boolean): Promise<'stay' | 'quit' | 'cancel'> {
  const { response } = await dialog.showMessageBox({
    type: 'question',
    message: 'Leave Rungate running?',
    detail: 'Agents call through it; without it they fail to connect.',
    buttons: [tray ? 'Keep running in the tray' : 'Minimise', 'Quit', 'Cancel'],
    defaultId: 0,
    cancelId: 2,
  });
  return response === 0 ? 'stay' : response === 1 ? 'quit' : 'cancel';
}

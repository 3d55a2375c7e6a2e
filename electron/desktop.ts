import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, ipcMain, Notification, nativeTheme, protocol, safeStorage, session } from 'electron';
import type { OpenMessage } from '../proxy-core/contract/bridge.ts';
import { DEFAULT_PREFERENCES, type HostRecord } from '../proxy-core/contract/host.ts';
import type { Rungate } from '../proxy-core/index.ts';
import type { HostPort, Log } from '../proxy-core/ports.ts';
import { countOpenRuns, createDeskActions } from './actions.ts';
import { showBadge } from './badge.ts';
import { createStreamLog } from './cli/stderr-log.ts';
import { watchClosing } from './closing.ts';
import { CONSOLE_SCHEME } from './console-origin.ts';
import { deliverNotices } from './deliver.ts';
import { type Desk, type DeskState, followDesk } from './desk-state.ts';
import { DEFAULT_AGENT_PORT, loadConfiguration, startDesktopCore } from './desktop-core.ts';
import { hardenContents, hardenSession } from './hardening.ts';
import { createHostPort } from './host-port.ts';
import { iconFile } from './icons.ts';
import { attachIpc } from './ipc.ts';
import { type KeyStorage, openKeychain } from './keychain.ts';
import { HIDDEN_SWITCH, type LoginItem, openLoginItem } from './login-item.ts';
import { showMenu } from './menu.ts';
import { PLATFORM } from './platform.ts';
import { watchPower } from './power.ts';
import { answerConsole, readConsoleFiles } from './protocol.ts';
import { askAfterProblem } from './start-errors.ts';
import { createTray, type DeskTray } from './tray.ts';
import { createConsoleWindow } from './window.ts';
import { openWindowMemory } from './window-memory.ts';

export interface DesktopOptions {
  readonly home: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** What a second start of the app asks of the first. */
export interface Desktop {
  raise(): void;
}

/** Files of this app beside its main bundle. */
const built = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * The desktop app, once Electron is ready: the core, then the window, and everything that tells of the core outside the
 * window. Null when the person quit instead of starting it.
 */
export async function startDesktop({ home, argv, env }: DesktopOptions): Promise<Desktop | null> {
  const log = createStreamLog(process.stderr, Date.now);
  serveConsole();
  const file = join(home, 'keys.json');
  const passphrase = env['RUNGATE_PASSPHRASE'] ?? null;
  const keys = await openKeychain({ safeStorage, platform: process.platform, passphrase, file });
  const loginItem = openLoginItem(PLATFORM, env);
  let tray: DeskTray | null = null;
  const host = createHostPort(() => describeHost(keys, loginItem, tray !== null));
  const rungate = await startCore({ home, env, log, keys, host });
  if (rungate === null) return null;

  let state: DeskState | null = null;
  const desk = (): Desk => state?.now() ?? NO_DESK;
  const openAt = (message: OpenMessage): void => window.openAt(message);
  // First of all, and at once: the core tells of what waits already.
  const stopNotices = deliverNotices({ rungate, platform: PLATFORM, openAt });
  const memory = openWindowMemory(join(app.getPath('userData'), 'window.json'));
  const ipc = attachIpc({ ipcMain, rungate, contents: () => window.contents(), warn: log.warn });
  const closing = watchClosing({
    window: () => window.current(),
    hasTray: () => tray !== null,
    close: () => desk().preferences.desktop.close,
    memory,
    openRuns: () => countOpenRuns(rungate),
    async stop() {
      stopNotices();
      state?.close();
      await rungate.close();
      tray?.destroy();
    },
  });
  const window = createConsoleWindow(
    {
      preload: built('./preload/preload.cjs'),
      icon: iconFile('icon.png'),
      memory,
      send: ipc.open,
      ...closing,
      onGone: ipc.release,
    },
    !argv.includes(HIDDEN_SWITCH),
  );
  const actions = createDeskActions(rungate, desk);
  const address = new URL(rungate.agentUrl).host;
  const quit = closing.quit;
  tray = createTray({ platform: PLATFORM, address, actions, openAt, quit });
  state = await followDesk(rungate, (now) => {
    tray?.show(now);
    showMenu(now, { platform: PLATFORM, packaged: app.isPackaged, actions, openAt, quit });
    const icon = iconFile('overlay.png');
    showBadge(now.pending.length, { platform: PLATFORM, window: window.current(), icon });
    nativeTheme.themeSource = now.preferences.appearance.theme;
  });
  rungate.subscribe(({ name, body }) => {
    if (name === 'preferences.changed' && 'preferences' in body)
      loginItem.set(body.preferences.desktop.launch_at_login);
  });
  watchPower(rungate, log, closing.quitNow);
  app.on('activate', window.raise);
  return { raise: window.raise };
}

const NO_DESK: Desk = { pending: [], paused: false, preferences: DEFAULT_PREFERENCES };

/** The console's scheme, and what its pages may not do. */
function serveConsole(): void {
  const files = readConsoleFiles(built('./renderer'));
  protocol.handle(CONSOLE_SCHEME, (request) => answerConsole(files, request));
  hardenSession(session.defaultSession);
  app.on('web-contents-created', (_event, contents) => hardenContents(contents));
}

const describeHost = ({ storage, note }: KeyStorage, loginItem: LoginItem, tray: boolean): HostRecord => ({
  kind: 'desktop',
  platform: PLATFORM,
  notifications: !Notification.isSupported() ? 'none' : PLATFORM === 'linux' ? 'click' : 'buttons',
  key_storage: storage,
  key_storage_note: note,
  launch_at_login: loginItem.isSet(),
  tray,
  save_dialog: true,
});

interface StartOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly keys: KeyStorage;
  readonly host: HostPort;
}

/** Start the core, asking the person about what only they can cure; null when they would rather quit. */
async function startCore({ home, env, log, keys, host }: StartOptions): Promise<Rungate | null> {
  let chosenPort: number | null = null;
  for (;;) {
    let agentPort = chosenPort ?? DEFAULT_AGENT_PORT;
    try {
      const configuration = await loadConfiguration(home);
      agentPort = chosenPort ?? configuration.value?.agent_port ?? DEFAULT_AGENT_PORT;
      return await startDesktopCore({ home, configuration, agentPort, keychain: keys.keychain, host, env, log });
    } catch (error) {
      const then = await askAfterProblem(error, agentPort);
      if (then.kind === 'quit') return null;
      if (then.kind === 'retry_on') chosenPort = then.port;
    }
  }
}

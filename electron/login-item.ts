import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { app } from 'electron';

/** Starting with the person's session, hidden in the tray. */
export interface LoginItem {
  isSet(): boolean;
  set(open: boolean): void;
}

/** How the app is told to wait in the tray. */
export const HIDDEN_SWITCH = '--hidden';

/** The login item of a system. On Linux Electron has none: there it is an autostart entry (freedesktop.org Autostart 0.5). */
export function openLoginItem(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): LoginItem {
  // Electron's appData is $XDG_CONFIG_HOME or ~/.config on Linux.
  if (platform === 'linux')
    return autostartEntry(join(app.getPath('appData'), 'autostart', 'rungate.desktop'), programOf(env));
  return {
    isSet: () => app.getLoginItemSettings({ args: [HIDDEN_SWITCH] }).openAtLogin,
    set: (open) => app.setLoginItemSettings({ openAtLogin: open, args: [HIDDEN_SWITCH] }),
  };
}

/** The command that starts this app. An AppImage runs from a mount that is gone at the next login; its own path stands in APPIMAGE. */
function programOf(env: NodeJS.ProcessEnv): readonly string[] {
  const program = env['APPIMAGE'] ?? app.getPath('exe');
  return app.isPackaged ? [program] : [program, app.getAppPath()];
}

const autostartEntry = (file: string, command: readonly string[]): LoginItem => ({
  isSet: () => existsSync(file),
  set(open) {
    if (!open) {
      rmSync(file, { force: true });
      return;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, renderEntry(command));
  },
});

function renderEntry(command: readonly string[]): string {
  const exec = [...command.map(quote), HIDDEN_SWITCH].join(' ');
  const lines = ['[Desktop Entry]', 'Type=Application', 'Name=Rungate', `Exec=${exec}`, 'Terminal=false'];
  return `${[...lines, 'X-GNOME-Autostart-enabled=true'].join('\n')}\n`;
}

/** Quoting by the Desktop Entry Specification 1.5, "The Exec key": within quotes, then as a string value. */
function quote(argument: string): string {
  const quoted = argument.replace(/[\\"`$]/g, '\\$&').replaceAll('%', '%%');
  return `"${quoted.replaceAll('\\', '\\\\')}"`;
}

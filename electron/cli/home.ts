import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The folder that holds the installation's database, socket and settings, absolute: `--home`, else RUNGATE_HOME,
 * else the platform's application-data folder. An empty value counts as absent.
 */
export function chooseHome(option: string | undefined, env: Env, platform: NodeJS.Platform = process.platform): string {
  return resolve(option || env['RUNGATE_HOME'] || defaultHome(env, platform));
}

function defaultHome(env: Env, platform: NodeJS.Platform): string {
  const user = homedir();
  if (platform === 'win32') return join(env['APPDATA'] || join(user, 'AppData', 'Roaming'), 'Rungate');
  if (platform === 'darwin') return join(user, 'Library', 'Application Support', 'Rungate');
  // XDG Base Directory: a relative XDG_DATA_HOME is invalid and ignored.
  const base = env['XDG_DATA_HOME']?.startsWith('/') ? env['XDG_DATA_HOME'] : join(user, '.local', 'share');
  return join(base, 'rungate');
}

/** The database of a home folder. */
export const storeFile = (home: string): string => join(home, 'rungate.db');

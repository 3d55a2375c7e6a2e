import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from '../../proxy-core/contract/program.ts';
import { chooseHome } from './home.ts';
import { quotePath } from './shell-quote.ts';

/** How this program was started, as far as it tells how to start it again. */
export interface Started {
  /** The folder that holds this program's package.json. */
  readonly root: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/** What is typed to call this program, without a home. */
export interface CalledAs {
  /** In the folder that it was started in. */
  readonly here: string;
  /** In any folder. */
  readonly anywhere: string;
}

/** A program that is installed as `rungate`. */
export const INSTALLED_HERE: CalledAs = { here: 'rungate', anywhere: 'rungate' };

/**
 * The one place that knows how this program is called: `rungate` where PATH leads to this very package, else
 * `npx rungate` in a folder where npx finds it, else Node with its path. Threat: elsewhere npx would fetch whatever
 * package of that name the registry holds, and run it.
 */
export function findCalledAs(started: Started): CalledAs {
  const { root, platform } = started;
  if (onPath(started)) return INSTALLED_HERE;
  const script = ['electron/cli/rungate.js', 'dist/rungate.js'].find((each) => existsSync(join(root, each)));
  if (script === undefined) return INSTALLED_HERE;
  const anywhere = `node ${quotePath(join(root, script), platform)}`;
  return { here: npxFinds(started) ? 'npx rungate' : anywhere, anywhere };
}

/** How this very process was started. */
export function calledAs(env: NodeJS.ProcessEnv): CalledAs {
  const root = packageRoot(fileURLToPath(import.meta.url));
  if (root === null) return INSTALLED_HERE;
  // npm runs a script in the package's folder, wherever the person who typed `npm start` is.
  const cwd = (env['npm_lifecycle_event'] === undefined ? undefined : env['INIT_CWD']) ?? process.cwd();
  return findCalledAs({ root, cwd, env, platform: process.platform });
}

/** How this program is called for a home: in this terminal (`here`), and by those who read it elsewhere. */
export interface HomeProgram extends Program {
  readonly here: string;
}

/** The names for a home; one that is not the platform's own is named in every command. */
export function programFor(
  { here, anywhere }: CalledAs,
  home: string,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): HomeProgram {
  const isDefault = home === chooseHome(undefined, { ...env, RUNGATE_HOME: undefined }, platform);
  const option = isDefault ? '' : ` --home ${quotePath(home, platform)}`;
  const places = [
    ...(anywhere === 'rungate' ? [] : ['in the folder that Rungate was installed in']),
    ...(isDefault ? [] : ['with the --home that it was started with']),
  ];
  return {
    here: `${here}${option}`,
    anywhere: `${anywhere}${option}`,
    unsigned: {
      name: anywhere === 'rungate' ? 'rungate' : 'npx rungate',
      where: places.length === 0 ? null : places.join(', '),
    },
  };
}

/** The folder of the package that a file of ours lies in; null when there is none (the packaged desktop app). */
export function packageRoot(file: string): string | null {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(join(folder, 'package.json'))) return folder.endsWith('.asar') ? null : folder;
  return null;
}

/** npm puts folders of its own before a script's PATH, which a person's terminal does not have. */
const OF_NPM = /node_modules[\\/]\.bin[\\/]?$|node-gyp-bin[\\/]?$/;

function onPath({ root, env, platform }: Started): boolean {
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter);
  return folders.some(
    (folder) => folder !== '' && !OF_NPM.test(folder) && leadsHere(folder, 'rungate', root, platform),
  );
}

/** npx takes the nearest folder with a package.json or node_modules for its own, and looks nowhere above it. */
function npxFinds({ root, cwd, platform }: Started): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, 'node_modules')))
      return real(folder) === real(root) || leadsHere(join(folder, 'node_modules', '.bin'), 'rungate', root, platform);
    if (folder === dirname(folder)) return false;
  }
}

/** Whether a command in this folder is ours: a link into our package, or on Windows the script that npm writes for one. */
function leadsHere(folder: string, command: string, root: string, platform: NodeJS.Platform): boolean {
  if (platform !== 'win32') return packageRootOfLink(join(folder, command)) === real(root);
  if (!existsSync(join(folder, `${command}.cmd`))) return false;
  const beside = [join(folder, 'node_modules'), join(folder, '..')];
  return beside.some((modules) => real(join(modules, 'rungate-desktop')) === real(root));
}

function packageRootOfLink(link: string): string | null {
  const file = real(link);
  return file === null ? null : packageRoot(file);
}

function real(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

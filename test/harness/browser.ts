import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type LaunchOptions } from '@playwright/test';

/** A Chromium that these tests can start; `env` is what its process needs beside the usual. */
export interface FoundChromium {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where it was found, for people. */
  readonly origin: string;
}

const SYSTEM_NAMES = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];
const MISSING = `No Chromium was found for the tests of the console and the desktop app. Do one of these:
  - npm ci                                           (brings @sparticuz/chromium, for Linux on x64)
  - apt-get install chromium-headless-shell          (Debian)
  - npx playwright install chromium-headless-shell
  - set RUNGATE_CHROMIUM to the path of a Chromium or Chrome`;

/**
 * Find a Chromium: RUNGATE_CHROMIUM, then the system's, then Playwright's own, then the one from npm. The order puts
 * what somebody chose first and what takes longest to unpack last. Throws with one message that names the cures.
 */
export async function findChromium(env: NodeJS.ProcessEnv = process.env): Promise<FoundChromium> {
  const chosen = env['RUNGATE_CHROMIUM'];
  if (chosen !== undefined && chosen !== '') {
    if (!isExecutable(chosen)) throw new Error(`RUNGATE_CHROMIUM names no program that can be started: ${chosen}`);
    return { executablePath: chosen, env: {}, origin: 'RUNGATE_CHROMIUM' };
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    for (const name of SYSTEM_NAMES) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return { executablePath: path, env: {}, origin: 'the system' };
    }
  }
  const downloaded = chromium.executablePath();
  if (downloaded !== '' && isExecutable(downloaded)) {
    return { executablePath: downloaded, env: {}, origin: 'playwright install' };
  }
  const packed = await unpackChromium();
  if (packed === null) throw new Error(MISSING);
  return packed;
}

/** How Playwright starts the Chromium that was found: headless, sandboxed unless the user is root. */
export async function chromiumOptions(env: NodeJS.ProcessEnv = process.env): Promise<LaunchOptions> {
  const found = await findChromium(env);
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath: found.executablePath,
    // Chromium refuses to start its sandbox as root; everybody else keeps it.
    chromiumSandbox: !isRoot,
    env: { ...definedOf(env), ...found.env },
  };
}

const PACKAGE = '@sparticuz/chromium';

/**
 * The browser of the npm package, unpacked once into a private folder of the temp folder. Only its files are used: its
 * flags would turn web security and process isolation off. Null where the package has no binary to offer.
 */
async function unpackChromium(): Promise<FoundChromium | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const root = findPackage();
  if (root === null) return null;
  const bin = join(root, 'bin');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const folder = join(tmpdir(), `rungate-chromium-${version}-${process.getuid?.() ?? 0}`);
  if (!isOwnFolder(folder)) await unpackInto(folder, bin, ['chromium.br', 'fonts.tar.br', 'swiftshader.tar.br']);
  const executablePath = join(folder, 'chromium');
  const fonts = { FONTCONFIG_PATH: join(folder, 'fonts') };
  if (runs(executablePath, fonts)) return { executablePath, env: fonts, origin: PACKAGE };
  // A machine without NSS: the package carries the libraries of a small Linux for that case.
  const libraries = join(folder, 'libraries');
  if (!existsSync(libraries)) await unpackInto(libraries, bin, ['al2023.tar.br']);
  const env = { ...fonts, LD_LIBRARY_PATH: join(libraries, 'al2023', 'lib') };
  if (!runs(executablePath, env)) throw new Error(`${MISSING}\nThe one from npm cannot be started: ${executablePath}`);
  return { executablePath, env, origin: PACKAGE };
}

function findPackage(): string | null {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(PACKAGE))), '..');
  } catch {
    return null;
  }
}

/** Unpack beside the folder and move it into place whole, so that a run that is ended half-way leaves nothing to trip over. */
async function unpackInto(folder: string, bin: string, archives: readonly string[]): Promise<void> {
  const { inflate } = await import(PACKAGE);
  const fresh = mkdtempSync(`${folder}-`);
  chmodSync(fresh, 0o700);
  const before = process.env['TMPDIR'];
  try {
    // The package unpacks into the temp folder, wherever that is.
    process.env['TMPDIR'] = fresh;
    for (const archive of archives) await inflate(join(bin, archive));
    writeFonts(join(fresh, 'fonts'), join(folder, 'fonts'));
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Somebody else was first, with the same files.
    if (!isOwnFolder(folder)) throw error;
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The package's own font configuration knows the folders of another machine. */
function writeFonts(written: string, final: string): void {
  if (!existsSync(written)) return;
  const folders = [final, '/usr/share/fonts'].map((path) => `<dir>${path}</dir>`).join('');
  const cache = `<cachedir>${join(final, 'cache')}</cachedir>`;
  writeFileSync(
    join(written, 'fonts.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${folders}${cache}</fontconfig>\n`,
  );
}

/** The temp folder is everybody's: a program is only started from a folder that is this user's alone. */
function isOwnFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return true;
  throw new Error(`${path} belongs to somebody else; remove it.`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return lstatSync(path).isFile() || lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

const runs = (path: string, env: Record<string, string>): boolean =>
  spawnSync(path, ['--version'], { env: { ...process.env, ...env }, stdio: 'ignore' }).status === 0;

const definedOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));

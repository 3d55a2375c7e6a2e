import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AsarFile, listAsar } from './asar-listing.ts';

/**
 * Packs the built app as for a release, around a stand-in for Electron's binary that holds nothing but what the packer
 * looks for. What goes into the package and how its fuses are set is real.
 */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILDER = fileURLToPath(import.meta.resolve('electron-builder/cli.js'));

/** Electron's binary holds its fuses behind this text: a version, a count, and one character for each. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSES_BEFORE = '101100011';
/** In Electron's order. */
const FUSES = [
  ['runAsNode', '0'],
  ['enableCookieEncryption', '1'],
  ['enableNodeOptionsEnvironmentVariable', '0'],
  ['enableNodeCliInspectArguments', '0'],
  ['enableEmbeddedAsarIntegrityValidation', '1'],
  ['onlyLoadAppFromAsar', '1'],
  ['loadBrowserProcessSpecificV8Snapshot', '0'],
  ['grantFileProtocolExtraPrivileges', '0'],
  // Not in the packer's schema: stays as it was.
  ['wasmTrapHandlers', '1'],
] as const;

let folder = '';
let files: readonly AsarFile[] = [];

const packed = (path: string): string => join(folder, 'release', 'linux-unpacked', path);

beforeAll(async () => {
  if (process.platform !== 'linux') return;
  folder = mkdtempSync(join(tmpdir(), 'rungate-packaging-'));
  const electron = join(folder, 'electron');
  mkdirSync(join(electron, 'resources'), { recursive: true });
  const { electronVersion } = readElectronVersion();
  writeFileSync(join(electron, 'version'), electronVersion);
  writeFileSync(join(electron, 'electron'), `binary${SENTINEL}\u0001\u0009${FUSES_BEFORE}binary`, { mode: 0o755 });
  for (const name of ['LICENSE', 'LICENSES.chromium.html']) writeFileSync(join(electron, name), 'licence');
  await promisify(execFile)(
    process.execPath,
    [BUILDER, '--dir', '--linux', `-c.electronDist=${electron}`, `-c.directories.output=${join(folder, 'release')}`],
    { cwd: ROOT },
  );
  files = listAsar(packed('resources/app.asar'));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function readElectronVersion(): { readonly electronVersion: string } {
  const text = readFileSync(join(ROOT, 'electron-builder.yml'), 'utf8');
  return { electronVersion: /^electronVersion: (\S+)$/m.exec(text)?.[1] ?? '' };
}

describe.skipIf(process.platform !== 'linux')('the package', () => {
  it('holds the built app: main, preload, console, workers', () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        '/package.json',
        '/dist/main.js',
        '/dist/preload/preload.cjs',
        '/dist/renderer/index.html',
        '/dist/store-worker.js',
      ]),
    );
  });

  it('holds no sources, maps, tests or tools, and of dependencies only the database', () => {
    const paths = files.map(({ path }) => path);
    expect(paths.filter((path) => /\.(map|ts|tsx|mts|cts)$/.test(path))).toEqual([]);
    const tops = new Set(paths.map((path) => path.split('/')[1]));
    expect([...tops].filter((top) => !['build', 'dist', 'node_modules', 'package.json'].includes(top ?? ''))).toEqual(
      [],
    );
    const modules = new Set(paths.flatMap((path) => /^\/node_modules\/([^/]+)/.exec(path)?.[1] ?? []));
    expect([...modules]).toEqual(['better-sqlite3']);
    expect(paths.filter((path) => /^\/build\/(?!icons\/)/.test(path))).toEqual([]);
  });

  it('has exactly one native module, this platform’s, outside the archive', () => {
    const native = files.filter(({ path }) => path.endsWith('.node'));
    expect(native).toEqual([
      {
        path: expect.stringMatching(new RegExp(`linux-${process.arch}\\.node$`)),
        size: expect.any(Number),
        unpacked: true,
      },
    ]);
    const beside = readdirSync(packed('resources/app.asar.unpacked'), { recursive: true, encoding: 'utf8' });
    expect(beside.filter((path) => path.endsWith('.node'))).toHaveLength(1);
  });

  it('stays small', () => {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(16 * 1_048_576);
  });

  it.each(FUSES.map(([name, value], index) => ({ name, value, index })))(
    'B1 has the fuse $name at $value',
    ({ value, index }) => {
      const binary = readFileSync(packed('rungate-desktop'), 'latin1');
      const at = binary.indexOf(SENTINEL) + SENTINEL.length + 2;
      expect(binary[at + index]).toBe(value);
    },
  );
});

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCalledAs, programFor } from '../../electron/cli/called-as.ts';
import { chooseHome } from '../../electron/cli/home.ts';
import { temporaryFolder } from './rungate-process.ts';

/** A package with the command in it, in a folder of this name. */
function packageIn(name: string): { readonly root: string; readonly script: string } {
  const root = join(temporaryFolder(), name);
  const script = join(root, 'electron', 'cli', 'rungate.js');
  mkdirSync(dirname(script), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{}');
  writeFileSync(script, '');
  chmodSync(script, 0o755);
  return { root, script };
}

/** A folder with a `rungate` that leads to a script. */
function binWith(script: string, folder = join(temporaryFolder(), 'bin')): string {
  mkdirSync(folder, { recursive: true });
  symlinkSync(script, join(folder, 'rungate'));
  return folder;
}

const LINUX = 'linux' as const;

describe('this program is called', () => {
  it('rungate where PATH leads to this very package', () => {
    const { root, script } = packageIn('app');
    const env = { PATH: `/nowhere:${binWith(script)}` };
    expect(findCalledAs({ root, cwd: root, env, platform: LINUX })).toEqual({ here: 'rungate', anywhere: 'rungate' });
  });

  it('npx rungate in its own folder and below, and by its path elsewhere', () => {
    const { root, script } = packageIn('my clone');
    const anywhere = `node '${script}'`;
    const cwd = join(root, 'below');
    mkdirSync(cwd);
    for (const folder of [root, cwd])
      expect(findCalledAs({ root, cwd: folder, env: {}, platform: LINUX })).toEqual({ here: 'npx rungate', anywhere });
    const elsewhere = { root, cwd: temporaryFolder(), env: {}, platform: LINUX };
    expect(findCalledAs(elsewhere)).toEqual({ here: anywhere, anywhere });
  });

  it('by its path where npx stops at another package, or finds another program', () => {
    const { root, script } = packageIn('clone');
    const inner = join(root, 'example');
    mkdirSync(join(inner, 'node_modules'), { recursive: true });
    const start = { root, cwd: inner, env: {}, platform: LINUX };
    expect(findCalledAs(start).here).toBe(`node ${script}`);
    binWith(packageIn('other').script, join(inner, 'node_modules', '.bin'));
    expect(findCalledAs(start).here).toBe(`node ${script}`);
  });

  it('npx rungate in a project that has it installed', () => {
    const { root, script } = packageIn('modules');
    const project = temporaryFolder();
    binWith(script, join(project, 'node_modules', '.bin'));
    expect(findCalledAs({ root, cwd: project, env: {}, platform: LINUX }).here).toBe('npx rungate');
  });

  it('not rungate for the folders that npm alone has on its PATH, nor for another package of that name', () => {
    const { root, script } = packageIn('clone');
    const npm = binWith(script, join(temporaryFolder(), '_npx', '0a', 'node_modules', '.bin'));
    const stranger = binWith(packageIn('stranger').script);
    expect(findCalledAs({ root, cwd: root, env: { PATH: `${npm}:${stranger}` }, platform: LINUX }).here).toBe(
      'npx rungate',
    );
  });
});

describe('for a home', () => {
  const calledAs = { here: 'npx rungate', anywhere: 'node /app/rungate.js' };

  it('that is the platform’s own nothing is added, wherever the name came from', () => {
    const home = chooseHome(undefined, {});
    expect(programFor(calledAs, home, { RUNGATE_HOME: home })).toMatchObject({ here: 'npx rungate' });
  });

  it('of its own it is named, quoted for the shell', () => {
    const program = programFor(calledAs, "/srv/it's here", {}, LINUX);
    expect(program.here).toBe(`npx rungate --home "/srv/it's here"`);
    expect(program.anywhere).toBe(`node /app/rungate.js --home "/srv/it's here"`);
    expect(programFor(calledAs, 'C:\\Rungate data', {}, 'win32').here).toBe('npx rungate --home "C:\\Rungate data"');
  });

  it('whoever is not signed in is told no path', () => {
    expect(programFor(calledAs, '/srv/secret', {}, LINUX).unsigned).toEqual({
      name: 'npx rungate',
      where: 'in the folder that Rungate was installed in, with the --home that it was started with',
    });
  });
});

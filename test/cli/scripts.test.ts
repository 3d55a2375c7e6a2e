import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { start, temporaryFolder } from './rungate-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a Node of this version answers when it is asked; the flag is not passed on to the Node it starts. */
const nodeOf = (version: string): readonly string[] => [
  '--import',
  `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`,
];

/** A clone with the scripts and, as named, packages that are installed. */
function cloneWith(packages: readonly string[]): string {
  const folder = join(temporaryFolder(), 'my clone');
  for (const file of ['package.json', 'build/run.js', 'electron/cli/node-at-hand.js', 'electron/cli/built-entry.js']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(folder, file));
  }
  for (const name of packages) {
    mkdirSync(join(folder, 'node_modules', name), { recursive: true });
    writeFileSync(join(folder, 'node_modules', name, 'package.json'), '{"bin":{"vite":"vite.js"}}');
  }
  return folder;
}

const script = (folder: string, version: string, env: Readonly<Record<string, string>> = {}) =>
  start([...nodeOf(version), join(folder, 'build', 'run.js'), 'build'], env).finished;

describe('npm start, before anything else is tried, says in one sentence', () => {
  it('that Node 18 is too old', async () => {
    const ended = await script(cloneWith(['vite']), '18.20.4');
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(/^rungate: Node 22\.19 or newer is needed, this is 18\.20\.4: install Node 24 .*\n$/);
  });

  it('that Node 20 is too old where no other came along', async () => {
    expect((await script(cloneWith(['vite']), '20.20.2')).err).toMatch(/^rungate: Node 22\.19 or newer .*\n$/);
  });

  it('that NODE_ENV=production left out the tools', async () => {
    const ended = await script(cloneWith(['better-sqlite3']), '20.20.2', { NODE_ENV: 'production' });
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(/^rungate: NODE_ENV=production left out .*: run npm ci --include=dev, .*\n$/);
  });

  it('that nothing is installed', async () => {
    expect((await script(cloneWith([]), '24.0.0')).err).toBe(
      'rungate: nothing is installed yet: run npm ci, then this again.\n',
    );
  });
});

describe('a script', () => {
  it('runs its step with the arguments that were added, in a folder with a space', async () => {
    const folder = cloneWith(['vite']);
    writeFileSync(join(folder, 'build', 'clean.ts'), '');
    writeFileSync(
      join(folder, 'node_modules', 'vite', 'vite.js'),
      'console.log(process.cwd(), process.argv.slice(-1)); process.exitCode = 3;',
    );
    const ended = await start([join(folder, 'build', 'run.js'), 'build', '--more']).finished;
    expect(ended).toMatchObject({ code: 3, out: `${folder} [ '--more' ]\n`, err: '' });
  });
});

describe('node dist/rungate.js', () => {
  it('loads nothing on a Node that is too old', async () => {
    const folder = cloneWith([]);
    writeFileSync(join(folder, 'electron', 'cli', 'main.ts'), "process.stdout.write('loaded')");
    const ended = await start([...nodeOf('20.20.2'), join(folder, 'electron', 'cli', 'built-entry.js')]).finished;
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(/^rungate: Node 22\.19 or newer is needed, this is 20\.20\.2: .*\n$/);
  });
});

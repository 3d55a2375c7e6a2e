import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RUNGATE, start, temporaryFolder } from './rungate-process.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const BUNDLED = join(MODULES, `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`);

// What an older Node answers when it is asked for its version; the flag is not passed on to the Node it starts.
const OLD_NODE = [
  '--import',
  `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`,
];

/** A package whose program is the given script, with or without the bundled Node beside it. */
function packageWith(program: string, modules: boolean): string {
  const folder = temporaryFolder();
  const cli = join(folder, 'electron', 'cli');
  mkdirSync(cli, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const file of ['rungate.js', 'node-at-hand.js']) copyFileSync(join(dirname(RUNGATE), file), join(cli, file));
  writeFileSync(join(cli, 'main.ts'), program);
  if (modules) symlinkSync(MODULES, join(folder, 'node_modules'));
  return join(cli, 'rungate.js');
}

describe('rungate on a Node that is too old', () => {
  it('says in one line what to do when no Node came with the package', async () => {
    const ended = await start([...OLD_NODE, packageWith('', false), 'runs']).finished;
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toMatch(/^rungate: Node 22\.19 or newer is needed, this is 20\.20\.2: install Node 24 .*\n$/);
  });

  describe.skipIf(!existsSync(BUNDLED))('with the bundled Node', () => {
    it('runs the same command line under it', async () => {
      const program = 'console.log(JSON.stringify([process.versions.node, process.argv.slice(2)]))';
      const { code, out } = await start([...OLD_NODE, packageWith(program, true), 'agents', 'add', 'two words'])
        .finished;
      expect(code).toBe(0);
      const [version, argv] = JSON.parse(out) as [string, string[]];
      expect(Number.parseInt(version, 10)).toBeGreaterThanOrEqual(22);
      expect(argv).toEqual(['agents', 'add', 'two words']);
    });

    it('ends with its exit code', async () => {
      const ended = await start([...OLD_NODE, packageWith('process.exitCode = 2', true)]).finished;
      expect(ended).toMatchObject({ code: 2, signal: null });
    });

    it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on to it', async (signal) => {
      const program = `process.on('${signal}', () => { console.log('asked to end'); process.exit(0); }); setInterval(() => {}, 1000); console.log('ready');`;
      const running = start([...OLD_NODE, packageWith(program, true)]);
      await running.said('ready');
      running.child.kill(signal);
      expect(await running.finished).toMatchObject({ code: 0, out: 'ready\nasked to end\n' });
    });

    it('ends by the signal that ended it', async () => {
      const running = start([...OLD_NODE, packageWith("process.kill(process.pid, 'SIGTERM')", true)]);
      expect(await running.finished).toMatchObject({ code: null, signal: 'SIGTERM' });
    });
  });
});

describe('rungate', () => {
  it('runs the built program where there is one', async () => {
    const command = packageWith("console.log('source')", false);
    mkdirSync(join(command, '..', '..', '..', 'dist'));
    writeFileSync(join(command, '..', '..', '..', 'dist', 'rungate.js'), "console.log('built')");
    expect((await start([command]).finished).out).toBe('built\n');
  });

  it('runs the source where there is none', async () => {
    expect((await start([packageWith("console.log('source')", false)]).finished).out).toBe('source\n');
  });
});

// The scripts of package.json: `node build/run.js NAME [ARGUMENTS]`. Whatever Node npm happens to run on, the steps run
// on the pinned one, and what is missing is said in one sentence before anything else is tried. Must therefore parse
// and run on any Node that knows ES modules: plain JavaScript of 2019 and no dependency.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { choosePinnedNode, endLike, refuseStarter, runInPlace, tooOld } from '../electron/cli/node-at-hand.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A step is a file of ours (`./…`) or a command of a package (`[COMMAND, PACKAGE]`), and its arguments. */
const VITE = ['vite', 'vite'];
const TSC = ['tsc', 'typescript'];
const BUILD = [
  ['./build/clean.ts'],
  [VITE, 'build', '--app', '--config', 'build/vite.config.ts', '--logLevel', 'warn'],
];

/** Steps run one after the other; further arguments of the script go to the last. */
const SCRIPTS = {
  start: [...BUILD, ['./dist/rungate.js', 'serve', '--demo']],
  build: BUILD,
  check: [
    ['./build/check-lock.ts'],
    [['biome', '@biomejs/biome'], 'check', '.'],
    [TSC, '-p', '.'],
    [TSC, '-p', 'build/tsconfig.pure.json'],
    [TSC, '-p', 'renderer'],
    [TSC, '-p', 'build/tsconfig.pages.json'],
    [['oxlint', 'oxlint'], '--type-aware'],
    [['knip', 'knip'], '--config', 'build/knip.json'],
  ],
  test: [
    ...BUILD,
    [['vitest', 'vitest'], 'run', '--config', 'build/vitest.config.ts'],
    [['playwright', '@playwright/test'], 'test', '--config', 'build/playwright.config.ts'],
  ],
  engines: [[['vitest', 'vitest'], 'run', '--config', 'build/vitest.engines.config.ts']],
  differential: [['./test/differential/run.ts']],
  bench: [...BUILD, ['./test/bench/bench.ts']],
  screenshots: [...BUILD, ['./test/console/screenshots.ts']],
  desktop: [...BUILD, [['electron', 'electron'], '.']],
  package: [...BUILD, [['electron-builder', 'electron-builder']]],
};

function fail(sentence) {
  process.stderr.write(`rungate: ${sentence}\n`);
  process.exit(1);
}

const folderOf = (name) => path.join(root, 'node_modules', ...name.split('/'));

/** One sentence when a tool of ours is not installed, else null. */
function findMissing(steps) {
  const missing = steps.some(([program]) => Array.isArray(program) && !existsSync(folderOf(program[1])));
  if (!missing) return null;
  if (!existsSync(path.join(root, 'node_modules'))) return 'nothing is installed yet: run npm ci, then this again.';
  return process.env.NODE_ENV === 'production'
    ? 'NODE_ENV=production left out the tools that build Rungate: run npm ci --include=dev, then this again.'
    : 'the tools that build Rungate are not installed: run npm ci --include=dev, then this again.';
}

/** The file that a step's program is. */
function fileOf(program) {
  if (!Array.isArray(program)) return path.join(root, program);
  const [command, name] = program;
  const { bin } = JSON.parse(readFileSync(path.join(folderOf(name), 'package.json'), 'utf8'));
  return path.join(folderOf(name), typeof bin === 'string' ? bin : bin[command]);
}

/** The pinned Node and our tools go first on the PATH of what the steps start themselves. */
function environmentWith(node) {
  const name = Object.keys(process.env).find((each) => each.toUpperCase() === 'PATH') || 'PATH';
  const first = [path.dirname(node), path.join(root, 'node_modules', '.bin')];
  return { ...process.env, [name]: [...first, process.env[name] || ''].join(path.delimiter) };
}

function perform(node, steps, further) {
  const [[program, ...args], ...rest] = steps;
  const file = fileOf(program);
  const all = rest.length === 0 ? [...args, ...further] : args;
  if (rest.length === 0 && node === realpathSync(process.execPath) && !Array.isArray(program)) return become(file, all);
  runInPlace(node, [file, ...all], { cwd: root, env: environmentWith(node) }, (code, signal) => {
    if (code === 0 && rest.length > 0) perform(node, rest, further);
    else endLike(code, signal);
  });
}

/** The last program of ours needs no process of its own where this one is the right Node already. */
function become(file, args) {
  process.chdir(root);
  Object.assign(process.env, environmentWith(process.execPath));
  process.argv = [process.execPath, file, ...args];
  import(pathToFileURL(file).href).catch((error) => fail(error.stack));
}

function run([name, ...further]) {
  const steps = Object.hasOwn(SCRIPTS, name || '') ? SCRIPTS[name] : null;
  if (steps === null) fail(`no script \`${name || ''}\`; there are: ${Object.keys(SCRIPTS).join(', ')}.`);
  // Missing tools come before a missing Node: whoever leaves out the tools leaves out the Node that comes with them.
  const problem = refuseStarter() || findMissing(steps);
  if (problem !== null) fail(problem);
  const node = choosePinnedNode(root);
  if (node === null) fail(tooOld());
  perform(node, steps, further);
}

run(process.argv.slice(2));

// The README's commands as a stranger types them: `npm ci`, `npm start`, then what the program itself prints, on every
// Node and npm that a stranger may have. Each npm installs once (nothing else of an installation depends on Node: there
// are no install scripts), on the oldest Node; then `npm start` must reach a governed call of the demo on every Node.
// A Node, npm or pnpm that cannot be fetched is skipped by name. Plain JavaScript: it runs on any Node, uninstalled.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchCommand, fetchNode, npmSettings } from './toolset.js';
import { environment, type, typeAndWait } from './visitor.js';

const NODES = ['20.20.2', '22.23.5', '24.21.0'];
const NPMS = ['10.9.9', '11.19.1'];
const TOO_OLD = '18.20.4';
const PNPM = '10.34.8';
const NOBODY = 65_534;
const NOT_CLONED = /^(node_modules|dist|\.git|release|test-results|playwright-report|coverage)$/;

const source = fileURLToPath(new URL('..', import.meta.url));
// A space in every path: whoever has none is no worse off.
const scratch = mkdtempSync(path.join(tmpdir(), 'rungate fresh install '));
const settings = npmSettings();
const count = { passed: 0, failed: 0, skipped: 0 };

function report(outcome, name, detail) {
  count[outcome] += 1;
  const lines =
    detail === undefined || detail === '' ? '' : `\n    ${detail.trim().split('\n').slice(-15).join('\n    ')}`;
  process.stdout.write(`${outcome.padEnd(7)} ${name}${lines}\n`);
}

/** Run one check; it throws an Error that says what was seen instead. */
async function check(name, body) {
  try {
    await body();
    report('passed', name);
    return true;
  } catch (error) {
    report('failed', name, error.message);
    return false;
  }
}

const skip = (name, missing) => report('skipped', name, `${missing} cannot be fetched here`);

function expect(holds, what, { out = '', err = '' } = {}) {
  if (!holds) throw new Error([what, out, err].join('\n'));
}

/** A clone in a folder with a space, and a home of its own. */
function clone(name) {
  const folder = path.join(scratch, name, 'my clone');
  cpSync(source, folder, {
    recursive: true,
    filter: (file) => !NOT_CLONED.test(path.basename(file)) || file === source,
  });
  return folder;
}

function newHome(name) {
  const home = path.join(scratch, 'homes', name);
  mkdirSync(home, { recursive: true });
  return home;
}

/** What a newcomer must never see. */
function expectCalm(text, seen) {
  expect(!/EBADENGINE/.test(text), 'warnings about engines', seen);
  expect(!/^\s+at .*:\d+:\d+\)?$/m.test(text), 'a stack trace', seen);
}

function install(at, line) {
  const seen = type(line, at);
  expect(seen.code === 0, `${line} ended with ${seen.code}`, seen);
  expectCalm(seen.out + seen.err, seen);
}

/** Exactly one sentence of ours on standard error, and nothing that looks like a crash. */
function expectOneSentence(seen, sentence) {
  expect(seen.code !== 0, 'it ended as if all were well', seen);
  expectCalm(seen.out + seen.err, seen);
  const ours = seen.err.split('\n').filter((line) => line.startsWith('rungate: '));
  expect(ours.length === 1 && sentence.test(ours[0]), `not the one sentence ${sentence}`, seen);
}

/** Start the demo, paste the call that it prints, and find the run that governed it. */
async function reachDemo(at, starter) {
  const started = await typeAndWait(`${starter} --port 0 --console-port 0`, /node --input-type=module .*\n/, at);
  const seen = () => ({ out: started.out(), err: started.err() });
  try {
    expect(started.said !== null, `${starter} ended with ${started.code()}`, seen());
    expectCalm(started.out() + started.err(), seen());
    const [curl, sdk] = [/^\s*(curl .*)$/m, /^\s*(node --input-type=module .*)$/m].map(
      (line) => line.exec(started.said)[1],
    );
    const byCurl = existsSync('/usr/bin/curl') ? type(curl, at) : null;
    expect(byCurl === null || /"choices"/.test(byCurl.out), 'the printed curl line got no answer', byCurl || {});
    const bySdk = type(sdk, at);
    expect(bySdk.code === 0 && bySdk.out.trim() !== '', 'the printed line with the SDK got no answer', bySdk);
    const runs = type('node electron/cli/rungate.js runs --json', at);
    expectCalm(runs.err, runs);
    expect(runs.code === 0 && JSON.parse(runs.out).runs.length > 0, 'no governed run is recorded', runs);
  } finally {
    await started.stop();
  }
}

async function tryNpm(version, tools) {
  const cells = NODES.map((node) => `npm ${version} on Node ${node}: npm start reaches a governed call`);
  const npm = fetchCommand(tools, 'npm', version);
  const oldest = fetchNode(tools, NODES[0]);
  if (npm === null || oldest === null) {
    for (const cell of cells) skip(cell, npm === null ? `npm ${version}` : `Node ${NODES[0]}`);
    return;
  }
  const cwd = clone(`npm ${version}`);
  const home = newHome(`npm ${version}`);
  const on = (bin, more) => ({ cwd, env: environment([bin, npm], home, settings, more) });
  await check(`npm ${version} on Node ${NODES[0]}: npm ci says nothing to wonder at`, () =>
    install(on(oldest), 'npm ci'),
  );
  for (const [index, node] of NODES.entries()) {
    const bin = fetchNode(tools, node);
    if (bin === null) skip(cells[index], `Node ${node}`);
    else await check(cells[index], () => reachDemo(on(bin), 'npm start --'));
  }
  if (version === NPMS[0]) await tryHindrances(cwd, npm, on, tools);
  rmSync(path.dirname(cwd), { recursive: true, force: true });
}

/** What a machine may put in the way: each gets one sentence. In the clone that npm 10 has installed. */
async function tryHindrances(cwd, npm, on, tools) {
  const bin = fetchNode(tools, NODES[0]);
  const old = fetchNode(tools, TOO_OLD);
  const refusal = `Node ${TOO_OLD}: npm start says in one sentence what is missing`;
  if (old === null) skip(refusal, `Node ${TOO_OLD}`);
  else
    await check(refusal, () =>
      expectOneSentence(type('npm start', on(old)), /Node 22\.19 or newer is needed, this is 18\./),
    );
  await check('a taken port is named, with the command that chooses another', async () => {
    const held = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => held.once('listening', resolve));
    const { port } = held.address();
    const seen = await typeAndWait(`npm start -- --port ${port}`, /never/, on(bin));
    held.close();
    expectOneSentence(
      { code: seen.code(), out: seen.out(), err: seen.err() },
      new RegExp(`Port ${port} .* is held by`),
    );
  });
  await check('a home that cannot be written gets one sentence', () => {
    const file = path.join(scratch, 'no folder');
    writeFileSync(file, '');
    expectOneSentence(type('npm start', on(bin, { HOME: path.join(file, 'home') })), /cannot read and write/);
  });
  await tryNormalUser(cwd, npm, bin);
}

async function tryNormalUser(cwd, npm, bin) {
  const name = 'a normal user: npm start reaches a governed call';
  // Without root everything above ran as a normal user already.
  if (typeof process.getuid !== 'function' || process.getuid() !== 0) return;
  const home = newHome('a normal user');
  type(`chmod 755 "${scratch}" && chown -R ${NOBODY}:${NOBODY} "${cwd}" "${home}"`, { cwd: scratch, env: process.env });
  const env = environment([bin, npm], home, { ...settings, npm_config_cache: path.join(home, '.npm') });
  await check(name, () => reachDemo({ cwd, env, uid: NOBODY }, 'npm start --'));
}

async function tryProduction(tools) {
  const name = 'NODE_ENV=production: npm start says in one sentence what is missing';
  const [npm, bin] = [fetchCommand(tools, 'npm', NPMS[0]), fetchNode(tools, NODES[0])];
  if (npm === null || bin === null) return skip(name, npm === null ? `npm ${NPMS[0]}` : `Node ${NODES[0]}`);
  const at = {
    cwd: clone('production'),
    env: environment([bin, npm], newHome('production'), settings, { NODE_ENV: 'production' }),
  };
  await check(name, () => {
    install(at, 'npm ci');
    expectOneSentence(type('npm start', at), /NODE_ENV=production left out/);
  });
}

async function tryPnpm(tools) {
  const name = `pnpm ${PNPM} on Node ${NODES[0]}: pnpm start reaches a governed call`;
  const [pnpm, bin] = [fetchCommand(tools, 'pnpm', PNPM), fetchNode(tools, NODES[0])];
  if (pnpm === null || bin === null) return skip(name, pnpm === null ? `pnpm ${PNPM}` : `Node ${NODES[0]}`);
  const cwd = clone('pnpm');
  const at = { cwd, env: environment([bin, pnpm], newHome('pnpm'), settings, { CI: 'true' }) };
  await check(name, async () => {
    install(at, 'pnpm install');
    await reachDemo(at, 'pnpm start');
  });
}

try {
  const tools = path.join(scratch, 'tools');
  for (const version of NPMS) await tryNpm(version, tools);
  await tryProduction(tools);
  await tryPnpm(tools);
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
}
process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
if (count.failed > 0) process.exitCode = 1;

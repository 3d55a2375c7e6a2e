// Somebody with a clone, a Node and an npm of their own, who types what README and the program tell them to.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

// What hangs must not hang the whole run.
const PATIENCE_MS = 240_000;

/** Run a shell line to its end in `cwd`: `{ code, out, err }`. */
export function type(line, { cwd, env, uid }) {
  const ended = spawnSync('sh', ['-c', line], { cwd, env, uid, gid: uid, encoding: 'utf8', timeout: PATIENCE_MS });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

/**
 * Type a line that goes on running, and wait until it has said what matches `pattern` or has ended:
 * `{ said, out, err, code, stop() }`; `said` is null when it ended without.
 */
export async function typeAndWait(line, pattern, { cwd, env, uid }) {
  const child = spawn('sh', ['-c', line], {
    cwd,
    env,
    uid,
    gid: uid,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const closed = once(child, 'close');
  const said = new Promise((resolve) => {
    child.stdout.on('data', (text) => {
      out += text;
      if (pattern.test(out)) resolve(out);
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    closed.then(() => resolve(null));
  });
  const stop = async () => {
    // The whole group: npm, its shell and what they started.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGTERM');
    await closed;
    return child.exitCode;
  };
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), PATIENCE_MS);
  const answer = await said;
  clearTimeout(timer);
  return { said: answer, out: () => out, err: () => err, code: () => child.exitCode, stop };
}

/** An environment with these folders first on the PATH, a home of its own, and npm's settings. */
export const environment = (folders, home, settings, more = {}) => ({
  PATH: [...folders, '/usr/local/bin', '/usr/bin', '/bin'].join(path.delimiter),
  HOME: home,
  LANG: 'C.UTF-8',
  ...settings,
  ...more,
});

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/**
 * Where the core listens for the command line. Threat: whoever can put a socket there first is taken for the
 * core, and whoever can open it is taken for the operator. In the home folder (0700) nobody else can; the
 * short fallback lies in a folder of this user's own, which is checked before it is trusted.
 */

// `sun_path` is 104 bytes on macOS and 108 on Linux, the final NUL included; the smaller one keeps homes portable.
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * The command socket of a home folder: `rungate.sock` in it; under `/tmp/rungate-UID/` when that path is too
 * long for a Unix socket (TMPDIR is not used: it differs between a service and a terminal); a named pipe on Windows.
 */
export function socketPath(home: string, platform: NodeJS.Platform = process.platform): string {
  const place = resolve(home);
  if (platform === 'win32') return `\\\\.\\pipe\\rungate-${digest(place.toLowerCase())}`;
  const direct = join(place, 'rungate.sock');
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) return direct;
  return join(`/tmp/rungate-${userInfo().uid}`, `${digest(place)}.sock`);
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/**
 * Why the folder of a socket must not be trusted, or null: another user owns it or may write to it, or it is a
 * symbolic link. A folder that does not exist is no danger. Named pipes have no folder.
 */
export function distrustSocketFolder(path: string): string | null {
  if (process.platform === 'win32') return null;
  const folder = dirname(path);
  const stat = lookAt(folder);
  if (stat === null) return `${folder} may not be looked at by this user`;
  if (stat === undefined) return null;
  // The operator's own home may be reached through a link they made; the shared /tmp must not be.
  if (stat.isSymbolicLink()) return folder.startsWith('/tmp/rungate-') ? `${folder} is a symbolic link` : null;
  if (stat.uid !== userInfo().uid) return `${folder} belongs to another user`;
  return (stat.mode & 0o022) === 0 ? null : `${folder} can be written by other users`;
}

/** A folder's facts; undefined when there is none (nor can be, below a file), null when they cannot be told. */
function lookAt(folder: string): Stats | undefined | null {
  try {
    return lstatSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOTDIR' ? undefined : null;
  }
}

/**
 * Make the folder that the socket goes into, readable by this user only. Throws an Error with a `hint` when the
 * folder is not this user's own, and the system's error when it cannot be made.
 */
export function prepareSocketFolder(path: string): void {
  if (process.platform === 'win32') return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const distrust = distrustSocketFolder(path);
  if (distrust === null) return;
  throw Object.assign(new Error(`The command socket would not be safe: ${distrust}.`), {
    code: 'socket_refused',
    hint: 'Give this user the folder, closed to others (chmod 700), or choose another --home.',
  });
}

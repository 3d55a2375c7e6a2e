import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { storeFile } from '../home.ts';
import { renderTime } from '../output.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { lookForFolder } from './writable.ts';

/** The Node that runs this. */
export const checkNode = (): Check => ok('node', `${process.version} (${process.platform} ${process.arch})`);

/** A file's facts; undefined when there is none, null when it cannot be told (a folder of another user). */
function lookAt(path: string): Stats | undefined | null {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Below something that is no folder nothing can be.
    return error instanceof Error && 'code' in error && error.code === 'ENOTDIR' ? undefined : null;
  }
}

/** A home that is not there yet: whether the first start can make it. */
function checkFutureHome(home: string): Check {
  const place = lookForFolder(home);
  if (place.kind !== 'cannot') return ok('home', `${home} does not exist yet; the first start makes it`);
  return fail('home', `${home} does not exist and cannot be made: ${place.why}`, 'Choose another --home.');
}

/** The home folder: this user's own, closed to others, writable. It is not made here. */
export function checkHome(home: string): Check {
  const stat = lookAt(home);
  if (stat === null) return fail('home', `this user may not look at ${home}`, 'Choose another --home.');
  if (stat === undefined) return checkFutureHome(home);
  if (!stat.isDirectory())
    return fail('home', `${home} is not a folder`, 'Move that file away or choose another --home.');
  if (process.platform !== 'win32') {
    if (stat.uid !== userInfo().uid)
      return fail('home', `${home} belongs to another user`, 'Choose another --home, or run as that user.');
    if ((stat.mode & 0o077) !== 0)
      return fail('home', `other users can look into ${home}`, `Close it: chmod 700 ${home}`);
  }
  try {
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok('home', home);
  } catch {
    return fail('home', `this user may not write to ${home}`, 'Give this user access to it, or choose another --home.');
  }
}

/**
 * The database, through a connection of this process that cannot change it. The core's own locks are untouched:
 * they belong to another process.
 */
export async function checkStore(home: string): Promise<Check> {
  const file = storeFile(home);
  const stat = lookAt(file);
  if (stat === undefined) return ok('store', 'none yet; the first start makes it');
  if (stat === null) return fail('store', `this user may not look into ${home}`, 'Run this as the home’s own user.');
  // SQLite makes its side files even for a reader; made by another user, they would lock the owner out.
  if (process.platform !== 'win32' && stat.uid !== userInfo().uid)
    return fail('store', `${file} belongs to another user`, 'Run this as that user.');
  try {
    const { connectReadOnly } = await import('../../../proxy-core/store/connect.ts');
    const connection = connectReadOnly(file);
    try {
      const version = connection.pragma('user_version', { simple: true });
      const tables = connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
      return ok('store', `${file}: schema ${String(version)}, ${String(tables)} tables and indexes, readable`);
    } finally {
      connection.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail('store', `${file} cannot be opened: ${why}`, 'Restore it from a backup, or choose another --home.');
  }
}

// No Rungate existed before; an earlier date means that the clock was never set.
const FIRST_DAY = Date.UTC(2026, 0, 1);
const TOLERANCE_MS = 5 * 60_000;

/** The clock: plausible, and not behind what this installation has written. Budget windows follow local time. */
export function checkClock(home: string, now: number): Check {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const fix = 'Set the system clock; budget windows and expiries follow it.';
  if (now < FIRST_DAY) return fail('clock', `it says ${renderTime(now)}`, fix);
  const written = lookAt(storeFile(home))?.mtimeMs ?? 0;
  if (written > now + TOLERANCE_MS)
    return warn('clock', `it says ${renderTime(now)}, but the store was written at ${renderTime(written)}`, fix);
  return ok('clock', `${renderTime(now)} (${zone})`);
}

/** Whether agents are kept from going around Rungate. */
export const checkEnforcement = (): Check =>
  ok(
    'enforcement',
    'Advisory: what comes through Rungate is enforced, but nothing here keeps a program of this user from calling a provider directly',
  );

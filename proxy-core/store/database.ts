import { accessSync, chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { connect, connectReadOnly } from './connect.ts';
import { takeLock } from './lock.ts';
import { APPLICATION_ID, migrate, refuseNewer, schemaVersion } from './migrations/ladder.ts';
import { StoreRefused } from './refusal.ts';

/** Up to this size a file is checked page by page when it is opened; a larger one when a damaged page is read. */
const CHECKED_AT_OPEN = 16 * 1024 * 1024;
/** How long a statement waits for another program's lock on the file, ms. */
const BUSY_TIMEOUT = 5_000;

/** The writing connection and the lock it stands behind. */
export interface OpenDatabase {
  readonly connection: Database.Database;
  readonly release: () => void;
}

/**
 * Open the store's file for writing, creating it if it is new: folder 0700, files 0600, lock, checks, settings,
 * migrations, in this order. Throws StoreRefused and leaves an existing file as it was if any of them fails.
 */
export function openDatabase(path: string, betweenMigrationStatements: () => void): OpenDatabase {
  const folder = dirname(path);
  prepareFolder(folder);
  const release = lockFolder(`${path}.lock`);
  let connection: Database.Database | null = null;
  try {
    createPrivately(path);
    probe(path);
    connection = connect(path, { fileMustExist: true, timeout: BUSY_TIMEOUT });
    if (statSync(path).size === 0) connection.pragma('auto_vacuum = INCREMENTAL');
    applySettings(connection);
    migrate(connection, betweenMigrationStatements);
    letShrink(connection);
    syncFolder(folder);
    return { connection, release };
  } catch (error) {
    connection?.close();
    release();
    throw refusalOf(error, path);
  }
}

function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (process.platform !== 'win32' && (statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700);
  } catch (error) {
    throw unusable(folder, error);
  }
}

function lockFolder(path: string): () => void {
  try {
    createPrivately(path);
    return takeLock(path);
  } catch (error) {
    throw error instanceof StoreRefused ? error : unusable(path, error);
  }
}

/**
 * Create an empty 0600 file unless there is one; SQLite gives its `-wal` and `-shm` the same mode. An existing file
 * is not opened here: closing a descriptor of it would drop this process's locks on it.
 */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error);
    if (process.platform !== 'win32') chmodSync(path, 0o600);
  }
}

const unusable = (path: string, error: unknown): StoreRefused =>
  new StoreRefused(
    'home_unusable',
    `cannot read and write ${path} (${error instanceof Error ? error.message : String(error)}): give this user access to it, or use another --home folder`,
  );

/** Look at an existing file through a connection that cannot change it, so that a refused file stays untouched. */
function probe(path: string): void {
  const size = statSync(path).size;
  if (size === 0) {
    refuseOrphanedLog(path);
    return;
  }
  const connection = connectReadOnly(path, BUSY_TIMEOUT);
  try {
    const application = connection.pragma('application_id', { simple: true });
    const fresh = schemaVersion(connection) === 0 && tableCount(connection) === 0;
    if (application !== APPLICATION_ID && !fresh)
      throw new StoreRefused(
        'not_a_store',
        `${path} is a database of another program: move it away, or use another --home folder`,
      );
    refuseNewer(schemaVersion(connection));
    const fault = size > CHECKED_AT_OPEN ? 'ok' : connection.pragma('quick_check(1)', { simple: true });
    if (fault !== 'ok') throw corrupt(path, String(fault));
  } finally {
    connection.close();
  }
}

/** An empty file beside a log that is not empty is what is left of a store, not a new one. */
function refuseOrphanedLog(path: string): void {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) throw corrupt(path, 'the file is empty but its write-ahead log is not');
}

const tableCount = (connection: Database.Database): number =>
  connection.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() ?? 0;

/** What every open sets, and whether it took: SQLite silently keeps the old value where it cannot obey. */
function applySettings(connection: Database.Database): void {
  const settings: readonly (readonly [name: string, value: string | number, reads: string | number])[] = [
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', 'NORMAL', 1],
    ['foreign_keys', 'ON', 1],
    ['wal_autocheckpoint', 0, 0],
    ['fullfsync', 'ON', 1],
    ['checkpoint_fullfsync', 'ON', 1],
    ['trusted_schema', 'OFF', 0],
    ['temp_store', 'MEMORY', 2],
  ];
  for (const [name, value, reads] of settings) {
    connection.pragma(`${name} = ${value}`);
    const actual = connection.pragma(name, { simple: true });
    if (actual !== reads) throw new Error(`SQLite did not accept ${name} = ${value}: it is ${String(actual)}`);
  }
}

/** A store of up to this much is rewritten at a start in well under a second. */
const REWRITTEN_AT_OPEN = 32 * 1024 * 1024;

/**
 * Stores of earlier programs cannot give pages back. A small one is rewritten here, once, before anybody waits for it: one
 * transaction, so that a crash leaves it as it was. A large one stays so, and what is freed in it is used again.
 */
function letShrink(connection: Database.Database): void {
  const read = (name: string): number => Number(connection.pragma(name, { simple: true }));
  if (read('auto_vacuum') !== 0) return;
  if ((read('page_count') - read('freelist_count')) * read('page_size') > REWRITTEN_AT_OPEN) return;
  try {
    connection.pragma('auto_vacuum = INCREMENTAL');
    connection.exec('VACUUM');
  } catch (error) {
    // Without room for a second copy it stays as it is.
    if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_FULL'))) throw error;
  }
}

/** Make the directory entries of new files durable. Windows has no such call and needs none. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const corrupt = (path: string, detail: string): StoreRefused =>
  new StoreRefused(
    'store_corrupt',
    `${path} is damaged (${detail}) and was left as it is: restore it from a backup, or use another --home folder`,
  );

function refusalOf(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (error.code.startsWith('SQLITE_NOTADB') || error.code.startsWith('SQLITE_CORRUPT'))
    return corrupt(path, error.message);
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH|IOERR|FULL)/.test(error.code)) return unusable(path, error);
  return error;
}

import Database from 'better-sqlite3';
import { connect } from './connect.ts';
import { StoreRefused } from './refusal.ts';

/** How long an opener waits for a process that is just going away, ms. */
const PATIENCE = 250;

/**
 * Hold the store for writing. The lock is the operating system's, on an empty SQLite file beside the store kept in
 * an open exclusive transaction: it ends with this process however it ends, and a crash leaves nothing to clean up.
 * Call the returned function to let go. Throws StoreRefused `store_locked` while someone else holds it.
 */
export function takeLock(path: string): () => void {
  const connection = connect(path, { timeout: PATIENCE });
  try {
    connection.pragma('journal_mode = MEMORY');
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    if (!isBusy(error)) throw error;
    throw new StoreRefused(
      'store_locked',
      `another Rungate is using this store (${path} is locked): stop it, or start with another --home folder`,
    );
  }
  return () => connection.close();
}

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');

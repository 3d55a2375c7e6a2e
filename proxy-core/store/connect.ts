import Database from 'better-sqlite3';

/**
 * Every connection to a database file begins here. What SQLite keeps for a while (statement journals, sorting) stays in
 * memory: a temporary file would need a free descriptor and a writable `/var/tmp`, and without either a write would fail
 * although the disk of the home folder is well. Verbs are small, so it is little.
 */
export function connect(path: string, options: Database.Options = {}): Database.Database {
  const connection = new Database(path, options);
  try {
    connection.pragma('temp_store = MEMORY');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** For reading only; the file must exist. `timeout`: how long a statement waits for another program's lock, ms. */
export const connectReadOnly = (path: string, timeout = 5_000): Database.Database =>
  connect(path, { readonly: true, fileMustExist: true, timeout });

import Database from 'better-sqlite3';
import { descriptorsExhausted } from './descriptors.ts';
import type { Writable } from './handle.ts';
import type { FailPointName, Reply, Request } from './messages.ts';
import type { StoreTrouble, Verb } from './store.ts';
import type { RecentBodies } from './tables/bodies.ts';
import { VERBS } from './verbs/table.ts';

/** What carrying out requests needs. */
export interface CommitPorts {
  readonly connection: Database.Database;
  readonly db: Writable;
  readonly recent: RecentBodies;
  readonly failPoint: (name: FailPointName) => void;
}

/** The storage itself failed, not a verb: the whole transaction is gone. */
export interface StorageFailure {
  readonly trouble: StoreTrouble;
  /** The file or the medium cannot be trusted any more; nothing may be written until it is opened anew. */
  readonly final: boolean;
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly replies: readonly Reply[] }
  | { readonly kind: 'lost'; readonly failure: StorageFailure };

/**
 * Carry out requests in one transaction, each behind its own savepoint: one that fails is undone alone. If the
 * storage fails, none of them has happened.
 */
export function commit(ports: CommitPorts, requests: readonly Request[]): CommitOutcome {
  const { connection, db } = ports;
  try {
    db.run('BEGIN IMMEDIATE');
    const replies = requests.map((request) => carryOut(ports, request));
    ports.failPoint('before-commit');
    db.run('COMMIT');
    ports.failPoint('after-commit');
    return { kind: 'committed', replies };
  } catch (error) {
    ports.recent.forget();
    const failure = storageFailure(error) ?? rollBack(connection);
    if (failure === null) throw error;
    if (connection.inTransaction) rollBack(connection);
    return { kind: 'lost', failure };
  }
}

function carryOut<V extends Verb>(ports: CommitPorts, { id, verb, input, civil }: Request<V>): Reply {
  const { db, recent } = ports;
  db.run('SAVEPOINT verb');
  try {
    const value = VERBS[verb]({ db, recent, civil }, input);
    db.run('RELEASE verb');
    return { id, kind: 'done', value };
  } catch (error) {
    if (storageFailure(error) !== null) throw error;
    recent.forget();
    db.run('ROLLBACK TO verb');
    db.run('RELEASE verb');
    return { id, kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Undo what is left of a transaction; a failure to do even that is final. */
function rollBack(connection: Database.Database): StorageFailure | null {
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    return null;
  } catch (error) {
    return { trouble: { reason: 'io_error', detail: String(error) }, final: true };
  }
}

/**
 * Results after which SQLite's own state is in doubt: the medium lost a sync, or the file is not what it should be. A file
 * that could not be opened is none of them: nothing was written, and it can be opened when there is a descriptor again.
 */
const FINAL = /^SQLITE_(IOERR_FSYNC|IOERR_DIR_FSYNC|CORRUPT|NOTADB|READONLY)/;
const STORAGE = /^SQLITE_(FULL|IOERR|BUSY|NOMEM|PROTOCOL|LOCKED|CANTOPEN)/;
/** Without room for the log's index file, SQLite reports an I/O error and not a full disk. */
const NO_ROOM = /^SQLITE_(FULL|IOERR_SHMSIZE)/;

/** What an error says about the storage, or null if it is about the request. */
export function storageFailure(error: unknown): StorageFailure | null {
  if (!(error instanceof Database.SqliteError)) return null;
  const { code, message } = error;
  const final = FINAL.test(code);
  if (!final && !STORAGE.test(code)) return null;
  const reason = NO_ROOM.test(code) ? 'disk_full' : !final && descriptorsExhausted() ? 'no_descriptors' : 'io_error';
  return { trouble: { reason, detail: `${message} (${code})` }, final };
}

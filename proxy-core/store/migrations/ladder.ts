import type Database from 'better-sqlite3';
import { StoreRefused } from '../refusal.ts';
import { first } from './010-first.ts';
import { gates } from './020-gates.ts';
import { seen } from './030-seen.ts';
import { runs } from './040-runs.ts';
import { auditHeads } from './060-audit-heads.ts';
import { traces } from './070-traces.ts';
import { retention } from './080-retention.ts';
import { silentRuns } from './090-silent-runs.ts';
import { clock } from './100-clock.ts';
import { callers } from './110-callers.ts';
import { resumedAgents } from './120-resumed-agents.ts';
import { agentsGone } from './130-agents-gone.ts';
import { textCalls } from './140-text-calls.ts';

/** One step of the schema: append-only, numbered in tens. What has been released is never edited. */
export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** All steps, ascending. */
export const MIGRATIONS: readonly Migration[] = [
  first,
  gates,
  seen,
  runs,
  auditHeads,
  traces,
  retention,
  silentRuns,
  clock,
  callers,
  resumedAgents,
  agentsGone,
  textCalls,
];

/** `PRAGMA application_id` of our files ("RGAT"), so that another program's database is never taken for ours. */
export const APPLICATION_ID = 0x52474154;

/**
 * Bring the schema to the newest version: each migration is one transaction that also moves `user_version`.
 * `between` is called after each statement. Throws StoreRefused when the file is newer than this program.
 */
export function migrate(
  connection: Database.Database,
  between: () => void,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  refuseNewer(schemaVersion(connection), migrations);
  for (const { version, statements } of migrations) {
    if (version <= schemaVersion(connection)) continue;
    connection.exec('BEGIN IMMEDIATE');
    try {
      for (const statement of statements) {
        connection.exec(statement);
        between();
      }
      connection.pragma(`application_id = ${APPLICATION_ID}`);
      connection.pragma(`user_version = ${version}`);
      connection.exec('COMMIT');
    } catch (error) {
      if (connection.inTransaction) connection.exec('ROLLBACK');
      throw error;
    }
  }
}

/** Throws StoreRefused `schema_newer` when a file of this version was written by a newer program. */
export function refuseNewer(version: number, migrations: readonly Migration[] = MIGRATIONS): void {
  const newest = migrations.at(-1)?.version ?? 0;
  if (version > newest)
    throw new StoreRefused(
      'schema_newer',
      `the store has schema ${version}, this program knows ${newest}: it was written by a newer Rungate. Install that version again, or use another home folder`,
    );
}

/** The file's `user_version`. */
export const schemaVersion = (connection: Database.Database): number =>
  connection.pragma('user_version', { simple: true }) as number;

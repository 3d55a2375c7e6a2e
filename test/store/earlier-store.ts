import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { MIGRATIONS, migrate, schemaVersion } from '../../proxy-core/store/migrations/ladder.ts';

/** Write the store of an earlier program to `path`: its schema, and the rows that its own verbs left in it (`test/fixtures/stores`). */
export function writeEarlierStore(path: string, version: number): { readonly audit: number } {
  mkdirSync(dirname(path), { mode: 0o700, recursive: true });
  const connection = new Database(path);
  connection.pragma('journal_mode = WAL');
  connection.pragma('foreign_keys = OFF');
  migrate(
    connection,
    () => undefined,
    MIGRATIONS.filter((migration) => migration.version <= version),
  );
  connection.exec(readFileSync(new URL(`../fixtures/stores/schema-${version}.sql`, import.meta.url), 'utf8'));
  expect(schemaVersion(connection)).toBe(version);
  const audit = connection.prepare<[], number>('SELECT count(*) FROM audit').pluck().get() ?? 0;
  connection.close();
  return { audit };
}

/** Stop the migration of the store at `path` behind each of the statements of one step; it must stay at the version before. */
export function stopEverywhere(path: string, version: number, check: (connection: Database.Database) => void): void {
  const at = MIGRATIONS.findIndex((migration) => migration.version === version);
  const before = MIGRATIONS[at - 1]?.version ?? 0;
  const count = MIGRATIONS[at]?.statements.length ?? 0;
  expect(count).toBeGreaterThan(0);
  for (let statement = 1; statement <= count; statement += 1) {
    const connection = new Database(path);
    let passed = 0;
    const stop = (): void => {
      passed += 1;
      if (passed === statement) throw new Error('stopped');
    };
    expect(() => migrate(connection, stop)).toThrow('stopped');
    expect(schemaVersion(connection)).toBe(before);
    check(connection);
    connection.close();
  }
}

import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';

/** Named JSON values of this installation. */

/** The value, or null if it was never set. */
export function findSetting(db: Readable, name: string): unknown {
  const row = db.one<{ value: string }>('SELECT value FROM settings WHERE name = +?', name);
  return row === undefined ? null : parseColumn(row.value);
}

export function saveSetting(db: Writable, name: string, value: unknown, at: number): void {
  db.run(
    `INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
    name,
    JSON.stringify(value ?? null),
    at,
  );
}

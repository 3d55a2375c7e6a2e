import { join } from 'node:path';
import Database from 'better-sqlite3';

/** What the audit says, with the facts as they were recorded. */
export interface AuditLine {
  readonly kind: string;
  readonly actor: string;
  readonly channel: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The whole audit of a home folder whose core has been closed, oldest first. */
export function readAudit(home: string): readonly AuditLine[] {
  const db = new Database(join(home, 'rungate.db'), { readonly: true });
  const rows = db.prepare('SELECT kind, actor, channel, fields FROM audit ORDER BY seq').all() as {
    readonly kind: string;
    readonly actor: string;
    readonly channel: string;
    readonly fields: string;
  }[];
  db.close();
  return rows.map(({ fields, ...row }) => {
    const facts = Object.entries(JSON.parse(fields) as Record<string, { readonly value: unknown }>);
    return { ...row, fields: Object.fromEntries(facts.map(([name, { value }]) => [name, value])) };
  });
}

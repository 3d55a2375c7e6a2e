import { hash, randomBytes, randomFillSync } from 'node:crypto';
import { appendRecord, type Sha256 } from '../../audit/chain.ts';
import { type AuditField, type AuditRecord, auditRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { By } from '../store.ts';

/** The audit's rows: appended inside the transaction of the change they record, never edited. */

/** SHA-256 as the audit chain wants it. */
export const sha256: Sha256 = (text) => hash('sha256', text, 'hex');

const SALT_BYTES = 16;

/** What an audit record says happened. */
export interface AuditFact {
  readonly at: number;
  readonly kind: string;
  readonly by: By;
  readonly runId: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface AuditRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly actor: string;
  readonly channel: string;
  readonly run_id: string | null;
  readonly fields: string;
  readonly prev: Buffer;
  readonly run_prev: Buffer | null;
  readonly hash: Buffer;
}

/** Append one record behind the chain's head and behind the run's latest record. */
export function appendAudit(db: Writable, fact: AuditFact): void {
  const head = db.one<{ seq: number; hash: Buffer }>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1');
  const record = appendRecord(
    {
      at: fact.at,
      kind: fact.kind,
      actor: fact.by.actor,
      channel: fact.by.channel,
      run_id: fact.runId,
      fields: salted(fact.fields),
    },
    head === undefined ? null : { seq: head.seq, hash: head.hash.toString('hex') },
    fact.runId === null ? null : findRunHead(db, fact.runId),
    sha256,
  );
  insertRecord(db, record);
}

/** The first record, which names this installation; does nothing when there is one. */
export function beginAudit(db: Writable, at: number): void {
  if (db.one('SELECT 1 FROM audit LIMIT 1') !== undefined) return;
  const installation = randomBytes(SALT_BYTES).toString('hex');
  const by = { actor: 'system', channel: 'store' };
  appendAudit(db, { at, kind: 'installation.created', by, runId: null, fields: { installation } });
}

/** Records in order, from behind `afterSeq`; of one run, or all. */
export function listAudit(
  db: Readable,
  filter: { readonly afterSeq: number; readonly runId?: string; readonly limit: number },
): readonly AuditRecord[] {
  const rows =
    filter.runId === undefined
      ? db.all<AuditRow>('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', filter.afterSeq, filter.limit)
      : db.all<AuditRow>(
          'SELECT * FROM audit WHERE run_id = +? AND seq > ? ORDER BY seq LIMIT ?',
          filter.runId,
          filter.afterSeq,
          filter.limit,
        );
  return rows.map(toRecord);
}

function findRunHead(db: Readable, runId: string): string | null {
  const row = db.one<{ hash: Buffer }>('SELECT hash FROM audit WHERE run_id = +? ORDER BY seq DESC LIMIT 1', runId);
  return row?.hash.toString('hex') ?? null;
}

function insertRecord(db: Writable, record: AuditRecord): void {
  db.run(
    `INSERT INTO audit (seq, at, kind, actor, channel, run_id, fields, prev, run_prev, hash)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    record.seq,
    record.at,
    record.kind,
    record.actor,
    record.channel,
    record.run_id,
    JSON.stringify(record.fields),
    Buffer.from(record.prev, 'hex'),
    record.run_prev === null ? null : Buffer.from(record.run_prev, 'hex'),
    Buffer.from(record.hash, 'hex'),
  );
}

const toRecord = (row: AuditRow): AuditRecord =>
  auditRecord.parse({
    ...row,
    fields: parseColumn(row.fields),
    prev: row.prev.toString('hex'),
    run_prev: row.run_prev?.toString('hex') ?? null,
    hash: row.hash.toString('hex'),
  });

function salted(fields: Readonly<Record<string, unknown>>): Record<string, AuditField> {
  const names = Object.entries(fields);
  return Object.fromEntries(names.map(([name, value]) => [name, { value: storable(value), salt: nextSalt() }]));
}

/** Random bytes are drawn in one piece for many salts: drawing costs more than the bytes. */
const salts = Buffer.alloc(SALT_BYTES * 256);
let nextAt = salts.length;

function nextSalt(): string {
  if (nextAt === salts.length) {
    randomFillSync(salts);
    nextAt = 0;
  }
  nextAt += SALT_BYTES;
  return salts.toString('base64url', nextAt - SALT_BYTES, nextAt);
}

/** The value as it will be read back: lone surrogates have no UTF-8 form, and JSON has no undefined or infinite numbers. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name.toWellFormed(), storable(member)]));
}

import { statSync } from 'node:fs';
import { type ChainHead, createChainVerifier } from '../audit/chain.ts';
import { headText, parseAnchorLine, type SignedHead } from '../audit/signed-head.ts';
import type { AuditField, AuditRecord } from '../contract/records.ts';
import { connectReadOnly } from '../store/connect.ts';
import { type Readable, readable } from '../store/handle.ts';
import { sha256 } from '../store/tables/audit.ts';
import { findInstallation, listSignedHeads } from '../store/tables/audit-heads.ts';
import { type BrokenRecord, renderReason } from './broken-record.ts';
import { publicOf, verifyText } from './signing-key.ts';

/**
 * Checks a store's whole audit: every record against the one before it, the heads that were signed, and the heads that
 * were anchored elsewhere. Streams through a read-only connection of its own, so it works beside a running core.
 */
export interface VerifyStoreInput {
  readonly path: string;
  /** Fingerprint of the key that is trusted; null: none is known here. */
  readonly trustedKey: string | null;
  /** Texts of anchor files, with what they are called. */
  readonly anchors: readonly AnchorText[];
}

export interface AnchorText {
  readonly name: string;
  readonly text: string;
}

export interface StoreVerdict {
  /** Nothing is broken, and the trusted key has signed it. */
  readonly ok: boolean;
  readonly records: number;
  readonly broken: BrokenRecord | null;
  readonly signer: 'trusted' | 'unknown' | 'none';
  /** What was found, in sentences. */
  readonly detail: string;
}

/** Few enough that a page dies young. */
const PAGE = 1_000;
const TELL_EVERY = 50_000;
const HEADS = 1_000;

/** Verify a store. `onProgress` is told how many records have been looked at. Throws if the file cannot be read. */
export function verifyStore(input: VerifyStoreInput, onProgress: (records: number) => void): StoreVerdict {
  statSync(input.path);
  const connection = connectReadOnly(input.path);
  try {
    const db = readable(connection);
    const memory = gatherHeads(db, input);
    const verifier = createChainVerifier(sha256, { remembered: memory.heads.map(({ head }) => head) });
    let records = 0;
    for (const record of recordsOf(db)) {
      const verdict = verifier.push(record);
      records += 1;
      if (records % TELL_EVERY === 0) onProgress(records);
      if (verdict !== null) return broken(records, verdict.firstBrokenSeq, renderReason(verdict.reason), memory);
    }
    onProgress(records);
    const end = verifier.end();
    if (end.kind === 'broken') return broken(records, end.firstBrokenSeq, renderReason(end.reason), memory);
    return judge(records, memory, input.trustedKey);
  } finally {
    connection.close();
  }
}

interface RememberedHead {
  readonly head: SignedHead;
  /** Where it was found: `the store` or the anchor's name. */
  readonly where: string;
}

interface Memory {
  readonly heads: readonly RememberedHead[];
  /** Signed or anchored heads that cannot be believed. */
  readonly problems: readonly string[];
  readonly anchors: readonly string[];
  readonly newest: SignedHead | null;
}

function gatherHeads(db: Readable, { anchors }: VerifyStoreInput): Memory {
  const installation = findInstallation(db);
  const stored = hasHeads(db) ? listSignedHeads(db, HEADS) : [];
  const problems: string[] = [];
  const heads: RememberedHead[] = [];
  const take = (head: SignedHead, where: string): void => {
    const genuine = publicOf(head.public_key)?.fingerprint === head.key;
    if (genuine && verifyText(head.public_key, headText(head), head.signature)) heads.push({ head, where });
    else problems.push(`The signature of record ${head.seq} in ${where} does not fit.`);
  };
  for (const head of stored) {
    if (head.installation === installation) take(head, 'the store');
    else problems.push(`Record ${head.seq} in the store was signed for another installation.`);
  }
  for (const { name, text } of anchors) {
    const lines = text.split('\n');
    lines.forEach((line, index) => {
      if (line === '') return;
      const head = parseAnchorLine(line);
      // The last line may be one that is being written; an earlier unreadable one was damaged.
      if (head === null && index < lines.length - 1)
        problems.push(`Line ${index + 1} of the anchor ${name} cannot be read.`);
      if (head !== null && head.installation === installation) take(head, `the anchor ${name}`);
    });
  }
  // One that cannot be believed has signed nothing, whatever key it names.
  const newest = heads.find(({ where }) => where === 'the store')?.head ?? null;
  return { heads, problems, anchors: anchors.map(({ name }) => name), newest };
}

/** A store from before heads were signed has no table of them. */
const hasHeads = (db: Readable): boolean =>
  db.one(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit_heads'`) !== undefined;

interface Row extends Omit<AuditRecord, 'fields'> {
  readonly fields: string;
}

/** Hashes as text: a buffer for each would cost more than all else of a row. */
const SELECT_ROWS = `SELECT seq, at, kind, actor, channel, run_id, fields, lower(hex(prev)) AS prev,
  CASE WHEN run_prev IS NULL THEN NULL ELSE lower(hex(run_prev)) END AS run_prev, lower(hex(hash)) AS hash
  FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`;

/** Read in pages: the chain only grows, and a long read would keep the write-ahead log from being carried over. */
function* recordsOf(db: Readable): Generator<AuditRecord> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = db.all<Row>(SELECT_ROWS, after, PAGE);
    for (const row of rows) yield { ...row, fields: parseFields(row.fields) };
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.seq ?? after;
  }
}

/** The fields of a record; what cannot be one becomes a field that no record was made of. */
function parseFields(text: string): AuditRecord['fields'] {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return { unreadable: UNREADABLE };
    for (const name in fields)
      if (!isField((fields as Readonly<Record<string, unknown>>)[name])) return { unreadable: UNREADABLE };
    return fields as AuditRecord['fields'];
  } catch {
    return { unreadable: UNREADABLE };
  }
}

const UNREADABLE: AuditField = { digest: 'unreadable' };

/** What `auditField` takes, told without building a copy: this runs for every field of a million records. */
function isField(field: unknown): field is AuditField {
  if (typeof field !== 'object' || field === null) return false;
  const { value, salt, digest } = field as Readonly<Record<string, unknown>>;
  if (digest === undefined) return value !== undefined && typeof salt === 'string';
  return typeof digest === 'string' && value === undefined && salt === undefined;
}

function broken(records: number, seq: number, reason: string, { heads, problems }: Memory): StoreVerdict {
  const witness = heads.filter(({ head }) => head.seq >= seq).map(({ where }) => where);
  const by = witness.length === 0 ? [] : [`It contradicts what was signed in ${[...new Set(witness)].join(' and ')}.`];
  const detail = [`Audit record ${seq} is broken: ${reason}.`, ...by, ...problems].join(' ');
  return { ok: false, records, broken: { seq, reason }, signer: 'unknown', detail };
}

/** A core signs some seconds after a change, and at its end: one that was always killed before has signed nothing. */
const NEVER_SIGNED =
  'No head of this audit was ever signed, so who wrote it cannot be proven: Rungate signs within seconds of a change and at a clean end. Start it and stop it once (Ctrl-C), then verify again.';

function judge(records: number, memory: Memory, trustedKey: string | null): StoreVerdict {
  const { newest, problems, anchors } = memory;
  const consistent = `${records.toLocaleString('en-GB')} audit records are consistent`;
  const anchored = memory.heads.filter(({ where }) => where !== 'the store').map(({ head }): ChainHead => head);
  const anchorText =
    anchors.length === 0
      ? 'No anchor was looked at: a full rewrite or a rollback would not show.'
      : anchored.length === 0
        ? `Nothing of this installation is in ${anchors.join(', ')}.`
        : `They agree with what was anchored, last of record ${Math.max(...anchored.map(({ seq }) => seq))}.`;
  const verdict = (signer: StoreVerdict['signer'], text: string): StoreVerdict => ({
    ok: signer === 'trusted' && problems.length === 0,
    records,
    broken: null,
    signer,
    detail: [text, anchorText, ...problems].join(' '),
  });
  if (newest === null) return verdict('none', `${consistent}. ${NEVER_SIGNED}`);
  const tail = records - newest.seq;
  const signed = `record ${newest.seq} is signed by ${newest.key}${tail > 0 ? `, ${tail} later ones not yet` : ''}`;
  if (trustedKey === null || newest.key !== trustedKey)
    return verdict('unknown', `${consistent}, signer unknown: ${signed}.`);
  return verdict('trusted', `${consistent}; ${signed}.`);
}

import type { ChainHead } from '../../audit/chain.ts';
import { type SignedHead, signedHead } from '../../audit/signed-head.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';

/** Signed heads, newest kept densest: the latest thousand; what was signed before lives on in the anchors. */
const KEPT = 1_000;

interface HeadRow extends Omit<SignedHead, 'v' | 'hash'> {
  readonly hash: Buffer;
}

export function insertSignedHead(db: Writable, head: SignedHead): void {
  db.run(
    `INSERT INTO audit_heads (seq, hash, installation, at, key, public_key, signature) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    head.seq,
    Buffer.from(head.hash, 'hex'),
    head.installation,
    head.at,
    head.key,
    head.public_key,
    head.signature,
  );
  db.run('DELETE FROM audit_heads WHERE seq < (SELECT seq FROM audit_heads ORDER BY seq DESC LIMIT 1 OFFSET ?)', KEPT);
}

/** The signed heads, latest first. */
export const listSignedHeads = (db: Readable, limit: number): readonly SignedHead[] =>
  db
    .all<HeadRow>('SELECT * FROM audit_heads ORDER BY seq DESC LIMIT ?', limit)
    .map((row) => signedHead.parse({ ...row, v: 1, hash: row.hash.toString('hex') }));

/** The end of the chain, or null of an empty one. */
export function findAuditHead(db: Readable): ChainHead | null {
  const row = db.one<{ seq: number; hash: Buffer }>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1');
  return row === undefined ? null : { seq: row.seq, hash: row.hash.toString('hex') };
}

/** What the audit's first record calls this installation; null if it does not. */
export function findInstallation(db: Readable): string | null {
  const row = db.one<{ fields: string }>(`SELECT fields FROM audit WHERE seq = 1 AND kind = 'installation.created'`);
  if (row === undefined) return null;
  const fields = parseColumn(row.fields) as { readonly installation?: { readonly value?: unknown } };
  const value = fields.installation?.value;
  return typeof value === 'string' ? value : null;
}

import type { AuditField, AuditRecord } from '../contract/records.ts';
import { canonicalString, canonicalText } from './canonical.ts';

/**
 * The audit's hash chain. Threat: someone with write access to the database edits, removes, reorders or cuts off
 * records. Every record's hash covers its own content and the hash before it, so any of these is named by the
 * first sequence number that no longer fits; cutting off the end, or rehashing everything, is only seen against a
 * head that was remembered elsewhere (a signature, an export).
 *
 * digest(field) = SHA-256(JCS([salt, name, value])); hash = SHA-256(JCS({v, seq, at, kind, actor, channel, run_id,
 * prev, run_prev, fields: {name: digest}})). JCS is RFC 8785. Salts keep a redacted value from being guessed.
 */

/** SHA-256 of a text's UTF-8 bytes, lower-case hex. */
export type Sha256 = (text: string) => string;

/** What a record says before it is linked. */
export type AuditEntry = Pick<AuditRecord, 'at' | 'kind' | 'actor' | 'channel' | 'run_id' | 'fields'>;

/** The end of a chain: all a later record or a verifier needs to know of it. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

const VERSION = 1;

/** `prev` of the first record. */
export const GENESIS_PREV = '0'.repeat(64);

/** What a field contributes to its record's hash; a redacted field has only this left. */
export function fieldDigest(name: string, field: AuditField, sha256: Sha256): string {
  return 'digest' in field
    ? field.digest
    : sha256(`[${canonicalString(field.salt)},${canonicalString(name)},${canonicalText(field.value)}]`);
}

/** Link an entry behind `head` (null: it is the first) and behind its run's latest record. */
export function appendRecord(
  entry: AuditEntry,
  head: ChainHead | null,
  runPrev: string | null,
  sha256: Sha256,
): AuditRecord {
  const linked = { ...entry, seq: (head?.seq ?? 0) + 1, prev: head?.hash ?? GENESIS_PREV, run_prev: runPrev };
  return { ...linked, hash: recordHash(linked, sha256) };
}

/** The same record with the named fields reduced to their digests; it still verifies. */
export function redactFields(record: AuditRecord, names: readonly string[], sha256: Sha256): AuditRecord {
  const fields: Record<string, AuditField> = {};
  for (const [name, field] of Object.entries(record.fields))
    fields[name] = names.includes(name) ? { digest: fieldDigest(name, field, sha256) } : field;
  return { ...record, fields };
}

/** Why a chain is broken: see `verifyChain`. */
export type BrokenReason =
  /** A sequence number is missing, doubled or out of order. */
  | 'sequence'
  /** `prev` is not the hash of the record before. */
  | 'link'
  /** `run_prev` is not the hash of the run's record before. */
  | 'run_link'
  /** The content does not give the stored hash. */
  | 'content'
  /** The chain ends before the remembered head. */
  | 'truncated'
  /** The chain has another record where the remembered head was. */
  | 'replaced';

export type ChainVerdict =
  | { readonly kind: 'ok'; readonly head: ChainHead | null }
  | { readonly kind: 'broken'; readonly firstBrokenSeq: number; readonly reason: BrokenReason };

/** What a verifier knows from elsewhere. */
export interface KnownHeads {
  /** Verification starts behind this record instead of at the first one. */
  readonly after?: ChainHead;
  /** Heads seen before (signed, anchored): the chain must still contain each of them. */
  readonly remembered?: ChainHead | readonly ChainHead[];
}

/** Checks a chain record by record, in memory proportional to the number of runs and of remembered heads. */
export interface ChainVerifier {
  /** The next record in order; null while nothing is wrong. */
  push(record: AuditRecord): Extract<ChainVerdict, { kind: 'broken' }> | null;
  /** No more records: whether the chain reaches what was remembered. */
  end(): ChainVerdict;
}

export function createChainVerifier(sha256: Sha256, known: KnownHeads = {}): ChainVerifier {
  const { after } = known;
  const remembered = new Map(listOf(known.remembered).map(({ seq, hash }) => [seq, hash]));
  // Two memories of one record that differ: at most one of them can be the chain's.
  const contradicted = listOf(known.remembered).find(({ seq, hash }) => remembered.get(seq) !== hash);
  const runHeads = new Map<string, string>();
  let head: ChainHead | null = after ?? null;
  const broken = (firstBrokenSeq: number, reason: BrokenReason) =>
    ({ kind: 'broken', firstBrokenSeq, reason }) as const;
  return {
    push(record) {
      const reason = brokenLink(record, head, runHeads, after === undefined) ?? brokenContent(record, sha256);
      if (reason !== null) return broken((head?.seq ?? 0) + 1, reason);
      const seen = remembered.get(record.seq) ?? record.hash;
      if (record.hash !== seen || record.seq === contradicted?.seq) return broken(record.seq, 'replaced');
      if (record.run_id !== null) runHeads.set(record.run_id, record.hash);
      head = { seq: record.seq, hash: record.hash };
      return null;
    },
    end() {
      const end = head?.seq ?? 0;
      const furthest = Math.max(0, ...remembered.keys());
      return furthest > end ? broken(end + 1, 'truncated') : { kind: 'ok', head };
    },
  };
}

/** Check a chain's records, given in order, one pass. */
export function verifyChain(records: Iterable<AuditRecord>, sha256: Sha256, known: KnownHeads = {}): ChainVerdict {
  const verifier = createChainVerifier(sha256, known);
  for (const record of records) {
    const verdict = verifier.push(record);
    if (verdict !== null) return verdict;
  }
  return verifier.end();
}

const listOf = (heads: KnownHeads['remembered']): readonly ChainHead[] =>
  heads === undefined ? [] : 'seq' in heads ? [heads] : heads;

/** Check one run's records alone, from its first: each against its hash and against the run's record before. */
export function verifyRunChain(records: Iterable<AuditRecord>, sha256: Sha256): ChainVerdict {
  let head: ChainHead | null = null;
  for (const record of records) {
    const linked: boolean = record.run_prev === (head?.hash ?? null) && record.seq > (head?.seq ?? 0);
    const reason = linked ? brokenContent(record, sha256) : 'run_link';
    if (reason !== null) return { kind: 'broken', firstBrokenSeq: record.seq, reason };
    head = { seq: record.seq, hash: record.hash };
  }
  return { kind: 'ok', head };
}

function brokenLink(
  record: AuditRecord,
  head: ChainHead | null,
  runHeads: ReadonlyMap<string, string>,
  fromFirst: boolean,
): BrokenReason | null {
  if (record.seq !== (head?.seq ?? 0) + 1) return 'sequence';
  if (record.prev !== (head?.hash ?? GENESIS_PREV)) return 'link';
  const runHead = record.run_id === null ? null : (runHeads.get(record.run_id) ?? null);
  const unseenBefore = record.run_id !== null && runHead === null && !fromFirst;
  return record.run_prev === runHead || unseenBefore ? null : 'run_link';
}

function brokenContent(record: AuditRecord, sha256: Sha256): BrokenReason | null {
  try {
    return recordHash(record, sha256) === record.hash ? null : 'content';
  } catch {
    return 'content'; // it holds what no record can have been made of, such as a lone surrogate
  }
}

/** The record's canonical form, put together by hand: its members' names are known and stand in their order. */
function recordHash(record: Omit<AuditRecord, 'hash'>, sha256: Sha256): string {
  const { seq, at, kind, actor, channel, run_id, prev, run_prev } = record;
  const fields = Object.keys(record.fields)
    .sort(byCodeUnit)
    .map((name) => {
      const field = record.fields[name];
      return `${canonicalString(name)}:${canonicalText(field === undefined ? null : fieldDigest(name, field, sha256))}`;
    });
  return sha256(
    `{"actor":${canonicalString(actor)},"at":${canonicalText(at)},"channel":${canonicalString(channel)},"fields":{${fields.join(',')}},"kind":${canonicalString(kind)},"prev":${canonicalString(prev)},"run_id":${canonicalText(run_id)},"run_prev":${canonicalText(run_prev)},"seq":${canonicalText(seq)},"v":${VERSION}}`,
  );
}

/** The order of RFC 8785: by UTF-16 code units. */
const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuditEntry,
  appendRecord,
  fieldDigest,
  GENESIS_PREV,
  redactFields,
  type Sha256,
  verifyChain,
  verifyRunChain,
} from '../../../proxy-core/audit/chain.ts';
import type { AuditRecord } from '../../../proxy-core/contract/records.ts';

const sha256: Sha256 = (text) => createHash('sha256').update(text, 'utf8').digest('hex');

const entry = (n: number, runId: string | null): AuditEntry => ({
  at: 1_750_000_000_000 + n,
  kind: n % 2 === 0 ? 'budget.reserved' : 'budget.settled',
  actor: 'agent:bot',
  channel: 'proxy',
  run_id: runId,
  fields: {
    exchange_id: { value: `xch_${n}`, salt: `salt-a-${n}` },
    amount_nano: { value: n * 1_000, salt: `salt-b-${n}` },
  },
});

/** A chain whose records belong to the given runs. */
function chainOf(runIds: readonly (string | null)[]): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  runIds.forEach((runId, n) => {
    const runPrev = records.findLast((record) => runId !== null && record.run_id === runId)?.hash ?? null;
    records.push(appendRecord(entry(n, runId), records.at(-1) ?? null, runPrev, sha256));
  });
  return records;
}

const RUNS = [null, 'run_1', 'run_1', 'run_2', null, 'run_1', 'run_2', 'run_1'];
const CHAIN = chainOf(RUNS);
const HEAD = CHAIN.at(-1) as AuditRecord;
const at = (index: number): AuditRecord => CHAIN[index] as AuditRecord;
const broken = (firstBrokenSeq: number, reason: string) => ({ kind: 'broken', firstBrokenSeq, reason });
const replaced = (index: number, record: AuditRecord): readonly AuditRecord[] => CHAIN.with(index, record);

describe('a chain', () => {
  it('begins at sequence 1 behind a fixed hash and verifies', () => {
    expect(at(0)).toMatchObject({ seq: 1, prev: GENESIS_PREV, run_prev: null });
    expect(verifyChain(CHAIN, sha256)).toEqual({ kind: 'ok', head: { seq: 8, hash: HEAD.hash } });
    expect(verifyChain([], sha256)).toEqual({ kind: 'ok', head: null });
  });

  it('hashes as documented, over the RFC 8785 form', () => {
    const digests = {
      amount_nano: sha256('["salt-b-1","amount_nano",1000]'),
      exchange_id: sha256('["salt-a-1","exchange_id","xch_1"]'),
    };
    const canonical = `{"actor":"agent:bot","at":1750000000001,"channel":"proxy","fields":${JSON.stringify(digests)},"kind":"budget.settled","prev":"${at(0).hash}","run_id":"run_1","run_prev":null,"seq":2,"v":1}`;
    expect(at(1).hash).toBe(sha256(canonical));
  });

  it('does not depend on the order in which fields were written down', () => {
    const reversed = { ...at(3), fields: Object.fromEntries(Object.entries(at(3).fields).reverse()) };
    expect(verifyChain(replaced(3, reversed), sha256).kind).toBe('ok');
  });

  it('verifies in pieces, each from the head of the one before', () => {
    const after = { seq: 4, hash: at(3).hash };
    expect(verifyChain(CHAIN.slice(4), sha256, { after })).toEqual({ kind: 'ok', head: { seq: 8, hash: HEAD.hash } });
    expect(verifyChain(CHAIN.slice(5), sha256, { after })).toEqual(broken(5, 'sequence'));
    expect(verifyChain(CHAIN.slice(4), sha256, { after: { seq: 4, hash: at(2).hash } })).toEqual(broken(5, 'link'));
  });
});

describe('F10: the verifier names the first record that', () => {
  const EDITS: readonly [string, Partial<AuditRecord>][] = [
    ['says another instant', { at: 1 }],
    ['says another kind', { kind: 'budget.reset' }],
    ['says another actor', { actor: 'operator' }],
    ['says another channel', { channel: 'cli' }],
    ['has another value', { fields: { ...at(3).fields, amount_nano: { value: 1, salt: 'salt-b-3' } } }],
    ['has another salt', { fields: { ...at(3).fields, amount_nano: { value: 3_000, salt: 'x' } } }],
    ['has lost a field', { fields: { amount_nano: { value: 3_000, salt: 'salt-b-3' } } }],
    ['has a field too many', { fields: { ...at(3).fields, extra: { value: null, salt: '' } } }],
    ['has a false digest', { fields: { ...at(3).fields, amount_nano: { digest: '00' } } }],
    ['has another hash', { hash: '0'.repeat(64) }],
    ['holds what has no canonical form', { actor: 'agent:\ud800' }],
  ];
  it.each(EDITS)('%s', (_, change) => {
    expect(verifyChain(replaced(3, { ...at(3), ...change }), sha256)).toEqual(broken(4, 'content'));
  });

  it('was given to another run', () => {
    expect(verifyChain(replaced(3, { ...at(3), run_id: 'run_9' }), sha256)).toEqual(broken(4, 'content'));
    expect(verifyChain(replaced(6, { ...at(6), run_id: 'run_1' }), sha256)).toEqual(broken(7, 'run_link'));
  });

  it('follows an edited record that was hashed again', () => {
    const { hash: _, ...edited } = { ...at(3), at: 1 };
    const again = appendRecord(edited, at(2), null, sha256);
    expect(verifyChain(replaced(3, again), sha256)).toEqual(broken(5, 'link'));
  });

  it('is missing, doubled, or out of order', () => {
    expect(verifyChain(CHAIN.toSpliced(3, 1), sha256)).toEqual(broken(4, 'sequence'));
    expect(verifyChain(CHAIN.toSpliced(3, 0, at(3)), sha256)).toEqual(broken(5, 'sequence'));
    expect(verifyChain(replaced(3, at(4)).with(4, at(3)), sha256)).toEqual(broken(4, 'sequence'));
    const renumbered = CHAIN.toSpliced(3, 1).map((record, index) => ({ ...record, seq: index + 1 }));
    expect(verifyChain(renumbered, sha256)).toEqual(broken(4, 'link'));
    expect(verifyChain(CHAIN.slice(1), sha256)).toEqual(broken(1, 'sequence'));
  });

  it('is gone from the end, against a remembered head', () => {
    const remembered = { seq: 8, hash: HEAD.hash };
    expect(verifyChain(CHAIN.slice(0, 6), sha256)).toMatchObject({ kind: 'ok' });
    expect(verifyChain(CHAIN.slice(0, 6), sha256, { remembered })).toEqual(broken(7, 'truncated'));
    expect(verifyChain([], sha256, { remembered })).toEqual(broken(1, 'truncated'));
    expect(verifyChain(CHAIN, sha256, { remembered: { seq: 5, hash: at(4).hash } })).toMatchObject({ kind: 'ok' });
  });

  it('stands where a remembered head was, after everything was hashed anew', () => {
    const forged = chainOf([...RUNS.slice(0, 7), 'run_2']);
    expect(verifyChain(forged, sha256).kind).toBe('ok');
    expect(verifyChain(forged, sha256, { remembered: { seq: 8, hash: HEAD.hash } })).toEqual(broken(8, 'replaced'));
  });

  it('changed anywhere: no single edit of any record passes', () => {
    const index = fc.integer({ min: 0, max: CHAIN.length - 1 });
    const key = fc.constantFrom('at', 'kind', 'actor', 'channel', 'prev', 'run_prev', 'hash', 'run_id', 'seq');
    fc.assert(
      fc.property(index, key, fc.oneof(fc.string(), fc.integer()), (position, name, value) => {
        fc.pre(!Object.is(at(position)[name as keyof AuditRecord], value));
        const edited = { ...at(position), [name]: value } as AuditRecord;
        expect(verifyChain(replaced(position, edited), sha256).kind).toBe('broken');
      }),
    );
  });
});

describe('a redacted record', () => {
  const redacted = redactFields(at(3), ['exchange_id'], sha256);

  it('keeps only the digest of what was removed, and the chain still verifies', () => {
    expect(redacted.fields['exchange_id']).toEqual({ digest: sha256('["salt-a-3","exchange_id","xch_3"]') });
    expect(JSON.stringify(redacted)).not.toContain('xch_3');
    expect(verifyChain(replaced(3, redacted), sha256).kind).toBe('ok');
  });

  it('may be redacted again', () => {
    expect(redactFields(redacted, ['exchange_id'], sha256)).toEqual(redacted);
  });

  it('hides its value behind the salt: equal values give different digests', () => {
    const one = fieldDigest('name', { value: 'x', salt: 'a' }, sha256);
    expect(fieldDigest('name', { value: 'x', salt: 'b' }, sha256)).not.toBe(one);
    expect(fieldDigest('other', { value: 'x', salt: 'a' }, sha256)).not.toBe(one);
  });
});

describe("one run's records alone", () => {
  const own = CHAIN.filter((record) => record.run_id === 'run_1');

  it('verify without the others, redacted or not', () => {
    expect(verifyRunChain(own, sha256)).toEqual({ kind: 'ok', head: { seq: 8, hash: HEAD.hash } });
    expect(
      verifyRunChain(
        own.map((record) => redactFields(record, ['amount_nano'], sha256)),
        sha256,
      ).kind,
    ).toBe('ok');
  });

  it('do not verify with one missing, edited, or first', () => {
    expect(verifyRunChain(own.toSpliced(1, 1), sha256)).toEqual(broken(6, 'run_link'));
    expect(verifyRunChain(own.slice(1), sha256)).toEqual(broken(3, 'run_link'));
    expect(verifyRunChain(own.with(2, { ...at(5), at: 1 }), sha256)).toEqual(broken(6, 'content'));
  });
});

it('a value without a JSON form cannot be recorded', () => {
  const impossible = { ...entry(0, null), fields: { x: { value: Number.NaN, salt: 's' } } };
  expect(() => appendRecord(impossible, null, null, sha256)).toThrow();
});

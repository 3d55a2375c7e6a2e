import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendRecord, type ChainHead } from '../../proxy-core/audit/chain.ts';
import { headText } from '../../proxy-core/audit/signed-head.ts';
import { anchorFileIn } from '../../proxy-core/signing/anchor.ts';
import { openSigningKey, signText } from '../../proxy-core/signing/signing-key.ts';
import { type StoreVerdict, verifyStore } from '../../proxy-core/signing/verify-store.ts';
import { openReader } from '../../proxy-core/store/reader.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { rungate } from '../cli/rungate-process.ts';
import { playEventfulRun } from '../harness/eventful-run.ts';

/** F10: whoever can write the database edits, reorders, cuts off, swaps, rolls back or rewrites the audit. */

let home: string;
let anchors: string;
let anchorFile: string;
let trustedKey: string;
let records: number;
/** The store as it was before the last records were written. */
let earlier: string;
const NO_SECRETS = { env: {}, keychain: null, passphrase: async () => null };

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rungate-tampered-'));
  anchors = mkdtempSync(join(tmpdir(), 'rungate-anchors-'));
  const first = await playEventfulRun({ home, anchorFolder: anchors });
  const key = (await first.rungate.call('audit.status', {})).key;
  await first.rungate.core.close();
  earlier = join(anchors, 'earlier.db');
  copyFileSync(join(home, 'rungate.db'), earlier);
  const second = await first.rungate.restart();
  await second.call('budgets.set', { scope: 'agent', name: first.agent, usd: 99 });
  await second.core.close();
  await first.upstream.close();
  const { read, close } = openReader(join(home, 'rungate.db'), Date.now);
  anchorFile = anchorFileIn(anchors, read.installation() ?? '');
  records = read.auditHead()?.seq ?? 0;
  close();
  trustedKey = key;
});

afterAll(() => {
  rmSync(home, { recursive: true });
  rmSync(anchors, { recursive: true });
});

/** Verify a copy of the store (or of `from`) that `change` has been let loose on. */
function verifyAfter(
  change: (db: Database.Database) => void,
  options: { from?: string; anchored?: boolean } = {},
): StoreVerdict {
  const folder = mkdtempSync(join(tmpdir(), 'rungate-tampered-copy-'));
  const path = join(folder, 'rungate.db');
  copyFileSync(options.from ?? join(home, 'rungate.db'), path);
  const db = new Database(path);
  db.exec('DROP TRIGGER audit_keeps_content; DROP TRIGGER audit_keeps_records');
  change(db);
  db.close();
  const texts = options.anchored === false ? [] : [{ name: anchorFile, text: readFileSync(anchorFile, 'utf8') }];
  try {
    return verifyStore({ path, trustedKey, anchors: texts }, () => undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const seqOf = (kind: string): number => {
  const db = new Database(join(home, 'rungate.db'), { readonly: true });
  const row = db
    .prepare<[string], { seq: number }>('SELECT seq FROM audit WHERE kind = ? ORDER BY seq LIMIT 1')
    .get(kind);
  db.close();
  return row?.seq ?? 0;
};

/** Every record hashed and linked anew, as somebody does who knows the format; returns the new heads by number. */
function rechain(db: Database.Database): Map<number, string> {
  const { read, close } = openReader(db.name, Date.now);
  const all = read.audit({ afterSeq: 0, limit: 100_000 });
  close();
  const heads = new Map<number, string>();
  const runHeads = new Map<string, string>();
  let head: ChainHead | null = null;
  const update = db.prepare('UPDATE audit SET prev = ?, run_prev = ?, hash = ? WHERE seq = ?');
  for (const { seq: _seq, prev: _prev, run_prev: _runPrev, hash: _hash, ...entry } of all) {
    const runPrev = entry.run_id === null ? null : (runHeads.get(entry.run_id) ?? null);
    const record = appendRecord(entry, head, runPrev, sha256);
    if (record.run_id !== null) runHeads.set(record.run_id, record.hash);
    const bytes = (hex: string | null) => (hex === null ? null : Buffer.from(hex, 'hex'));
    update.run(bytes(record.prev), bytes(record.run_prev), bytes(record.hash), record.seq);
    head = { seq: record.seq, hash: record.hash };
    heads.set(record.seq, record.hash);
  }
  return heads;
}

const approveTheRejected = (db: Database.Database): void =>
  void db.prepare(`UPDATE audit SET kind = 'gate.approved' WHERE kind = 'gate.rejected'`).run();

describe('F10: a tampered audit', () => {
  it('verifies as long as nobody touched it, signed and anchored', () => {
    const verdict = verifyAfter(() => undefined);
    expect(verdict).toMatchObject({ ok: true, records, broken: null, signer: 'trusted' });
    expect(verdict.detail).toContain('agree with what was anchored');
  });

  it('names the record that was edited: its content, its actor, a field, its salt', () => {
    const seq = seqOf('gate.rejected');
    expect(verifyAfter(approveTheRejected).broken?.seq).toBe(seq);
    for (const change of [
      `UPDATE audit SET actor = 'somebody' WHERE seq = ${seq}`,
      `UPDATE audit SET fields = replace(fields, '2600', '26') WHERE seq = ${seq}`,
      `UPDATE audit SET fields = '{}' WHERE seq = ${seq}`,
      `UPDATE audit SET fields = 'not json' WHERE seq = ${seq}`,
      `UPDATE audit SET at = at + 1 WHERE seq = ${seq}`,
    ])
      expect(verifyAfter((db) => db.exec(change)).broken, change).toMatchObject({ seq });
  });

  it('names where records were swapped, taken out or put in', () => {
    const swap = (a: number, b: number) =>
      `UPDATE audit SET seq = -1 WHERE seq = ${a}; UPDATE audit SET seq = ${a} WHERE seq = ${b}; UPDATE audit SET seq = ${b} WHERE seq = -1`;
    expect(verifyAfter((db) => db.exec(swap(5, 6))).broken?.seq).toBe(5);
    expect(verifyAfter((db) => db.exec('DELETE FROM audit WHERE seq = 9')).broken?.seq).toBe(9);
    expect(
      verifyAfter((db) =>
        db.exec(
          `INSERT INTO audit SELECT seq - 100, at, kind, actor, channel, run_id, fields, prev, run_prev, hash FROM audit WHERE seq = 3`,
        ),
      ).broken?.seq,
    ).toBe(1);
  });

  it('names the first record that is missing when the end was cut off', () => {
    const cut = (db: Database.Database) => db.exec(`DELETE FROM audit WHERE seq > ${records - 3}`);
    expect(verifyAfter(cut)).toMatchObject({ ok: false, broken: { seq: records - 2 } });
    const withHeads = (db: Database.Database) => {
      cut(db);
      db.exec(`DELETE FROM audit_heads WHERE seq > ${records - 3}`);
    };
    expect(verifyAfter(withHeads)).toMatchObject({ ok: false, broken: { seq: records - 2 } });
  });

  it('shows a store that was rolled back to an earlier copy against the anchor, and only there', () => {
    const anchored = verifyAfter(() => undefined, { from: earlier });
    expect(anchored.ok).toBe(false);
    expect(anchored.detail).toContain(anchorFile);
    expect(verifyAfter(() => undefined, { from: earlier, anchored: false })).toMatchObject({ ok: true });
  });

  it('shows a rewritten chain against the heads that were signed', () => {
    const verdict = verifyAfter(
      (db) => {
        approveTheRejected(db);
        rechain(db);
      },
      { anchored: false },
    );
    expect(verdict).toMatchObject({ ok: false, broken: { reason: expect.stringContaining('signed') } });
  });

  it('shows a chain rewritten and signed anew with the stolen key against the anchor, and only there', async () => {
    const opened = await openSigningKey(home, NO_SECRETS);
    if (opened.kind !== 'opened') throw new Error(opened.problem);
    const forge = (db: Database.Database): void => {
      approveTheRejected(db);
      const heads = rechain(db);
      const seq = Math.max(...heads.keys());
      const { read, close } = openReader(db.name, Date.now);
      const [known] = read.signedHeads(1);
      close();
      if (known === undefined) throw new Error('no head was signed');
      const { signature: _old, ...statement } = { ...known, seq, hash: heads.get(seq) ?? '' };
      db.exec('DELETE FROM audit_heads');
      db.prepare(
        'INSERT INTO audit_heads (seq, hash, installation, at, key, public_key, signature) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ).run(
        seq,
        Buffer.from(statement.hash, 'hex'),
        statement.installation,
        statement.at,
        statement.key,
        statement.public_key,
        signText(opened.key.privateKey, headText(statement)),
      );
    };
    expect(verifyAfter(forge, { anchored: false })).toMatchObject({ ok: true });
    const anchored = verifyAfter(forge);
    expect(anchored).toMatchObject({ ok: false, broken: { reason: expect.stringContaining('signed') } });
    expect(anchored.detail).toContain(anchorFile);
  });

  it('does not take a chain signed by another key for its own', async () => {
    const other = mkdtempSync(join(tmpdir(), 'rungate-other-'));
    const opened = await openSigningKey(other, NO_SECRETS);
    if (opened.kind !== 'opened') throw new Error(opened.problem);
    const path = join(home, 'rungate.db');
    const verdict = verifyStore({ path, trustedKey: opened.key.fingerprint, anchors: [] }, () => undefined);
    expect(verdict).toMatchObject({ ok: false, broken: null, signer: 'unknown' });
    expect(verdict.detail).toContain('signer unknown');
    rmSync(other, { recursive: true });
  });

  it('does not believe an anchor that was changed', () => {
    const text = readFileSync(anchorFile, 'utf8');
    const path = join(home, 'rungate.db');
    const verify = (changed: string) =>
      verifyStore({ path, trustedKey, anchors: [{ name: 'a', text: changed }] }, () => undefined);
    expect(verify(text.replace(/"at":\d+/, '"at":1'))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('does not fit'),
    });
    expect(verify(`garbage\n${text}`)).toMatchObject({ ok: false, detail: expect.stringContaining('cannot be read') });
    // A line that is being written is no damage.
    expect(verify(`${text}{"at":1`)).toMatchObject({ ok: true });
  });
});

describe('rungate verify', () => {
  const state = (name: string) => {
    const folder = join(anchors, name, 'rungate');
    mkdirSync(folder, { recursive: true });
    return { XDG_STATE_HOME: join(anchors, name) };
  };

  it('exits 0 for a whole audit, works without a core, and finds the default anchor', async () => {
    const env = state('whole');
    const place = join(env.XDG_STATE_HOME, 'rungate', 'anchors');
    mkdirSync(place, { recursive: true });
    copyFileSync(anchorFile, join(place, anchorFile.split('/').at(-1) ?? ''));
    const ended = await rungate(['verify', '--home', home], env);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.out).toContain('agree with what was anchored');
  });

  it('exits 1 and names the first broken record, also in JSON', async () => {
    const broken = mkdtempSync(join(tmpdir(), 'rungate-broken-'));
    copyFileSync(join(home, 'rungate.db'), join(broken, 'rungate.db'));
    copyFileSync(join(home, 'signing-key.json'), join(broken, 'signing-key.json'));
    const db = new Database(join(broken, 'rungate.db'));
    db.exec('DROP TRIGGER audit_keeps_content');
    approveTheRejected(db);
    db.close();
    const seq = seqOf('gate.rejected');
    const ended = await rungate(['verify', '--home', broken]);
    expect(ended.code).toBe(1);
    expect(ended.out).toContain(`Audit record ${seq} is broken`);
    const json = await rungate(['verify', '--home', broken, '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, broken: { seq } });
    rmSync(broken, { recursive: true });
  });

  it('trusts the key it is told to, and no other', async () => {
    const env = state('none');
    expect((await rungate(['verify', '--home', home, '--key', trustedKey], env)).code).toBe(0);
    const other = await rungate(['verify', '--home', home, '--key', 'SHA256:other'], env);
    expect(other).toMatchObject({ code: 1, out: expect.stringContaining('signer unknown') });
  });

  it('compares with the anchor it is given', async () => {
    const rolled = mkdtempSync(join(tmpdir(), 'rungate-rolled-'));
    copyFileSync(earlier, join(rolled, 'rungate.db'));
    copyFileSync(join(home, 'signing-key.json'), join(rolled, 'signing-key.json'));
    const env = state('none');
    expect((await rungate(['verify', '--home', rolled], env)).code).toBe(0);
    const ended = await rungate(['verify', '--home', rolled, '--anchor', anchorFile], env);
    expect(ended).toMatchObject({ code: 1, out: expect.stringContaining('is missing') });
    expect((await rungate(['verify', '--home', rolled, '--anchor', '/nowhere'], env)).code).toBe(1);
    rmSync(rolled, { recursive: true });
  });

  it('says so when there is no store, or no such file', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'rungate-empty-'));
    expect(await rungate(['verify', '--home', empty])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no store'),
    });
    expect(await rungate(['verify', join(empty, 'x.json'), '--home', empty])).toMatchObject({ code: 1 });
    writeFileSync(join(empty, 'x.json'), '{}');
    expect(await rungate(['verify', join(empty, 'x.json'), '--home', empty])).toMatchObject({ code: 1 });
    rmSync(empty, { recursive: true });
  });
});

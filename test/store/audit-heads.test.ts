import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SignedHead } from '../../proxy-core/audit/signed-head.ts';
import { MIGRATIONS, migrate } from '../../proxy-core/store/migrations/ladder.ts';
import { stopEverywhere, writeEarlierStore } from './earlier-store.ts';
import { type TemporaryHome, temporaryHome } from './fixture-store.ts';

/** Signed heads, and the schema step that gave them a place. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

const head = (seq: number): SignedHead => ({
  v: 1,
  installation: 'abc',
  seq,
  hash: seq.toString(16).padStart(64, '0'),
  at: 1_000 + seq,
  key: 'SHA256:key',
  public_key: 'cmF3',
  signature: 'c2ln',
});

it('keeps signed heads as they were given, latest first, each record’s first one', async () => {
  const store = await home.open();
  for (const seq of [3, 7]) await store.write('signHead', { head: head(seq) }).durable;
  await store.write('signHead', { head: { ...head(7), signature: 'b3RoZXI=' } }).durable;
  expect(store.read.signedHeads(10)).toEqual([head(7), head(3)]);
  expect(store.read.signedHeads(1)).toEqual([head(7)]);
});

it('keeps the latest thousand', async () => {
  const store = await home.open();
  await Promise.all(
    Array.from({ length: 1_100 }, (_, index) => store.write('signHead', { head: head(index + 1) }).committed),
  );
  const kept = store.read.signedHeads(5_000).map(({ seq }) => seq);
  expect(kept).toHaveLength(1_001);
  expect([kept.at(-1), kept[0]]).toEqual([100, 1_100]);
});

it('names the installation and the end of its audit', async () => {
  const store = await home.open();
  expect(store.read.installation()).toMatch(/^[0-9a-f]{32}$/);
  const [record] = store.read.audit({ afterSeq: 0, limit: 1 });
  expect(store.read.auditHead()).toEqual({ seq: 1, hash: record?.hash });
});

it('gives an earlier store a place for heads, whole or not at all, and keeps its audit', async () => {
  const { audit } = writeEarlierStore(home.path, 30);
  const connection = new Database(home.path);
  migrate(
    connection,
    () => undefined,
    MIGRATIONS.filter(({ version }) => version < 60),
  );
  connection.close();
  const tables = (db: Database.Database) => db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'audit_heads'`).all();
  stopEverywhere(home.path, 60, (db) => expect(tables(db)).toEqual([]));
  const store = await home.open();
  expect(store.read.auditHead()?.seq).toBe(audit);
  expect(store.read.signedHeads(1)).toEqual([]);
  await store.write('signHead', { head: head(audit) }).durable;
  expect(store.read.signedHeads(1)).toEqual([head(audit)]);
});

import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import { MIGRATIONS } from '../../proxy-core/store/migrations/ladder.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { stopEverywhere, writeEarlierStore } from './earlier-store.ts';
import { admitInput, agentInput, NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';
import { decision, openInput } from './gate-fixtures.ts';

/** From the first schema, with the rows that real verbs leave in it, to the one with gates. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

it('keeps every row of the schema before, and gates work on runs that began there', async () => {
  const before = writeEarlierStore(home.path, 10);
  const store = await home.open();
  expect(store.read.agents()).toMatchObject([{ agent_id: 'agt_1' }]);
  expect(store.read.run('run_1')).toMatchObject({ state: 'open', spent_nano: 60, reserved_nano: 100 });
  expect(store.read.exchanges('run_1').map(({ state }) => state)).toEqual(['completed', 'open']);
  expect(Buffer.from(store.read.requestBody('xch_1') ?? []).toString()).toBe('{"messages":[]}');
  expect(store.read.artifacts('run_1')).toHaveLength(1);
  expect(store.read.policies()).toMatchObject([{ name: 'refunds', version: 1 }]);
  expect(store.read.audit({ afterSeq: 0, limit: 1_000 })).toHaveLength(before.audit);
  expect(store.read.gates({ limit: 10 })).toEqual({ items: [], next: null });
  await store.write('openGate', openInput('gate_1')).durable;
  expect(await store.write('decideGate', decision('gate_1', NOON + 1)).durable).toMatchObject({ kind: 'decided' });
  expect(verifyChain(store.read.audit({ afterSeq: 0, limit: 1_000 }), sha256)).toMatchObject({ kind: 'ok' });
});

it('killed after any of its statements leaves the schema before', () => {
  writeEarlierStore(home.path, 10);
  stopEverywhere(home.path, 20, (connection) => {
    expect(connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'gates%'").pluck().get()).toBe(0);
  });
});

it('is one step of an ascending ladder', () => {
  const versions = MIGRATIONS.map(({ version }) => version);
  expect(versions.slice(0, 2)).toEqual([10, 20]);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
});

it('ends gates for good even for a program that bypasses the verbs, and keeps what they propose', async () => {
  const store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
  await store.write('admit', admitInput('xch_1')).committed;
  await store.write('openGate', openInput('gate_1')).committed;
  await store.write('expireGates', { at: NOON * 2 }).durable;
  await store.close();
  const connection = new Database(home.path);
  const run = (sql: string) => () => connection.exec(sql);
  expect(run(`UPDATE gates SET state = 'approved'`)).toThrow('stays so');
  expect(run(`UPDATE gates SET state = 'nonsense'`)).toThrow();
  expect(run(`UPDATE gates SET action_hash = 'x'`)).toThrow('never changes');
  connection.close();
});

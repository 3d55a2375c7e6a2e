import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifyChain } from '../../proxy-core/audit/chain.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { sha256 } from '../../proxy-core/store/tables/audit.ts';
import { stopEverywhere, writeEarlierStore } from './earlier-store.ts';
import { admitInput, NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';

/** From the schema before lists and search of runs, with the rows that its program left, to the one with them. */

let home: TemporaryHome;
beforeEach(() => {
  home = temporaryHome();
});
afterEach(() => home.remove());

const idsOf = (store: Store, conditions: Omit<Parameters<Store['read']['runs']>[0], 'limit'>): readonly string[] =>
  store.read.runs({ ...conditions, limit: 10 }).runs.map(({ run_id }) => run_id);

it('keeps every record and counts the gates that runs had', async () => {
  const before = writeEarlierStore(home.path, 30);
  const store = await home.open();
  const audit = store.read.audit({ afterSeq: 0, limit: 1_000 });
  expect(audit).toHaveLength(before.audit);
  expect(verifyChain(audit, sha256)).toMatchObject({ kind: 'ok' });
  expect(store.read.run('run_1')).toMatchObject({ gates: 2, paused: false, spent_nano: 60, state: 'waiting' });
  expect(store.read.run('run_3')).toMatchObject({ gates: 0, paused: false });
  expect(store.read.steps('run_1', { limit: 50 })).toHaveLength(8);
});

it('knows why the latest call of a run was refused, and forgets it where one has passed since', async () => {
  writeEarlierStore(home.path, 30);
  const store = await home.open();
  const refusals = ['run_1', 'run_2', 'run_3'].map((runId) => store.read.run(runId)?.last_refusal);
  expect(refusals).toEqual([null, 'budget_exceeded', null]);
});

it('finds earlier runs by the models and tools that they used', async () => {
  writeEarlierStore(home.path, 30);
  const store = await home.open();
  expect(idsOf(store, { models: ['gpt-*'] })).toEqual(['run_1']);
  expect(idsOf(store, { tools: ['bash'] })).toEqual(['run_1']);
  expect(idsOf(store, { tools: ['*refund*'] })).toEqual(['run_2', 'run_1']);
  expect(idsOf(store, { policies: ['refunds'] })).toEqual(['run_3']);
});

it('leaves the texts of earlier runs to be indexed, and what is written goes on', async () => {
  writeEarlierStore(home.path, 30);
  const store = await home.open();
  expect(idsOf(store, { text: 'saffron' })).toEqual([]);
  const digest = await store.reads.query('digest', { now: NOON + 60_000, limit: 50 });
  expect(digest.runs).toHaveLength(3);
  await store.write('digest', { at: NOON, digest, artifactIds: [] }).committed;
  expect(idsOf(store, { text: 'saffron' })).toEqual(['run_1']);
  expect(idsOf(store, { text: 'cardamom warehouse' })).toEqual(['run_1']);
  await store.write('admit', admitInput('xch_9', { runId: 'run_2', model: 'gpt-9' })).committed;
  expect(idsOf(store, { models: ['gpt-9'] })).toEqual(['run_2']);
});

it('killed after any of its statements leaves the schema before', () => {
  writeEarlierStore(home.path, 30);
  stopEverywhere(home.path, 40, (connection) => {
    expect(
      connection.prepare("SELECT count(*) FROM pragma_table_info('runs') WHERE name = 'gates'").pluck().get(),
    ).toBe(0);
    expect(connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'run_text%'").pluck().get()).toBe(0);
  });
});

import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIGRATIONS, migrate } from '../../proxy-core/store/migrations/ladder.ts';
import { bytesInUse, planPurge, purge } from '../../proxy-core/store/purge.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { stopEverywhere, writeEarlierStore } from './earlier-store.ts';
import { admitInput, NOON, OPERATOR, type TemporaryHome, temporaryHome } from './fixture-store.ts';
import {
  addAgent,
  addRun,
  bodyOf,
  DAY,
  digestAll,
  endRun,
  expectAuditWhole,
  expectPruned,
  expectTidyFile,
  expectWhole,
  purgeOf,
} from './retention-fixtures.ts';

let home: TemporaryHome;
let store: Store;
beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await addAgent(store);
});
afterEach(() => home.remove());

const byAge = (days: number) => ({ endedBy: NOON + 40 * DAY - days * DAY, maxBytes: null });
const find = async (text: string): Promise<readonly string[]> => {
  const page = await store.reads.query('runs', { text, asOf: null, now: NOON, offset: 0, limit: 50 });
  return page.runs.map(({ run_id }) => run_id);
};
const kinds = (): readonly string[] => store.read.audit({ afterSeq: 0, limit: 10_000 }).map(({ kind }) => kind);

describe('a purge by age', () => {
  const TURNS = 70; // more than one whole list of a conversation's bodies

  beforeEach(async () => {
    await addRun(store, 'old', TURNS);
    await addRun(store, 'young', TURNS, NOON + 1);
    await addRun(store, 'open', 3, NOON + 2);
    await endRun(store, 'old', NOON + 9 * DAY);
    await endRun(store, 'young', NOON + 11 * DAY);
    await digestAll(store);
  });

  it('removes the trace of runs that ended before, and nothing of the others, whatever they share', async () => {
    const told: string[] = [];
    const outcome = await purge(purgeOf(store, { onRun: (runId) => told.push(runId) }), byAge(30));
    expect(outcome).toMatchObject({ runs: 1 });
    expect(outcome.bytesAfter).toBeLessThan(outcome.bytesBefore);
    expectPruned(store, 'old', TURNS);
    expectWhole(store, 'young', TURNS);
    expectWhole(store, 'open', 3);
    expect([...new Set(told)]).toEqual(['old']);
    expectAuditWhole(store);
    await store.close();
    expectTidyFile(home.path);
  });

  it('writes down who removed what, in the run and as a whole', async () => {
    const outcome = await purge(purgeOf(store), byAge(30));
    const audit = store.read.audit({ afterSeq: 0, limit: 10_000 });
    const removed = audit.filter(({ kind }) => kind === 'run.trace_removed');
    expect(removed).toMatchObject([
      { run_id: 'old', actor: 'operator', fields: { steps: { value: expect.any(Number) } } },
    ]);
    expect(audit.find(({ kind }) => kind === 'retention.purged')).toMatchObject({
      actor: 'operator',
      channel: 'cli',
      fields: {
        runs: { value: 1 },
        bytes_before: { value: outcome.bytesBefore },
        bytes_after: { value: outcome.bytesAfter },
      },
    });
  });

  it('takes its texts out of the index; its id and labels are found again', async () => {
    expect(await find('"saffron old"')).toEqual(['old']);
    await purge(purgeOf(store), byAge(30));
    await digestAll(store);
    expect(await find('"saffron old"')).toEqual([]);
    expect(await find('"saffron young"')).toEqual(['young']);
    expect(await find('goal-old')).toEqual(['old']);
  });

  it('never touches a run that has not ended, or one with a call under way, however old', async () => {
    await store.write('admit', admitInput('xch_late', { runId: 'open' })).committed;
    await endRun(store, 'open', NOON + DAY);
    const { runs } = await purge(purgeOf(store), byAge(0));
    expect(runs).toBe(2);
    expectPruned(store, 'young', TURNS);
    expect(store.read.run('open')).toMatchObject({ trace_pruned_at: null });
    expect(store.read.requestBody('xch_open_0')).not.toBeNull();
  });

  it('changes nothing and records nothing where nothing is old enough', async () => {
    const before = kinds().length;
    const { runs, bytesBefore, bytesAfter } = await purge(purgeOf(store), byAge(39));
    expect({ runs, same: bytesAfter === bytesBefore }).toEqual({ runs: 0, same: true });
    expect(kinds()).toHaveLength(before);
    expectWhole(store, 'old', TURNS);
  });

  it('plans what it will do without doing it', async () => {
    const plan = await planPurge(purgeOf(store), byAge(0));
    expectWhole(store, 'old', TURNS);
    const outcome = await purge(purgeOf(store), byAge(0));
    expect(plan.runs).toBe(outcome.runs);
    expect(plan.bytesBefore).toBe(outcome.bytesBefore);
    const freed = outcome.bytesBefore - outcome.bytesAfter;
    expect(plan.bytesBefore - plan.bytesAfter).toBeGreaterThan(freed * 0.6);
    expect(plan.bytesBefore - plan.bytesAfter).toBeLessThan(freed * 1.4);
  });

  it('gives the room back to the file system', async () => {
    const body = randomBytes(8 * 1_048_576); // nothing of it can be compressed
    const file = { artifactId: 'art_huge', name: 'huge.bin', contentType: 'application/octet-stream', body };
    await store.write('putArtifact', { at: NOON, runId: 'old', ...file, by: OPERATOR }).committed;
    const before = await store.reads.query('filePages', {});
    await purge(purgeOf(store), byAge(30));
    const after = await store.reads.query('filePages', {});
    expect(before.pages - after.pages).toBeGreaterThan(body.length / before.pageSize - 256);
    expect(after.free).toBeLessThanOrEqual(256);
    await store.close();
    expect(statSync(home.path).size).toBe(after.pages * after.pageSize);
  });

  it('removes again what a run was asked, and refused, after its trace had gone', async () => {
    await purge(purgeOf(store), byAge(30));
    const late = { at: NOON + 41 * DAY, runId: 'old', failure: 'run_ended', status: 409, context: {} };
    await store.write('refuse', { ...admitInput('xch_again', late), ...late }).committed;
    await store.write('storeRequest', { exchangeId: 'xch_again', body: bodyOf('old', TURNS) }).committed;
    expect(store.read.steps('old', { limit: 10 })).toHaveLength(1);
    expect(Buffer.from(store.read.requestBody('xch_again') ?? []).equals(bodyOf('old', TURNS))).toBe(true);
    const now = () => NOON + 90 * DAY;
    expect(await purge(purgeOf(store, { now }), { endedBy: NOON + 60 * DAY, maxBytes: null })).toMatchObject({
      runs: 2,
    });
    expect(store.read.steps('old', { limit: 10 })).toEqual([]);
    await store.close();
    expectTidyFile(home.path);
  });

  it('stopped anywhere leaves a store in order, and the next purge finishes', async () => {
    for (const pieces of [0, 1, 2, 4, 9, 25]) {
      let looks = 0;
      const stopped = (): boolean => {
        looks += 1;
        return looks > pieces;
      };
      await purge(purgeOf(store, { stopped }), byAge(0));
      expectAuditWhole(store);
      expectWhole(store, 'open', 3);
    }
    await purge(purgeOf(store), byAge(0));
    expectPruned(store, 'old', TURNS);
    expectPruned(store, 'young', TURNS);
  });
});

it('a purge by size removes the longest ended first, and no more than is needed', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const [n, name] of names.entries()) {
    await addRun(store, name, 30, NOON + n);
    await endRun(store, name, NOON + n * 1_000);
  }
  const inUse = await bytesInUse(store.reads);
  const perRun = (inUse - (await planPurge(purgeOf(store), { endedBy: NOON, maxBytes: null })).bytesAfter) / 1;
  const { runs, bytesAfter } = await purge(purgeOf(store), {
    endedBy: null,
    maxBytes: Math.ceil(inUse - perRun * 1.5),
  });
  expect(runs).toBeGreaterThanOrEqual(2);
  expect(bytesAfter).toBeLessThanOrEqual(inUse - perRun * 1.5);
  const pruned = names.filter((name) => store.read.run(name)?.trace_pruned_at != null);
  expect(pruned).toEqual(names.slice(0, runs));
  expectWhole(store, 'e', 30);
});

it('a size that cannot be met ends when every ended run is without its trace', async () => {
  await addRun(store, 'a', 5);
  await addRun(store, 'b', 5);
  await endRun(store, 'a', NOON);
  expect(await purge(purgeOf(store), { endedBy: null, maxBytes: 0 })).toMatchObject({ runs: 1 });
  expectWhole(store, 'b', 5);
});

describe('the sweep of unused blobs', () => {
  it('keeps what is used anew while it goes on, although nothing used it when it looked', async () => {
    await addRun(store, 'old', 4);
    await endRun(store, 'old', NOON);
    while ((await store.write('pruneTrace', { at: NOON, runId: 'old', by: OPERATOR }).committed).kind === 'more');
    const { upTo } = await store.write('beginSweep', { at: NOON }).committed;
    await store.write('admit', admitInput('xch_new', { runId: 'new' })).committed;
    await store.write('storeRequest', { exchangeId: 'xch_new', body: bodyOf('old', 3) }).committed;
    for (let from = 1; from <= upTo; ) {
      const done = await store.write('sweepBlobs', { ranges: [[from, upTo]] }).committed;
      from = done.upTo + 1;
    }
    await store.write('endSweep', { at: NOON, done: true }).committed;
    expect(Buffer.from(store.read.requestBody('xch_new') ?? []).equals(bodyOf('old', 3))).toBe(true);
  });

  it('removes nothing unless it was begun', async () => {
    await addRun(store, 'old', 4);
    expect(await store.write('sweepBlobs', { ranges: [[1, 1_000_000]] }).committed).toMatchObject({ removed: 0 });
    expectWhole(store, 'old', 4);
  });
});

it('foreign keys are enforced again after a chore', async () => {
  await addRun(store, 'old', 1);
  await endRun(store, 'old', NOON);
  await store.write('pruneTrace', { at: NOON, runId: 'old', by: OPERATOR }).committed;
  const keys = [{ kind: 'session', key: 's' } as const];
  const stray = store.write('fileKeys', { at: NOON, agentId: 'agt_1', runId: 'nowhere', keys }).committed;
  await expect(stray).rejects.toThrow('FOREIGN KEY');
});

describe('a store of the schema before', () => {
  const writeSchemaBefore = (path: string): void => {
    writeEarlierStore(path, 30);
    const connection = new Database(path);
    const before = MIGRATIONS.filter(({ version }) => version < 80);
    migrate(connection, () => undefined, before);
    connection.close();
  };

  it('has every trace, nothing masked, and its ended runs can be purged', async () => {
    await home.remove();
    home = temporaryHome();
    writeSchemaBefore(home.path);
    store = await home.open();
    const runIds = ['run_1', 'run_2', 'run_3'];
    for (const runId of runIds) expect(store.read.run(runId)).toMatchObject({ trace_pruned_at: null });
    expect(store.read.exchanges('run_1').map(({ masked }) => masked)).not.toContain(undefined);
    expectAuditWhole(store);
    const at = Math.max(...runIds.map((runId) => store.read.run(runId)?.last_activity_at ?? 0));
    await store.write('recover', { at }).committed;
    for (const runId of runIds) await endRun(store, runId, at);
    const gates = store.read.gates({ limit: 100 }).items;
    expect(await purge(purgeOf(store, { now: () => at + DAY }), { endedBy: at, maxBytes: null })).toMatchObject({
      runs: 3,
    });
    for (const runId of runIds) expect(store.read.steps(runId, { limit: 100 })).toEqual([]);
    expect(store.read.gates({ limit: 100 }).items).toEqual(gates);
    expectAuditWhole(store);
    await store.close();
    expectTidyFile(home.path);
  });

  it('killed after any of its statements stays as it was', () => {
    const path = `${home.path}.earlier`;
    writeSchemaBefore(path);
    stopEverywhere(path, 80, (connection) => {
      const columns = "SELECT count(*) FROM pragma_table_info('runs') WHERE name IN ('trace_pruned_at', 'pruning')";
      expect(connection.prepare(columns).pluck().get()).toBe(0);
    });
  });
});

describe('the file', () => {
  const mode = (): unknown => {
    const connection = new Database(home.path, { readonly: true });
    const value: unknown = connection.pragma('auto_vacuum', { simple: true });
    connection.close();
    return value;
  };

  it('of a new store can give room back', async () => {
    await store.close();
    expect(mode()).toBe(2);
  });

  it('of a small store of an earlier program can, from the first start on, and loses nothing', async () => {
    await home.remove();
    home = temporaryHome();
    const { audit } = writeEarlierStore(home.path, 30);
    expect(mode()).toBe(0);
    store = await home.open();
    expect(store.read.audit({ afterSeq: 0, limit: 10_000 })).toHaveLength(audit);
    expectAuditWhole(store);
    await store.close();
    expect(mode()).toBe(2);
  });
});

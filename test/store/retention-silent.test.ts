import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writable } from '../../proxy-core/store/handle.ts';
import { MIGRATIONS, migrate } from '../../proxy-core/store/migrations/ladder.ts';
import { planPurge, purge, resumePurge } from '../../proxy-core/store/purge.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { dropSteps, findPrunable, listPrunable, markPruning, SILENT_MS } from '../../proxy-core/store/tables/traces.ts';
import { stopEverywhere, writeEarlierStore } from './earlier-store.ts';
import { admitInput, NOON, OPERATOR, settleInput, type TemporaryHome, temporaryHome } from './fixture-store.ts';
import { keptAnswer, openInput } from './gate-fixtures.ts';
import {
  addAgent,
  addRun,
  bodyOf,
  DAY,
  digestAll,
  endRun,
  exchangeOf,
  expectAuditWhole,
  expectTidyFile,
  expectWhole,
  purgeOf,
} from './retention-fixtures.ts';

/** Runs that nobody ended: most clients never say that they are done. */

const TURNS = 70; // more than one whole list of a conversation's bodies
const LATER = NOON + 40 * DAY;

let home: TemporaryHome;
let store: Store;
beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await addAgent(store);
  await addRun(store, 'silent', TURNS);
  await store.write('fileKeys', { at: NOON, agentId: 'agt_1', runId: 'silent', keys: [SESSION] }).committed;
});
afterEach(() => home.remove());

const SESSION = { kind: 'session', key: 'conversation-1' } as const;
const byAge = (days: number) => ({ endedBy: LATER - days * DAY, maxBytes: null });
const release = (runId: string) => store.write('releaseGate', { at: NOON + 2, gateId: `gate_${runId}` }).committed;
const chunk = (at: number, runId = 'silent') => store.write('pruneTrace', { at, runId, by: OPERATOR }).committed;
const removals = (): number =>
  store.read.audit({ afterSeq: 0, limit: 10_000 }).filter(({ kind }) => kind === 'run.trace_removed').length;
const stepsOf = (runId = 'silent') => store.read.steps(runId, { limit: 1_000 });
const find = async (text: string): Promise<readonly string[]> => {
  const page = await store.reads.query('runs', { text, asOf: null, now: LATER, offset: 0, limit: 50 });
  return page.runs.map(({ run_id }) => run_id);
};

/** A run whose last sign of life is an hour less than a day old. */
async function addRecent(turns: number): Promise<void> {
  await addRun(store, 'recent', turns);
  await release('recent');
  const step = { kind: 'alert', exchangeId: null, summary: 'still here', detail: {}, audit: null } as const;
  await store.write('addStep', { ...step, at: LATER - DAY + 3_600_000, runId: 'recent' }).committed;
}

/** A program that ended in the middle of removing the trace: marked, and some of its steps gone. */
async function stopHalfway(): Promise<void> {
  await store.close();
  const connection = new Database(home.path);
  connection.pragma('foreign_keys = OFF');
  const db = writable(connection);
  const run = findPrunable(db, 'silent', LATER - SILENT_MS);
  if (run === null) throw new Error('the run is not silent');
  markPruning(db, 'silent', LATER);
  expect(dropSteps(db, { ...run, pruned_steps: run.steps, pruned_open: 1 })).toBe(true);
  connection.close();
  store = await home.open();
  expect(await store.reads.query('halfPruned', {})).toEqual(['silent']);
  expect(stepsOf().length).toBeGreaterThan(0);
}

/** The client comes back: it says all it has said before, and the result of its last tool call. */
async function goOn(at: number, turn = TURNS): Promise<void> {
  const exchangeId = exchangeOf('silent', turn);
  const toolResults = [{ callId: `call_silent_${turn - 1}`, isError: false }];
  const admitted = await store.write('admit', admitInput(exchangeId, { runId: 'silent', start: null, at, toolResults }))
    .committed;
  expect(admitted).toMatchObject({ kind: 'admitted' });
  await store.write('storeRequest', { exchangeId, body: bodyOf('silent', turn) }).committed;
  const toolCalls = [{ callId: `call_silent_${turn}`, name: 'bash', server: false, argsText: '{}' }];
  await store.write('settle', settleInput(exchangeId, { at, toolCalls })).committed;
}

const requestOf = (turn: number): Buffer | null => {
  const body = store.read.requestBody(exchangeOf('silent', turn));
  return body === null ? null : Buffer.from(body);
};

function expectSilentPruned(): void {
  expect(store.read.run('silent')).toMatchObject({
    state: 'open',
    ended_at: null,
    trace_pruned_at: expect.any(Number),
    spent_nano: 60 * TURNS,
    exchanges: TURNS,
  });
  expect(stepsOf()).toEqual([]);
  expect(store.read.artifacts('silent')).toEqual([]);
  for (let turn = 0; turn < TURNS; turn += 1) {
    expect(requestOf(turn)).toBeNull();
    expect(store.read.findRuns('agt_1', { kind: 'tool_call', key: `call_silent_${turn}` })).toMatchObject([
      { runId: 'silent' },
    ]);
  }
  expect(store.read.findRuns('agt_1', SESSION)).toMatchObject([{ runId: 'silent' }]);
  expect(Buffer.from(store.read.keptAnswer('gate_silent')?.body ?? []).toString()).toBe('kept for silent');
}

describe('an open run in which nothing has happened for long', () => {
  beforeEach(() => release('silent'));

  it('loses its trace, and keeps what its client needs to go on', async () => {
    await digestAll(store);
    const plan = await planPurge(purgeOf(store), byAge(30));
    const outcome = await purge(purgeOf(store), byAge(30));
    expect([plan.runs, outcome.runs]).toEqual([1, 1]);
    expect(outcome.bytesAfter).toBeLessThan(outcome.bytesBefore);
    expectSilentPruned();
    expect(await find('"saffron silent"')).toEqual([]);
    expect(await purge(purgeOf(store), byAge(30))).toMatchObject({ runs: 0 });
    expectAuditWhole(store);
    await store.close();
    expectTidyFile(home.path);
  });

  it('goes on as the same run: new steps behind the old numbers, right costs, bodies of its own', async () => {
    const before = store.read.run('silent')?.steps ?? 0;
    await purge(purgeOf(store), byAge(30));
    await goOn(LATER);
    await goOn(LATER + 1, TURNS + 1);
    // A result, its call, the tool call of the answer: twice. Nothing that was seen before is new again.
    expect(stepsOf().map(({ step }) => step)).toEqual(Array.from({ length: 6 }, (_, n) => before + 1 + n));
    expect(stepsOf()[0]).toMatchObject({ kind: 'tool_result', detail: { call_id: `call_silent_${TURNS - 1}` } });
    expect(requestOf(TURNS)).toEqual(bodyOf('silent', TURNS));
    expect(requestOf(TURNS + 1)).toEqual(bodyOf('silent', TURNS + 1));
    expect(store.read.run('silent')).toMatchObject({ spent_nano: 60 * (TURNS + 2), exchanges: TURNS + 2 });
    expect(store.read.budget('run', 'silent')).toMatchObject({ spent_nano: 60 * (TURNS + 2), reserved_nano: 0 });
    await store.close();
    expectTidyFile(home.path);
    store = await home.open();
    await goOn(LATER + 2, TURNS + 2);
    expect(requestOf(TURNS + 2)).toEqual(bodyOf('silent', TURNS + 2));
    expectAuditWhole(store);
  });

  it('loses what came later too, when it has been silent again', async () => {
    await purge(purgeOf(store), byAge(30));
    await goOn(LATER);
    const now = () => LATER + 40 * DAY;
    const limits = { endedBy: LATER + 10 * DAY, maxBytes: null };
    expect(await purge(purgeOf(store, { now }), limits)).toMatchObject({ runs: 1 });
    expect(stepsOf()).toEqual([]);
    expect(requestOf(TURNS)).toBeNull();
    expect(removals()).toBe(2);
  });

  it('loses its kept answers and its tool calls once it has ended', async () => {
    await purge(purgeOf(store), byAge(30));
    await endRun(store, 'silent', LATER);
    expect(await purge(purgeOf(store), byAge(1))).toMatchObject({ runs: 0 });
    const limits = { endedBy: LATER, maxBytes: null };
    expect(await purge(purgeOf(store), limits)).toMatchObject({ runs: 1 });
    expect(store.read.keptAnswer('gate_silent')).toBeNull();
    expect(store.read.findRuns('agt_1', { kind: 'tool_call', key: 'call_silent_0' })).toEqual([]);
    expect(store.read.findRuns('agt_1', SESSION)).toMatchObject([{ runId: 'silent' }]);
    expect(await purge(purgeOf(store), limits)).toMatchObject({ runs: 0 });
    await store.close();
    expectTidyFile(home.path);
  });

  it('called while its trace goes, keeps all that is new and loses all that is old', async () => {
    await digestAll(store);
    await stopHalfway();
    await goOn(LATER);
    const file = { artifactId: 'art_again', name: 'shared.txt', contentType: 'text/plain', by: OPERATOR };
    const body = Buffer.from('the same for every run');
    await store.write('putArtifact', { ...file, at: LATER - DAY, runId: 'silent', body }).committed;
    await digestAll(store);
    // With another call under way: what was begun goes on.
    await store.write('admit', admitInput('xch_under_way', { runId: 'silent', start: null, at: LATER })).committed;
    while ((await chunk(LATER)).kind === 'more');
    await store.write('settle', settleInput('xch_under_way', { at: LATER })).committed;
    expect(await store.reads.query('halfPruned', {})).toEqual([]);
    expect(stepsOf().map(({ kind }) => kind)).toEqual([
      'tool_result',
      'model_call',
      'tool_call',
      'artifact',
      'model_call',
    ]);
    expect(store.read.artifacts('silent')).toMatchObject([{ artifact_id: 'art_again' }]);
    expect(requestOf(0)).toBeNull();
    expect(requestOf(TURNS)).toEqual(bodyOf('silent', TURNS));
    await store.write('storeResponse', { exchangeId: exchangeOf('silent', TURNS), body: Buffer.from('{}') }).committed;
    await digestAll(store);
    await store.close();
    store = await home.open();
    await resumePurge(purgeOf(store), true);
    expect(requestOf(TURNS)).toEqual(bodyOf('silent', TURNS));
    expectAuditWhole(store);
    await store.close();
    expectTidyFile(home.path);
  });

  it('is not chosen any more once it was called, although it was listed', async () => {
    await goOn(LATER);
    expect(await chunk(LATER)).toEqual({ kind: 'kept' });
    expect(await chunk(LATER + DAY - 1)).toEqual({ kind: 'kept' });
    expect((await chunk(LATER + DAY)).kind).not.toBe('kept');
  });

  it('takes no body that comes after its trace has gone', async () => {
    await purge(purgeOf(store), byAge(30));
    await store.write('storeRequest', { exchangeId: exchangeOf('silent', 3), body: bodyOf('silent', 3) }).committed;
    await store.write('storeResponse', { exchangeId: exchangeOf('silent', 3), body: Buffer.from('{}') }).committed;
    await goOn(LATER);
    expect(requestOf(3)).toBeNull();
    expect(requestOf(TURNS)).toEqual(bodyOf('silent', TURNS));
    await purge(purgeOf(store, { now: () => LATER + 2 * DAY }), { endedBy: LATER + DAY, maxBytes: null });
    await store.close();
    expectTidyFile(home.path);
  });

  it('goes in its turn, with those that ended, while the store is too large', async () => {
    await addRun(store, 'ended', 5, NOON - DAY);
    await endRun(store, 'ended', NOON - 1);
    await addRecent(5);
    const told: string[] = [];
    const onRun = (runId: string): void => void (told.includes(runId) || told.push(runId));
    expect(await purge(purgeOf(store, { onRun }), { endedBy: null, maxBytes: 0 })).toMatchObject({ runs: 2 });
    expect(told).toEqual(['ended', 'silent']);
    expectWhole(store, 'recent', 5);
  });
});

describe('an open run stays whole', () => {
  it('that was active after the limit, or during the last day whatever the limit', async () => {
    await release('silent');
    await addRecent(3);
    expect(await purge(purgeOf(store), byAge(41))).toMatchObject({ runs: 0 });
    expect(await purge(purgeOf(store), byAge(0))).toMatchObject({ runs: 1 });
    expectWhole(store, 'recent', 3);
  });

  it('with a call under way', async () => {
    await release('silent');
    await store.write('admit', admitInput('xch_long', { runId: 'silent', start: null })).committed;
    expect(await planPurge(purgeOf(store), byAge(30))).toMatchObject({ runs: 0 });
    expect(await chunk(LATER)).toEqual({ kind: 'kept' });
    expectWholeRequests();
  });

  it('with a gate that waits for a person', async () => {
    await release('silent');
    const opening = openInput('gate_waiting', {
      runId: 'silent',
      exchangeId: exchangeOf('silent', 0),
      fingerprint: 'f2',
    });
    await store.write('openGate', { ...opening, answer: keptAnswer('held') }).committed;
    expect(await planPurge(purgeOf(store), byAge(30))).toMatchObject({ runs: 0 });
    expect(await chunk(LATER)).toEqual({ kind: 'kept' });
    expectWholeRequests();
  });

  it('with an approved answer that its agent has not been given', async () => {
    expect(await planPurge(purgeOf(store), byAge(30))).toMatchObject({ runs: 0 });
    expect(await chunk(LATER)).toEqual({ kind: 'kept' });
    expect(await purge(purgeOf(store), byAge(30))).toMatchObject({ runs: 0 });
    expectWhole(store, 'silent', TURNS);
    await release('silent');
    expect(await purge(purgeOf(store), byAge(30))).toMatchObject({ runs: 1 });
  });

  const expectWholeRequests = (): void => {
    for (let turn = 0; turn < TURNS; turn += 1) expect(requestOf(turn)).toEqual(bodyOf('silent', turn));
    expect(removals()).toBe(0);
  };
});

describe('a store of the schema before', () => {
  const writeSchemaBefore = (path: string): void => {
    writeEarlierStore(path, 30);
    const connection = new Database(path);
    migrate(
      connection,
      () => undefined,
      MIGRATIONS.filter(({ version }) => version < 90),
    );
    connection.exec(`UPDATE runs SET pruning = 1, trace_pruned_at = last_activity_at WHERE run_id = 'run_1';
      UPDATE runs SET trace_pruned_at = last_activity_at - 1 WHERE run_id = 'run_2'`);
    connection.close();
  };
  const columnOf = (path: string, sql: string): readonly unknown[] => {
    const connection = new Database(path, { readonly: true });
    const values = connection.prepare<[], unknown>(sql).pluck().all();
    connection.close();
    return values;
  };

  it('takes over what was half removed, and what came after a removal', async () => {
    const path = `${home.path}.earlier`;
    writeSchemaBefore(path);
    const connection = new Database(path);
    migrate(connection, () => undefined);
    connection.close();
    const sql = 'SELECT iif(pruned_steps > 0, pruned_steps = steps, 0) FROM runs ORDER BY run_id';
    expect(columnOf(path, sql)).toEqual([1, 0, 0]);
  });

  it('killed after any of its statements stays as it was', () => {
    const path = `${home.path}.earlier`;
    writeSchemaBefore(path);
    stopEverywhere(path, 90, (connection) => {
      const names = `SELECT name FROM sqlite_schema WHERE name IN ('runs_ended', 'runs_prunable')`;
      expect(connection.prepare(names).pluck().all()).toEqual(['runs_ended']);
    });
  });

  it('the list of what may go is read from its index, in its order', async () => {
    await store.close();
    const connection = new Database(home.path, { readonly: true });
    const plans: string[] = [];
    const all = (sql: string, ...values: readonly unknown[]): never[] => {
      const rows = connection.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      plans.push(...rows.map(({ detail }) => detail));
      return [];
    };
    listPrunable({ all } as never, { endedBy: LATER, silentBy: LATER, after: null, limit: 10 });
    connection.close();
    expect(plans[0]).toMatch(/^SEARCH runs USING INDEX runs_prunable \(<expr>>\? AND <expr><\?\)/);
    expect(plans.join('\n')).not.toContain('TEMP B-TREE FOR ORDER BY');
  });
});

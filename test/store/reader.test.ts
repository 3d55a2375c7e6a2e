import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Store } from '../../proxy-core/store/store.ts';
import type { RunPageInput } from '../../proxy-core/store/tables/run-list.ts';
import {
  admitInput,
  agentInput,
  NOON,
  OPERATOR,
  runStart,
  settleInput,
  type TemporaryHome,
  temporaryHome,
} from './fixture-store.ts';

let home: TemporaryHome;
let store: Store;

beforeEach(async () => {
  home = temporaryHome();
  store = await home.open();
  await store.write('saveAgent', agentInput()).committed;
  await store.write('saveAgent', agentInput({ agentId: 'agt_2', name: 'other' })).committed;
});
afterEach(() => home.remove());

/** Runs `run_00` …, started a second apart in pairs; every third is the other agent's, every fourth stopped. */
async function startRuns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const runId = `run_${String(n).padStart(2, '0')}`;
    const agentId = n % 3 === 2 ? 'agt_2' : 'agt_1';
    const at = NOON + Math.floor(n / 2) * 1_000;
    void store.write('startRun', {
      at,
      agentId,
      agentName: 'x',
      start: runStart({ runId, explicit: n % 2 === 0 }),
      by: OPERATOR,
    });
    if (n % 4 === 3) void store.write('endRun', { at: at + n, runId, state: 'stopped', by: OPERATOR });
  }
  await store.durable();
}

function pagesOf(filter: Omit<RunPageInput, 'offset'>): readonly (readonly string[])[] {
  const pages: (readonly string[])[] = [];
  for (let offset = 0; ; offset += filter.limit) {
    const { runs, total } = store.read.runs({ ...filter, offset });
    if (runs.length > 0) pages.push(runs.map((run) => run.run_id));
    if (offset + filter.limit >= total) return pages;
  }
}

it('pages through runs, latest start first, each run once', async () => {
  await startRuns(12);
  const all = Array.from({ length: 12 }, (_, n) => `run_${String(11 - n).padStart(2, '0')}`);
  expect(pagesOf({ limit: 5 })).toEqual([all.slice(0, 5), all.slice(5, 10), all.slice(10)]);
  expect(pagesOf({ limit: 6 })).toEqual([all.slice(0, 6), all.slice(6)]);
});

it('filters runs by state, agent and start', async () => {
  await startRuns(12);
  expect(pagesOf({ limit: 2, states: ['stopped'] }).flat()).toEqual(['run_11', 'run_07', 'run_03']);
  expect(pagesOf({ limit: 3, agents: ['other'] }).flat()).toEqual(['run_11', 'run_08', 'run_05', 'run_02']);
  expect(pagesOf({ limit: 3, states: ['open', 'waiting'], agents: ['other'] }).flat()).toEqual([
    'run_08',
    'run_05',
    'run_02',
  ]);
  expect(pagesOf({ limit: 9, since: NOON + 5_000 }).flat()).toEqual(['run_11', 'run_10']);
});

it('finds runs by key within one agent, newest first, at most two', async () => {
  const key = { kind: 'session', key: 'session-1' } as const;
  for (let n = 1; n <= 3; n += 1)
    await store.write('admit', admitInput(`xch_${n}`, { runId: `run_${n}`, at: NOON + n, keys: [key] })).committed;
  await store.write('settle', settleInput('xch_1', { keys: [{ kind: 'response', key: 'resp_1' }] })).committed;
  expect(store.read.findRuns('agt_1', key)).toMatchObject([{ runId: 'run_3' }, { runId: 'run_2' }]);
  expect(store.read.findRuns('agt_1', { kind: 'response', key: 'resp_1' })).toMatchObject([{ runId: 'run_1' }]);
  expect(store.read.findRuns('agt_2', key)).toEqual([]);
  expect(store.read.findRuns('agt_1', { ...key, kind: 'cache_key' })).toEqual([]);
});

it('offers for the idle window only open runs that were not named, by their last activity', async () => {
  await startRuns(8);
  expect(store.read.idleRuns('agt_1', NOON)).toEqual(['run_01']);
  await store.write('admit', admitInput('xch_1', { runId: 'run_20', at: NOON + 60_000 })).committed;
  expect(store.read.idleRuns('agt_1', NOON)).toEqual(['run_20', 'run_01']);
  expect(store.read.idleRuns('agt_1', NOON + 60_001)).toEqual([]);
});

it("names the agent's last stopped run and when", async () => {
  await startRuns(12);
  expect(store.read.lastStopped('agt_1')).toEqual({ runId: 'run_07', at: NOON + 3_000 + 7 });
  expect(store.read.lastStopped('agt_2')).toEqual({ runId: 'run_11', at: NOON + 5_000 + 11 });
});

it('samples the output of at most 200 completed calls of a model, the latest', async () => {
  for (let n = 0; n < 230; n += 1) {
    const at = NOON + n;
    void store.write('admit', admitInput(`xch_${n}`, { at }));
    const usage = { input_tokens: 1, output_tokens: n };
    void store.write('settle', settleInput(`xch_${n}`, { at, usage, state: n % 2 === 0 ? 'completed' : 'failed' }));
  }
  void store.write('admit', admitInput('xch_none', { model: 'other' }));
  void store.write('settle', settleInput('xch_none', { usage: null }));
  await store.durable();
  const samples = store.read.outputSamples('claude-sonnet-4-5');
  expect([samples[0], samples.at(-1), samples.length]).toEqual([228, 0, 115]);
  expect(store.read.outputSamples('other')).toEqual([]);
});

it('reads the audit in order, whole or of one run, page by page', async () => {
  await startRuns(4);
  const all = store.read.audit({ afterSeq: 0, limit: 100 });
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
  expect(store.read.audit({ afterSeq: 3, limit: 2 })).toEqual(all.slice(3, 5));
  expect(store.read.audit({ afterSeq: 0, runId: 'run_03', limit: 9 }).map(({ kind }) => kind)).toEqual([
    'run.started',
    'run.stopped',
  ]);
});

it('knows nothing of what was never written', () => {
  expect(store.read.run('run_9')).toBeNull();
  expect(store.read.exchange('xch_9')).toBeNull();
  expect(store.read.budget('run', 'run_9')).toBeNull();
  expect(store.read.requestBody('xch_9')).toBeNull();
  expect(store.read.lastStopped('agt_1')).toBeNull();
  expect(store.read.steps('run_9', { limit: 5 })).toEqual([]);
});

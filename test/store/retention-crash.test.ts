import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { purge, resumePurge } from '../../proxy-core/store/purge.ts';
import type { Store } from '../../proxy-core/store/store.ts';
import { SWEEP_SETTING } from '../../proxy-core/store/verbs/retention.ts';
import { NOON, type TemporaryHome, temporaryHome } from './fixture-store.ts';
import {
  addAgent,
  addRun,
  bodyOf,
  DAY,
  endRun,
  exchangeOf,
  expectAuditWhole,
  expectPruned,
  expectTidyFile,
  expectWhole,
  purgeOf,
} from './retention-fixtures.ts';

/** F1 for retention: processes are killed with SIGKILL while traces go and calls come. */

const TURNS = 40;
let home: TemporaryHome;
beforeEach(async () => {
  home = temporaryHome();
  const store = await home.open();
  await addAgent(store);
  await addRun(store, 'old', TURNS);
  await addRun(store, 'older', TURNS);
  await addRun(store, 'young', TURNS);
  await addRun(store, 'open', 3);
  await addRun(store, 'silent', TURNS, NOON - DAY);
  await store.write('releaseGate', { at: NOON, gateId: 'gate_silent' }).committed;
  await endRun(store, 'old', NOON + 2);
  await endRun(store, 'older', NOON + 1);
  await endRun(store, 'young', NOON + 35 * DAY);
  await store.close();
});
afterEach(() => home.remove());

/** Of the run that was silent everything is gone up to where it was called again, and what that needed is there. */
function expectSilentGone(store: Store): void {
  const run = store.read.run('silent');
  expect(run).toMatchObject({ state: 'open', trace_pruned_at: expect.any(Number) });
  const steps = store.read.steps('silent', { limit: 1_000 });
  expect(steps.filter(({ at }) => at < NOON + 40 * DAY)).toEqual([]);
  for (let turn = 0; turn < TURNS; turn += 1) {
    expect(store.read.requestBody(exchangeOf('silent', turn))).toBeNull();
    expect(store.read.findRuns('agt_1', { kind: 'tool_call', key: `call_silent_${turn}` })).toMatchObject([
      { runId: 'silent' },
    ]);
  }
  expect(store.read.artifacts('silent')).toEqual([]);
  expect(store.read.keptAnswer('gate_silent')).not.toBeNull();
  expect(store.read.budget('run', 'silent')).toMatchObject({ reserved_nano: 0, spent_nano: run?.spent_nano });
}

async function runWriter(failPoint: string) {
  const child = spawn(process.execPath, ['test/store/retention-writer.ts', home.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, RUNGATE_FAIL_POINT: failPoint },
  });
  const exited = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  return { lines, signal: await exited };
}

const PASSES = [1, 2, 3, 4, 6, 9, 13, 18, 25].flatMap((pass) => [`before-commit:${pass}`, `after-commit:${pass}`]);

it.each([...PASSES, 'mid-checkpoint:1', 'mid-checkpoint:3', 'after-fsync:5'])(
  'killed at %s, nothing of other runs is lost, and the next start finishes',
  async (failPoint) => {
    const { lines, signal } = await runWriter(failPoint);
    expect(signal).toBe('SIGKILL');
    const store = await home.open();
    expectAuditWhole(store);
    expectWhole(store, 'young', TURNS);
    const check = (): void => {
      for (const [word, exchangeId = '', said = '', turn] of lines.map((line) => line.split(' '))) {
        if (word !== 'stored') continue;
        const body = Buffer.from(store.read.requestBody(exchangeId) ?? []);
        expect(body.equals(bodyOf(said, Number(turn))), exchangeId).toBe(true);
      }
    };
    check();
    // What is half gone says so.
    for (const runId of await store.reads.query('halfPruned', {}))
      expect(store.read.run(runId)?.trace_pruned_at).not.toBeNull();
    await store.write('recover', { at: NOON }).durable;
    await resumePurge(purgeOf(store), store.read.setting(SWEEP_SETTING) === true);
    expect(await store.reads.query('halfPruned', {})).toEqual([]);
    await purge(purgeOf(store), { endedBy: NOON + 30 * DAY, maxBytes: null });
    expectPruned(store, 'old', TURNS);
    expectPruned(store, 'older', TURNS);
    expectSilentGone(store);
    expectWhole(store, 'young', TURNS);
    check();
    expectAuditWhole(store);
    expect(store.read.setting(SWEEP_SETTING)).toBe(false);
    const budget = store.read.budget('run', 'open');
    expect(budget?.reserved_nano).toBe(0);
    await store.close();
    expectTidyFile(home.path);
  },
);

it('not killed, it ends by itself', async () => {
  const { lines, signal } = await runWriter('');
  expect(signal).toBeNull();
  expect(lines.at(-1)).toBe('finished');
  expect(lines.filter((line) => line.startsWith('stored')).length).toBeGreaterThan(0);
  const store = await home.open();
  expectPruned(store, 'old', TURNS);
  expectSilentGone(store);
  expectWhole(store, 'young', TURNS);
  await store.close();
  expectTidyFile(home.path);
});

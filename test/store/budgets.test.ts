import { afterEach, beforeEach, expect, it } from 'vitest';
import { type NanoUsd, nanoUsd } from '../../proxy-core/contract/money.ts';
import type { Store, VerbInput } from '../../proxy-core/store/store.ts';
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

const DAY = 24 * 60 * 60 * 1_000;

let home: TemporaryHome;
let store: Store;
let now = NOON;

beforeEach(async () => {
  now = NOON;
  home = temporaryHome();
  store = await home.open({ clock: () => now });
  await store.write('saveAgent', agentInput()).committed;
});
afterEach(() => home.remove());

const cap = (
  scope: VerbInput<'setBudget'>['scope'],
  subject: string,
  amount: NanoUsd | null,
  over: Partial<VerbInput<'setBudget'>> = {},
) =>
  store.write('setBudget', { at: now, scope, subject, cap: amount, window: 'day', alertAt: [], by: OPERATOR, ...over })
    .committed;

it('F6: 64 calls at once under nested caps with room for three: three are admitted, 61 refused, no cap overshot', async () => {
  await cap('team', 'home', nanoUsd(350));
  await cap('agent', 'agt_1', nanoUsd(300));
  const start = runStart({ cap: nanoUsd(1_000) });
  const outcomes = await Promise.all(
    Array.from({ length: 64 }, (_, n) => store.write('admit', admitInput(`xch_${n}`, { start })).committed),
  );
  const admitted = outcomes.filter((outcome) => outcome.kind === 'admitted');
  expect(admitted).toHaveLength(3);
  expect(outcomes.filter((outcome) => outcome.kind === 'over_budget')).toHaveLength(61);
  expect(admitted.map((outcome) => outcome.remaining)).toEqual([200, 100, 0]);
  for (const budget of [
    store.read.budget('team', 'home'),
    store.read.budget('agent', 'agt_1'),
    store.read.budget('run', 'run_1'),
  ])
    expect(budget).toMatchObject({ reserved_nano: 300, spent_nano: 0 });
});

it('a refusal for budget names the cap crossed and the step that crossed it, and is recorded', async () => {
  await cap('agent', 'agt_1', nanoUsd(150));
  await store.write('admit', admitInput('xch_1')).committed;
  const early = await store.write('admit', admitInput('xch_2')).committed;
  expect(early).toMatchObject({ kind: 'over_budget', step: 2, stepThatCrossed: 2, crossedRunId: 'run_1' });

  await store.write('settle', settleInput('xch_1', { cost: nanoUsd(170) })).committed;
  const late = await store.write('admit', admitInput('xch_3', { runId: 'run_2' })).committed;
  expect(late).toMatchObject({
    kind: 'over_budget',
    step: 1,
    crossed: { scope: 'agent', subject: 'agt_1', name: 'bot', cap_nano: 150, spent_nano: 170 },
    caps: [{ scope: 'agent' }],
    stepThatCrossed: 1,
    crossedRunId: 'run_1',
  });
  expect(store.read.exchange('xch_3')).toMatchObject({ state: 'refused', failure: 'budget_exceeded', status: 402 });
  expect(store.read.audit({ afterSeq: 0, runId: 'run_2', limit: 9 }).map(({ kind }) => kind)).toEqual([
    'run.started',
    'budget.exceeded',
  ]);
});

it('the same call is admitted after a raise or a reset', async () => {
  await cap('agent', 'agt_1', nanoUsd(50));
  expect(await store.write('admit', admitInput('xch_1')).committed).toMatchObject({ kind: 'over_budget' });
  await cap('agent', 'agt_1', nanoUsd(100));
  expect(await store.write('admit', admitInput('xch_2')).committed).toMatchObject({ kind: 'admitted', remaining: 0 });
  await store.write('settle', settleInput('xch_2', { cost: nanoUsd(100) })).committed;
  expect(await store.write('admit', admitInput('xch_3')).committed).toMatchObject({ kind: 'over_budget' });
  const reset = await store.write('resetBudget', { at: now, scope: 'agent', subject: 'agt_1', by: OPERATOR }).committed;
  expect(reset).toMatchObject({ spent_nano: 0, cap_nano: 100 });
  expect(await store.write('admit', admitInput('xch_4')).committed).toMatchObject({ kind: 'admitted' });
  expect(store.read.run('run_1')?.spent_nano).toBe(100);
});

it('a call that reserves nothing passes under a crossed cap', async () => {
  await cap('agent', 'agt_1', nanoUsd(0));
  const free = await store.write('admit', admitInput('xch_1', { reserve: nanoUsd(0) })).committed;
  expect(free).toMatchObject({ kind: 'admitted', remaining: 0 });
});

it('spend of a day is gone the next day, and a call across midnight is charged to the day it settles in', async () => {
  await cap('agent', 'agt_1', nanoUsd(200));
  for (const id of ['xch_1', 'xch_2']) await store.write('admit', admitInput(id)).committed;
  await store.write('settle', settleInput('xch_1', { cost: nanoUsd(100) })).committed;
  expect(store.read.budget('agent', 'agt_1')).toMatchObject({ spent_nano: 100, reserved_nano: 100 });

  now = NOON + DAY;
  expect(store.read.budget('agent', 'agt_1')).toMatchObject({ spent_nano: 0, reserved_nano: 100 });
  await store.write('settle', settleInput('xch_2', { at: now, cost: nanoUsd(40) })).committed;
  expect(store.read.budget('agent', 'agt_1')).toMatchObject({ spent_nano: 40, reserved_nano: 0 });
  expect(store.read.budget('agent', 'agt_1')?.resets_at).toBe(new Date(2026, 5, 19).getTime());
});

it('an alert fires once per threshold and window', async () => {
  await cap('agent', 'agt_1', nanoUsd(200), { alertAt: [0.5, 0.8] });
  const thresholds: (readonly number[])[] = [];
  for (let n = 1; n <= 5; n += 1) {
    const at = n === 5 ? NOON + DAY : NOON;
    await store.write('admit', admitInput(`xch_${n}`, { at, reserve: nanoUsd(10) })).committed;
    const cost = n === 5 ? nanoUsd(120) : nanoUsd(45);
    const settled = await store.write('settle', settleInput(`xch_${n}`, { at, cost })).committed;
    thresholds.push(settled.alerts.map((alert) => alert.threshold));
  }
  expect(thresholds).toEqual([[], [], [0.5], [0.8], [0.5]]);
});

it('another window starts counting at zero', async () => {
  await cap('team', 'home', nanoUsd(200));
  await store.write('admit', admitInput('xch_1')).committed;
  await store.write('settle', settleInput('xch_1')).committed;
  expect(await cap('team', 'home', nanoUsd(200), { window: 'week' })).toMatchObject({ spent_nano: 0, window: 'week' });
});

it('the list holds agents and teams, and runs whose cap an operator has set', async () => {
  for (const runId of ['run_1', 'run_2']) await store.write('admit', admitInput(`xch_${runId}`, { runId })).committed;
  await cap('run', 'run_2', nanoUsd(5_000), { window: 'total' });
  await cap('team', 'new-team', nanoUsd(1));
  expect(store.read.budgets().map(({ scope, name }) => [scope, name])).toEqual([
    ['agent', 'bot'],
    ['run', 'run_2'],
    ['team', 'home'],
    ['team', 'new-team'],
  ]);
  expect(store.read.run('run_2')?.cap_nano).toBe(5_000);
  expect(store.read.teams()).toEqual(['home', 'new-team']);
});

it('a cap on a run or an agent that does not exist is an error', async () => {
  await expect(cap('run', 'run_9', nanoUsd(1))).rejects.toThrow('no such run: run_9');
  await expect(cap('agent', 'agt_9', nanoUsd(1))).rejects.toThrow('no such agent: agt_9');
});

it('F7: what a crash left open is charged its reservation, marked estimated, once', async () => {
  await cap('agent', 'agt_1', nanoUsd(1_000));
  for (const id of ['xch_1', 'xch_2', 'xch_3']) await store.write('admit', admitInput(id)).committed;
  await store.write('settle', settleInput('xch_1')).committed;
  await store.close();
  store = await home.open({ clock: () => now });

  expect(await store.write('recover', { at: NOON + 5_000 }).committed).toEqual({ settled: 2 });
  expect(await store.write('recover', { at: NOON + 6_000 }).committed).toEqual({ settled: 0 });
  expect(store.read.exchange('xch_2')).toMatchObject({
    state: 'failed',
    failure: 'interrupted',
    cost_nano: 100,
    estimated: true,
    ended_at: NOON + 5_000,
  });
  expect(store.read.budget('agent', 'agt_1')).toMatchObject({ spent_nano: 260, reserved_nano: 0 });
  expect(store.read.run('run_1')).toMatchObject({ spent_nano: 260, reserved_nano: 0 });
  const recovered = store.read.audit({ afterSeq: 0, limit: 99 }).filter(({ kind }) => kind === 'budget.recovered');
  expect(recovered).toHaveLength(2);
  expect(await store.write('settle', settleInput('xch_2')).committed).toMatchObject({
    applied: false,
    run: { spent_nano: 260 },
  });
});

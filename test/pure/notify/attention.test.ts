import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PREFERENCES, type NoticeRecord, type Preferences } from '../../../proxy-core/contract/host.ts';
import { nanoUsd } from '../../../proxy-core/contract/money.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import {
  type AttentionPlan,
  type AttentionStep,
  NO_ATTENTION,
  planAttention,
} from '../../../proxy-core/notify/attention.ts';
import type { WaitingGate } from '../../../proxy-core/notify/notice-text.ts';
import { kindOfTool } from '../../../proxy-core/policy/tool-kinds.ts';
import { BUILT_IN } from '../../../proxy-core/redaction/redactor.ts';
import { AT, gate } from './announcements.ts';
import { UTC } from './clocks.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

type NoticePreferences = Preferences['notifications'];

interface Scene {
  readonly gates: Map<string, WaitingGate>;
  preferences: NoticePreferences;
  now: number;
  plan: AttentionPlan;
  lookedAt: number;
  readonly steps: AttentionStep[];
  /** When each step was taken. */
  readonly times: number[];
}

/** A person before whom time passes by hand; every look is at the scene's own instant. */
function openScene(preferences: Partial<NoticePreferences> = {}): Scene {
  return {
    gates: new Map(),
    preferences: { ...DEFAULT_PREFERENCES.notifications, ...preferences },
    now: AT,
    plan: { state: NO_ATTENTION, steps: [], wakeAt: null },
    lookedAt: AT,
    steps: [],
    times: [],
  };
}

function look(scene: Scene): readonly AttentionStep[] {
  const { gates, preferences, now } = scene;
  const facts = { now, gates: [...gates.values()], preferences, local: UTC, kindOfTool, redactor: BUILT_IN };
  scene.plan = planAttention(scene.plan.state, facts);
  scene.lookedAt = now;
  scene.steps.push(...scene.plan.steps);
  scene.times.push(...scene.plan.steps.map(() => now));
  return scene.plan.steps;
}

/** Let time pass up to an instant, waking whenever the plan asks to be woken. */
function pass(scene: Scene, until: number): readonly AttentionStep[] {
  const steps: AttentionStep[] = [];
  while (scene.plan.wakeAt !== null && scene.plan.wakeAt <= until) {
    expect(scene.plan.wakeAt).toBeGreaterThan(scene.lookedAt);
    scene.now = Math.max(scene.now, scene.plan.wakeAt);
    steps.push(...look(scene));
  }
  scene.now = until;
  return [...steps, ...look(scene)];
}

function open(scene: Scene, id: string, over: Partial<GateRecord> = {}, risk: WaitingGate['risk'] = 'normal'): void {
  const record = gate({
    gate_id: id,
    agent: 'refactor-bot',
    proposed_actions: [{ tool: 'bash', args: { command: 'npm publish' }, call_id: 'c', rule: 'shell:publish' }],
    rule: 'shell:publish',
    created_at: scene.now,
    expires_at: scene.now + HOUR,
    ...over,
  });
  scene.gates.set(id, { gate: record, risk, spent: nanoUsd(420_000_000), snoozedUntil: null });
}

function change(scene: Scene, id: string, over: Partial<GateRecord>, snoozedUntil: number | null = null): void {
  const waiting = scene.gates.get(id);
  if (waiting === undefined) throw new Error(`no gate ${id}`);
  scene.gates.set(id, { ...waiting, gate: { ...waiting.gate, ...over }, snoozedUntil });
}

const shown = (steps: readonly AttentionStep[]): readonly NoticeRecord[] =>
  steps.flatMap((step) => (step.kind === 'show' ? [step.notice] : []));
const withdrawn = (steps: readonly AttentionStep[]): readonly string[] =>
  steps.flatMap((step) => (step.kind === 'withdraw' ? [step.notice_id] : []));

describe('the notice of a gate', () => {
  it('says who wants what, by which rule, at what cost, and how long there is', () => {
    const scene = openScene();
    open(scene, 'gate_1', { expires_at: AT + 58 * MINUTE });
    expect(shown(look(scene))).toEqual([
      {
        notice_id: 'gate_1:0',
        kind: 'gate',
        gate_id: 'gate_1',
        action_hash: 'a'.repeat(64),
        title: 'refactor-bot: approve shell command?',
        body: 'npm publish\nrule shell:publish · $0.42 so far · expires in 58 min',
        risk: 'normal',
        silent: false,
      },
    ]);
  });

  it('names the agent only in privacy mode, and nothing can be decided by it', () => {
    const scene = openScene({ privacy: true });
    open(scene, 'gate_1', {}, 'critical');
    const [notice] = shown(look(scene));
    expect(notice).toMatchObject({ title: 'refactor-bot is waiting for approval', action_hash: null, risk: null });
    expect(JSON.stringify(notice)).not.toMatch(/npm|publish|0\.42|shell/);
  });

  it.each([
    ['an argument besides the command', { command: 'npm publish', cwd: '/etc' }],
    ['more than 120 characters', { command: `echo ${'x'.repeat(200)}` }],
    ['a secret', { command: 'curl -H "Authorization: Bearer sk-canary0123456789abcdef"' }],
    ['a line break', { command: 'echo a\necho b' }],
    ['a hidden character', { command: 'echo \u202e' }],
  ])('E11: carries nothing to approve when it cannot show %s', (_, args) => {
    const scene = openScene();
    open(scene, 'gate_1', { proposed_actions: [{ tool: 'bash', args, call_id: null, rule: 'r' }] });
    expect(shown(look(scene))).toMatchObject([{ action_hash: null, risk: 'normal' }]);
  });

  it('is withdrawn when the gate is resolved, and not shown again', () => {
    const scene = openScene();
    open(scene, 'gate_1');
    look(scene);
    change(scene, 'gate_1', { state: 'approved', effective_at: scene.now + 5000 });
    expect(withdrawn(look(scene))).toEqual(['gate_1:0']);
    change(scene, 'gate_1', { state: 'pending', effective_at: null });
    expect(look(scene)).toEqual([]);
  });

  it('is withdrawn at its expiry without waiting for the event', () => {
    const scene = openScene();
    open(scene, 'gate_1', { expires_at: AT + MINUTE });
    look(scene);
    expect(withdrawn(pass(scene, AT + MINUTE))).toContainEqual(expect.stringMatching(/^gate_1:/));
  });
});

describe('reminders', () => {
  it('come at half of the life, 10 minutes and 2 minutes before its end, each in place of the one before', () => {
    const scene = openScene();
    open(scene, 'gate_1');
    look(scene);
    const at = (minutes: number) => pass(scene, AT + minutes * MINUTE);
    expect(at(29)).toEqual([]);
    expect(at(30)).toMatchObject([
      { kind: 'withdraw', notice_id: 'gate_1:0' },
      { kind: 'show', notice: { notice_id: 'gate_1:1', kind: 'reminder', body: expect.stringContaining('30 min') } },
    ]);
    expect(shown(at(50))).toMatchObject([{ body: expect.stringContaining('expires in 10 min') }]);
    expect(shown(at(58))).toMatchObject([{ body: expect.stringContaining('expires in 2 min') }]);
    expect(shown(at(60))).toEqual([]);
  });

  it('come once for what a sleep of the machine has passed over', () => {
    const scene = openScene();
    open(scene, 'gate_1');
    look(scene);
    scene.now = AT + 59 * MINUTE;
    expect(shown(look(scene))).toHaveLength(1);
    expect(look(scene)).toEqual([]);
  });

  it('do not come while a gate is snoozed; it comes up again when the snooze ends', () => {
    const scene = openScene();
    open(scene, 'gate_1');
    look(scene);
    scene.now = AT + 29 * MINUTE;
    change(scene, 'gate_1', {}, AT + 34 * MINUTE);
    expect(withdrawn(look(scene))).toEqual(['gate_1:0']);
    expect(pass(scene, AT + 34 * MINUTE - 1)).toEqual([]);
    expect(shown(pass(scene, AT + 34 * MINUTE))).toMatchObject([{ kind: 'gate', gate_id: 'gate_1' }]);
  });
});

describe('a burst', () => {
  it('of more than three gates in 30 s becomes one notice of all that wait', () => {
    const scene = openScene();
    for (let n = 1; n <= 5; n += 1) {
      open(scene, `gate_${n}`, { agent: n === 5 ? 'deploy-bot' : 'refactor-bot' });
      look(scene);
      scene.now += SECOND;
    }
    const steps = pass(scene, scene.now + 3 * SECOND);
    const last = shown(scene.steps).at(-1);
    expect(last).toMatchObject({ kind: 'summary', title: '5 gates waiting', gate_id: null, action_hash: null });
    expect(last?.body).toBe('refactor-bot, deploy-bot · the first expires in 60 min');
    expect(shown(steps).every(({ silent }) => silent)).toBe(true);
    expect(shown(scene.steps).filter(({ kind }) => kind === 'gate')).toHaveLength(3);
  });

  it('of gates that open at once is told at once', () => {
    const scene = openScene();
    for (let n = 1; n <= 5; n += 1) open(scene, `gate_${n}`);
    expect(shown(look(scene))).toMatchObject([{ kind: 'summary', title: '5 gates waiting', silent: false }]);
  });

  it('has its notice withdrawn when the last of its gates is resolved', () => {
    const scene = openScene();
    for (let n = 1; n <= 4; n += 1) open(scene, `gate_${n}`);
    const [summary] = shown(look(scene));
    for (let n = 1; n <= 3; n += 1) change(scene, `gate_${n}`, { state: 'rejected' });
    expect(look(scene)).toEqual([]);
    change(scene, 'gate_4', { state: 'expired' });
    expect(withdrawn(look(scene))).toEqual([summary?.notice_id]);
  });

  it('ends: a gate that opens a minute later has its own notice', () => {
    const scene = openScene();
    for (let n = 1; n <= 4; n += 1) open(scene, `gate_${n}`);
    look(scene);
    scene.now += MINUTE;
    open(scene, 'gate_5');
    expect(shown(look(scene))).toMatchObject([{ kind: 'gate', gate_id: 'gate_5', silent: false }]);
  });
});

describe('quiet hours', () => {
  // AT is 14:48:12 UTC.
  it('make notices silent; at their end one summary tells what waits', () => {
    const scene = openScene({ quiet_from: '14:00', quiet_to: '15:00' });
    open(scene, 'gate_1');
    open(scene, 'gate_2');
    expect(shown(look(scene)).map(({ silent }) => silent)).toEqual([true, true]);
    change(scene, 'gate_2', { state: 'approved' });
    look(scene);
    const end = Date.UTC(2026, 3, 26, 15);
    expect(shown(pass(scene, end))).toMatchObject([{ kind: 'summary', title: '1 gate waiting', silent: false }]);
    expect(withdrawn(scene.steps)).toContain('gate_1:0');
    expect(shown(pass(scene, end + MINUTE))).toEqual([]);
  });

  it('end without a word when nothing came up in them', () => {
    const scene = openScene({ quiet_until: AT + 10 * MINUTE });
    look(scene);
    expect(pass(scene, AT + 20 * MINUTE)).toEqual([]);
  });

  it('end at once when a person ends them', () => {
    const scene = openScene({ quiet_until: AT + HOUR });
    open(scene, 'gate_1');
    expect(shown(look(scene))).toMatchObject([{ silent: true }]);
    scene.now += MINUTE;
    scene.preferences = { ...scene.preferences, quiet_until: null };
    expect(shown(look(scene))).toMatchObject([{ kind: 'summary', silent: false }]);
  });
});

describe('notifications that are off', () => {
  it('are none, and what is on the screen goes', () => {
    const scene = openScene();
    open(scene, 'gate_1');
    look(scene);
    scene.preferences = { ...scene.preferences, enabled: false };
    expect(withdrawn(look(scene))).toEqual(['gate_1:0']);
    open(scene, 'gate_2');
    expect(pass(scene, AT + 2 * HOUR)).toEqual([]);
  });
});

type Act =
  | { readonly kind: 'open'; readonly life: number }
  | { readonly kind: 'decide' | 'undo' | 'drop'; readonly which: number }
  | { readonly kind: 'extend' | 'snooze'; readonly which: number; readonly ms: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'prefer'; readonly preferences: Partial<NoticePreferences> };

const ms = (max: number) => fc.integer({ min: 0, max });
const which = fc.nat(20);
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('open' as const), life: ms(3 * HOUR) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: ms(HOUR) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: ms(5 * SECOND) }) },
  fc.record({ kind: fc.constantFrom('decide' as const, 'undo' as const, 'drop' as const), which }),
  fc.record({ kind: fc.constantFrom('extend' as const, 'snooze' as const), which, ms: ms(HOUR) }),
  fc.record({
    kind: fc.constant('prefer' as const),
    preferences: fc.record({ enabled: fc.boolean(), privacy: fc.boolean(), quiet_until: fc.option(ms(HOUR)) }),
  }),
);

function perform(scene: Scene, act: Act, nth: number): void {
  if (act.kind === 'pass') return void pass(scene, scene.now + act.ms);
  if (act.kind === 'prefer') {
    const { quiet_until, ...rest } = act.preferences;
    const until = quiet_until === undefined || quiet_until === null ? null : scene.now + quiet_until;
    scene.preferences = { ...scene.preferences, ...rest, quiet_until: until };
  } else if (act.kind === 'open') open(scene, `gate_${nth}`, { expires_at: scene.now + act.life });
  else {
    const id = [...scene.gates.keys()][act.which % Math.max(1, scene.gates.size)];
    const waiting = id === undefined ? undefined : scene.gates.get(id);
    if (id === undefined || waiting === undefined) return;
    if (act.kind === 'drop') scene.gates.delete(id);
    if (act.kind === 'decide') change(scene, id, { state: 'approved' });
    if (act.kind === 'undo') change(scene, id, { state: 'pending' });
    if (act.kind === 'snooze') change(scene, id, {}, scene.now + act.ms);
    if (act.kind === 'extend') change(scene, id, { expires_at: waiting.gate.expires_at + act.ms });
  }
  look(scene);
}

describe('whatever happens', () => {
  it('no gate is reminded of more than three times, and at most three are told of one by one in 30 s', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 60 }), (all) => {
        const scene = openScene();
        for (const [nth, act] of all.entries()) perform(scene, act, nth);
        const single = scene.steps.flatMap((step, index) =>
          step.kind === 'show' && step.notice.kind !== 'summary' ? [scene.times[index] ?? 0] : [],
        );
        single.forEach((time, index) => {
          const fourth = single[index + 3];
          if (fourth !== undefined) expect(fourth - time).toBeGreaterThanOrEqual(30 * SECOND);
        });
        const reminders = new Map<string, number>();
        for (const { kind, gate_id } of shown(scene.steps)) {
          if (kind === 'reminder') reminders.set(String(gate_id), (reminders.get(String(gate_id)) ?? 0) + 1);
        }
        expect(Math.max(0, ...reminders.values())).toBeLessThanOrEqual(3);
      }),
      { numRuns: 300 },
    );
  });

  it('only gates that wait have a notice on the screen, one each, and looking twice changes nothing', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 60 }), (all) => {
        const scene = openScene();
        const onScreen = new Map<string, NoticeRecord>();
        let seen = 0;
        for (const [nth, act] of all.entries()) {
          perform(scene, act, nth);
          for (const step of scene.steps.slice(seen)) {
            if (step.kind === 'withdraw') expect(onScreen.delete(step.notice_id)).toBe(true);
            else {
              expect(onScreen.has(step.notice.notice_id)).toBe(false);
              onScreen.set(step.notice.notice_id, step.notice);
            }
          }
          seen = scene.steps.length;
          const waits = (id: string | null): boolean => {
            const waiting = id === null ? undefined : scene.gates.get(id);
            return waiting?.gate.state === 'pending' && waiting.gate.expires_at > scene.now;
          };
          const single = [...onScreen.values()].filter(({ kind }) => kind !== 'summary');
          expect(single.every(({ gate_id }) => waits(gate_id))).toBe(true);
          expect(new Set(single.map(({ gate_id }) => gate_id)).size).toBe(single.length);
          expect(onScreen.size - single.length).toBeLessThanOrEqual(1);
          if (!scene.preferences.enabled) expect(onScreen.size).toBe(0);
          expect(look(scene)).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('it is silent in quiet hours', () => {
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 40 }), (all) => {
        const scene = openScene();
        for (const [nth, act] of all.entries()) {
          const before = scene.steps.length;
          perform(scene, act, nth);
          const quiet = scene.preferences.quiet_until;
          if (act.kind === 'pass' || quiet === null || scene.now >= quiet) continue;
          expect(shown(scene.steps.slice(before)).every(({ silent }) => silent)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});

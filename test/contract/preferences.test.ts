import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_PREFERENCES, type Preferences } from '../../proxy-core/contract/host.ts';
import { mergePreferences } from '../../proxy-core/control/preferences.ts';
import { createSnoozes } from '../../proxy-core/control/snoozes.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** What the operator has chosen: one home, over restarts and versions. */

const CHOSEN: Preferences = {
  ...DEFAULT_PREFERENCES,
  appearance: { theme: 'dark', density: 'compact', motion: 'reduced' },
  notifications: { ...DEFAULT_PREFERENCES.notifications, quiet_from: '22:00', quiet_to: '07:00' },
  runs: { saved_views: [{ name: 'dear', query: 'cost:>1' }] },
};

describe('stored preferences', () => {
  it('are read back as they were stored', () => {
    expect(mergePreferences(structuredClone(CHOSEN))).toEqual(CHOSEN);
  });

  it('fall back choice by choice where they are missing, unknown or no longer valid', () => {
    const stored = {
      appearance: { theme: 'dark', density: 'cosy' },
      keyboard: 'vim',
      notifications: { quiet_from: '25:00', privacy: true, sound: 'loud' },
      holidays: { until: 3 },
    };
    expect(mergePreferences(stored)).toEqual({
      ...DEFAULT_PREFERENCES,
      appearance: { ...DEFAULT_PREFERENCES.appearance, theme: 'dark' },
      notifications: { ...DEFAULT_PREFERENCES.notifications, privacy: true },
    });
  });

  it('are the defaults whatever else is stored', () => {
    expect(mergePreferences(null)).toEqual(DEFAULT_PREFERENCES);
    fc.assert(
      fc.property(fc.jsonValue(), (stored) => {
        expect(Object.keys(mergePreferences(stored))).toEqual(Object.keys(DEFAULT_PREFERENCES));
      }),
    );
  });
});

describe('with a core', () => {
  let rungate: TestRungate;
  beforeAll(async () => {
    rungate = await startTestRungate();
  });
  afterAll(() => rungate.close());

  it('are shown, set, announced and kept over a restart', async () => {
    expect(await rungate.call('preferences.show', {})).toEqual({ preferences: DEFAULT_PREFERENCES });
    expect(await rungate.call('preferences.set', { preferences: CHOSEN })).toEqual({ preferences: CHOSEN });
    expect((await rungate.event('preferences.changed')).body).toEqual({ preferences: CHOSEN });
    rungate = await rungate.restart();
    expect(await rungate.call('preferences.show', {})).toEqual({ preferences: CHOSEN });
    expect((await rungate.call('core.snapshot', {})).preferences).toEqual(CHOSEN);
  });

  it('that are not valid are refused whole', async () => {
    const { preferences: before } = await rungate.call('preferences.show', {});
    const broken = { ...CHOSEN, appearance: { ...CHOSEN.appearance, theme: 'pink' as 'dark' } };
    const reply = await rungate.tryCall('preferences.set', { preferences: broken });
    expect(reply).toMatchObject({ ok: false, failure: { code: 'invalid_request' } });
    expect(await rungate.call('preferences.show', {})).toEqual({ preferences: before });
  });
});

it('a snoozed gate is hidden until its instant, or until it is brought back', () => {
  let now = 100;
  const snoozes = createSnoozes({ now: () => now }, { subscribe: () => () => undefined });
  snoozes.set('a', 200);
  snoozes.set('b', 300);
  snoozes.set('c', 300);
  snoozes.set('c', null);
  expect(snoozes.list()).toEqual([
    { gate_id: 'a', until: 200 },
    { gate_id: 'b', until: 300 },
  ]);
  now = 200;
  expect([snoozes.until('a'), snoozes.until('b'), snoozes.list()]).toEqual([null, 300, [{ gate_id: 'b', until: 300 }]]);
});

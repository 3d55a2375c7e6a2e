import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Account } from '../../../proxy-core/budget/account.ts';
import { resetsAt, rollWindow, windowStart } from '../../../proxy-core/budget/windows.ts';
import { nanoUsd, usdToNano } from '../../../proxy-core/contract/money.ts';

const ownZone = process.env['TZ'];
const useZone = (zone: string | undefined) => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
};
afterEach(() => useZone(ownZone));

const instant = (text: string): number => Date.parse(text);
const utc = (at: number | null): string => (at === null ? 'never' : new Date(at).toISOString());

describe('windows in local time', () => {
  test.each([
    // zone, now, window, start, end
    ['Europe/Berlin', '2026-06-17T22:30:00Z', 'day', '2026-06-17T22:00:00.000Z', '2026-06-18T22:00:00.000Z'],
    ['America/New_York', '2026-06-17T03:30:00Z', 'day', '2026-06-16T04:00:00.000Z', '2026-06-17T04:00:00.000Z'],
    ['Europe/Berlin', '2026-06-14T21:59:59Z', 'week', '2026-06-07T22:00:00.000Z', '2026-06-14T22:00:00.000Z'],
    ['Europe/Berlin', '2026-06-14T22:00:00Z', 'week', '2026-06-14T22:00:00.000Z', '2026-06-21T22:00:00.000Z'],
    ['UTC', '2026-01-31T23:59:59Z', 'month', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    ['UTC', '2026-12-31T12:00:00Z', 'month', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['UTC', '2028-02-29T12:00:00Z', 'month', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['UTC', '2028-02-28T12:00:00Z', 'day', '2028-02-28T00:00:00.000Z', '2028-02-29T00:00:00.000Z'],
    ['UTC', '2027-02-28T12:00:00Z', 'day', '2027-02-28T00:00:00.000Z', '2027-03-01T00:00:00.000Z'],
    ['UTC', '2027-01-01T12:00:00Z', 'week', '2026-12-28T00:00:00.000Z', '2027-01-04T00:00:00.000Z'],
  ] as const)('%s at %s: the %s runs from %s to %s', (zone, now, window, start, end) => {
    useZone(zone);
    expect(utc(windowStart(window, instant(now)))).toBe(start);
    expect(utc(resetsAt(window, instant(now)))).toBe(end);
  });

  test('a total window never ends', () => {
    expect(windowStart('total', instant('2026-06-17T00:00:00Z'))).toBe(0);
    expect(resetsAt('total', instant('2026-06-17T00:00:00Z'))).toBeNull();
  });

  test.each([
    ['23 hours where summer time begins', 'Europe/Berlin', '2026-03-29T10:00:00Z', 23],
    ['25 hours where it ends', 'Europe/Berlin', '2026-10-25T10:00:00Z', 25],
    ['23 hours where midnight itself is skipped', 'America/Havana', '2026-03-08T12:00:00Z', 23],
    ['25 hours where midnight comes twice', 'America/Havana', '2026-11-01T12:00:00Z', 25],
    ['23.5 hours where clocks move by thirty minutes', 'Australia/Lord_Howe', '2026-10-03T22:00:00Z', 23.5],
  ])('a day has %s', (_what, zone, now, hours) => {
    useZone(zone);
    const at = instant(now);
    expect(((resetsAt('day', at) ?? 0) - windowStart('day', at)) / 3_600_000).toBe(hours);
  });

  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'America/Havana', 'America/Santiago', 'Africa/Cairo'];
  const odd = ['Asia/Beirut', 'Pacific/Apia', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Tehran'];
  test.each([...zones, ...odd])('%s: windows follow each other without gap or overlap', (zone) => {
    useZone(zone);
    const moments = fc.integer({ min: instant('2010-01-01T00:00:00Z'), max: instant('2040-01-01T00:00:00Z') });
    fc.assert(
      fc.property(moments, fc.constantFrom('day', 'week', 'month'), (now, window) => {
        const start = windowStart(window, now);
        const end = resetsAt(window, now) ?? Number.NaN;
        expect(start).toBeLessThanOrEqual(now);
        expect(end).toBeGreaterThan(now);
        expect(windowStart(window, end)).toBe(end);
        expect(windowStart(window, end - 1)).toBe(start);
      }),
    );
  });
});

describe('rolling an account', () => {
  const now = instant('2026-06-17T12:00:00Z');
  const base: Account = {
    scope: 'agent',
    subject: 'agt_1',
    window: 'day',
    cap: usdToNano(5),
    spent: usdToNano(3),
    reserved: usdToNano(1),
    windowStart: windowStart('day', now),
    otherWindows: [],
    alertAt: [0.5],
    alerted: [0.5],
    crossedBy: { runId: 'run_1', step: 4 },
  };
  const hours = 3_600_000;

  test('changes nothing within the window', () => {
    expect(rollWindow(base, now + hours)).toBe(base);
  });

  test('clears spend, alerts and crossing in a later window and keeps reservations', () => {
    const later = rollWindow(base, now + 24 * hours);
    expect(later).toMatchObject({ spent: 0, alerted: [], crossedBy: null, reserved: base.reserved });
    expect(later.windowStart).toBeGreaterThan(base.windowStart);
  });

  test('changes nothing when the clock goes backwards, and does not roll again on the way back', () => {
    const { spent, alerted, crossedBy, reserved } = base;
    expect(rollWindow(base, now - 72 * hours)).toMatchObject({ spent, alerted, crossedBy, reserved });
    expect(rollWindow(rollWindow(base, now - 72 * hours), now)).toEqual(base);
  });

  test('loses no spend when the clock is set ahead and back, and counts what was spent meanwhile', () => {
    const ahead = rollWindow(base, now + 72 * hours);
    expect(ahead.spent).toBe(0);
    const back = rollWindow({ ...ahead, spent: usdToNano(1) }, now);
    expect(back).toMatchObject({ spent: usdToNano(4), windowStart: base.windowStart, reserved: base.reserved });
    // The next day is a new one; the one that was visited early begins with what was spent in it then.
    const spentMore = { ...back, spent: usdToNano(4.5) };
    expect(rollWindow(spentMore, now + 96 * hours).spent).toBe(0);
    expect(rollWindow(spentMore, now + 72 * hours).spent).toBe(usdToNano(1));
    expect(rollWindow(rollWindow(spentMore, now + 72 * hours), now).spent).toBe(usdToNano(4.5));
  });

  test('never counts less than was spent since, wherever the clock wanders, once it is back where it was', () => {
    const step = fc.record({ days: fc.integer({ min: -6, max: 6 }), usd: fc.integer({ min: 0, max: 9 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let account: Account = { ...base, spent: usdToNano(0) };
        let here = 0;
        for (const { days, usd } of steps) {
          account = rollWindow(account, now + days * 24 * hours);
          account = { ...account, spent: nanoUsd(account.spent + usdToNano(usd)) };
          if (days >= 0) here += usd;
        }
        expect(rollWindow(account, now).spent).toBe(usdToNano(here));
      }),
    );
  });

  test('never rolls a total', () => {
    const total = { ...base, window: 'total', windowStart: 0 } as const;
    expect(rollWindow(total, now + 9000 * hours)).toBe(total);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../../proxy-core/budget/account.ts';
import {
  release,
  remaining,
  reserve,
  resetSpend,
  type Settlement,
  setCap,
  settle,
} from '../../../proxy-core/budget/ledger.ts';
import { windowStart } from '../../../proxy-core/budget/windows.ts';
import { nanoUsd, usdToNano, ZERO_USD } from '../../../proxy-core/contract/money.ts';

const NOW = new Date(2026, 5, 17, 12).getTime();
const DAY = 24 * 3600 * 1000;
const at = (step: number, now = NOW) => ({ now, runId: 'run_1', step });
const usd = usdToNano;

function account(given: Partial<Account> = {}): Account {
  const window = given.window ?? 'total';
  const empty = { scope: 'run', subject: 'run_1', cap: usd(5), spent: ZERO_USD, reserved: ZERO_USD } as const;
  const quiet = {
    windowStart: windowStart(window, NOW),
    otherWindows: [],
    alertAt: [0.8],
    alerted: [],
    crossedBy: null,
  };
  return { ...empty, ...quiet, window, ...given };
}

function only(settlement: Settlement): Account {
  const [first] = settlement.accounts;
  if (first === undefined) throw new Error('no account came back');
  return first;
}

describe('reserve', () => {
  test('holds the amount on every account of the call', () => {
    const accounts = [account(), account({ scope: 'agent', cap: usd(20) }), account({ scope: 'team', cap: null })];
    const held = reserve(accounts, usd(1), NOW);
    expect(held.kind).toBe('reserved');
    expect(held.accounts.map((each) => each.reserved)).toEqual([usd(1), usd(1), usd(1)]);
  });

  test('holds nothing anywhere when one cap has no room', () => {
    const accounts = [account(), account({ scope: 'agent', cap: usd(20), spent: usd(19.5) })];
    const refused = reserve(accounts, usd(1), NOW);
    expect(refused.kind).toBe('crossed');
    expect(refused.accounts.map((each) => each.reserved)).toEqual([0, 0]);
  });

  test('lets an amount through that fills the cap to the last nano-dollar, and not one more', () => {
    const nearly = [account({ spent: usd(3), reserved: usd(1) })];
    expect(reserve(nearly, usd(1), NOW).kind).toBe('reserved');
    expect(reserve(nearly, nanoUsd(usd(1) + 1), NOW).kind).toBe('crossed');
  });

  test('names the account with the least room', () => {
    const run = account({ spent: usd(4.9) });
    const agent = account({ scope: 'agent', cap: usd(20), spent: usd(20.5) });
    const team = account({ scope: 'team', cap: usd(50), spent: usd(50) });
    expect(reserve([run, agent, team], usd(1), NOW)).toMatchObject({ crossed: { scope: 'agent' } });
  });

  test('lets a zero-priced call continue under a crossed cap', () => {
    const over = account({ spent: usd(6) });
    expect(reserve([over], ZERO_USD, NOW)).toEqual({ kind: 'reserved', accounts: [over] });
  });

  test('never refuses without a cap', () => {
    expect(reserve([account({ cap: null, spent: usd(1_000_000) })], usd(1_000_000), NOW).kind).toBe('reserved');
  });

  test('refuses every priced call under a cap of zero', () => {
    expect(reserve([account({ cap: ZERO_USD })], nanoUsd(1), NOW).kind).toBe('crossed');
  });

  test('rolls the window first, so a cap crossed yesterday has room today', () => {
    const yesterday = account({ window: 'day', spent: usd(5), alerted: [0.8], crossedBy: { runId: 'r', step: 3 } });
    expect(reserve([yesterday], usd(1), NOW).kind).toBe('crossed');
    const [today] = reserve([yesterday], usd(1), NOW + DAY).accounts;
    expect(today).toMatchObject({ spent: 0, reserved: usd(1), alerted: [], crossedBy: null });
  });

  test('treats a negative amount as a bug', () => {
    expect(() => reserve([account()], nanoUsd(-1), NOW)).toThrow(RangeError);
    expect(() => settle([account()], ZERO_USD, nanoUsd(-1), at(1))).toThrow(RangeError);
  });

  test('lets exactly three of 64 parallel calls through nested caps with room for three', () => {
    let accounts: readonly Account[] = [
      account({ cap: usd(10) }),
      account({ scope: 'agent', cap: usd(3.5), window: 'day' }),
      account({ scope: 'team', cap: usd(100), window: 'month' }),
    ];
    let passed = 0;
    for (let call = 0; call < 64; call += 1) {
      const held = reserve(accounts, usd(1), NOW);
      accounts = held.accounts;
      if (held.kind === 'reserved') passed += 1;
    }
    expect(passed).toBe(3);
    for (const each of accounts) expect(each.spent + each.reserved).toBeLessThanOrEqual(each.cap ?? 0);
  });
});

describe('settle and release', () => {
  test('returns the reservation and charges the cost', () => {
    const after = only(settle([account({ reserved: usd(2) })], usd(1.5), usd(0.25), at(7)));
    expect(after).toMatchObject({ reserved: usd(0.5), spent: usd(0.25), crossedBy: null });
  });

  test('charges the current window for a call reserved in the one before', () => {
    const [held] = reserve([account({ window: 'day', spent: usd(4) })], usd(1), NOW).accounts;
    const after = only(settle([held ?? account()], usd(1), usd(0.75), at(9, NOW + DAY)));
    expect(after).toMatchObject({ reserved: 0, spent: usd(0.75), windowStart: windowStart('day', NOW + DAY) });
  });

  test('counts what a later window has spent when the clock has gone back, and forgets nothing of it on the way on', () => {
    const tomorrow = account({ window: 'day', windowStart: windowStart('day', NOW + DAY), spent: usd(1) });
    const today = only(settle([tomorrow], ZERO_USD, usd(1), at(1)));
    expect(today).toMatchObject({ spent: usd(2), windowStart: windowStart('day', NOW) });
    const on = only(settle([today], ZERO_USD, usd(3), at(2, NOW + DAY)));
    expect(on).toMatchObject({ spent: usd(4), windowStart: tomorrow.windowStart });
    expect(only(settle([on], ZERO_USD, ZERO_USD, at(3)))).toMatchObject({ spent: usd(5) });
  });

  test('never lets reservations go below zero', () => {
    expect(only(settle([account({ reserved: usd(1) })], usd(3), ZERO_USD, at(1))).reserved).toBe(0);
    expect(release([account({ reserved: usd(1) })], usd(3))[0]?.reserved).toBe(0);
  });

  test('fires each threshold once, several at once when one call passes them', () => {
    const first = settle([account({ alertAt: [0.5, 0.8, 1] })], ZERO_USD, usd(4.2), at(1));
    expect(first.alerts).toEqual(
      [0.5, 0.8].map((threshold) => ({ scope: 'run', subject: 'run_1', threshold, spent: usd(4.2), cap: usd(5) })),
    );
    const second = settle(first.accounts, ZERO_USD, usd(0.1), at(2));
    expect(second.alerts).toEqual([]);
    expect(settle(second.accounts, ZERO_USD, usd(0.7), at(3)).alerts.map((alert) => alert.threshold)).toEqual([1]);
  });

  test('fires at the threshold exactly', () => {
    expect(settle([account()], ZERO_USD, nanoUsd(usd(4) - 1), at(1)).alerts).toHaveLength(0);
    expect(settle([account()], ZERO_USD, usd(4), at(1)).alerts).toHaveLength(1);
  });

  test('fires again in the next window', () => {
    const first = settle([account({ window: 'day' })], ZERO_USD, usd(4.5), at(1));
    expect(settle(first.accounts, ZERO_USD, usd(4.5), at(2, NOW + DAY)).alerts).toHaveLength(1);
  });

  test('announces nothing for an account without a cap, nor for a free call under a cap of zero', () => {
    expect(settle([account({ cap: null })], ZERO_USD, usd(100), at(1)).alerts).toEqual([]);
    const free = settle([account({ cap: ZERO_USD, alertAt: [0.8] })], ZERO_USD, ZERO_USD, at(1));
    expect(free.alerts).toEqual([]);
    expect(only(free).crossedBy).toBeNull();
  });

  test('names the step that takes spend to the cap, and keeps the first', () => {
    const first = settle([account({ spent: usd(4.9) })], ZERO_USD, usd(0.1), at(41));
    expect(only(first).crossedBy).toEqual({ runId: 'run_1', step: 41 });
    expect(only(settle(first.accounts, ZERO_USD, usd(1), at(42))).crossedBy?.step).toBe(41);
  });

  test('stops a counter at the largest exact integer instead of failing', () => {
    const full = account({ cap: null, spent: nanoUsd(Number.MAX_SAFE_INTEGER) });
    expect(only(settle([full], ZERO_USD, usd(1), at(1))).spent).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('setCap and resetSpend', () => {
  const crossed = () => only(settle([account({ reserved: usd(1) })], ZERO_USD, usd(5.02), at(41)));

  test('a raise gives room, forgets the crossing and re-arms the alert', () => {
    const raised = setCap(crossed(), { cap: usd(10) }, NOW);
    expect(raised).toMatchObject({ spent: usd(5.02), reserved: usd(1), crossedBy: null, alerted: [] });
    expect(reserve([raised], usd(3), NOW).kind).toBe('reserved');
    expect(settle([raised], ZERO_USD, usd(3), at(50)).alerts).toHaveLength(1);
  });

  test('a raise that spend still reaches keeps the alert and the crossing', () => {
    expect(setCap(crossed(), { cap: usd(5.01) }, NOW)).toMatchObject({ alerted: [0.8], crossedBy: { step: 41 } });
    expect(setCap(crossed(), { cap: usd(6) }, NOW)).toMatchObject({ alerted: [0.8], crossedBy: null });
  });

  test('taking the cap away leaves the count', () => {
    expect(setCap(crossed(), { cap: null }, NOW)).toMatchObject({ cap: null, spent: usd(5.02), crossedBy: null });
  });

  test('a cap lowered below spend refuses, and the alert comes with the next settlement', () => {
    const lowered = setCap(account({ spent: usd(3) }), { cap: usd(2) }, NOW);
    expect(reserve([lowered], nanoUsd(1), NOW).kind).toBe('crossed');
    expect(settle([lowered], ZERO_USD, ZERO_USD, at(8)).alerts).toHaveLength(1);
  });

  test('another window starts counting at zero and keeps reservations', () => {
    const daily = setCap(crossed(), { cap: usd(5), window: 'day', alertAt: [0.5] }, NOW);
    expect(daily).toMatchObject({ window: 'day', spent: 0, reserved: usd(1), alertAt: [0.5], crossedBy: null });
    expect(daily.windowStart).toBe(windowStart('day', NOW));
  });

  test('a reset lets the same call through, keeps reservations and re-arms alerts', () => {
    const reset = resetSpend(crossed(), NOW);
    expect(reset).toMatchObject({ spent: 0, reserved: usd(1), alerted: [], crossedBy: null });
    expect(reserve([reset], usd(4), NOW).kind).toBe('reserved');
    expect(settle([reset], usd(1), usd(4.5), at(60)).alerts).toHaveLength(1);
  });
});

describe('remaining', () => {
  test('is the room on the tightest capped account', () => {
    const accounts = [account({ spent: usd(1), reserved: usd(1) }), account({ cap: usd(9) }), account({ cap: null })];
    expect(remaining(accounts)).toBe(usd(3));
  });

  test('is zero when over a cap and null without one', () => {
    expect(remaining([account({ spent: usd(7) }), account()])).toBe(0);
    expect(remaining([account({ cap: null })])).toBeNull();
    expect(remaining([])).toBeNull();
  });
});

describe('any sequence of calls', () => {
  const caps = fc.array(fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null }), { minLength: 1, maxLength: 3 });
  const calls = fc.array(
    fc.record({
      amount: fc.integer({ min: 0, max: 300 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      end: fc.constantFrom('settle', 'release', 'later'),
    }),
    { maxLength: 60 },
  );
  const opened = (list: readonly (number | null)[]) =>
    list.map((cap) => account({ cap: cap === null ? null : nanoUsd(cap), alertAt: [0.5, 0.8, 1] }));

  test('keeps spent + reserved within every cap while no call costs more than it reserved', () => {
    fc.assert(
      fc.property(caps, calls, (list, sequence) => {
        let accounts: readonly Account[] = opened(list);
        let [spent, held] = [0, 0];
        for (const [index, { amount, share, end }] of sequence.entries()) {
          const reservation = reserve(accounts, nanoUsd(amount), NOW);
          accounts = reservation.accounts;
          if (reservation.kind === 'crossed') continue;
          const cost = Math.floor(amount * share);
          if (end === 'settle') {
            accounts = settle(accounts, nanoUsd(amount), nanoUsd(cost), at(index)).accounts;
            spent += cost;
          } else if (end === 'release') accounts = release(accounts, nanoUsd(amount));
          else held += amount;
        }
        for (const each of accounts) {
          expect(each).toMatchObject({ spent, reserved: held });
          if (each.cap !== null) expect(each.spent + each.reserved).toBeLessThanOrEqual(each.cap);
        }
      }),
    );
  });

  test('fires no threshold twice, and every threshold that spend has reached', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }), (costs) => {
        let accounts: readonly Account[] = opened([1000]);
        const fired: number[] = [];
        for (const [index, cost] of costs.entries()) {
          const settled = settle(accounts, ZERO_USD, nanoUsd(cost), at(index));
          accounts = settled.accounts;
          fired.push(...settled.alerts.map((alert) => alert.threshold));
        }
        const spent = costs.reduce((sum, cost) => sum + cost, 0);
        expect(fired).toEqual([0.5, 0.8, 1].filter((threshold) => spent >= threshold * 1000));
      }),
    );
  });
});

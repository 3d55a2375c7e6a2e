import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HOME, parseRoute, type Route, renderRoute } from '../../../renderer/route.ts';

const id = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((text) => text.trim() !== '');
const route: fc.Arbitrary<Route> = fc.oneof(
  fc.record({
    screen: fc.constant('inbox' as const),
    tab: fc.constantFrom('pending' as const, 'snoozed' as const, 'history' as const),
    gateId: fc.option(id),
  }),
  fc.record({ screen: fc.constant('runs' as const), query: fc.string({ unit: 'grapheme' }) }),
  fc.record({
    screen: fc.constant('run' as const),
    runId: id,
    step: fc.option(fc.nat({ max: 100_000 })),
    tab: fc.option(fc.constantFrom('audit', 'messages')),
  }),
  fc.record({ screen: fc.constant('settings' as const), section: fc.option(fc.constantFrom('keys', 'audit')) }),
);

it('reads back every route it writes, whatever an id or a query holds', () => {
  fc.assert(
    fc.property(route, (given) => {
      expect(parseRoute(renderRoute(given))).toEqual(given);
    }),
  );
});

it('opens the gate of a link in a notice', () => {
  expect(parseRoute('#/gates/gate_1')).toEqual({ screen: 'inbox', tab: 'pending', gateId: 'gate_1' });
});

it('goes home from an address that means nothing, broken escapes included', () => {
  expect(parseRoute('#/nowhere/at/all')).toEqual(HOME);
  expect(parseRoute('')).toEqual(HOME);
  expect(parseRoute('#/runs/%E0%A4%A')).toMatchObject({ screen: 'run', runId: '%E0%A4%A' });
});

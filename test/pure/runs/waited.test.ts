import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { waitedMs } from '../../../proxy-core/runs/waited.ts';

const gate = (created_at: number, decided_at: number | null, expires_at = 1_000_000): GateRecord =>
  ({ created_at, decided_at, expires_at }) as GateRecord;

it('counts time in which several gates waited once', () => {
  expect(waitedMs([gate(0, 10), gate(5, 15), gate(20, 30)], 100)).toBe(25);
  expect(waitedMs([gate(0, 100), gate(10, 20)], 100)).toBe(100);
  expect(waitedMs([], 100)).toBe(0);
});

it('counts what still waits until now, and nothing beyond an expiry', () => {
  expect(waitedMs([gate(0, null)], 40)).toBe(40);
  expect(waitedMs([gate(0, null, 30)], 40)).toBe(30);
  expect(waitedMs([gate(50, null), gate(60, 55)], 40)).toBe(0);
});

it('is the number of moments in which some gate waited', () => {
  const gates = fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.boolean()), { maxLength: 6 });
  fc.assert(
    fc.property(gates, fc.nat(80), (drawn, now) => {
      const list = drawn.map(([from, length, open]) => gate(from, open ? null : from + length));
      let moments = 0;
      for (let t = 0; t < now; t += 1)
        if (list.some(({ created_at, decided_at }) => created_at <= t && t < (decided_at ?? now))) moments += 1;
      expect(waitedMs(list, now)).toBe(moments);
    }),
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createScale } from '../../../renderer/screens/run/waterfall.ts';

const HOUR = 3_600_000;

describe('the time axis of a waterfall', () => {
  it('is linear while calls follow each other', () => {
    const scale = createScale(
      [
        { start: 0, end: 1_000 },
        { start: 1_500, end: 2_000 },
      ],
      0,
      2_000,
    );
    expect(scale.breaks).toEqual([]);
    expect(scale.place(0)).toBe(0);
    expect(scale.place(500)).toBeCloseTo(0.25);
    expect(scale.place(2_000)).toBeCloseTo(1);
  });

  it('draws an hour of waiting short and keeps the calls around it readable', () => {
    const scale = createScale(
      [
        { start: 0, end: 10_000 },
        { start: HOUR, end: HOUR + 10_000 },
      ],
      0,
      HOUR + 10_000,
    );
    expect(scale.breaks).toHaveLength(1);
    expect(scale.breaks[0]?.ms).toBe(HOUR - 10_000);
    expect(scale.place(10_000)).toBeGreaterThan(0.4);
    expect(scale.place(HOUR) - scale.place(10_000)).toBeLessThan(0.1);
  });

  it('never goes back and stays within the width, whatever the calls', () => {
    const span = fc.record({ start: fc.nat(10 * HOUR), length: fc.nat(HOUR) });
    fc.assert(
      fc.property(
        fc.array(span, { maxLength: 40 }),
        fc.array(fc.nat(12 * HOUR), { maxLength: 40 }),
        (spans, instants) => {
          const busy = spans.map(({ start, length }) => ({ start, end: start + length }));
          const scale = createScale(busy, 0, 11 * HOUR);
          const places = instants.toSorted((a, b) => a - b).map(scale.place);
          for (const [at, place] of places.entries()) {
            expect(place).toBeGreaterThanOrEqual(0);
            expect(place).toBeLessThanOrEqual(1);
            expect(place).toBeGreaterThanOrEqual(places[at - 1] ?? 0);
          }
        },
      ),
    );
  });

  it('has a width for a run of no time at all', () => {
    expect(createScale([], 5, 5).place(5)).toBe(0);
  });
});

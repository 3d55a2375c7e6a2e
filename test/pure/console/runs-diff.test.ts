import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterpartOf, offeredCalls } from '../../../renderer/screens/run/diff-choice.ts';
import { diffFields } from '../../../renderer/screens/run/field-diff.ts';
import { changeOf } from '../../../renderer/screens/runs/comparison.ts';
import { exchangeRecord } from './runs-records.ts';

describe('the diff of two bodies', () => {
  it('names the changed fields only, with both values', () => {
    const before = { model: 'a', messages: [{ role: 'user', content: 'hi' }], top_p: 1 };
    const after = { model: 'b', messages: [{ role: 'user', content: 'hi' }, { role: 'assistant' }], stream: true };
    expect(diffFields(before, after)).toEqual([
      { kind: 'changed', path: 'model', before: 'a', after: 'b' },
      { kind: 'added', path: 'messages[1]', after: { role: 'assistant' } },
      { kind: 'removed', path: 'top_p', before: 1 },
      { kind: 'added', path: 'stream', after: true },
    ]);
  });

  it('does not mind the order of keys, and tells names with dots from paths', () => {
    expect(diffFields({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
    expect(diffFields({ 'a.b': 1 }, { 'a.b': 2 })).toMatchObject([{ path: '["a.b"]' }]);
  });

  it('finds nothing between equal documents and something between different ones', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(diffFields(a, structuredClone(a))).toEqual([]);
        expect(diffFields(a, b).length === 0).toBe(same(a, b));
      }),
    );
  });

  it('is not confused by names that objects inherit', () => {
    expect(diffFields({}, JSON.parse('{"__proto__": 1, "toString": 2}'))).toMatchObject([
      { kind: 'added', path: '__proto__' },
      { kind: 'added', path: 'toString' },
    ]);
  });
});

/** JSON equality that ignores the order of keys; −0 and 0 are the same text. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

describe('what a call is compared with', () => {
  const calls = [
    exchangeRecord(1, { path: '/v1/other' }),
    exchangeRecord(2, { state: 'failed' }),
    exchangeRecord(3, { retry_of: 'xch_2' }),
    exchangeRecord(4, { retry_of: 'xch_3' }),
    exchangeRecord(5),
  ];
  const counterpart = (step: number): number | undefined => {
    const call = calls.find((each) => each.step === step);
    return call === undefined ? undefined : counterpartOf(call, calls)?.step;
  };

  it('is what it repeats, else what repeats it, else the call before it at the same path', () => {
    expect(counterpart(4)).toBe(3);
    expect(counterpart(2)).toBe(3);
    expect(counterpart(5)).toBe(4);
    expect(counterpart(1)).toBe(2);
    expect(counterpartOf(exchangeRecord(1), [exchangeRecord(1)])).toBeNull();
  });

  it('can be any resend of the same call, or a call near it', () => {
    const third = calls[2];
    if (third === undefined) throw new Error('no third call');
    expect(offeredCalls(third, calls).map(({ calls: offered }) => offered.map(({ step }) => step))).toEqual([
      [2, 4],
      [1, 5],
    ]);
  });
});

describe('the change of a figure', () => {
  it('is a percentage of the first, where there is one', () => {
    expect(changeOf(100, 120)).toBe('+20 %');
    expect(changeOf(100, 50)).toBe('−50 %');
    expect(changeOf(100, 100)).toBe('the same');
    expect(changeOf(0, 5)).toBeNull();
    expect(changeOf(1_000, 1_001)).toBe('+<1 %');
  });
});

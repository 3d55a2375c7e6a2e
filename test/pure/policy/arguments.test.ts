import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ArgValue, isUnsafeNumber, parseArguments, renderValue } from '../../../proxy-core/policy/arguments.ts';

const toPlain = (value: ArgValue): unknown => {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [key, toPlain(inner as ArgValue)]));
  if (Array.isArray(value)) return value.map((item) => toPlain(item as ArgValue));
  return isUnsafeNumber(value) ? Number(value.source) : value;
};

describe('parsing arguments', () => {
  it('reads every JSON document that does not name __proto__ as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 6 }).filter((text) => !text.includes('__proto__')),
        (text) => {
          const parsed = parseArguments(text);
          expect(parsed.kind).toBe('parsed');
          if (parsed.kind === 'parsed') expect(toPlain(parsed.value)).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('refuses every text that JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 2 }),
        (text, place, noise) => {
          const at = place % (text.length + 1);
          const broken = text.slice(0, at) + noise + text.slice(at);
          const valid = accepts(broken);
          fc.pre(broken.trim() !== '');
          const parsed = parseArguments(broken);
          if (!valid) expect(parsed.kind).toBe('unclear');
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    '{"a":1',
    '"\\',
    '"a',
    '{"a" 1}',
    '[1,]',
    '{,}',
    '01',
    '+1',
    '.5',
    'nul',
    "{'a':1}",
    '\u00a01',
    '"\t"',
    '[1] x',
  ])('finds %j unclear', (text) => {
    expect(parseArguments(text).kind).toBe('unclear');
  });

  it('finds a key given twice unclear, at any depth and however it is escaped', () => {
    expect(parseArguments('{"a":1,"a":1}')).toEqual({ kind: 'unclear', why: 'the key "a" is given twice' });
    expect(parseArguments('{"x":[{"cmd":"ls","\\u0063md":"rm"}]}').kind).toBe('unclear');
    expect(parseArguments('[{"a":1},{"a":1}]').kind).toBe('parsed');
  });

  it('finds the key __proto__ unclear, at any depth and however it is escaped, and keeps constructor as an ordinary one', () => {
    expect(parseArguments('{"__proto__":{"admin":true}}').kind).toBe('unclear');
    expect(parseArguments('{"x":[{"\\u005f_proto__":1}]}').kind).toBe('unclear');
    const parsed = parseArguments('{"constructor":1}');
    expect(parsed.kind === 'parsed' && renderValue(parsed.value)).toBe('{"constructor":1}');
  });

  it('reads 64 levels and finds 10,000 unclear', () => {
    expect(parseArguments(`${'['.repeat(64)}${']'.repeat(64)}`).kind).toBe('parsed');
    expect(parseArguments(`${'['.repeat(66)}${']'.repeat(66)}`).kind).toBe('unclear');
    expect(parseArguments('['.repeat(10_000)).kind).toBe('unclear');
  });

  it('takes empty text for no arguments', () => {
    expect(parseArguments('')).toEqual({ kind: 'parsed', value: new Map() });
  });

  it.each([
    ['9007199254740991', false],
    ['9007199254740992', true],
    ['-9007199254740993', true],
    ['1e400', true],
    ['1e-400', true],
    ['499.99999999999999999', true],
    ['0.1', false],
    ['0.30000000000000004', false],
    ['1240.00', false],
    ['1.5e3', false],
    ['0.0000', false],
    ['-0', false],
  ])('tells whether a double holds %s exactly', (text, unsafe) => {
    const parsed = parseArguments(text);
    expect(parsed.kind === 'parsed' && isUnsafeNumber(parsed.value)).toBe(unsafe);
  });

  it('takes a numeral longer than any double for unsafe, in linear time', () => {
    for (const text of [`0.1${'0'.repeat(400_000)}1`, `0.1${'0'.repeat(400_000)}`]) {
      const parsed = parseArguments(text);
      expect(parsed.kind === 'parsed' && isUnsafeNumber(parsed.value)).toBe(true);
    }
  });

  it('renders the same text for the same value whatever the order of keys', () => {
    const render = (text: string): string => {
      const parsed = parseArguments(text);
      return parsed.kind === 'parsed' ? renderValue(parsed.value) : '';
    };
    expect(render('{"b":[1,{"d":2,"c":3}],"a":"x"}')).toBe(render('{ "a": "\\u0078", "b": [1, {"c":3,"d":2}] }'));
    expect(render('{"id":12345678901234567890}')).toBe('{"id":12345678901234567890}');
  });
});

function accepts(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

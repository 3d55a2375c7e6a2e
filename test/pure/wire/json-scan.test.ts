import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanJson } from '../../../proxy-core/wire/json-scan.ts';
import { segments } from '../../../proxy-core/wire/segments.ts';
import { utf8 } from './stream-fixtures.ts';

const refusal = (text: string) => {
  const scan = scanJson(utf8(text));
  return scan.kind === 'refused' ? [scan.reason, scan.at] : scan.kind;
};

/** JSON text of a value, with or without white space, plain or with every letter `a` as an escape. */
const spelled = fc
  .tuple(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, 3), fc.boolean())
  .map(([value, indent, escaped]) => {
    const text = JSON.stringify(value, null, indent);
    return escaped ? text.replace(/"(?:[^"\\]|\\.)*"/g, (token) => token.replaceAll('a', '\\u0061')) : text;
  });

describe('scanJson', () => {
  it('accepts what JSON.parse accepts and locates exactly the members it finds', () => {
    fc.assert(
      fc.property(spelled, (text) => {
        const bytes = utf8(text);
        const scan = scanJson(bytes);
        const value = JSON.parse(text) as unknown;
        if (scan.kind === 'refused') throw new Error(`${scan.reason} at ${scan.at}`);
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
        const found = scan.members.map((m) => [m.key, read(bytes, m.start, m.end)] as const);
        expect(Object.fromEntries(found)).toEqual(isObject ? value : {});
      }),
      { numRuns: 500 },
    );
  });

  it('finds the end of long strings, wherever their escapes stand', () => {
    const piece = fc.tuple(fc.constantFrom('\\', '"', '\n', 'é', '👋', ''), fc.integer({ min: 0, max: 400 }));
    const long = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.map(([c, n]) => c + 'x'.repeat(n)).join(''));
    fc.assert(
      fc.property(long, long, (a, b) => {
        const bytes = utf8(JSON.stringify({ a, b: [b, a], [b]: 1 }));
        const scan = scanJson(bytes);
        if (b === 'a' || b === 'b') return;
        const found =
          scan.kind === 'scanned' ? scan.members.map((m) => [m.key, read(bytes, m.start, m.end)] as const) : [];
        expect(Object.fromEntries(found)).toEqual({ a, b: [b, a], [b]: 1 });
      }),
      { numRuns: 500 },
    );
  });

  it('locates the elements of top-level arrays', () => {
    const bytes = utf8(' { "a" : [ 1, "x]" , {"b":[2]} ,[ ] ] , "c": [] } ');
    const scan = scanJson(bytes);
    const elements =
      scan.kind === 'scanned' ? scan.members.map((m) => m.elements?.map(([s, e]) => read(bytes, s, e))) : [];
    expect(elements).toEqual([[1, 'x]', { b: [2] }, []], []]);
  });

  it('refuses whatever text JSON.parse refuses for its structure', () => {
    const broken = fc
      .tuple(spelled, fc.nat(), fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':'))
      .map(([text, at, put]) => {
        const i = at % (text.length + 1);
        return text.slice(0, i) + put + text.slice(i + (put === '' ? 1 : 0));
      });
    fc.assert(
      fc.property(broken, (text) => {
        if (scanJson(utf8(text)).kind === 'scanned') expect(() => structureOf(text)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"b":{"c":[0,{"d":1,"e":2,"d":3}]}}', 'b.c[1].d'],
    ['{"tool":1,"\\u0074ool":2}', '\\u0074ool'],
    ['{"\\u00e9":1,"é":2}', 'é'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    [`{${Array.from({ length: 40 }, (_, i) => `"k${i}":0`).join()},"k7":1}`, 'k7'],
    ['{"":1,"":2}', ''],
  ])('D4 refuses the duplicate key in %s', (text, at) => {
    expect(refusal(text)).toEqual(['duplicate_key', at]);
  });

  it('takes keys that differ in an invisible character as different', () => {
    expect(refusal('{"a":1,"\uFEFFa":2,"A":3}')).toBe('scanned');
  });

  it('accepts depth 64 and refuses depth 65 with its place', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    expect(refusal(nested(64))).toBe('scanned');
    expect(refusal(nested(65))).toEqual(['too_deep', Array(64).fill('a').join('.')]);
  });

  it('D4 refuses depth 10,000 and a million without exhausting the stack', () => {
    expect(refusal('['.repeat(10_000))[0]).toBe('too_deep');
    expect(refusal('{"a":'.repeat(1_000_000))[0]).toBe('too_deep');
  });

  it.each(['', '{', '{"a"', '{"a":}', '{"a":1,}', '[1,]', '{"a":1}}', '[1 2]', '"open', '{a:1}', '{"a":1]', '\u0001'])(
    'refuses %j as malformed',
    (text) => {
      expect(refusal(text)[0]).toBe('malformed');
    },
  );

  it('stops locating elements at the limit and still reads the document', () => {
    const scan = scanJson(utf8(`{"input":[${'0,'.repeat(99)}0]}`), { depth: 64, elements: 10 });
    expect(scan.kind === 'scanned' && scan.members[0]?.elements?.length).toBe(10);
  });
});

describe('segments', () => {
  it('joined are exactly the input, whatever the input', () => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .record({ messages: fc.array(fc.jsonValue()), tools: fc.array(fc.jsonValue()), input: fc.jsonValue() })
        .map((b) => utf8(JSON.stringify(b, null, 1))),
    );
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 300 }), (bytes, least) => {
        const joined = segments(bytes, least).flatMap(([start, end]) => [...bytes.subarray(start, end)]);
        expect(joined).toEqual([...bytes]);
      }),
    );
  });

  it('of a longer conversation begin with those of the shorter one', () => {
    const turn = (i: number) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `turn ${i} `.repeat(i % 3 === 0 ? 1 : 40),
    });
    const body = (n: number) =>
      utf8(JSON.stringify({ model: 'm', messages: Array.from({ length: n }, (_, i) => turn(i)), stream: true }));
    const texts = (bytes: Uint8Array) =>
      segments(bytes).map(([start, end]) => new TextDecoder().decode(bytes.subarray(start, end)));
    const short = texts(body(40));
    const long = texts(body(42));
    const shared = short.filter((text, i) => long[i] === text).length;
    expect(short.length).toBeGreaterThan(20);
    expect(shared).toBeGreaterThanOrEqual(short.length - 2);
  });
});

const read = (bytes: Uint8Array, start: number, end: number): unknown =>
  JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end)));

/** Parses after literals and escapes are made valid and keys distinct: only the structure can fail. */
function structureOf(text: string): unknown {
  let n = 0;
  const plain = text.replace(/"(?:[^"\\]|\\[\s\S])*"|[-+.\w]+/g, (token) => {
    n += 1;
    return token.startsWith('"') ? `"${n}"` : '0';
  });
  return JSON.parse(plain);
}

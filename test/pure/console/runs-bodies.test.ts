import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prettyJson, readEvents, splitLines } from '../../../renderer/screens/run/body-text.ts';

describe('bodies made readable', () => {
  it('indents JSON without changing a digit, an escape or the order of keys', () => {
    expect(prettyJson('{"b":1.0,"a":[1e400,"\\u0041\\""],"c":{},"d":[ ]}')).toBe(
      '{\n  "b": 1.0,\n  "a": [\n    1e400,\n    "\\u0041\\""\n  ],\n  "c": {},\n  "d": []\n}',
    );
  });

  it('indents any JSON into the same value', () => {
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(JSON.parse(prettyJson(text) ?? ''))).toBe(text);
      }),
    );
  });

  it('leaves alone what is no JSON, or only a part of it', () => {
    expect(prettyJson('hello')).toBeNull();
    expect(prettyJson('{"a":')).toBeNull();
    expect(prettyJson('42')).toBeNull();
  });

  it('indents a very long string in one piece', () => {
    const text = JSON.stringify({ data: 'A'.repeat(4_000_000) });
    expect(prettyJson(text)?.length).toBe(text.length + 5);
  });

  it('reads the events of a stream, whatever its line ends, without its comments', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const stream = `: hello${end}${end}event: a${end}data: {"x":1}${end}${end}data: one${end}data: two${end}${end}`;
      expect(readEvents(stream)).toEqual([
        { event: 'a', text: '{"x":1}' },
        { event: null, text: 'one\ntwo' },
      ]);
    }
  });

  it('cuts text into pieces that are the text again', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '\n', 'bc', '\n\n')),
        fc.integer({ min: 1, max: 5 }),
        (parts, lines) => {
          const text = parts.join('');
          const pieces = splitLines(text, lines);
          expect(pieces.join('\n')).toBe(text);
          for (const piece of pieces) expect(piece.split('\n').length).toBeLessThanOrEqual(lines);
        },
      ),
    );
  });
});

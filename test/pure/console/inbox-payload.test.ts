import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOutChange, splitRows } from '../../../renderer/screens/inbox/payload/diff-rows.ts';
import { isNoisy, shownText } from '../../../renderer/screens/inbox/payload/hidden.ts';
import {
  countNodes,
  deeperThan,
  isMatched,
  matchedSet,
  prettyJson,
} from '../../../renderer/screens/inbox/payload/json-paths.ts';
import { shellRows } from '../../../renderer/screens/inbox/payload/shell-rows.ts';
import { chunkText, countLines, extentOf, isLong } from '../../../renderer/screens/inbox/payload/text-chunks.ts';

const whole = (rows: ReturnType<typeof shellRows>): string =>
  rows.map(({ joiner, before, binary, after }) => joiner + before + binary + after).join('');

describe('a shell command in rows', () => {
  it('has a row for each segment, its joiner and its program', () => {
    const segments = [
      { joiner: null, text: 'FOO=rm rm -rf a', binary: 'rm' },
      { joiner: '&&', text: 'git push', binary: 'git' },
    ];
    expect(shellRows('FOO=rm rm -rf a && git push', segments)).toEqual([
      { joiner: '', before: 'FOO=rm ', binary: 'rm', after: ' -rf a' },
      { joiner: ' && ', before: '', binary: 'git', after: ' push' },
    ]);
  });

  it('shows what lies between and behind the segments', () => {
    expect(
      whole(
        shellRows('a; b # rest', [
          { joiner: null, text: 'a', binary: 'a' },
          { joiner: ';', text: 'b', binary: 'b' },
        ]),
      ),
    ).toBe('a; b # rest');
  });

  it('shows the whole command as one row where the segments do not fit', () => {
    expect(shellRows('rm -rf /', [{ joiner: null, text: 'ls', binary: 'ls' }])).toEqual([
      { joiner: '', before: 'rm -rf /', binary: '', after: '' },
    ]);
  });

  it('never loses or adds a character, whatever the segments say', () => {
    const segment = fc.record({
      joiner: fc.constantFrom(null, '&&', ';'),
      text: fc.string(),
      binary: fc.option(fc.string()),
    });
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(segment),
        (command, segments) => whole(shellRows(command, segments)) === command,
      ),
    );
  });
});

describe('long text in pieces', () => {
  it('is the same text when joined, in pieces of bounded size, with no torn surrogate pair', () => {
    const text = fc
      .array(fc.constantFrom('a', '\n', '😀', 'x'.repeat(7_001), '\n'.repeat(150)), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (each) => {
        const chunks = chunkText(each);
        expect(chunks.map((chunk) => chunk.text).join('')).toBe(each);
        for (const chunk of chunks) {
          expect(chunk.text.length).toBeLessThanOrEqual(20_001);
          expect(chunk.lines).toBeLessThanOrEqual(200);
          expect(/[\ud800-\udbff]$/.test(chunk.text)).toBe(false);
        }
      }),
    );
  });

  it('counts lines as an editor does', () => {
    expect(['', 'a', 'a\n', 'a\nb', '\n\n'].map(countLines)).toEqual([0, 1, 1, 2, 2]);
  });

  it('is long above 200 lines, or with a line that fills as many', () => {
    expect(isLong(extentOf('a\n'.repeat(200)))).toBe(false);
    expect(isLong(extentOf('a\n'.repeat(201)))).toBe(true);
    expect(isLong(extentOf('a'.repeat(20_001)))).toBe(true);
  });
});

describe('a change in lines', () => {
  const change = (before: string | null, after: string | null, patch: string | null = null) => ({
    before,
    after,
    patch,
  });

  it('keeps every line of both sides', () => {
    const line = fc.constantFrom('a\n', 'b\n', 'c\n', 'd');
    const text = fc.array(line).map((lines) => lines.join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const { blocks } = layOutChange(change(before, after));
        const side = (kind: 'removed' | 'added'): string =>
          blocks
            .filter((block) => block.kind === 'same' || block.kind === kind)
            .map((block) => block.text)
            .join('');
        expect(side('removed')).toBe(before);
        expect(side('added')).toBe(after);
      }),
    );
  });

  it('shows a file without a known original as added', () => {
    expect(layOutChange(change(null, 'a\nb\n'))).toMatchObject({
      blocks: [{ kind: 'added', text: 'a\nb\n' }],
      added: 2,
      removed: 0,
    });
  });

  it('shows a patch by its signs, headers as notes', () => {
    const { blocks } = layOutChange(change(null, null, '--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n'));
    expect(blocks.map(({ kind, text }) => [kind, text])).toEqual([
      ['note', '--- a\n+++ b\n@@ -1 +1 @@\n'],
      ['removed', 'old\n'],
      ['added', 'new\n'],
      ['same', 'same\n'],
    ]);
  });

  it('puts replaced lines beside each other', () => {
    expect(
      splitRows([
        { kind: 'removed', text: 'a\nb\n' },
        { kind: 'added', text: 'c\n' },
        { kind: 'same', text: 'd' },
      ]),
    ).toEqual([
      { kind: 'removed', left: 'a\n', right: 'c\n' },
      { kind: 'removed', left: 'b\n', right: null },
      { kind: 'same', left: 'd', right: 'd' },
    ]);
  });
});

describe('JSON arguments', () => {
  it('are indented without changing a token', () => {
    expect(prettyJson('{"a":1.0,"b":[],"c":{"d":"x, {y}"},"e":[1,2]}')).toBe(
      '{\n  "a": 1.0,\n  "b": [],\n  "c": {\n    "d": "x, {y}"\n  },\n  "e": [\n    1,\n    2\n  ]\n}',
    );
    fc.assert(
      fc.property(fc.object(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(JSON.parse(prettyJson(text) ?? 'null'))).toBe(text);
      }),
    );
  });

  it('are left alone where they are no JSON object or list', () => {
    expect(['rm -rf', '{"a"', '12', '"x"'].map(prettyJson)).toEqual([null, null, null, null]);
  });

  it('are matched by path, however list places are written', () => {
    const matched = matchedSet(['args.lines[0].price', 'args.amount']);
    expect(['args.lines.0.price', 'args.amount', 'args.lines'].map((path) => isMatched(path, matched))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('are measured without reading more than needed', () => {
    expect(countNodes({ a: [1, 2] }, 100)).toBe(4);
    expect(countNodes(Array(1_000).fill(0), 10)).toBeGreaterThan(10);
    expect([deeperThan({ a: { b: 1 } }, 2), deeperThan({ a: { b: 1 } }, 1)]).toEqual([false, true]);
  });
});

describe('hidden characters', () => {
  it('are shown, line breaks and tabs excepted', () => {
    expect(shownText('a\u202eb\n\tc\r')).toBe('a\\u{202e}b\n\tc\\u{d}');
  });

  it('in their thousands are shown as plain text', () => {
    expect([isNoisy('\u200b'.repeat(1_000)), isNoisy('\u200b'.repeat(1_001)), isNoisy('\n'.repeat(5_000))]).toEqual([
      false,
      true,
      false,
    ]);
  });
});

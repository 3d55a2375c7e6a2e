import { describe, expect, it } from 'vitest';
import { createTextCallReader, type TextCall } from '../../../proxy-core/wire/text-calls.ts';
import { TEXTS_WITH_CALLS, TEXTS_WITHOUT_CALLS } from './texts-with-calls.ts';

function read(text: string, size = text.length): readonly TextCall[] {
  const reader = createTextCallReader();
  for (let from = 0; from < text.length; from += size) reader.push(text.slice(from, from + size));
  return reader.end();
}
const names = (calls: readonly TextCall[]): readonly string[] => calls.map(({ call }) => call.name);

describe('calls in a text', () => {
  it.each(TEXTS_WITH_CALLS)('are read: %s', (_title, text, tools) => {
    expect(names(read(text))).toEqual(tools);
  });

  it('are the same wherever the text is cut', () => {
    for (const [, text] of TEXTS_WITH_CALLS) {
      const whole = read(text);
      for (const size of [1, 2, 3, 7, 64]) expect(read(text, size)).toEqual(whole);
    }
  });

  it('keep their arguments', () => {
    const argsOf = (text: string): unknown => JSON.parse(read(text)[0]?.call.argsText ?? 'null');
    expect(argsOf('<execute_command>\n<command>rm -rf /</command>\n</execute_command>')).toEqual({
      command: 'rm -rf /',
    });
    expect(argsOf('<invoke name="pay"><parameter name="usd">600</parameter></invoke>')).toEqual({ usd: '600' });
    expect(argsOf('<tool_call>{"name": "pay", "arguments": {"usd": 600}}</tool_call>')).toEqual({ usd: 600 });
    expect(argsOf('<function=pay>\n<parameter=usd>\n600\n</parameter>\n</function>')).toEqual({ usd: '600' });
    expect(argsOf('<tool_call>pay\n<arg_key>usd</arg_key>\n<arg_value>600</arg_value>\n</tool_call>')).toEqual({
      usd: '600',
    });
  });
});

describe('ordinary answers', () => {
  it.each(TEXTS_WITHOUT_CALLS)('hold no call: %s', (text) => {
    expect(read(text)).toEqual([]);
    expect(read(text, 5)).toEqual([]);
  });

  it('hold none after one another either', () => {
    const long = TEXTS_WITHOUT_CALLS.filter((text) => !/^[[{]/.test(text) && !text.includes('Thought')).join('\n\n');
    expect(read(`${long}\n\nThat is all.`)).toEqual([]);
  });
});

describe('what reading costs', () => {
  it('is bounded: 16 calls of an answer are kept, and 16 KiB of a call', () => {
    expect(read('<bash>\nls\n</bash>\n'.repeat(100))).toHaveLength(16);
    const [call] = read(`<write_to_file>\n<path>a</path>\n<content>${'x'.repeat(400_000)}</content>\n</write_to_file>`);
    expect(call?.call.name).toBe('write_to_file');
    expect(call?.call.argsText.length).toBeLessThan(20_000);
  });

  it('finds what comes behind a long line, and in the middle of one', () => {
    const call = '<tool_call>{"name": "a", "arguments": {}}</tool_call>';
    for (const before of [8_100, 8_190, 8_192, 16_380, 50_000]) {
      expect(names(read('x'.repeat(before) + call))).toEqual(['a']);
      expect(names(read('x'.repeat(before) + call, 100))).toEqual(['a']);
    }
  });

  it.each([
    '<bash>',
    '<tool_call>',
    '<a>',
    '`',
    '```\n',
    '<invoke name="x">',
    'Action: a\n',
    '{',
    '[TOOL_CALLS]',
    '\n',
  ])('stays in proportion to the text, also of nothing but %j', (piece) => {
    const reader = createTextCallReader();
    for (let n = 0; n < 40; n += 1) reader.push(piece.repeat(10_000));
    expect(reader.end()).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskBody } from '../../../proxy-core/redaction/mask-body.ts';
import { BUILT_IN } from '../../../proxy-core/redaction/redactor.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const shown = (text: string): { text: string; masked: number } => {
  const { value, masked } = maskBody(bytes(text), BUILT_IN);
  return { text: new TextDecoder().decode(value), masked };
};
const frames = (...events: readonly unknown[]): string =>
  [...events.map((event) => `data: ${JSON.stringify(event)}\n\n`), 'data: [DONE]\n\n'].join('');

const SECRET = 'sk-0123456789abcdefghij';

/** A text cut into pieces at arbitrary places. */
const pieces = fc.array(fc.integer({ min: 1, max: SECRET.length + 12 }), { maxLength: 12 }).map((cuts) => {
  const text = `The key is ${SECRET}!`;
  const at = [0, ...[...new Set(cuts)].sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, index) => text.slice(at[index], end));
});

describe('a stored body without secrets', () => {
  it('is the very same bytes where there are none', () => {
    for (const text of ['{"a": 1.50, "b":"x"}', 'data: {"a":1}\n\n', '', '\u0000']) {
      const body = bytes(text);
      expect(maskBody(body, BUILT_IN)).toEqual({ value: body, masked: 0 });
      expect(maskBody(body, BUILT_IN).value).toBe(body);
    }
  });

  it('keeps everything else of JSON as it stands', () => {
    expect(shown(`{ "n": 1.50, "t":"${SECRET}", "password" : "hunter22" }`)).toEqual({
      text: '{ "n": 1.50, "t":"[masked]", "password" : "[masked]" }',
      masked: 2,
    });
  });

  it.each<[string, (text: string) => object]>([
    ['chat', (text: string) => ({ choices: [{ index: 0, delta: { content: text } }] })],
    ['completions', (text: string) => ({ choices: [{ index: 0, text }] })],
    ['messages', (text: string) => ({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text } })],
    ['responses', (text: string) => ({ type: 'response.output_text.delta', output_index: 0, delta: text })],
  ])('finds a secret that a stream of %s says in pieces', (_format, event) => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const { text, masked } = shown(frames(...parts.map(event)));
        expect(masked).toBe(1);
        const said = text.match(/"(?:content|text|delta)":"((?:[^"\\]|\\.)*)"/g)?.join('') ?? '';
        expect(said.replaceAll(/"(?:content|text|delta)":|"/g, '')).toBe('The key is [masked]!');
        expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
      }),
    );
  });

  it('tells what belongs together by the indexes: two tool calls at once are not mixed', () => {
    const call = (index: number, args: string) => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index, function: { arguments: args } }] } }],
    });
    const stream = frames(call(0, '{"password":"hun'), call(1, '{"path":"a'), call(0, 'ter2"}'), call(1, '"}'));
    const { text, masked } = shown(stream);
    expect(masked).toBe(1);
    expect(text).not.toMatch(/hun|ter2/);
    expect(text).toContain(JSON.stringify('{"path":"a'));
  });

  it('masks what a last frame repeats as a whole', () => {
    const { text, masked } = shown(frames({ type: 'response.completed', response: { output_text: SECRET } }));
    expect({ masked, hit: text.includes(SECRET) }).toEqual({ masked: 1, hit: false });
  });

  it('masks bytes that are no UTF-8 and keeps the others', () => {
    const body = Uint8Array.from([0xff, 0xfe, ...bytes(SECRET), 0x20, 0xc3]);
    const { value, masked } = maskBody(body, BUILT_IN);
    expect(masked).toBe(1);
    expect([...value]).toEqual([0xff, 0xfe, ...bytes('[masked]'), 0x20, 0xc3]);
  });
});

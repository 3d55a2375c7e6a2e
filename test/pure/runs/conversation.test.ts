import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conversationKeys } from '../../../proxy-core/runs/conversation.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const keys = (body: unknown) => conversationKeys(body, sha256);
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });

describe('conversation keys', () => {
  it('of a next turn contain the key of the turn before it', () => {
    const first = keys({ messages: [user('hello')] });
    const second = keys({ messages: [user('hello'), assistant('hi'), user('more')] });
    const third = keys({ messages: [user('hello'), assistant('hi'), user('more'), assistant('ok'), user('bye')] });
    expect(second.earlier).toEqual([first.whole]);
    expect(third.earlier).toEqual([second.whole, first.whole]);
  });

  it('of another conversation do not', () => {
    const first = keys({ messages: [user('hello')] });
    const other = keys({ messages: [user('hullo'), assistant('hi'), user('more')] });
    expect(other.earlier).not.toContain(first.whole);
  });

  it('of a resend are the same, and name no earlier turn', () => {
    expect(keys({ messages: [user('hello')] })).toEqual(keys({ messages: [user('hello')] }));
    expect(keys({ messages: [user('hello')] }).earlier).toEqual([]);
  });

  it('do not change when cache marks move from message to message', () => {
    const marked = [{ type: 'text', text: 'hello', cache_control: { type: 'ephemeral' } }];
    const first = keys({ messages: [user(marked)] });
    const second = keys({ messages: [user([{ type: 'text', text: 'hello' }]), assistant('hi'), user(marked)] });
    expect(second.earlier).toEqual([first.whole]);
  });

  it('recognise the model’s turns of a Responses input', () => {
    const first = keys({ input: [user('run it')] });
    const call = { type: 'function_call', call_id: 'call_1', name: 'exec', arguments: '{}' };
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'done' };
    expect(keys({ input: [user('run it'), call, output] }).earlier).toEqual([first.whole]);
    const custom = { type: 'custom_tool_call', call_id: 'call_2', name: 'exec', input: 'x' };
    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [] };
    expect(keys({ input: [user('run it'), reasoning, custom, output] }).earlier).toEqual([first.whole]);
  });

  it.each([[{}], [{ messages: [] }], [{ input: 'text' }], [null], ['text'], [[]]])('of %j are none', (body) => {
    expect(keys(body)).toEqual({ whole: null, earlier: [] });
  });

  it('tell long texts apart by length, head and tail', () => {
    const long = (middle: string): unknown => ({ messages: [user(`${'a'.repeat(500)}${middle}${'z'.repeat(500)}`)] });
    expect(keys(long('1')).whole).not.toBe(keys(long('22')).whole);
    expect(keys({ messages: [user(`x${'a'.repeat(400)}`)] }).whole).not.toBe(
      keys({ messages: [user(`y${'a'.repeat(400)}`)] }).whole,
    );
  });

  it('always find the turn before, whatever was said', () => {
    const text = fc.string({ maxLength: 400 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), text, text, (said, answer, next) => {
        const messages = said.flatMap((line, index) => (index === 0 ? [user(line)] : [assistant(answer), user(line)]));
        const before = keys({ messages });
        expect(keys({ messages: [...messages, assistant(answer), user(next)] }).earlier[0]).toBe(before.whole);
      }),
    );
  });

  it('look back over a bounded number of turns, the nearest first', () => {
    const messages = Array.from({ length: 30 }, (_, index) => [user(`q${index}`), assistant(`a${index}`)]).flat();
    const { earlier } = keys({ messages: [...messages, user('last')] });
    expect(earlier).toHaveLength(8);
    expect(earlier[0]).toBe(keys({ messages: messages.slice(0, -1) }).whole);
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBody, type FingerprintParts, fingerprint } from '../../../proxy-core/runs/fingerprint.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const PARTS: FingerprintParts = {
  agentId: 'agt_1',
  runId: 'run_1',
  method: 'POST',
  path: '/v1/messages',
  body: '{}',
};
const print = (bodyText: string, changes: Partial<FingerprintParts> = {}): string =>
  fingerprint({ ...PARTS, body: canonicalBody(bodyText), ...changes }, sha256);

describe('the fingerprint of a request', () => {
  it('is a version tag and a SHA-256', () => {
    expect(print('{"model":"m"}')).toMatch(/^fp1:[0-9a-f]{64}$/);
  });

  it('does not depend on the order of keys or on white space', () => {
    expect(print('{"a":{"x":1,"y":[1,2]},"b":"t"}')).toBe(print(' { "b" : "t", "a" : { "y" : [ 1, 2 ], "x" : 1 } } '));
    expect(print('{"a":[1,2]}')).not.toBe(print('{"a":[2,1]}'));
  });

  it('ignores whether the answer is to be streamed, at the top level only', () => {
    const plain = print('{"model":"m"}');
    expect(print('{"model":"m","stream":true}')).toBe(plain);
    expect(print('{"model":"m","stream":false,"stream_options":{"include_usage":true}}')).toBe(plain);
    expect(print('{"model":"m","x":{"stream":true}}')).not.toBe(print('{"model":"m","x":{}}'));
  });

  it('tells integers apart that a double cannot', () => {
    expect(print('{"amount":9007199254740993}')).not.toBe(print('{"amount":9007199254740992}'));
    expect(print('{"amount":1e400}')).not.toBe(print('{"amount":1e401}'));
  });

  it('tells numbers apart by their source text', () => {
    expect(print('{"amount":1.0}')).not.toBe(print('{"amount":1}'));
  });

  it.each([
    ['{"v":5}', '{"v":"5"}'],
    ['{"v":5}', '{"v":"#5"}'],
    ['{"v":"#5"}', '{"v":"##5"}'],
    ['{"v":null}', '{}'],
    ['{"v":true}', '{"v":"true"}'],
    ['{"v":[]}', '{"v":{}}'],
  ])('tells %s from %s', (one, other) => {
    expect(print(one)).not.toBe(print(other));
  });

  it('reads escapes, so that two spellings of one text are one', () => {
    expect(print('{"v":"\\u0041\\/"}')).toBe(print('{"v":"A/"}'));
  });

  it.each([{ agentId: 'agt_2' }, { runId: 'run_2' }, { method: 'PUT' }, { path: '/v1/responses' }])(
    'depends on %o',
    (changes) => {
      expect(print('{"v":1}', changes)).not.toBe(print('{"v":1}'));
    },
  );

  it('cannot be forged by moving text from one part into the next', () => {
    expect(print('{}', { agentId: 'a"\n"b', runId: 'c' })).not.toBe(print('{}', { agentId: 'a', runId: 'b"\n"c' }));
  });

  it('is the same for any order of keys and differs for any other value', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const key = fc.string().filter((name) => !['stream', 'stream_options', '__proto__'].includes(name));
    const entries = fc.uniqueArray(fc.tuple(key, scalar), { selector: ([name]) => name, minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(entries, (pairs) => {
        const text = JSON.stringify(Object.fromEntries(pairs));
        expect(print(JSON.stringify(Object.fromEntries(pairs.toReversed())))).toBe(print(text));
        const [first] = pairs;
        if (first === undefined) return;
        const changed = { ...Object.fromEntries(pairs), [first[0]]: 'another value entirely' };
        expect(print(JSON.stringify(changed))).not.toBe(print(text));
      }),
    );
  });

  it('is one for texts cut through a character, and tells them apart', () => {
    expect(print('{"a":"\\ud83d","b":1}')).toBe(print('{"b":1,"a":"\\uD83D"}'));
    expect(print('{"a":"\\ud83d"}')).not.toBe(print('{"a":"\\ud83e"}'));
    expect(print('{"a":"\\ud83d"}')).not.toBe(print('{"a":"#\\"\\\\ud83d\\""}'));
    expect(print('{"\\ud83d":1}')).not.toBe(print('{"\\ud83e":1}'));
  });

  it('throws on what is not JSON', () => {
    expect(() => print('{')).toThrow(SyntaxError);
  });
});

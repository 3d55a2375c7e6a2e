import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clampOutput, type MemberPath, removeMembers, setMember } from '../../../proxy-core/wire/splice.ts';
import { utf8 } from './stream-fixtures.ts';

const text = (bytes: Uint8Array | null | undefined): string | null => (bytes ? new TextDecoder().decode(bytes) : null);
const set = (body: string, path: MemberPath, literal: string) => text(setMember(utf8(body), path, literal));
const USAGE: MemberPath = ['stream_options', 'include_usage'];

describe('setMember', () => {
  it.each([
    ['{}', '{"stream_options":{"include_usage":true}}'],
    [' { } ', ' { "stream_options":{"include_usage":true}} '],
    ['{"a" : 1.0 }', '{"a" : 1.0,"stream_options":{"include_usage":true} }'],
    ['{"stream_options":null,"b":2}', '{"stream_options":{"include_usage":true},"b":2}'],
    ['{"stream_options": { } }', '{"stream_options": { "include_usage":true} }'],
    ['{"stream_options":{"x":1} , "b":"}"}', '{"stream_options":{"x":1,"include_usage":true} , "b":"}"}'],
    ['{"stream_options":{"include_usage": false}}', '{"stream_options":{"include_usage": true}}'],
    ['{"stream_options":{"include_usage":true}}', '{"stream_options":{"include_usage":true}}'],
    [
      '{"x":{"stream_options":{"include_usage":false}}}',
      '{"x":{"stream_options":{"include_usage":false}},"stream_options":{"include_usage":true}}',
    ],
  ])('asks for usage in %s', (before, after) => {
    expect(set(before, USAGE, 'true')).toBe(after);
  });

  it.each(['[]', '3', '', '{"a":1,"a":2}', '{"stream_options":7}', '{"stream_options":[]}'])(
    'does not edit %s',
    (body) => {
      expect(set(body, USAGE, 'true')).toBeNull();
    },
  );

  it('changes the one member and no other byte', () => {
    const key = fc.string({ maxLength: 6 });
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue(), { maxKeys: 8 }),
        key,
        fc.jsonValue(),
        fc.constantFrom(0, 2),
        (body, name, value, indent) => {
          const before = JSON.stringify(body, null, indent);
          const after = set(before, [name], JSON.stringify(value)) ?? '';
          expect(JSON.parse(after)).toEqual(
            JSON.parse(JSON.stringify(Object.fromEntries([...Object.entries(body), [name, value]]))),
          );
          if (!Object.hasOwn(body, name)) {
            const added = `${Object.keys(body).length === 0 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
            expect(after.length).toBe(before.length + added.length);
            expect(after.replace(added, '')).toHaveLength(before.length);
          }
        },
      ),
    );
  });

  it('keeps invalid UTF-8 elsewhere as it is', () => {
    const body = Uint8Array.of(...utf8('{"a":"'), 0xff, 0xfe, ...utf8('","b":1}'));
    const edited = setMember(body, ['b'], '2');
    expect([...(edited ?? [])]).toEqual([...body.subarray(0, -2), 0x32, 0x7d]);
  });
});

describe('clampOutput', () => {
  const clamp = (body: string, ceiling: number) => {
    const edit = clampOutput(utf8(body), ['max_completion_tokens', 'max_tokens'], ceiling);
    return edit && [text(edit.bytes), edit.changed];
  };

  it.each([
    ['{"max_tokens":100}', '{"max_tokens":100}', []],
    ['{"max_tokens":1000 }', '{"max_tokens":500 }', ['max_tokens']],
    [
      '{"max_tokens":1e3,"max_completion_tokens":200}',
      '{"max_tokens":500,"max_completion_tokens":200}',
      ['max_tokens'],
    ],
    ['{"model":"m"}', '{"model":"m","max_completion_tokens":500}', ['max_completion_tokens']],
    ['{"max_tokens":null}', '{"max_tokens":null,"max_completion_tokens":500}', ['max_completion_tokens']],
    ['{"max_tokens":"9999"}', '{"max_tokens":500}', ['max_tokens']],
    ['{"max_tokens":1e999}', '{"max_tokens":500}', ['max_tokens']],
  ])('holds %s to 500 tokens', (before, after, changed) => {
    expect(clamp(before, 500)).toEqual([after, changed]);
  });

  it('does not edit what it cannot scan', () => {
    expect(clamp('[]', 5)).toBeNull();
  });
});

describe('removeMembers', () => {
  it.each([
    ['{"a":1,"b":2,"c":3}', '{"c":3}'],
    ['{ "c":3 , "a" : 1,"b":2 }', '{ "c":3 }'],
    ['{"a":1,"c":3, "b":2,"d":4}', '{"c":3,"d":4}'],
    ['{"a":1,"b":2}', '{}'],
    ['{"x":{"a":1}}', '{"x":{"a":1}}'],
  ])('removes a and b from %s', (before, after) => {
    expect(text(removeMembers(utf8(before), ['a', 'b']))).toBe(after);
  });
});

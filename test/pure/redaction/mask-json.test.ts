import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskSecrets, maskTree } from '../../../proxy-core/redaction/mask.ts';
import { maskJsonText } from '../../../proxy-core/redaction/mask-json.ts';

const mask = (json: string): string =>
  maskJsonText(
    json,
    (text) => maskSecrets(text).value,
    (value) => maskTree(value, maskSecrets).value,
  );

describe('masking inside JSON text', () => {
  it('leaves every byte of text without secrets as it is, spaces and escapes included', () => {
    const json = '{ "a" : "x\\u0041y" , "n":1.50, "list":["b", {"c":"\\n"}] }';
    expect(mask(json)).toBe(json);
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        (text) => JSON.stringify(JSON.parse(mask(text))) === JSON.stringify(maskTree(JSON.parse(text)).value),
      ),
    );
  });

  it('finds a secret behind escapes, in JSON within JSON, and under a telling name', () => {
    const inner = JSON.stringify({ password: 'hunter2-hunter2' });
    expect(mask(JSON.stringify({ arguments: inner }))).not.toContain('hunter2');
    expect(mask('{"t":"sk-\\u0061bcdefghijklmnop"}')).toBe('{"t":"[masked]"}');
    expect(mask('{"authorization": "opaque"}')).toBe('{"authorization": "[masked]"}');
    expect(mask('{"token":"a","x":"b"}')).toBe('{"token":"[masked]","x":"b"}');
  });

  it('works on a part of a document, cut between values', () => {
    expect(mask(',{"role":"user","content":"key sk-abcdefghijklmnop"},')).toBe(
      ',{"role":"user","content":"key [masked]"},',
    );
    expect(mask('}]},{"password":"secret-secret"')).toBe('}]},{"password":"[masked]"');
  });

  it('masks text that is no JSON as text', () => {
    expect(mask('Authorization: Bearer abcdefghijkl')).toBe('Authorization: Bearer [masked]');
  });

  it('stays valid JSON whatever is masked', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (strings) => {
        const json = JSON.stringify({ ...strings, api_key: 'sk-abcdefghijklmnop' });
        expect(() => JSON.parse(mask(json))).not.toThrow();
      }),
    );
  });
});

it.each([
  ['a text of many megabytes', `{"a":"${'x'.repeat(9_000_000)} sk-abcdefghijklmnop"}`],
  ['unfinished strings full of escaped quotes', `{"a":"${'\\"'.repeat(300_000)} sk-abcdefghijklmnop`],
])('masks %s, in time that grows with its length only', (_what, json) => {
  const masked = maskJsonText(
    json,
    (text) => maskSecrets(text).value,
    (value) => maskTree(value).value,
  );
  expect(masked).toContain('[masked]');
  expect(masked).not.toContain('sk-abc');
});

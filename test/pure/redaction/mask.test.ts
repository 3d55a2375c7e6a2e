import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskSecrets, maskTree } from '../../../proxy-core/redaction/mask.ts';

describe('masking a text', () => {
  it.each([
    'rg_agt_0123456789abcdefghij',
    'sk-proj-0123456789abcdef',
    'sk-ant-api03-0123456789_abc-def',
    'sk_live_0123456789abcdef',
    'ghp_0123456789abcdefABCDEF0123',
    'github_pat_0123456789abcdef_ABC',
    'glpat-0123456789abcdef0123',
    'xoxb-123456789012-abcdef',
    'AKIAIOSFODNN7EXAMPLE',
    `AIza${'x'.repeat(35)}`,
    `npm_${'x'.repeat(36)}`,
    `hf_${'x'.repeat(34)}`,
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl',
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY-----\ncut off in the mid',
  ])('takes out %s', (secret) => {
    expect(maskSecrets(`before ${secret}`)).toEqual({ value: 'before [masked]', masked: 1 });
  });

  it.each([
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [masked]'],
    ['curl -H "authorization: basic dXNlcjpwYXNz"', 'curl -H "authorization: basic [masked]"'],
    ['git clone https://me:hunter2@host/x', 'git clone https://me:[masked]@host/x'],
    ['DB_PASSWORD=hunter22 ./run', 'DB_PASSWORD=[masked] ./run'],
    ['{"api_key": "abcdef123"}', '{"api_key": [masked]}'],
    ["--token='abcdef123'", '--token=[masked]'],
    ['API_KEY=sk-0123456789abcdef', 'API_KEY=[masked]'],
  ])('keeps what tells the reader what it was: %s', (text, shown) => {
    expect(maskSecrets(text)).toEqual({ value: shown, masked: 1 });
  });

  it.each([
    'rm -rf build',
    'max_tokens: 4096',
    '{"max_output_tokens": 1000, "token": 123456}',
    'a'.repeat(64),
    'gate_01jb3x8k2m4n6p8q0r2s4t6v8w xch_01jb3x8k2m4n6p8q0r2s4t6v8w',
    'https://example.test/a?b=c@d',
    'sk-short',
  ])('leaves %s', (text) => {
    expect(maskSecrets(text)).toEqual({ value: text, masked: 0 });
  });

  it('leaves a text that is masked already', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('token=', 'Bearer ', 'sk-', '://u:'), (text, lead) => {
        const once = maskSecrets(`${lead}${text} ${text}@`).value;
        expect(maskSecrets(once).value).toBe(once);
      }),
    );
  });
});

describe('masking a tree', () => {
  it('goes through lists, members and their names, and leaves everything that is not text', () => {
    const tree = { a: ['sk-0123456789abcdef', 1, null, true], 'sk-0123456789abcdef': { b: 'x' } };
    expect(maskTree(tree)).toEqual({
      value: { a: ['[masked]', 1, null, true], '[masked]': { b: 'x' } },
      masked: 2,
    });
  });

  it('masks texts under telling names whole, whatever they look like', () => {
    const tree = { password: 'x', Authorization: 'y', api_key: 'z', token: 5, secret: '', tokens: 'kept' };
    expect(maskTree(tree)).toEqual({
      value: {
        password: '[masked]',
        Authorization: '[masked]',
        api_key: '[masked]',
        token: 5,
        secret: '',
        tokens: 'kept',
      },
      masked: 3,
    });
  });

  it('keeps a member called __proto__ a member', () => {
    const { value } = maskTree(JSON.parse('{"__proto__": {"a": 1}}'));
    expect(JSON.stringify(value)).toBe('{"__proto__":{"a":1}}');
  });
});

it('masks whole what is nested beyond all measure, without taking the stack', () => {
  let deep: unknown = 'sk-abcdefghijklmnop';
  for (let level = 0; level < 20_000; level += 1) deep = [deep];
  const { value, masked } = maskTree(deep);
  expect(masked).toBe(1);
  let shown: unknown = value;
  while (Array.isArray(shown)) shown = shown[0] as unknown;
  expect(shown).toBe('[masked]');
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BUILT_IN, createRedactor, type Redactor } from '../../../proxy-core/redaction/redactor.ts';

function withPatterns(...patterns: readonly string[]): Redactor {
  const created = createRedactor(patterns);
  if (created.kind === 'fault') throw new Error(created.message);
  return created.redactor;
}

it.each([
  '4111 1111 1111 1111',
  '4111-1111-1111-1111',
  '4111111111111111',
  '378282246310005',
  '3782 822463 10005',
  '5555555555554444',
  '6011111111111117',
])('masks the card number %s', (card) => {
  expect(BUILT_IN.text(`card: ${card}.`)).toEqual({ value: 'card: [masked].', masked: 1 });
});

it.each([
  ['a wrong check digit', '4111111111111112'],
  ['an instant in milliseconds', '1763780000000'],
  ['an unknown issuer', '9999999999999995'],
  ['a longer number', '41111111111111111111'],
  ['a decimal', '0.4111111111111111'],
])('leaves %s alone', (_what, text) => {
  expect(BUILT_IN.text(text)).toEqual({ value: text, masked: 0 });
});

it('masks what the operator’s patterns match, beside the built-in ones, and counts both', () => {
  const redactor = withPatterns('EMP-\\d{6}', '(?i)project falcon');
  expect(redactor.text('EMP-123456 and EMP-999999 on Project Falcon, key sk-abcdefghijklmnop')).toEqual({
    value: '[masked] and [masked] on [masked], key [masked]',
    masked: 4,
  });
});

it('masks names and values in JSON', () => {
  const redactor = withPatterns('EMP-\\d{6}');
  expect(redactor.tree({ 'EMP-123456': [{ note: 'by EMP-654321', password: 'x' }] })).toEqual({
    value: { '[masked]': [{ note: 'by [masked]', password: '[masked]' }] },
    masked: 3,
  });
});

it.each(['(', 'a*', '(?=x)'])('refuses the pattern %s with a reason', (pattern) => {
  expect(createRedactor(['ok', pattern])).toMatchObject({ kind: 'fault', pattern, message: expect.any(String) });
});

it('masks nothing twice: what has been masked stays as it is', () => {
  const redactor = withPatterns('[a-z]{12,}', '\\[masked\\]');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const once = redactor.text(text);
      expect(redactor.text(once.value)).toEqual({ value: once.value, masked: 0 });
    }),
  );
});

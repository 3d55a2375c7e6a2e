import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actionHash, argsHash, canonicalText, proposedArgs } from '../../../proxy-core/gates/action-hash.ts';
import { parseArguments, renderValue } from '../../../proxy-core/policy/arguments.ts';
import { sha256 } from './gate-fixtures.ts';

const readExactly = (text: string): string | null => {
  const parsed = parseArguments(text);
  return parsed.kind === 'parsed' ? renderValue(parsed.value) : null;
};
const action = { tool: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 }, call_id: 'call_1', rule: 'refund' };

describe('the hash of proposed actions', () => {
  it('does not depend on the order of keys', () => {
    const turned = { ...action, args: { amount_usd: 1240, order: 'ord_1' } };
    expect(actionHash([action], sha256)).toBe(actionHash([turned], sha256));
    expect(actionHash([action], sha256)).toMatch(/^[\da-f]{64}$/);
  });

  it.each([
    ['the tool', { tool: 'issue_refunds' }],
    ['an argument', { args: { order: 'ord_1', amount_usd: 1241 } }],
    ['the type of an argument', { args: { order: 'ord_1', amount_usd: '1240' } }],
    ['the call', { call_id: 'call_2' }],
    ['the rule', { rule: 'other' }],
    ['that it is gated', { rule: null }],
  ])('E5: changes with %s', (_, over) => {
    expect(actionHash([{ ...action, ...over }], sha256)).not.toBe(actionHash([action], sha256));
  });

  it('changes with the number and order of actions', () => {
    const other = { ...action, call_id: 'call_2' };
    const hashes = [[action], [action, other], [other, action], []].map((actions) => actionHash(actions, sha256));
    expect(new Set(hashes).size).toBe(4);
  });
});

describe('canonical text', () => {
  it('is RFC 8785 for every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalText(value)).toBe(canonicalize(JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  it('has a form for lone surrogates, undefined and keys that mean something to JavaScript', () => {
    expect(canonicalText('\ud800')).toBe('"\\ud800"');
    expect(canonicalText({ a: undefined, b: [undefined] })).toBe('{"b":[null]}');
    expect(canonicalText(JSON.parse('{"__proto__":1,"b":2}'))).toBe('{"__proto__":1,"b":2}');
  });
});

describe('arguments as a gate proposes them', () => {
  it('are the JSON that they are', () => {
    expect(proposedArgs('{"b":[1,2.50,"x"],"a":null}', readExactly)).toEqual({ a: null, b: [1, 2.5, 'x'] });
    expect(proposedArgs('[]', readExactly)).toEqual([]);
  });

  it.each([
    ['no JSON', 'rm -rf {'],
    ['a number beyond 2^53', '{"id":9007199254740993}'],
    ['more digits than survive', '{"x":0.1000000000000000055511151231257827}'],
    ['a key written twice', '{"amount":1,"amount":1000}'],
    ['extreme depth', `${'['.repeat(200)}${']'.repeat(200)}`],
    ['a bare string, which must not be taken for text', '"text"'],
    ['nothing', ''],
  ])('D4: are their text if they are %s', (_, text) => {
    expect(proposedArgs(text, readExactly)).toBe(text);
  });

  it('E4: two texts that a reader could tell apart never share a hash', () => {
    const texts = ['{"id":9007199254740993}', '{"id":9007199254740992}', '{"a":1,"a":2}', '{"a":2}', '"x"', 'x'];
    const hashes = texts.map((text) => argsHash(proposedArgs(text, readExactly), sha256));
    expect(new Set(hashes).size).toBe(texts.length);
  });

  it('share a hash when they differ only in blanks and the order of keys', () => {
    const hash = (text: string) => argsHash(proposedArgs(text, readExactly), sha256);
    expect(hash('{ "b": 1, "a": [ 2 ] }')).toBe(hash('{"a":[2],"b":1}'));
  });
});

import { describe, expect, it } from 'vitest';
import { nanoUsd } from '../../../proxy-core/contract/money.ts';
import { diffPolicies, renderChanges } from '../../../proxy-core/policy/diff.ts';
import { allowsEndpoint, endpointCost, toolCost } from '../../../proxy-core/policy/endpoints.ts';
import { policyOf } from './subjects.ts';

const of = (yaml: string) => policyOf(yaml).definition;
const rule = (name: string, more = ''): string =>
  `  - { rule: ${name}, match: { tool: ${name} }, action: gate${more} }`;

describe('the difference of two versions', () => {
  it('is nothing for the same content', () => {
    expect(diffPolicies(of('policy: p\ndefault: allow'), of('{"policy":"p"}'))).toEqual([]);
  });

  it('is told field by field and in words', () => {
    const before = of(`policy: p\nbudget: { run_usd: 5 }\nrules:\n${rule('a')}\n${rule('b')}\n${rule('c')}`);
    const after = of(
      `policy: p\nbudget: { run_usd: 10, max_output_tokens: 100 }\nmodels: { allow: [x] }\nrules:\n${rule('c')}\n${rule('a', ', message: "Ask first."')}\n${rule('d')}`,
    );
    const changes = diffPolicies(before, after);
    expect(renderChanges(changes)).toEqual([
      'budget.run_usd changed from 5 to 10',
      'budget.max_output_tokens set to 100',
      'models set to {"allow":["x"]}',
      'rule "b" removed (gate)',
      'rule "a": message set to "Ask first."',
      'rule "a" moved from place 1 to 2',
      'rule "d" added at place 3 (gate)',
    ]);
    expect(changes).toContainEqual({ kind: 'setting_changed', path: 'budget.run_usd', before: '5', after: '10' });
  });

  it('goes into a rule’s match', () => {
    const match = (least: number) =>
      of(`policy: p\nrules: [{ rule: r, match: { tool: x, args.a: { $gte: ${least} } }, action: gate }]`);
    expect(diffPolicies(match(500), match(900))).toEqual([
      { kind: 'rule_changed', rule: 'r', path: 'match.args.a.$gte', before: '500', after: '900' },
    ]);
  });

  it('names the fewest moved rules', () => {
    const list = (...names: string[]) => of(`policy: p\nrules:\n${names.map((name) => rule(name)).join('\n')}`);
    expect(diffPolicies(list('a', 'b', 'c', 'd'), list('d', 'a', 'b', 'c'))).toEqual([
      { kind: 'rule_moved', rule: 'd', from: 4, to: 1 },
    ]);
  });

  it('shows hidden characters', () => {
    expect(
      renderChanges(
        diffPolicies(of('policy: p'), of('policy: p\nrules: [{ rule: "a\u202eb", match: { tool: x }, action: gate }]')),
      ),
    ).toEqual(['rule "a\\u{202e}b" added at place 1 (gate)']);
  });
});

describe('extra endpoints and prices', () => {
  const policy = of(`
policy: p
endpoints: ["/v1/images/*", "POST /v1/audio/speech"]
endpoint_cost_usd: { "/v1/images/*": 0.04 }
tool_cost_usd: { "mcp__maps__*": 0.005, web_search: 0.01 }
`);
  it('are let through by path and method', () => {
    expect(allowsEndpoint(policy, 'POST', '/v1/images/generations')).toBe(true);
    expect(allowsEndpoint(policy, 'POST', '/v1/audio/speech')).toBe(true);
    expect(allowsEndpoint(policy, 'GET', '/v1/audio/speech')).toBe(false);
    expect(allowsEndpoint(policy, 'POST', '/v1/files')).toBe(false);
    expect(allowsEndpoint(of('policy: p'), 'GET', '/v1/images/x')).toBe(false);
  });

  it.each([
    '/v1/images/../files',
    '/v1/images/%2e%2e/files',
    '/v1/images//x',
    '/v1/images/..%2ffiles',
    '/v1/images/\\x',
    '/v1/images/.',
  ])('refuse %s, which a server may resolve elsewhere', (path) => {
    expect(allowsEndpoint(policy, 'POST', path)).toBe(false);
  });

  it('cost what the first glob says', () => {
    expect(endpointCost(policy, '/v1/images/generations')).toBe(nanoUsd(40_000_000));
    expect(endpointCost(policy, '/v1/audio/speech')).toBe(0);
    expect(endpointCost(of('policy: p\nendpoint_cost_usd: 0.5'), '/v1/x')).toBe(nanoUsd(500_000_000));
    expect(toolCost(policy, 'mcp__maps__route')).toBe(nanoUsd(5_000_000));
    expect(toolCost(policy, 'Bash')).toBe(0);
  });
});

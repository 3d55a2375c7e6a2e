import { describe, expect, it } from 'vitest';
import { type BulkMember, bulkObstacle, compareArguments } from '../../../renderer/screens/inbox/bulk.ts';
import { matchesSearch, sentenceOf, subjectOf } from '../../../renderer/screens/inbox/subject.ts';
import { gateOf } from './inbox-gate.ts';

const member = (change: Partial<BulkMember> = {}): BulkMember => ({
  gate: gateOf(),
  risk: 'high',
  long: false,
  ...change,
});
const call = (tool: string, args: unknown) => ({ tool, args, call_id: null, rule: 'shell:delete' });

describe('deciding several gates at once', () => {
  it('takes gates of the same rule, policy and tool', () => {
    expect(bulkObstacle(member(), member({ gate: gateOf({ gate_id: 'gate_2', agent: 'other' }) }))).toBeNull();
  });

  it.each([
    ['another rule', member({ gate: gateOf({ rule: 'git:force' }) })],
    ['another version of the policy', member({ gate: gateOf({ policy: 'default@2' }) })],
    ['another tool', member({ gate: gateOf({ proposed_actions: [call('fetch', {})] }) })],
    ['a critical gate', member({ risk: 'critical' })],
    ['a gate whose risk is not known', member({ risk: null })],
    ['a payload too long for a table', member({ long: true })],
    [
      'an answer with several calls',
      member({ gate: gateOf({ proposed_actions: [call('bash', {}), call('bash', {})] }) }),
    ],
    ['a decided gate', member({ gate: gateOf({ state: 'approved' }) })],
  ])('refuses %s and says why', (_, other) => {
    expect(bulkObstacle(member(), other)).toMatch(/\w/);
  });

  it('shows only the arguments that differ as columns, complete', () => {
    const gates = [
      gateOf({ proposed_actions: [call('refund', { order: 'a', currency: 'USD', lines: [{ sku: 1 }] })] }),
      gateOf({ proposed_actions: [call('refund', { order: 'b', currency: 'USD', lines: [{ sku: 1 }], note: 'x' })] }),
    ];
    expect(compareArguments(gates)).toEqual({
      paths: ['order', 'note'],
      rows: [
        ['a', null],
        ['b', 'x'],
      ],
      common: [
        ['currency', 'USD'],
        ['lines.0.sku', '1'],
      ],
    });
  });

  it('tells an empty object from an absent one', () => {
    const gates = [
      gateOf({ proposed_actions: [call('t', { a: {} })] }),
      gateOf({ proposed_actions: [call('t', { b: 1 })] }),
    ];
    expect(compareArguments(gates).rows).toEqual([
      ['{}', null],
      [null, '1'],
    ]);
  });
});

describe('what a gate is about', () => {
  it('is the argument that says most, else the tool with its arguments', () => {
    expect(subjectOf(gateOf())).toEqual({ verb: 'run', target: 'rm -rf build' });
    const refund = gateOf({ proposed_actions: [call('issue_refund', { amount: 5 })] });
    expect(subjectOf(refund)).toEqual({ verb: 'issue_refund', target: '{"amount":5}' });
    expect(subjectOf(gateOf({ kind: 'request', proposed_actions: [] }))).toEqual({ verb: 'model call', target: '' });
  });

  it('is the gated call, not another of the same answer', () => {
    const ungated = { ...call('read', { path: 'a' }), rule: null };
    expect(subjectOf(gateOf({ proposed_actions: [ungated, call('bash', { command: 'ls' })] })).target).toBe('ls');
  });

  it('makes a sentence that keeps the model’s words apart', () => {
    const common = { tool: 'bash', call_id: null, rule: 'r', matched_paths: [], raw: '{}' };
    const segments = ['rm a', 'ls'].map((text) => ({ joiner: null, text, binary: null }));
    const view = { view: 'shell', ...common, command: 'rm a; ls', segments, cwd: '~/src', env: [] } as const;
    expect(sentenceOf({ gate: gateOf(), actions: [{ ...view, env: [], matched_paths: [] }] })).toEqual([
      { text: 'wants to ' },
      { text: 'run 2 shell commands in ' },
      { code: '~/src' },
    ]);
  });

  it('is found by every word of a search', () => {
    expect(matchesSearch(gateOf(), 'BUILD refactor')).toBe(true);
    expect(matchesSearch(gateOf(), 'build nowhere')).toBe(false);
    expect(matchesSearch(gateOf(), ' ')).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { refusalContext, renderDecision, renderMatched, renderReason } from '../../../proxy-core/policy/explain.ts';
import { callOf, decideCall, policyOf, scriptOf } from './subjects.ts';

const policy = policyOf(`
policy: refunds
rules:
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    approver_channel: "slack://#customer-ops"
    expires_in_seconds: 600
    message: "Refunds over $500 need a second pair of eyes."
    recover: "Offer a smaller amount."
  - { rule: plain, match: { tool: drop }, action: block }
  - { rule: watched, match: { tool: issue_refund }, action: alert }
  - rule: branches
    match:
      $or: [{ args.a: 1 }, { args.b: { $in: [2, 3] } }]
      $not: { args.c: { $exists: true } }
      tool: act
    action: gate
`);

describe('a decision', () => {
  const decision = decideCall(policy, callOf('issue_refund', { order: 'ord_2H4p', amount_usd: 1240 }));

  it('carries rule, stage, version, conditions with the values seen, and what a gate needs', () => {
    expect(decision).toEqual({
      effect: 'gate',
      stage: 'tool_call',
      version: 'refunds@1',
      tool: 'issue_refund',
      rule: {
        name: 'refund:over-$500',
        source: 'rule',
        effect: 'gate',
        message: 'Refunds over $500 need a second pair of eyes.',
        recover: 'Offer a smaller amount.',
        approverChannels: ['slack://#customer-ops'],
        expiresInSeconds: 600,
      },
      explanation: [
        {
          path: 'tool',
          operator: '$eq',
          expected: '"issue_refund"',
          seen: 'issue_refund',
          unclear: null,
          outcome: 'matched',
          negated: false,
          decisive: true,
        },
        {
          path: 'args.amount_usd',
          operator: '$gte',
          expected: '500',
          seen: '1240',
          unclear: null,
          outcome: 'matched',
          negated: false,
          decisive: true,
        },
      ],
      alerts: [expect.objectContaining({ name: 'watched' })],
    });
  });

  it('says in a refusal which rule fired, why, and how to recover', () => {
    expect(refusalContext(decision)).toEqual({
      rule: 'refund:over-$500',
      policy: 'refunds@1',
      matched: ['tool issue_refund = "issue_refund"', 'args.amount_usd 1240 ≥ 500'],
      recover: 'Offer a smaller amount.',
    });
    const plain = decideCall(policy, callOf('drop'));
    expect(refusalContext(plain).recover).toBe('Do it another way, or ask the operator to change the policy.');
    expect(plain.rule).toMatchObject({ approverChannels: ['desktop://'], expiresInSeconds: 3600 });
  });

  it('names the default where no rule decided', () => {
    const closed = decideCall(policyOf('policy: p\ndefault: block'), callOf('x'));
    expect(refusalContext(closed)).toMatchObject({ rule: 'default', matched: [] });
    expect(renderReason(closed)).toBe('The policy’s default blocks x.');
  });

  it('gives one sentence for people', () => {
    expect(renderReason(decision)).toBe(
      'Rule "refund:over-$500" asks for approval of issue_refund: Refunds over $500 need a second pair of eyes.',
    );
    expect(renderReason(decideCall(policy, callOf('drop')))).toBe('Rule "plain" blocks drop.');
  });

  it('gives all conditions for the command line', () => {
    expect(renderDecision(decision)).toBe(
      [
        'GATE by "refund:over-$500" of refunds@1 (tool_call stage)',
        '  why: Refunds over $500 need a second pair of eyes.',
        '  ✓ tool issue_refund = "issue_refund"',
        '  ✓ args.amount_usd 1240 ≥ 500',
        '  alert: watched',
      ].join('\n'),
    );
  });

  it('tells only the branch that counted', () => {
    expect(renderMatched(decideCall(policy, callOf('act', { a: 9, b: 3 })))).toEqual([
      'args.b 3 in [2,3]',
      'not: args.c absent exists true',
      'tool act = "act"',
    ]);
  });

  it('says why something is unclear', () => {
    expect(renderMatched(decideCall(policy, callOf('issue_refund', { amount_usd: '9' })))[1]).toBe(
      'args.amount_usd 9 ≥ 500 (cannot be told for certain)',
    );
    expect(renderMatched(decideCall(policy, callOf('issue_refund', '{"a":1,"a":2}')))[1]).toBe(
      'args.amount_usd is unclear (the key "a" is given twice), compared ≥ 500',
    );
    const computed = decideCall(policy, scriptOf('tools.issue_refund({amount_usd: n})'));
    expect(renderMatched(computed)[1]).toBe(
      'args.amount_usd is unclear (the arguments of issue_refund are computed by the script), compared ≥ 500',
    );
  });
});

describe('E10: text that hides', () => {
  it('is cut and escaped', () => {
    const decision = decideCall(
      policyOf('{policy: p, rules: [{rule: r, match: {args.a: {$contains: x}}, action: gate}]}'),
      callOf('act', { a: `x\u202e\u200b\u001b[31m${'y'.repeat(300)}` }),
    );
    expect(decision.explanation[0]?.seen).toMatch(/^x\\u\{202e\}\\u\{200b\}\\u\{1b\}\[31my+… \(\d+ more characters\)$/);
  });

  it('shows every hidden character and nothing else', () => {
    expect(visible('\u061c\u2066\ufeff\u{e0041}\ufe0f\u00ad\u3164\u00a0\u2028\ud800')).toBe(
      '\\u{61c}\\u{2066}\\u{feff}\\u{e0041}\\u{fe0f}\\u{ad}\\u{3164}\\u{a0}\\u{2028}\\u{d800}',
    );
    expect(visible('a\nb\tc\u0000')).toBe('a\\nb\\tc\\u{0}');
    expect(visible('Größe 東京 𝒳 – “ok” 👍')).toBe('Größe 東京 𝒳 – “ok” 👍');
  });

  it('is escaped in the tool’s name', () => {
    const decision = decideCall(policyOf('{policy: p, default: block}'), callOf('re\u202edaer'));
    expect(renderReason(decision)).toBe('The policy’s default blocks re\\u{202e}daer.');
  });
});

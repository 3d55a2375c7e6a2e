import { describe, expect, it } from 'vitest';
import { callOf, decideCall, decideRequest, policyOf, requestOf, ruleOn, scriptOf } from './subjects.ts';

/** How a rule over `match` takes a call: `gate` rules count doubt as a match, `allow` rules do not. */
function outcomeOf(match: Record<string, unknown>, args: unknown): 'matched' | 'unmatched' | 'ambiguous' {
  const call = callOf('act', args);
  const gated = decideCall(ruleOn(match, 'gate'), call).effect === 'gate';
  const allowed = decideCall(ruleOn(match, 'allow'), call).rule !== null;
  if (gated && allowed) return 'matched';
  if (allowed) throw new Error('an allow rule matched where a gate rule did not');
  return gated ? 'ambiguous' : 'unmatched';
}

const cases = (rows: readonly (readonly [Record<string, unknown>, unknown, 'matched' | 'unmatched' | 'ambiguous'])[]) =>
  rows.map(([match, args, outcome]) => [JSON.stringify(match), JSON.stringify(args), outcome, match, args] as const);

describe('operators', () => {
  it.each(
    cases([
      [{ 'args.a': 5 }, { a: 5 }, 'matched'],
      [{ 'args.a': 5 }, { a: 6 }, 'unmatched'],
      [{ 'args.a': 5 }, {}, 'unmatched'],
      [{ 'args.a': 'x' }, { a: 'x' }, 'matched'],
      [{ 'args.a': 'x' }, { a: 'X' }, 'unmatched'],
      [{ 'args.a': null }, { a: null }, 'matched'],
      [{ 'args.a': null }, {}, 'unmatched'],
      [{ 'args.a': true }, { a: true }, 'matched'],
      [{ 'args.a': true }, { a: 'true' }, 'ambiguous'],
      [{ 'args.a': true }, { a: 1 }, 'ambiguous'],
      [{ 'args.a': true }, { a: 'never' }, 'unmatched'],
      [{ 'args.a': 'prod' }, { a: true }, 'unmatched'],
      [{ 'args.a': 'prod' }, { a: ['prod'] }, 'ambiguous'],
      [{ 'args.a': 'prod' }, { a: ['dev'] }, 'unmatched'],
      [{ 'args.a': ['x', 'y'] }, { a: ['x', 'y'] }, 'matched'],
      [{ 'args.a': ['x', 'y'] }, { a: ['y', 'x'] }, 'unmatched'],
      [{ 'args.a': ['x'] }, { a: 'x' }, 'ambiguous'],
      [{ 'args.a': ['x'] }, { a: { x: 1 } }, 'unmatched'],
      [{ 'args.a': 'x' }, { a: { x: 1 } }, 'unmatched'],
      [{ 'args.a': { $eq: 5 } }, { a: 5 }, 'matched'],
      [{ 'args.a': { $ne: 5 } }, { a: 6 }, 'matched'],
      [{ 'args.a': { $ne: 5 } }, { a: 5 }, 'unmatched'],
      [{ 'args.a': { $ne: 5 } }, {}, 'matched'],
      [{ 'args.a': { $ne: 5 } }, { a: '5' }, 'ambiguous'],
      [{ 'args.a': { $gt: 5 } }, { a: 5.5 }, 'matched'],
      [{ 'args.a': { $gt: 5 } }, { a: 5 }, 'unmatched'],
      [{ 'args.a': { $gte: 5 } }, { a: 5 }, 'matched'],
      [{ 'args.a': { $lt: 5 } }, { a: 4 }, 'matched'],
      [{ 'args.a': { $lt: 5 } }, { a: 5 }, 'unmatched'],
      [{ 'args.a': { $lte: 5 } }, { a: 5 }, 'matched'],
      [{ 'args.a': { $lte: 5 } }, {}, 'unmatched'],
      [{ 'args.a': { $gt: 5 } }, { a: null }, 'ambiguous'],
      [{ 'args.a': { $gt: 5 } }, { a: [9] }, 'ambiguous'],
      [{ 'args.a': { $gte: '2026-01-01' } }, { a: '2026-02-01' }, 'matched'],
      [{ 'args.a': { $gte: '2026-01-01' } }, { a: 20260201 }, 'ambiguous'],
      [{ 'args.a': { $gte: 5, $lt: 10 } }, { a: 7 }, 'matched'],
      [{ 'args.a': { $gte: 5, $lt: 10 } }, { a: 10 }, 'unmatched'],
      [{ 'args.a': { $in: ['x', 'y'] } }, { a: 'y' }, 'matched'],
      [{ 'args.a': { $in: ['x', 'y'] } }, { a: 'z' }, 'unmatched'],
      [{ 'args.a': { $in: ['x', 'y'] } }, { a: ['z', 'x'] }, 'matched'],
      [{ 'args.a': { $in: ['x', 'y'] } }, { a: ['z'] }, 'unmatched'],
      [{ 'args.a': { $in: [1, 2] } }, { a: '2' }, 'ambiguous'],
      [{ 'args.a': { $nin: ['x', 'y'] } }, { a: 'z' }, 'matched'],
      [{ 'args.a': { $nin: ['x', 'y'] } }, { a: ['z', 'x'] }, 'unmatched'],
      [{ 'args.a': { $nin: ['x', 'y'] } }, {}, 'matched'],
      [{ 'args.a': { $regex: '^pro' } }, { a: 'prod' }, 'matched'],
      [{ 'args.a': { $regex: '^pro' } }, { a: 'a prod' }, 'unmatched'],
      [{ 'args.a': { $regex: '(?i)PROD' } }, { a: 'a prod' }, 'matched'],
      [{ 'args.a': { $regex: 'x' } }, { a: ['y', 'x'] }, 'matched'],
      [{ 'args.a': { $regex: 'x' } }, { a: { b: 'x' } }, 'ambiguous'],
      [{ 'args.a': { $regex: '5' } }, { a: 5 }, 'ambiguous'],
      [{ 'args.a': { $regex: 'x' } }, { a: null }, 'unmatched'],
      [{ 'args.a': { $exists: true } }, { a: null }, 'matched'],
      [{ 'args.a': { $exists: true } }, {}, 'unmatched'],
      [{ 'args.a': { $exists: false } }, {}, 'matched'],
      [{ 'args.a': { $exists: false } }, { a: 0 }, 'unmatched'],
      [{ 'args.a': { $contains: 'sec' } }, { a: 'a secret' }, 'matched'],
      [{ 'args.a': { $contains: 'sec' } }, { a: 'Sec' }, 'unmatched'],
      [{ 'args.a': { $contains: 'sec' } }, { a: ['sec', 'x'] }, 'matched'],
      [{ 'args.a': { $contains: 'sec' } }, { a: ['secret'] }, 'unmatched'],
      [{ 'args.a': { $contains: 7 } }, { a: [7] }, 'matched'],
      [{ 'args.a': { $contains: 7 } }, { a: '7' }, 'ambiguous'],
      [{ 'args.a': { $contains: 'x' } }, { a: { x: 1 } }, 'ambiguous'],
      [{ 'args.a': { $size: 2 } }, { a: [1, 2] }, 'matched'],
      [{ 'args.a': { $size: 2 } }, { a: [1] }, 'unmatched'],
      [{ 'args.a': { $size: { $gt: 1, $lte: 3 } } }, { a: [1, 2, 3] }, 'matched'],
      [{ 'args.a': { $size: { $gt: 1, $lte: 3 } } }, { a: [1, 2, 3, 4] }, 'unmatched'],
      [{ 'args.a': { $size: 1 } }, { a: { x: 1 } }, 'matched'],
      [{ 'args.a': { $size: 1 } }, { a: 'x' }, 'ambiguous'],
    ]),
  )('%s on %s is %s', (_, __, outcome, match, args) => {
    expect(outcomeOf(match, args)).toBe(outcome);
  });

  it.each(
    cases([
      [{ $and: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: 1, b: 2 }, 'matched'],
      [{ $and: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: 1, b: '2' }, 'ambiguous'],
      [{ $and: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: 3, b: '2' }, 'unmatched'],
      [{ $or: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: '1', b: 2 }, 'matched'],
      [{ $or: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: '1', b: 3 }, 'ambiguous'],
      [{ $or: [{ 'args.a': 1 }, { 'args.b': 2 }] }, { a: 0, b: 3 }, 'unmatched'],
      [{ 'args.a': { $exists: true }, $not: { 'args.a': 1 } }, { a: 1 }, 'unmatched'],
      [{ 'args.a': { $exists: true }, $not: { 'args.a': 1 } }, { a: 2 }, 'matched'],
      [{ 'args.a': { $exists: true }, $not: { 'args.a': 1 } }, { a: '1' }, 'ambiguous'],
      [{ 'args.a': { $not: { $gte: 5 } } }, { a: 4 }, 'matched'],
      [{ 'args.a': { $not: { $gte: 5 } } }, { a: '4' }, 'ambiguous'],
      [{ 'args.a': { $or: [{ $lt: 1 }, { $gt: 9 }] } }, { a: 10 }, 'matched'],
      [{ 'args.a': { $and: [{ $gt: 1 }, { $lt: 9 }] } }, { a: 10 }, 'unmatched'],
    ]),
  )('%s on %s is %s', (_, __, outcome, match, args) => {
    expect(outcomeOf(match, args)).toBe(outcome);
  });
});

describe('paths into arguments', () => {
  it.each(
    cases([
      [{ 'args.order.total': 5 }, { order: { total: 5 } }, 'matched'],
      [{ 'args.order.total': 5 }, { 'order.total': 5 }, 'unmatched'],
      [{ 'args.order\\.total': 5 }, { 'order.total': 5 }, 'matched'],
      [{ 'args.list.0': 'x' }, { list: ['x'] }, 'matched'],
      [{ 'args.list.1': 'x' }, { list: ['x'] }, 'unmatched'],
      [{ 'args.list.0.id': 7 }, { list: [{ id: 7 }] }, 'matched'],
      [{ 'args.list.id': 7 }, { list: [{ id: 7 }] }, 'ambiguous'],
      [{ 'args.order.total': 5 }, { order: '{"total":5}' }, 'ambiguous'],
      [{ 'args.order.total': 5 }, { order: 'none' }, 'unmatched'],
      [{ 'args.__proto__': 5 }, {}, 'unmatched'],
      [{ 'args.constructor': { $exists: true } }, {}, 'unmatched'],
    ]),
  )('%s on %s is %s', (_, __, outcome, match, args) => {
    expect(outcomeOf(match, args)).toBe(outcome);
  });

  it('finds a __proto__ key unclear', () => {
    expect(outcomeOf({ 'args.__proto__.admin': true }, '{"__proto__":{"admin":true}}')).toBe('ambiguous');
  });
});

describe('D4: what can be read in two ways', () => {
  const big = { 'args.amount': { $gte: 500 } };
  it.each([
    ['a number as text', big, '{"amount":"500"}'],
    ['text that is no number', big, '{"amount":"lots"}'],
    ['malformed JSON', big, '{"amount":1'],
    ['a key given twice', big, '{"amount":1,"amount":900}'],
    ['a key given twice elsewhere', big, '{"x":1,"x":2,"amount":1}'],
    ['2^53+1', big, '{"amount":9007199254740993}'],
    ['more digits than a double has', big, '{"amount":499.99999999999999999}'],
    ['depth 10,000', big, `{"amount":1,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['a negated comparison', { 'args.amount': { $not: { $lt: 500 } } }, '{"amount":"1"}'],
    ['a group', { $or: [{ 'args.x': 1 }, big] }, '{"amount":"1"}'],
  ])('%s counts for gate and block and never for allow', (_, match, args) => {
    const call = callOf('issue_refund', args);
    expect(decideCall(ruleOn(match, 'gate'), call).effect).toBe('gate');
    expect(decideCall(ruleOn(match, 'block'), call).effect).toBe('block');
    expect(decideCall(ruleOn(match, 'alert'), call).effect).toBe('alert');
    expect(decideCall(ruleOn(match, 'allow'), call).rule).toBeNull();
  });

  it('keeps doubt about one argument away from rules on another', () => {
    expect(outcomeOf({ 'args.b': 2 }, '{"a":9007199254740993,"b":3}')).toBe('unmatched');
  });

  it('counts arguments that were cut as unreadable', () => {
    const call = callOf('act', '{"a":1}', { truncated: true });
    expect(decideCall(ruleOn({ 'args.a': 2 }), call).effect).toBe('gate');
    expect(decideCall(ruleOn({ args: { $contains: 'zzz' } }), call).effect).toBe('gate');
  });

  it('counts a code-mode call whose arguments are computed', () => {
    const call = scriptOf('await tools.issue_refund({amount: total})');
    expect(decideCall(ruleOn({ tool: 'issue_refund', ...big }), call).effect).toBe('gate');
    expect(decideCall(ruleOn({ tool: 'issue_refund', ...big }, 'allow'), call).rule).toBeNull();
    expect(decideCall(ruleOn({ tool: 'other_tool', ...big }), call).effect).toBe('allow');
  });

  it('looks through code mode at the tool inside', () => {
    const rule = ruleOn({ tool: 'issue_refund', ...big });
    expect(decideCall(rule, scriptOf('await tools.issue_refund({amount: 900})')).effect).toBe('gate');
    expect(decideCall(rule, scriptOf('await tools.issue_refund({amount: 9})')).effect).toBe('allow');
    expect(decideCall(rule, scriptOf('const {issue_refund} = tools; issue_refund({amount: 9})')).effect).toBe('gate');
  });
});

describe('facts of a call', () => {
  it.each([
    [{ tool: 'act' }, true],
    [{ tool: 'Act' }, false],
    [{ args: { $contains: '"a":"é"' } }, true],
    [{ args_bytes: { $gte: 10, $lte: 10 } }, true],
    [{ args_bytes: { $gt: 10 } }, false],
    [{ server: { $exists: true } }, false],
    [{ 'action.kind': 'other' }, true],
  ])('%j', (match, matches) => {
    expect(decideCall(ruleOn(match), callOf('act', '{"a":"é"}')).effect).toBe(matches ? 'gate' : 'allow');
  });

  it.each([
    [callOf('mcp__github__create_issue'), 'github'],
    [callOf('github.create_issue'), 'github'],
    [callOf('create_issue', {}, { namespace: 'mcp__github' }), 'github'],
    [callOf('create_issue', {}, { namespace: 'github' }), 'github'],
  ])('tells the MCP server of $name', (call, server) => {
    expect(decideCall(ruleOn({ server }), call).effect).toBe('gate');
  });

  it('names an MCP tool in a namespace as other clients do', () => {
    const call = callOf('create_issue', {}, { namespace: 'mcp__github' });
    expect(decideCall(ruleOn({ tool: 'mcp__github__create_issue' }), call).effect).toBe('gate');
  });

  it('sees raw arguments both as written and with their escapes read', () => {
    const call = callOf('act', '{"a":"\\u0073ecret"}');
    expect(decideCall(ruleOn({ args: { $contains: 'secret' } }), call).effect).toBe('gate');
    expect(decideCall(ruleOn({ args: { $contains: '\\u0073' } }), call).effect).toBe('gate');
    expect(decideCall(ruleOn({ args: { $contains: 'secret' } }, 'allow'), call).rule).toBeNull();
  });

  it('uses request facts in a tool-call rule', () => {
    const rule = ruleOn({ tool: 'act', agent: 'intern', hour: { $gte: 18 } });
    expect(decideCall(rule, callOf('act'), requestOf({ agent: 'intern', hour: 20 })).effect).toBe('gate');
    expect(decideCall(rule, callOf('act'), requestOf({ agent: 'intern', hour: 9 })).effect).toBe('allow');
  });
});

describe('facts of a request', () => {
  const request = requestOf({
    team: 'home',
    labels: { goal: 'refactor', 'a.b': 'x' },
    run: { spentUsd: 4.5, exchanges: 12, toolCalls: 30 },
    declared: [
      { name: 'Bash', kind: 'function' },
      { name: 'Read', kind: 'function' },
    ],
  });
  it.each([
    [{ provider: 'anthropic' }, true],
    [{ wire_format: 'messages' }, true],
    [{ endpoint: '/v1/messages' }, true],
    [{ model: { $regex: '^claude-' } }, true],
    [{ model: { $in: ['gpt-5'] } }, false],
    [{ stream: true }, true],
    [{ tools: { $contains: 'Bash' } }, true],
    [{ tools: { $in: ['Write', 'Read'] } }, true],
    [{ tools: { $size: { $gt: 2 } } }, false],
    [{ input_tokens: { $gt: 999 } }, true],
    [{ estimated_cost_usd: { $lt: 0.01 } }, false],
    [{ agent: 'refactor-bot' }, true],
    [{ team: { $exists: false } }, false],
    [{ 'labels.goal': 'refactor' }, true],
    [{ 'labels.a.b': 'x' }, true],
    [{ 'labels.toString': { $exists: true } }, false],
    [{ 'run.spent_usd': { $gte: 4.5 } }, true],
    [{ 'run.exchanges': 12 }, true],
    [{ 'run.tool_calls': { $gt: 30 } }, false],
    [{ hour: 12 }, true],
  ])('%j', (match, matches) => {
    expect(decideRequest(ruleOn(match), request).effect).toBe(matches ? 'gate' : 'allow');
  });

  it('takes an unknown price for any price', () => {
    const rule = ruleOn({ estimated_cost_usd: { $gt: 100 } });
    expect(decideRequest(rule, requestOf({ estimatedCostUsd: null })).effect).toBe('gate');
  });

  it('takes a missing model or team for absent', () => {
    expect(decideRequest(ruleOn({ team: 'home' }), requestOf()).effect).toBe('allow');
    expect(
      decideRequest(policyOf('{policy: p, rules: [{rule: r, match: {team: {$exists: false}}, action: gate}]}')).effect,
    ).toBe('gate');
  });
});

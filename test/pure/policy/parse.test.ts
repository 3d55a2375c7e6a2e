import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../proxy-core/policy/parse.ts';

const EXAMPLE = `policy: personal-default
models: { allow: ["claude-*", "gpt-5*", "ollama/*"] }
tools:  { block: ["browser_*"], allow: null }
endpoints: []
budget: { run_usd: 5, alert_at: [0.8], on_unpriced: block }
rates:  [{ per: run, calls: 60, window_seconds: 60 }, { per: agent, tokens: 200000, window_seconds: 60 }]
loops:  { identical_tool_calls: 5, identical_requests: 5, cycle: 3, window_seconds: 120, action: gate }
drift:  { alert_on: [tool, model, host] }
default: allow
rules:
  - rule: "refund:over-$500"
    match: { tool: issue_refund, args.amount_usd: { $gte: 500 } }
    action: gate
    approver_channel: ["desktop://", "slack://#customer-ops"]
    expires_in_seconds: 3600
    message: "Refunds over $500 need a second pair of eyes."
`;

/** Problems as `line: message | fix`. */
function problemsOf(text: string, fileName = 'policy.yaml'): readonly string[] {
  const parsed = parsePolicy(text, fileName);
  if (parsed.kind === 'policy') return [];
  return parsed.problems.map(({ line, message, fix }) => `${line}: ${message}${fix === null ? '' : ` | ${fix}`}`);
}
const rules = (...lines: string[]): string => `policy: p\nrules:\n${lines.map((line) => `  - ${line}`).join('\n')}\n`;

describe('a sound document', () => {
  it('is the example of the contract', () => {
    const parsed = parsePolicy(EXAMPLE, 'policy.yaml');
    expect(parsed).toMatchObject({ kind: 'policy', definition: { policy: 'personal-default', default: 'allow' } });
  });

  it('may be JSON, tabs and all', () => {
    const text = JSON.stringify(
      {
        policy: 'p',
        rules: [
          {
            rule: 'refund:over-$500',
            match: { tool: 'issue_refund', 'args.amount_usd': { $gte: 500 } },
            action: 'gate',
            approver_channel: 'slack://#customer-ops',
            expires_in_seconds: 3600,
          },
        ],
      },
      null,
      '\t',
    );
    expect(parsePolicy(text, 'policy.json').kind).toBe('policy');
  });

  it('gets its defaults', () => {
    const parsed = parsePolicy('policy: p\nloops: {}\nbudget: {}\ndrift: {}', 'p.yaml');
    expect(parsed).toMatchObject({
      definition: {
        default: 'allow',
        rules: [],
        loops: { identical_tool_calls: 5, identical_requests: 5, cycle: 3, window_seconds: 120, action: 'gate' },
        budget: { on_unpriced: 'block', admission: 'expected' },
        drift: { alert_on: ['tool', 'model', 'host'] },
      },
    });
  });

  it('may use aliases', () => {
    expect(
      problemsOf(
        'policy: p\nrules:\n  - { rule: a, match: &m { tool: x }, action: alert }\n  - { rule: b, match: { $not: *m, server: y }, action: gate }\n',
      ),
    ).toEqual([]);
  });
});

describe('problems of shape', () => {
  it.each([
    ['an unknown key', 'policy: p\nmodls: {}\n', ['2: unknown key "modls" | did you mean models?']],
    ['an unknown key far from any', 'policy: p\nzzzzzzz: 1\n', ['2: unknown key "zzzzzzz" | remove it']],
    [
      'an unknown key of a rule',
      rules('{ rule: a, match: { tool: x }, action: gate,\n      approver_chanel: "desktop://" }'),
      ['4: unknown key "approver_chanel" | did you mean approver_channel?'],
    ],
    [
      'an unknown key of a price',
      'policy: p\nbudget:\n  prices:\n    m: { input_per_mtok: 1, output_per_mtok: 2, cach_read_per_mtok: 3 }\n',
      ['4: unknown key "cach_read_per_mtok" | did you mean cache_read_per_mtok?'],
    ],
    [
      'a wrong word',
      rules('{ rule: a, match: { tool: x },\n      action: gat }'),
      ['4: Invalid option: expected one of "allow"|"alert"|"gate"|"block" | did you mean gate?'],
    ],
    [
      'a rate without an amount',
      'policy: p\nrates:\n  - { per: run, window_seconds: 5 }',
      ['3: a rate needs calls or tokens'],
    ],
    [
      'a channel that is none',
      rules('rule: a\n    match: { tool: x }\n    action: gate\n    approver_channel: "#ops"'),
      ['6: expected desktop://, slack://#channel, email://address or webhook://name'],
    ],
    ['a key twice', 'policy: p\npolicy: q\n', ['2: Map keys must be unique']],
    [
      'two documents',
      'policy: p\n---\npolicy: q\n',
      ['2: Source contains multiple documents; please use YAML.parseAllDocuments()'],
    ],
    ['a hidden key', 'policy: p\n__proto__: { default: block }\n', ['2: the key __proto__ is not allowed']],
    ['a tag', 'policy: !!binary aGk=\n', ['1: Unresolved tag: tag:yaml.org,2002:binary']],
    ['nothing', '', ['1: Invalid input: expected object, received null']],
  ])('%s', (_, text, expected) => {
    const found = problemsOf(text);
    for (const problem of expected) expect(found).toContain(problem);
  });

  it('gives line, column and path', () => {
    const parsed = parsePolicy(rules('rule: a\n    match:\n      args.x: { $gtee: 5 }\n    action: gate'), 'p.yaml');
    expect(parsed).toEqual({
      kind: 'problems',
      problems: [
        {
          line: 5,
          column: 17,
          path: 'rules[0].match.args.x.$gtee',
          message: 'unknown operator "$gtee"',
          fix: 'did you mean $gte?',
        },
      ],
    });
  });

  it('gives lines of JSON too', () => {
    expect(problemsOf('{\n  "policy": "p",\n  "modls": {}\n}', 'p.json')).toEqual([
      '3: unknown key "modls" | did you mean models?',
    ]);
    expect(problemsOf('{\n  "policy": "p",\n}', 'p.json')[0]).toMatch(/^1: not valid JSON/);
  });

  it('refuses a document that multiplies itself by aliases', () => {
    const bomb = `policy: p
a: &a [x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b]
d: [*c,*c,*c,*c,*c]`;
    expect(problemsOf(bomb)[0]).toMatch(/alias/);
  });

  it('refuses extreme size and depth without throwing', () => {
    expect(problemsOf(`policy: ${'x'.repeat(1024 * 1024)}`)).toEqual(['1: the document is larger than 1 MiB']);
    const deep = problemsOf('['.repeat(100_000));
    expect(deep.length).toBeGreaterThan(0);
    expect(deep.length).toBeLessThanOrEqual(50);
  });
});

describe('problems of a match', () => {
  const problemIn = (match: string, action = 'gate'): string =>
    problemsOf(rules(`rule: a\n    match: ${match}\n    action: ${action}`))[0] ?? '';
  it.each([
    ['{ tol: x }', '4: unknown fact "tol" | did you mean tool?'],
    ['{ arg.amount: 5 }', '4: unknown fact "arg.amount" | did you mean args.…?'],
    ['{ args.: 5 }', '4: unknown fact "args." | did you mean args?'],
    ['{ args.a: { $regex: "(?=x)" } }', '4: $regex: error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['{ args.a: { $regex: "(a" } }', '4: $regex: error parsing regexp: missing closing )'],
    ['{ args.a: { $regex: "((a{30}){30}){30}" } }', '4: $regex: error parsing regexp: invalid repeat count: `{30}`'],
    ['{ args.a: { $regex: "([a-z]{1,50}){1,19}([0-9]{1,50}){1,19}" } }', '4: $regex: the pattern is too large'],
    ['{ args.a: { $gte: [5] } }', '4: $gte: expected a number within ±2^53 or a string'],
    ['{ args.a: 9007199254740993 }', '4: $eq: numbers must lie within ±2^53'],
    ['{ args.a: .inf }', '4: $eq: numbers must lie within ±2^53'],
    ['{ args.a: { $in: [] } }', '4: $in: expected a list with at least one value'],
    ['{ args.a: { $exists: 1 } }', '4: $exists: expected true or false'],
    ['{ args.a: { $size: -1 } }', '4: $size: expected a whole number'],
    ['{ args.a: { b: 5 } }', '4: args.a is compared with an object | write args.a.b instead'],
    ['{ args.a: {} }', '4: expected a value or an operator'],
    ['{ $gte: 5 }', '4: $gte needs a fact | write it under a fact: args.name: { $gte: … }'],
    ['{ $or: [] }', '4: $or needs a list of conditions'],
    ['{ $not: [1] }', '4: expected facts to compare'],
    ['{ tool: [a, b] }', '4: this fact is one value, never a list | use { $in: […] }'],
    [
      '{ tool: "browser_*" }',
      '4: "browser_*" is compared letter by letter, * is no wildcard here | use { $regex: "^browser_.*$" }',
    ],
    ['{ hour: "9" }', '4: this fact is a number'],
    ['{ model: 5 }', '4: this fact is a text | quote it: "5"'],
    ['{ model: { $gt: 5 } }', '4: this fact is a text | quote it: "5"'],
    ['{ stream: "yes" }', '4: this fact is a boolean'],
    ['{ input_tokens: { $regex: "5" } }', '4: $regex needs a text, this fact is a number'],
    ['{ model: { $size: 1 } }', '4: only lists have a $size'],
    ['{ action.kind: shel }', '4: "shel" is none of shell, write, sql, http, other | did you mean shell?'],
    [
      '{ wire_format: message }',
      '4: "message" is none of chat, responses, messages, embeddings, completions | did you mean messages?',
    ],
  ])('%s', (match, expected) => {
    expect(problemIn(match).slice(0, expected.length)).toBe(expected);
  });

  it('lists every fault of a document', () => {
    expect(
      problemsOf(
        rules(
          '{ rule: a, match: { tol: x, args.a: { $gtx: 1 } }, action: gate }',
          '{ rule: b, match: { hour: "1" }, action: gate }',
        ),
      ),
    ).toHaveLength(3);
  });

  it('refuses labels in an allow rule, at any depth, and nowhere else', () => {
    const fix = 'use agent or team, or make the rule gate, alert or block';
    expect(problemIn('{ labels.goal: x }', 'allow')).toBe(
      `4: an allow rule may not use labels.goal: agents write labels themselves | ${fix}`,
    );
    expect(problemIn('{ $or: [{ $not: { labels.goal: x } }] }', 'allow')).toContain(
      'an allow rule may not use labels.goal',
    );
    expect(problemIn('{ labels.goal: x }', 'block')).toBe('');
  });

  it.each([
    ['{ tool: x, wire_format: embeddings }', 'embeddings answers hold no tool calls, so this rule can never match'],
    ['{ args.a: 1, endpoint: /v1/messages/count_tokens }', 'answers of /v1/messages/count_tokens hold no tool calls'],
    ['{ args.a: { $gte: 5, $lt: 5 } }', 'no value of args.a satisfies all of its conditions'],
    ['{ args.a: 5, $and: [{ args.a: 6 }] }', 'no value of args.a satisfies all of its conditions'],
    ['{ hour: { $gt: 18, $lt: 6 } }', 'no value of hour satisfies all of its conditions'],
  ])('refuses what can never match: %s', (match, message) => {
    expect(problemIn(match)).toContain(message);
  });

  it.each([
    '{ tool: x, endpoint: /v1/chat/completions }',
    '{ args.a: { $gte: 5, $lte: 5 } }',
    '{ $or: [{ hour: { $lt: 6 } }, { hour: { $gt: 18 } }] }',
    '{}',
  ])('accepts %s', (match) => {
    expect(problemIn(match)).toBe('');
  });
});

describe('rules that can never decide', () => {
  const shadowed = (...lines: string[]): readonly string[] =>
    problemsOf(rules(...lines)).map((problem) => problem.split(' | ')[0] ?? '');
  const rule = (name: string, action: string, match: string): string =>
    `{ rule: ${name}, action: ${action}, match: ${match} }`;

  it.each([
    [
      'a name used twice',
      [rule('a', 'gate', '{ tool: x }'), rule('a', 'gate', '{ tool: y }')],
      '4: there is already a rule "a"',
    ],
    [
      'after an unconditional allow',
      [rule('a', 'allow', '{}'), rule('b', 'gate', '{ model: m }')],
      '4: this rule can never decide: "a" covers everything it matches',
    ],
    [
      'after an allow of the same tool',
      [rule('a', 'allow', '{ tool: x }'), rule('b', 'block', '{ tool: x, args.a: 1 }')],
      '4: this rule can never decide: "a" covers everything it matches',
    ],
    [
      'under an earlier rule as strict',
      [rule('a', 'gate', '{ tool: x }'), rule('b', 'gate', '{ tool: x, args.a: 1 }')],
      '4: this rule can never decide: "a" covers everything it matches',
    ],
    [
      'under a later, stricter rule',
      [rule('a', 'alert', '{ tool: x, args.a: 1 }'), rule('b', 'block', '{ tool: x }')],
      '3: this rule can never decide: "b" covers everything it matches',
    ],
    [
      'an allow after a block',
      [rule('a', 'block', '{ tool: x }'), rule('b', 'allow', '{ tool: x }')],
      '4: this rule can never decide: "a" covers everything it matches',
    ],
  ])('are refused: %s', (_, lines, expected) => {
    expect(shadowed(...lines)).toEqual([expected]);
  });

  it.each([
    [
      'a narrower allow before a gate',
      [rule('a', 'allow', '{ tool: x, args.a: 1 }'), rule('b', 'gate', '{ tool: x }')],
    ],
    ['another stage', [rule('a', 'allow', '{}'), rule('b', 'gate', '{ tool: x }')]],
    ['a stricter rule after a laxer', [rule('a', 'gate', '{ tool: x }'), rule('b', 'block', '{ tool: x, args.a: 1 }')]],
    [
      'a laxer rule that an allow keeps alive',
      [rule('a', 'gate', '{ tool: x }'), rule('c', 'allow', '{ args.a: 1 }'), rule('b', 'block', '{ tool: x }')],
    ],
    [
      'an allow that ends the list after an alert',
      [rule('a', 'alert', '{ tool: x }'), rule('b', 'allow', '{ tool: x }'), rule('c', 'gate', '{ args.a: 1 }')],
    ],
    [
      'a rule under one that is switched off',
      [`{ rule: a, action: block, match: { tool: x }, enabled: false }`, rule('b', 'gate', '{ tool: x }')],
    ],
  ])('are not seen where there are none: %s', (_, lines) => {
    expect(shadowed(...lines)).toEqual([]);
  });

  it('include rules about tools and models that the lists refuse', () => {
    expect(
      problemsOf(
        `policy: p\ntools: { block: ["b_*"] }\nrules:\n  - { rule: a, match: { tool: b_x }, action: gate }`,
      )[0],
    ).toBe('4: this rule can never decide: the tools list refuses its tool | change tools, or remove the rule');
    expect(
      problemsOf(
        `policy: p\nmodels: { allow: ["c-*"] }\nrules:\n  - { rule: a, match: { model: gpt-5 }, action: gate }`,
      )[0],
    ).toBe('4: this rule can never decide: models.allow refuses its model | change models, or remove the rule');
  });
});

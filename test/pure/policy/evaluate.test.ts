import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CompiledPolicy, compilePolicy, type RuleIndex } from '../../../proxy-core/policy/compile.ts';
import { STRICTNESS, stops } from '../../../proxy-core/policy/decision.ts';
import { couldGateTool, couldMatch, evaluateToolCall, traceRules } from '../../../proxy-core/policy/evaluate.ts';
import { type PolicyDefinition, policySchema } from '../../../proxy-core/policy/schema.ts';
import { callOf, decideCall, decideRequest, declared, policyOf, requestOf, ruleOn, scriptOf } from './subjects.ts';

const rulesOf = (...rules: readonly (readonly [action: string, match: unknown])[]): CompiledPolicy =>
  compile(rules.map(([action, match], index) => ({ rule: `r${index}`, match, action })));
const compile = (rules: readonly unknown[], settings: object = {}): CompiledPolicy =>
  compilePolicy(policySchema.parse({ policy: 'p', rules, ...settings }), 3);

describe('the order of effects', () => {
  const tool = { tool: 'act' };
  it.each([
    [['alert', 'gate', 'block'], 'block', 'r2'],
    [['block', 'gate', 'alert'], 'block', 'r0'],
    [['gate', 'gate'], 'gate', 'r0'],
    [['allow', 'block'], 'allow', 'r0'],
    [['gate', 'allow', 'block'], 'gate', 'r0'],
    [['alert', 'allow', 'gate'], 'alert', 'r0'],
    [['allow'], 'allow', 'r0'],
  ])('%j gives %s by %s', (actions, effect, name) => {
    const decision = decideCall(rulesOf(...actions.map((action) => [action, tool] as const)), callOf('act'));
    expect([decision.effect, decision.rule?.name]).toEqual([effect, name]);
  });

  it('exempts exactly what an allow rule matches', () => {
    const policy = rulesOf(['allow', { tool: 'act', 'args.a': { $lt: 10 } }], ['gate', { tool: 'act' }]);
    expect(decideCall(policy, callOf('act', { a: 5 })).effect).toBe('allow');
    expect(decideCall(policy, callOf('act', { a: 50 })).effect).toBe('gate');
    expect(decideCall(policy, callOf('act', { a: '5' })).effect).toBe('gate');
    expect(decideCall(policy, callOf('act', {})).effect).toBe('gate');
  });

  it('never lets an allow rule of one stage exempt from the other', () => {
    const policy = rulesOf(['allow', { agent: 'refactor-bot' }], ['gate', { tool: 'act' }]);
    expect(decideRequest(policy).effect).toBe('allow');
    expect(decideCall(policy, callOf('act')).effect).toBe('gate');
  });

  it('names every alert rule that matched beside what decided', () => {
    const policy = rulesOf(['alert', tool], ['gate', tool], ['alert', { 'args.a': 1 }], ['alert', { 'args.a': 2 }]);
    const decision = decideCall(policy, callOf('act', { a: 1 }));
    expect(decision.effect).toBe('gate');
    expect(decision.alerts.map((rule) => rule.name)).toEqual(['r0', 'r2']);
  });

  it('applies the default where no rule matches, in both stages', () => {
    const policy = compile([{ rule: 'ok', match: { tool: 'act' }, action: 'allow' }], { default: 'block' });
    expect(decideCall(policy, callOf('other'))).toMatchObject({ effect: 'block', rule: null });
    expect(decideCall(policy, callOf('act')).effect).toBe('allow');
    expect(decideRequest(policy).effect).toBe('block');
  });

  it('ignores rules that are switched off', () => {
    const policy = compile([{ rule: 'r', match: { tool: 'act' }, action: 'gate', enabled: false }]);
    expect(decideCall(policy, callOf('act')).effect).toBe('allow');
  });

  it('lets a grant silence its own gate rule only', () => {
    const policy = rulesOf(['gate', { tool: 'act' }], ['gate', { 'args.a': 1 }], ['block', { 'args.b': 1 }]);
    const silenced = new Set(['r0', 'r2']);
    expect(decideCall(policy, callOf('act', {}), requestOf(), { silenced })).toMatchObject({ effect: 'allow' });
    expect(decideCall(policy, callOf('act', { a: 1 }), requestOf(), { silenced }).rule?.name).toBe('r1');
    expect(decideCall(policy, callOf('act', { b: 1 }), requestOf(), { silenced }).effect).toBe('block');
  });
});

describe('actions of one call', () => {
  const policy = rulesOf(
    ['allow', { 'action.command': { $regex: '^(ls|git status)' } }],
    ['gate', { 'action.kind': 'shell' }],
    ['gate', { 'action.kind': 'write', 'action.path': { $regex: '^/etc/' } }],
  );
  const bash = (command: string) => decideCall(policy, callOf('Bash', { command })).effect;

  it('allows a compound command only when every command in it is allowed', () => {
    expect(bash('ls -la')).toBe('allow');
    expect(bash('ls -la && git status')).toBe('allow');
    expect(bash('ls -la && curl x')).toBe('gate');
    expect(bash('ls $(curl x)')).toBe('gate');
  });

  it('judges a file written by the shell as a write', () => {
    expect(bash('ls > out.txt')).toBe('allow');
    expect(bash('ls > /etc/motd')).toBe('gate');
  });

  it('judges each call of a script', () => {
    expect(
      decideCall(policy, scriptOf('tools.exec_command({cmd:"ls"}); tools.exec_command({cmd:"git status"})')).effect,
    ).toBe('allow');
    const decision = decideCall(policy, scriptOf('tools.exec_command({cmd:"ls"}); tools.exec_command({cmd:"make"})'));
    expect(decision).toMatchObject({ effect: 'gate', tool: 'exec_command' });
    expect(decision.explanation[0]?.seen).toBe('shell');
  });

  it('judges each path of a patch', () => {
    const patch = '*** Begin Patch\n*** Update File: a.ts\n@@\n*** Delete File: /etc/passwd\n*** End Patch';
    expect(decideCall(policy, callOf('apply_patch', patch, { kind: 'custom' })).effect).toBe('gate');
    expect(decideCall(policy, callOf('apply_patch', patch.replace('/etc/', 'etc/'), { kind: 'custom' })).effect).toBe(
      'allow',
    );
  });
});

describe('lists', () => {
  const policy = policyOf(`
policy: p
models: { allow: ["claude-*", "ollama/*"] }
tools: { block: ["browser_*"], allow: null }
rules:
  - { rule: everything, match: { agent: refactor-bot }, action: allow }
  - { rule: calls, match: { tool: { $regex: "." } }, action: allow }
`);

  it('refuses a model outside the list, which no allow rule lifts', () => {
    const decision = decideRequest(policy, requestOf({ model: 'gpt-5' }));
    expect(decision).toMatchObject({ effect: 'block', rule: { name: 'models.allow' }, stage: 'request' });
    expect(decision.explanation).toMatchObject([{ path: 'model', seen: 'gpt-5' }]);
    expect(decideRequest(policy, requestOf({ model: 'Claude-Opus-4-8' })).effect).toBe('allow');
    expect(decideRequest(policy, requestOf({ model: null })).effect).toBe('block');
    expect(decideRequest(policy, requestOf({ model: null, wireFormat: null, endpoint: '/v1/models' })).effect).toBe(
      'allow',
    );
  });

  it('refuses a blocked tool where it is declared and where it is called', () => {
    expect(decideRequest(policy, requestOf({ declared: [declared('browser_open')] })).rule?.name).toBe('tools.block');
    expect(decideCall(policy, callOf('browser_open')).rule?.name).toBe('tools.block');
    expect(decideCall(policy, scriptOf('tools.browser_open({})')).rule?.name).toBe('tools.block');
    expect(decideCall(policy, scriptOf('tools[x]({})')).rule?.name).toBe('tools.block');
    expect(decideCall(policy, callOf('open_browser')).effect).toBe('allow');
  });

  it('refuses what tools.allow does not list', () => {
    const listed = compile([], { tools: { allow: ['Read', 'mcp__github__*'] } });
    expect(decideCall(listed, callOf('Read')).effect).toBe('allow');
    expect(decideCall(listed, callOf('mcp__github__get_issue')).effect).toBe('allow');
    expect(decideCall(listed, callOf('get_issue', {}, { namespace: 'mcp__github' })).effect).toBe('allow');
    expect(decideCall(listed, callOf('Write')).rule?.name).toBe('tools.allow');
    expect(decideRequest(listed, requestOf({ declared: [declared('Read'), declared('Write')] })).rule?.name).toBe(
      'tools.allow',
    );
    expect(decideCall(compile([], { tools: { allow: [] } }), callOf('Read')).effect).toBe('block');
  });

  it('tells a hosted tool from a client tool of the same name', () => {
    const listed = compile([], { tools: { allow: ['search'] } });
    const hosted = declared('search', { kind: 'server', namespace: 'evil' });
    expect(decideRequest(listed, requestOf({ declared: [hosted] })).effect).toBe('block');
    expect(decideRequest(listed, requestOf({ declared: [declared('search')] })).effect).toBe('allow');
  });

  it('refuses background answers whatever the rules', () => {
    expect(decideRequest(policy, requestOf({ background: true }))).toMatchObject({
      effect: 'block',
      rule: { name: 'background' },
    });
  });
});

describe('tools that the provider runs', () => {
  const policy = rulesOf(['gate', { tool: 'web_search', 'args.query': { $contains: 'secret' } }]);
  const server = (name: string, more = {}) => requestOf({ declared: [declared(name, { kind: 'server', ...more })] });

  it('are judged at request time with unknown arguments counting as matching', () => {
    expect(decideRequest(policy, server('web_search'))).toMatchObject({
      effect: 'gate',
      stage: 'request',
      tool: 'web_search',
    });
    expect(decideRequest(policy, server('code_interpreter')).effect).toBe('allow');
    expect(decideRequest(policy, requestOf({ declared: [declared('web_search')] })).effect).toBe('allow');
  });

  it('may be any tool where the declaration names none', () => {
    expect(decideRequest(policy, server('github', { anyName: true, namespace: 'github' })).effect).toBe('gate');
  });

  it('can be allowed by name', () => {
    const allowed = rulesOf(['allow', { tool: 'web_search' }], ['gate', { args: { $contains: 'x' } }]);
    expect(decideRequest(allowed, server('web_search')).effect).toBe('allow');
    expect(decideRequest(allowed, server('web_fetch')).effect).toBe('gate');
  });
});

describe('whether an answer may have to be held', () => {
  const tools = (...names: string[]) => requestOf({ declared: names.map((name) => declared(name)) });

  it('is known from the declared tools', () => {
    const policy = rulesOf(['gate', { tool: 'issue_refund', 'args.amount': { $gte: 500 } }], ['alert', { tool: 'ls' }]);
    expect(couldMatch(policy, tools('ls', 'get_weather'))).toBe(false);
    expect(couldMatch(policy, tools('ls', 'issue_refund'))).toBe(true);
    expect(couldMatch(policy, tools())).toBe(false);
    expect(couldGateTool(policy, tools(), declared('issue_refund'))).toBe(true);
    expect(couldGateTool(policy, tools('ls'), declared('ls'))).toBe(false);
  });

  it('counts on other calls inside a tool whose arguments are free in form, or that nobody declared', () => {
    const policy = rulesOf(['gate', { tool: 'issue_refund', 'args.amount': { $gte: 500 } }]);
    const open = requestOf({ declared: [declared('run', { open: true })] });
    expect(couldMatch(policy, open)).toBe(false);
    expect(couldGateTool(policy, open, declared('run'))).toBe(true);
    expect(couldGateTool(policy, tools('ls'), declared('undeclared'))).toBe(true);
    expect(couldMatch(policy, tools('tool_call'))).toBe(true);
  });

  it('counts rules that are bound to no tool', () => {
    expect(couldMatch(rulesOf(['gate', { 'args.amount': 1 }]), tools('ls'))).toBe(true);
    expect(couldMatch(rulesOf(['block', { 'action.kind': 'shell' }]), tools('ls'))).toBe(false);
    expect(couldMatch(rulesOf(['block', { 'action.kind': 'shell' }]), tools('Bash'))).toBe(true);
  });

  it('leaves out rules whose request facts do not hold', () => {
    const policy = rulesOf(['gate', { tool: 'ls', agent: 'someone-else' }]);
    expect(couldMatch(policy, tools('ls'))).toBe(false);
  });

  it('takes a script tool for every tool', () => {
    const request = requestOf({ declared: [declared('exec', { kind: 'custom', namespace: 'functions' })] });
    expect(couldMatch(rulesOf(['gate', { tool: 'issue_refund' }]), request)).toBe(true);
    expect(couldMatch(rulesOf(['alert', { tool: 'issue_refund' }]), request)).toBe(false);
  });

  it('never misses a call that is then gated or blocked', () => {
    fc.assert(
      fc.property(policies, calls, (definition, call) => {
        const policy = compilePolicy(definition, 1);
        const request = tools(call.name);
        // Held as a whole, or from the call on.
        const could = couldMatch(policy, request) || couldGateTool(policy, request, declared(call.name));
        if (stops(decideCall(policy, call, request).effect)) expect(could).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

const TOOLS = [
  'act',
  'Bash',
  'Write',
  'exec_command',
  'execute_sql',
  'http_request',
  'mcp__db__query',
  'str_replace_editor',
];
const literals = fc.constantFrom<unknown>(1, 5, '5', 'x', 'rm -rf src', true, null, '/etc/passwd');
const conditions = fc.oneof(
  literals,
  fc.record({ $gte: fc.constantFrom(1, 5) }),
  fc.record({ $in: fc.constantFrom([1, 5], ['x', '5']) }),
  fc.record({ $ne: fc.constantFrom(5, 'x') }),
  fc.record({ $exists: fc.boolean() }),
  fc.record({ $regex: fc.constantFrom('^rm', 'x', '^/etc') }),
  fc.record({ $not: fc.record({ $gte: fc.constant(5) }) }),
);
const texts = fc.oneof(
  fc.record({ $regex: fc.constantFrom('^rm', '^/etc', 'x') }),
  fc.record({ $exists: fc.boolean() }),
  fc.constant('ls'),
);
const facts = fc
  .record(
    {
      tool: fc.oneof(fc.constantFrom(...TOOLS), fc.record({ $in: fc.subarray(TOOLS, { minLength: 1 }) })),
      'args.a': conditions,
      'args.b.c': conditions,
      model: fc.constantFrom('claude-opus-4-8', 'gpt-5'),
      'action.kind': fc.constantFrom('shell', 'write', 'sql', 'http', 'other'),
      'action.command': texts,
      'action.path': texts,
      args: texts,
    },
    { requiredKeys: [] },
  )
  .filter((match) => Object.keys(match).some((key) => key !== 'model'));
const matches = fc.oneof(
  { weight: 4, arbitrary: facts },
  { weight: 1, arbitrary: fc.record({ $or: fc.array(facts, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ $not: facts }) },
);
const rules = fc
  .array(fc.record({ match: matches, action: fc.constantFrom('allow', 'alert', 'gate', 'block') }), { maxLength: 8 })
  .map((list) => list.map((rule, index) => ({ rule: `r${index}`, ...rule })));
const policies: fc.Arbitrary<PolicyDefinition> = fc
  .record({ rules, default: fc.constantFrom('allow', 'gate') })
  .map((settings) => policySchema.parse({ policy: 'p', ...settings }));
const calls = fc
  .record({
    name: fc.constantFrom(...TOOLS),
    args: fc.oneof(
      fc.record(
        {
          a: fc.oneof(literals, fc.array(literals, { maxLength: 2 })),
          b: fc.oneof(literals, fc.record({ c: literals })),
          command: fc.constantFrom('rm -rf src', 'ls', 'ls > /etc/x', 'view', ['bash', '-lc', 'rm x']),
          file_path: fc.constantFrom('/etc/passwd', 'a.ts'),
          query: fc.constantFrom('x', 'rm'),
        },
        { requiredKeys: [] },
      ),
      fc.constantFrom('', '{', '{"a":1,"a":2}', '{"a":9007199254740993}', '[]', '"x"'),
    ),
  })
  .map(({ name, args }) => callOf(name, args));

describe('properties', () => {
  it('a block rule more never makes a decision laxer', () => {
    fc.assert(
      fc.property(policies, matches, fc.nat(8), calls, (definition, match, place, call) => {
        const before = decideCall(compilePolicy(definition, 1), call).effect;
        const added = { rule: 'added', match, action: 'block' };
        const list = [...definition.rules.slice(0, place), added, ...definition.rules.slice(place)];
        const after = decideCall(compile(list, { default: definition.default }), call).effect;
        const fellThrough = STRICTNESS[after] >= STRICTNESS[before];
        expect(fellThrough).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('doubt never lets a call pass that a certain reading would stop', () => {
    fc.assert(
      fc.property(policies, calls, fc.constantFrom('{', '{"a":1,"a":2}'), (definition, call, doubtful) => {
        const policy = compilePolicy(definition, 1);
        const clear = decideCall(policy, call).effect;
        const doubt = decideCall(policy, { ...call, argsText: doubtful, truncated: true }).effect;
        if (stops(clear)) expect(stops(doubt)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('an allow rule alone never applies to arguments in doubt that it looks at', () => {
    fc.assert(
      fc.property(
        conditions,
        fc.constantFrom('{', '{"a":1,"a":2}', `{"x":${'['.repeat(70)}${']'.repeat(70)}}`),
        (condition, args) => {
          const policy = rulesOf(['allow', { 'args.a': condition }], ['gate', { tool: 'act' }]);
          expect(decideCall(policy, callOf('act', args)).effect).toBe('gate');
        },
      ),
    );
  });

  it('the index decides as evaluating every rule does, with 1,000 rules', () => {
    const flat = (index: RuleIndex): RuleIndex => ({
      ...index,
      byTool: new Map(),
      byModel: new Map(),
      loose: index.rules,
    });
    const many = fc.array(fc.record({ match: matches, action: fc.constantFrom('allow', 'alert', 'gate', 'block') }), {
      minLength: 1000,
      maxLength: 1000,
    });
    fc.assert(
      fc.property(
        many,
        fc.array(calls, { minLength: 20, maxLength: 20 }),
        fc.constantFrom('gpt-5', 'claude-opus-4-8', null),
        (list, some, model) => {
          const policy = compile(list.map((rule, index) => ({ rule: `r${index}`, ...rule })));
          const naive = { ...policy, request: flat(policy.request), toolCall: flat(policy.toolCall) };
          for (const call of some)
            expect(decideCall(policy, call, requestOf({ model }))).toEqual(
              decideCall(naive, call, requestOf({ model })),
            );
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe('C10: regexes', () => {
  const evil = ruleOn({ tool: 'act', 'args.a': { $regex: '(a+)+$' } });

  it('matches a catastrophic pattern in linear time', () => {
    expect(decideCall(evil, callOf('act', { a: `${'a'.repeat(40_000)}b` })).effect).toBe('allow');
    expect(decideCall(evil, callOf('act', { a: 'a'.repeat(40_000) })).effect).toBe('gate');
  });

  it('hands long input out as a job and takes its answer', () => {
    const input = `${'a'.repeat(70_000)}b`;
    const call = callOf('act', { a: input });
    const first = evaluateToolCall(evil, requestOf(), call);
    expect(first).toEqual({ kind: 'pending', jobs: [{ pattern: '(a+)+$', input }] });
    const answered = (matched: boolean | null) =>
      decideCall(evil, call, requestOf(), { answers: [{ pattern: '(a+)+$', input, matched }] }).effect;
    expect([answered(false), answered(true)]).toEqual(['allow', 'gate']);
  });

  it('counts a job that was given up as matching', () => {
    const input = 'a'.repeat(70_000);
    const call = callOf('act', { a: input });
    const options = { answers: [{ pattern: '(a+)+$', input, matched: null }] };
    expect(decideCall(evil, call, requestOf(), options).effect).toBe('gate');
    const allow = ruleOn({ tool: 'act', 'args.a': { $regex: '(a+)+$' } }, 'allow');
    expect(decideCall(allow, call, requestOf(), options).rule).toBeNull();
  });

  it('hands out a pattern with a large program sooner', () => {
    const heavy = ruleOn({ tool: 'act', 'args.a': { $regex: '[ab]*a[ab]{900}[cd]' } });
    expect(evaluateToolCall(heavy, requestOf(), callOf('act', { a: 'ab'.repeat(10_000) })).kind).toBe('pending');
    expect(evaluateToolCall(heavy, requestOf(), callOf('act', { a: 'ab'.repeat(1_000) })).kind).toBe('decided');
  });

  it('asks for every job of a call at once, each once', () => {
    const policy = rulesOf(
      ['allow', { 'args.a': { $regex: '^x' } }],
      ['gate', { 'args.a': { $regex: 'x' } }],
      ['block', { $or: [{ 'args.a': { $regex: 'y' } }, { 'args.b': { $regex: 'x' } }] }],
    );
    const evaluation = evaluateToolCall(
      policy,
      requestOf(),
      callOf('act', { a: 'x'.repeat(70_000), b: 'z'.repeat(70_000) }),
    );
    expect(evaluation.kind === 'pending' && evaluation.jobs.map((job) => `${job.pattern} ${job.input[0]}`)).toEqual([
      '^x x',
      'x x',
      'y x',
      'x z',
    ]);
  });

  it('counts input over 512 KiB as matching without trying', () => {
    const policy = ruleOn({ tool: 'act', 'args.a': { $regex: 'zzz' } });
    expect(decideCall(policy, callOf('act', { a: 'a'.repeat(512 * 1024 + 1) })).effect).toBe('gate');
  });
});

describe('what the test bench shows', () => {
  it('traces every rule with its outcome', () => {
    const policy = rulesOf(
      ['gate', { agent: 'x' }],
      ['allow', { tool: 'act', 'args.a': 1 }],
      ['gate', { 'args.a': { $gt: 1 } }],
      ['block', { tool: 'no' }],
    );
    const trace = traceRules(policy, requestOf(), callOf('act', { a: '1' }));
    expect(trace.map(({ rule, stage, outcome }) => [rule, stage, outcome])).toEqual([
      ['r0', 'request', 'unmatched'],
      ['r1', 'tool_call', 'ambiguous'],
      ['r2', 'tool_call', 'ambiguous'],
      ['r3', 'tool_call', 'unmatched'],
    ]);
    expect(traceRules(policy, requestOf(), null).map((one) => one.rule)).toEqual(['r0']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Problem, parseConfiguration, renderProblems } from '../../../proxy-core/config/parse.ts';
import type { Configuration } from '../../../proxy-core/config/schema.ts';

function problemsOf(text: string): readonly Problem[] {
  const parsed = parseConfiguration(text, 'rungate.yaml');
  return parsed.kind === 'problems' ? parsed.problems : [];
}

function configurationOf(text: string): Configuration {
  const parsed = parseConfiguration(text, 'rungate.yaml');
  if (parsed.kind === 'problems') throw new Error(renderProblems('rungate.yaml', parsed.problems));
  return parsed.value;
}

const COMPLETE = `
agent_port: 0
console_port: 4242
cli_decisions: false
on_pause: cut
providers:
  - id: openai
    base_url: https://api.openai.com/v1
    formats: [chat, responses, embeddings, completions]
    models: ["gpt-*", "o*"]
    key: env:OPENAI_API_KEY
    auth: bearer
    timeouts: { connect_seconds: 5 }
  - id: local
    base_url: http://127.0.0.1:11434/v1
    formats: [chat]
    key: none
  - id: demo
teams: [{ name: home, budget: { usd: 50 } }]
agents:
  - { name: refactor-bot, team: home, policy: personal-default@2, allowed_policies: [strict], budget: { run_usd: 5, usd: 20, window: week }, delivery: hold, token: env:REFACTOR_BOT_TOKEN }
policies: [./policies/personal-default.yaml]
prices: { "my-local-model": { input_per_mtok: 0, output_per_mtok: 0 } }
limits: { max_body_mb: 8 }
channels:
  webhook: [{ name: oncall, url: "https://example.com/hook?team=1", secret: file:./oncall.key, events: ["approval.*", budget.exceeded] }]
`;

describe('a valid file', () => {
  it('is read with every key', () => {
    const value = configurationOf(COMPLETE);
    expect(value).toMatchObject({ agent_port: 0, console_port: 4242, cli_decisions: false, on_pause: 'cut' });
    expect(value.providers[0]).toMatchObject({ key: 'env:OPENAI_API_KEY', auth: 'bearer' });
    expect(value.agents[0]).toMatchObject({ team: 'home', budget: { run_usd: 5, usd: 20, window: 'week' } });
    expect(value.prices['my-local-model']).toEqual({ input_per_mtok: 0, output_per_mtok: 0 });
    expect(value.channels.webhook[0]?.events).toEqual(['approval.*', 'budget.exceeded']);
  });

  it('gets the defaults of the behaviour contract where it says nothing', () => {
    const value = configurationOf(COMPLETE);
    expect(value.providers[0]?.timeouts).toEqual({ connect_seconds: 5, headers_seconds: 1800, idle_seconds: 1800 });
    expect(value.teams[0]?.budget?.window).toBe('month');
    expect(value.limits).toMatchObject({ max_body_mb: 8, header_kb: 64, idle_window_minutes: 15, undo_seconds: 5 });
  });

  it.each([
    ['nothing', ''],
    ['a comment', '# nothing yet\n'],
    ['an empty map', '{}'],
  ])('may hold %s: all defaults', (_, text) => {
    expect(configurationOf(text)).toMatchObject({
      agent_port: 4141,
      console_port: 4142,
      providers: [],
    });
  });

  it('may be JSON', () => {
    expect(configurationOf('{"agent_port": 5000}').agent_port).toBe(5000);
  });

  it('may use anchors', () => {
    const value = configurationOf('teams:\n  - { name: a, budget: &cap { usd: 3 } }\n  - { name: b, budget: *cap }\n');
    expect(value.teams[1]?.budget).toEqual({ usd: 3, window: 'month' });
  });

  it('leaves references and paths as they are written', () => {
    const value = configurationOf(COMPLETE);
    expect(value.policies).toEqual(['./policies/personal-default.yaml']);
    expect(value.channels.webhook[0]?.secret).toBe('file:./oncall.key');
  });
});

const PROVIDER = 'providers:\n  - id: a\n    base_url: https://a.example\n    formats: [chat]\n';

// Text, then the place and words of its only problem.
const TABLE: readonly [title: string, text: string, line: number, column: number, path: string, words: string][] = [
  ['an unknown key', 'agent_port: 1\nconsol_port: 2\n', 2, 1, 'consol_port', 'did you mean `console_port`?'],
  ['an unknown key deep down', `${PROVIDER}    model: ["*"]\n`, 5, 5, 'providers[0].model', 'did you mean `models`?'],
  ['an unknown key like no other', 'banana: 1\n', 1, 1, 'banana', 'unknown key `banana`'],
  [
    'an unknown price key',
    'prices:\n  m:\n    input_per_mtok: 1\n    output_per_mtok: 1\n    output: 2\n',
    5,
    5,
    'prices.m.output',
    'unknown key',
  ],
  [
    'a collector’s secret in its address',
    'agent_port: 1\notlp:\n  endpoint: "http://key@127.0.0.1:4318"\n',
    3,
    13,
    'otlp.endpoint',
    'without user',
  ],
  ['a retention of no time', 'retention: { days: 0 }\n', 1, 20, 'retention.days', '1'],
  [
    'a redaction pattern that cannot be read',
    'redaction:\n  patterns: ["ok", "(?=x)"]\n',
    2,
    20,
    'redaction.patterns[1]',
    'cannot be used',
  ],
  [
    'a channel of a later version',
    'channels:\n  slack: { reviewers: [U1] }\n',
    2,
    3,
    'channels.slack',
    '`slack` is not supported by this version',
  ],
  ['mail', 'channels:\n  email: {}\n', 2, 3, 'channels.email', 'not supported by this version'],
  ['a text for a number', 'agent_port: "4141"\n', 1, 13, 'agent_port', 'expected a number, found a text'],
  ['a map for a list', 'teams:\n  name: a\n', 1, 1, 'teams', 'expected a list, found a map'],
  ['nothing for a list', 'teams:\nagent_port: 1\n', 1, 7, 'teams', 'expected a list, found nothing'],
  ['a list for the file', '- a\n', 1, 1, '', 'expected a map, found a list'],
  ['a port out of range', 'agent_port: 70000\n', 1, 13, 'agent_port', 'must be at most 65535'],
  ['a fraction for a port', 'agent_port: 1.5\n', 1, 13, 'agent_port', 'expected a whole number'],
  [
    'a negative cap',
    'teams:\n  - name: a\n    budget:\n      usd: -1\n',
    4,
    12,
    'teams[0].budget.usd',
    'must be at least 0',
  ],
  ['a missing key', 'teams:\n  - name: a\n    budget: {}\n', 3, 5, 'teams[0].budget.usd', '`usd` is missing'],
  [
    'a mistyped word',
    'agents:\n  - name: a\n    delivery: holdd\n',
    3,
    15,
    'agents[0].delivery',
    'did you mean `hold`?',
  ],
  [
    'an empty list',
    'providers:\n  - { id: a, base_url: "https://a", formats: [] }\n',
    2,
    37,
    'providers[0].formats',
    'must not be empty',
  ],
  ['a bad name', 'teams:\n  - name: "two words"\n', 2, 11, 'teams[0].name', 'a name is at most 64'],
  ['a bad policy pin', 'agents:\n  - name: a\n    policy: p@newest\n', 3, 13, 'agents[0].policy', '`name@version`'],
  ['an undo window too long', 'limits:\n  undo_seconds: 31\n', 2, 17, 'limits.undo_seconds', 'must be at most 30'],
  ['an unknown team', 'agents:\n  - name: a\n    team: nobody\n', 3, 11, 'agents[0].team', 'not in `teams`'],
  ['a team twice', 'teams:\n  - name: a\n  - name: a\n', 3, 11, 'teams[1].name', 'already used'],
  ['an agent twice', 'agents:\n  - name: a\n  - { name: b }\n  - name: a\n', 4, 11, 'agents[2].name', 'already used'],
  [
    'a token of two agents',
    'agents:\n  - { name: a, token: env:T }\n  - { name: b, token: env:T }\n',
    3,
    23,
    'agents[1].token',
    'already used',
  ],
  [
    'a provider twice',
    `${PROVIDER}  - id: a\n    base_url: https://b.example\n    formats: [chat]\n`,
    5,
    9,
    'providers[1].id',
    'already used',
  ],
  [
    'a webhook twice',
    'channels:\n  webhook:\n    - { name: a, url: "https://a", secret: env:A }\n    - { name: a, url: "https://b", secret: env:B }\n',
    4,
    15,
    'channels.webhook[1].name',
    'already used',
  ],
  ['a policy file twice', 'policies:\n  - a.yaml\n  - a.yaml\n', 3, 5, 'policies[1]', 'already listed'],
  ['one port for both', 'agent_port: 5000\nconsole_port: 5000\n', 2, 15, 'console_port', 'two different ports'],
  [
    'a provider without an address',
    'providers:\n  - id: a\n    formats: [chat]\n',
    2,
    5,
    'providers[0].base_url',
    '`base_url` is missing: where the provider answers',
  ],
  [
    'a provider without protocols',
    'providers:\n  - id: a\n    base_url: https://a\n',
    2,
    5,
    'providers[0].formats',
    '`formats` is missing: the protocols it speaks, a list of chat, responses',
  ],
  [
    'a demo provider with an address',
    'providers:\n  - id: demo\n    base_url: https://a\n',
    3,
    15,
    'providers[0].base_url',
    'built in',
  ],
  ['a demo provider with a key', 'providers:\n  - id: demo\n    key: env:A\n', 3, 10, 'providers[0].key', 'built in'],
  [
    'an unknown event',
    'channels:\n  webhook:\n    - { name: a, url: "https://a", secret: env:A, events: [aproval.pending] }\n',
    3,
    60,
    'channels.webhook[0].events[0]',
    'did you mean `approval.pending`?',
  ],
  [
    'a webhook that is not signed',
    'channels:\n  webhook:\n    - { name: a, url: "https://a", secret: none }\n',
    3,
    44,
    'channels.webhook[0].secret',
    'write env:NAME',
  ],
  ['a key given twice', 'agent_port: 1\nconsole_port: 2\nagent_port: 3\n', 3, 1, '', 'given twice'],
  ['a key given twice deep down', 'limits:\n  header_kb: 8\n  header_kb: 9\n', 3, 3, '', 'given twice'],
  ['__proto__', 'prices:\n  __proto__: { input_per_mtok: 0, output_per_mtok: 0 }\n', 2, 3, '', 'not allowed'],
  ['a bracket left open', 'teams: [\nagents: []\n', 2, 1, '', 'bracket'],
  ['a tab', 'teams:\n\t- name: a\n', 2, 1, '', 'spaces, not tabs'],
  ['two documents', 'agent_port: 1\n---\nagent_port: 2\n', 2, 1, '', 'one document'],
  ['a tag', 'agent_port: !!int 3\nconsole_port: !port 4\n', 2, 15, '', 'tags'],
  ['an alias without anchor', 'teams: *teams\n', 1, 8, '', 'no anchor'],
];

describe('a file with one problem', () => {
  it.each(TABLE)('%s is named with its line', (_, text, line, column, path, words) => {
    const problems = problemsOf(text);
    expect(problems.map((each) => [each.line, each.column, each.path])).toEqual([[line, column, path]]);
    expect(problems[0]?.message).toContain(words);
  });

  it.each([
    ['a user', 'https://user:pass@api.openai.com/v1'],
    ['a query', 'https://api.openai.com/v1?key=abc'],
    ['a fragment', 'https://evil.example#api.openai.com'],
    ['an at sign', 'https://api.openai.com@evil.example'],
    ['a backslash', 'https://api.openai.com\\\\@evil.example'],
    ['another scheme', 'ftp://api.openai.com'],
    ['no scheme', 'api.openai.com'],
  ])('a provider’s address with %s is refused and not repeated', (_, url) => {
    const problems = problemsOf(`providers:\n  - id: a\n    base_url: "${url}"\n    formats: [chat]\n`);
    expect(problems).toMatchObject([{ line: 3, column: 15, path: 'providers[0].base_url' }]);
    expect(JSON.stringify(problems)).not.toContain('openai');
  });

  it('an alias bomb is refused', () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `k${i}: &a${i} [${i === 0 ? '1' : `*a${i - 1}, *a${i - 1}, *a${i - 1}`}]`,
    );
    expect(problemsOf(levels.join('\n'))).toMatchObject([{ line: 1, message: expect.stringContaining('aliases') }]);
  });
});

describe('a file with several problems', () => {
  it('lists all of them in the order of the file, ready for an editor to jump to', () => {
    const text = 'agent_prt: 1\nteams:\n  - { nam: a }\nconsole_port: x\n';
    expect(renderProblems('r.yaml', problemsOf(text)).split('\n')).toEqual([
      'r.yaml:1:1: agent_prt: unknown key `agent_prt`; did you mean `agent_port`?',
      'r.yaml:3:5: teams[0].name: `name` is missing',
      'r.yaml:3:7: teams[0].nam: unknown key `nam`; did you mean `name`?',
      'r.yaml:4:15: console_port: expected a number, found a text',
    ]);
  });
});

describe('secrets', () => {
  const SECRET = 'sk-ant-api03-7Qw9zX2';

  it.each([
    ['a provider’s key', `${PROVIDER}    key: ${SECRET}\n`, 5],
    ['a provider’s key behind env:', `${PROVIDER}    key: env:${SECRET}\n`, 5],
    ['an agent’s token', `agents:\n  - name: a\n    token: rg_agt_${SECRET}\n`, 3],
    ['a webhook’s secret', `channels:\n  webhook:\n    - name: a\n      url: https://a\n      secret: ${SECRET}\n`, 5],
  ])('%s pasted as it is is refused with what to write, and never repeated', (_, text, line) => {
    const problems = problemsOf(text);
    expect(problems).toMatchObject([{ line, message: expect.stringContaining('write env:NAME instead') }]);
    expect(JSON.stringify(problems)).not.toContain(SECRET);
  });

  it('a secret pasted as a key of the map is not repeated', () => {
    const problems = problemsOf(`${SECRET}: 1\n`);
    expect(problems).toMatchObject([{ line: 1, column: 1 }]);
    expect(JSON.stringify(problems)).not.toContain(SECRET);
  });

  it.each(['env:OPENAI_API_KEY', 'file:/run/secrets/key', 'file:./with space.txt', 'keychain:openai', 'none'])(
    '%s is a reference',
    (reference) => {
      expect(configurationOf(`${PROVIDER}    key: "${reference}"\n`).providers[0]?.key).toBe(reference);
    },
  );

  it('are never repeated, wherever in a file a secret is pasted', () => {
    const lines = COMPLETE.split('\n');
    const spot = fc.tuple(
      fc.nat(lines.length - 1),
      fc.nat(200),
      fc.constantFrom('', '"', "'", ': ', ' ', '[', ' !', ' *', '\n'),
    );
    fc.assert(
      fc.property(spot, ([line, column, before]) => {
        const broken = lines.map((text, index) =>
          index === line ? `${text.slice(0, column)}${before}${SECRET}${text.slice(column)}` : text,
        );
        const problems = problemsOf(broken.join('\n'));
        // A model's name is a key of `prices` and is shown as such.
        fc.pre(!problems.some((each) => each.path.startsWith('prices[')));
        expect(renderProblems('r.yaml', problems)).not.toContain(SECRET);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('any text at all', () => {
  it('gives a configuration or problems inside the file, never an exception', () => {
    const piece = fc.constantFrom(
      'agents',
      'teams',
      ':',
      ' ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '"',
      "'",
      '!!x ',
      '|',
      '>',
      '#',
      '\t',
      '1',
      '~',
      ',',
      '?',
      '<<',
      '\u0000',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (text) => {
          const lines = text.split('\n').length;
          for (const { line, column } of problemsOf(text)) {
            expect(line).toBeGreaterThanOrEqual(1);
            expect(line).toBeLessThanOrEqual(lines);
            expect(column).toBeGreaterThanOrEqual(1);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

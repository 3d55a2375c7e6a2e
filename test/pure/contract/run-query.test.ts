import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type RunFilter, runFilter } from '../../../proxy-core/contract/operations/runs.ts';
import { RUN_STATES } from '../../../proxy-core/contract/records.ts';
import { parseRunQuery, RUN_QUERY_KEYS, renderRunQuery, textTerms } from '../../../proxy-core/contract/run-query.ts';

const NOW = Date.UTC(2026, 10, 22, 14, 3, 7);
const read = (query: string) => parseRunQuery(query, NOW);
const problemsOf = (query: string) =>
  read(query).problems.map(({ start, end, message }) => [query.slice(start, end), message] as const);

describe('a query', () => {
  it('is read into conditions and text', () => {
    const query = 'status:waiting agent:x cost:>1 tool:bash since:2d policy:refunds model:gpt-* "free text" more';
    expect(read(query)).toMatchObject({
      filter: {
        states: ['waiting'],
        agents: ['x'],
        cost_over_usd: 1,
        tools: ['bash'],
        since: NOW - 2 * 86_400_000,
        policies: ['refunds'],
        models: ['gpt-*'],
        text: '"free text" more',
      },
      problems: [],
    });
  });

  it('that is empty holds for every run', () => {
    expect(read('')).toEqual({ filter: {}, problems: [], words: [] });
    expect(read('  \t ')).toEqual({ filter: {}, problems: [], words: [] });
  });

  it.each([
    ['status:open,waiting status:open', { states: ['open', 'waiting'] }],
    ['STATE:Completed', { states: ['completed'] }],
    ['tool:"my tool",b', { tools: ['my tool', 'b'] }],
    ['tool:"a \\"b\\" \\\\ c"', { tools: ['a "b" \\ c'] }],
    ['model:gpt-5,"a,b"', { models: ['gpt-5', 'a,b'] }],
    ['cost:<0.25 cost:>0.1', { cost_under_usd: 0.25, cost_over_usd: 0.1 }],
    ['since:90m', { since: NOW - 90 * 60_000 }],
    ['since:2026-11-20T08:00:00Z', { since: Date.UTC(2026, 10, 20, 8) }],
    ['since:2026-11-20', { since: new Date(2026, 10, 20).getTime() }],
    ['until:2026-11-20', { until: new Date(2026, 10, 21).getTime() - 1 }],
    ['re"fund', { text: 're"fund' }],
    ['a"b c"', { text: 'a"b c"' }],
    ['"unclosed phrase', { text: '"unclosed phrase"' }],
    ['"tool:bash"', { text: '"tool:bash"' }],
  ])('%s', (query, filter) => {
    expect(read(query).problems).toEqual([]);
    expect(read(query).filter).toEqual(filter);
  });

  it.each([
    ['agent:x foo:1', 'foo:1', 'There is no condition foo'],
    ['https://example.com', 'https://example.com', 'put it in quotes'],
    ['status:nix', 'status:nix', 'open, waiting'],
    ['cost:>=1', 'cost:>=1', 'cost:>1'],
    ['cost:>1000001', 'cost:>1000001', 'too'],
    ['since:2026-02-30', 'since:2026-02-30', 'since:2d'],
    ['since:yesterday', 'since:yesterday', 'since:2d'],
    ['tool:', 'tool:', 'tool:bash'],
    ['tool:""', 'tool:""', 'tool:bash'],
    ['x tool:"a b', 'tool:"a b', 'closing quote'],
    ['agent:-x', 'agent:-x', 'agent’s name'],
    [`text model:${'m'.repeat(201)}`, `model:${'m'.repeat(201)}`, 'too long'],
  ])('%s: what cannot be understood is named with its place', (query, where, message) => {
    expect(problemsOf(query)).toEqual([[where, expect.stringContaining(message)]]);
  });

  it('keeps what was understood beside what was not', () => {
    expect(read('tool:bash foo:1 status:nix hello').filter).toEqual({ tools: ['bash'], text: 'hello' });
    expect(read('status:open status:open,nix').filter).toEqual({ states: ['open'] });
  });

  it('says where each word stands', () => {
    const { words } = read(' agent:"x"  free "a b"');
    expect(words.map(({ start, end, key, value }) => [start, end, key, value])).toEqual([
      [1, 10, 'agent', '"x"'],
      [12, 16, null, 'free'],
      [17, 22, null, '"a b"'],
    ]);
  });

  it('has an example for every key that is itself understood', () => {
    for (const example of Object.values(RUN_QUERY_KEYS)) expect(problemsOf(example)).toEqual([]);
  });
});

const term = fc.string({ minLength: 1, maxLength: 20 });
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/);
const usd = fc.double({ min: 0, max: 1_000_000, noNaN: true }).map(Math.abs);
const instant = fc.integer({ min: -8.64e15, max: 8.64e15 });
/** Texts as a query can hold them: words and phrases, one space apart. */
const text = fc
  .array(fc.string({ maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map((words) => read(words.map((word) => `"${word.replaceAll(/["\\]/g, '\\$&')}"`).join(' ')).filter.text ?? '');
const some = <T>(of: fc.Arbitrary<T>) => fc.uniqueArray(of, { minLength: 1, maxLength: 4 });

const filters: fc.Arbitrary<RunFilter> = fc.record(
  {
    states: some(fc.constantFrom(...RUN_STATES)),
    agents: some(name),
    policies: some(term),
    models: some(term),
    tools: some(term),
    cost_over_usd: usd,
    cost_under_usd: usd,
    since: instant,
    until: instant,
    text,
  },
  { requiredKeys: [] },
);

describe('writing a filter as a query', () => {
  it('and reading it again gives the same filter', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(read(renderRunQuery(filter))).toMatchObject({ problems: [] });
        expect(read(renderRunQuery(filter)).filter).toEqual(filter);
      }),
    );
  });

  it('gives the same filter for whatever was typed', () => {
    const pieces = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom(' ', '"', '\\', ':', ',', 'tool:', 'cost:>', 'since:', 'status:open', '2d', '\n'),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (typed) => {
        const { filter } = read(typed.join(''));
        expect(runFilter.safeParse(filter).success).toBe(true);
        expect(read(renderRunQuery(filter)).filter).toEqual(filter);
      }),
      { numRuns: 1_000 },
    );
  });
});

it('finds words by their beginning and phrases as they stand', () => {
  expect(textTerms('refund "issued to" x"y')).toEqual([
    { text: 'refund', phrase: false },
    { text: 'issued to', phrase: true },
    { text: 'x"y', phrase: false },
  ]);
});

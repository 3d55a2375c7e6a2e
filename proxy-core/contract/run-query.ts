import { type RunFilter, runFilter } from './operations/runs.ts';
import { readQuotable, renderQuotable, splitWords, type Word } from './query-words.ts';
import { RUN_STATES } from './records.ts';

/**
 * The query bar's language: `status:waiting agent:x cost:>1 tool:bash since:2d "free text"`. A word `key:value` is a
 * condition, the same key again or a comma means "or", everything else is text to find. Values with spaces, commas or
 * quotes stand in double quotes, in which `\` precedes a quote or a backslash.
 */

/** Something in a query that cannot be understood; the filter leaves it out. */
export interface QueryProblem {
  /** Characters of the query, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** One sentence with the fix. */
  readonly message: string;
}

/** A query as it was understood. */
export interface ParsedRunQuery {
  readonly filter: RunFilter;
  readonly problems: readonly QueryProblem[];
  /** Where the words stand, so that a bar can show them as chips and complete them. */
  readonly words: readonly Word[];
}

/** The keys of conditions, each with an example. */
export const RUN_QUERY_KEYS = {
  status: 'status:waiting',
  agent: 'agent:refactor-bot',
  policy: 'policy:refunds',
  model: 'model:gpt-*',
  tool: 'tool:bash',
  cost: 'cost:>1',
  since: 'since:2d',
  until: 'until:2026-11-20',
} as const;
export type RunQueryKey = keyof typeof RUN_QUERY_KEYS;

const ALIASES: Readonly<Record<string, RunQueryKey>> = { state: 'status', after: 'since', before: 'until' };

/** Which list of the filter a key adds to. */
const LISTS = { status: 'states', agent: 'agents', policy: 'policies', model: 'models', tool: 'tools' } as const;

type Draft = { -readonly [K in keyof RunFilter]: RunFilter[K] };

/** Read a query. `now` (epoch ms) is what `since:2d` counts back from. Never throws: what is wrong is in `problems`. */
export function parseRunQuery(query: string, now: number): ParsedRunQuery {
  const draft: Draft = {};
  const problems: QueryProblem[] = [];
  const words = splitWords(query);
  for (const word of words) {
    const before = { ...draft };
    const problem =
      word.open && word.key !== null ? 'A closing quote is missing.' : (readWord(draft, word, now) ?? tooMuch(draft));
    if (problem === null) continue;
    for (const key of Object.keys(draft) as (keyof Draft)[]) delete draft[key];
    Object.assign(draft, before);
    problems.push({ start: word.start, end: word.end, message: problem });
  }
  return { filter: draft, problems, words };
}

/** A filter as a query that `parseRunQuery` reads as the same filter. */
export function renderRunQuery(filter: RunFilter): string {
  const lists = Object.entries(LISTS).flatMap(([key, list]) => {
    const terms: readonly string[] = filter[list] ?? [];
    return terms.length === 0 ? [] : [`${key}:${terms.map(renderQuotable).join(',')}`];
  });
  const words = [
    ...lists,
    ...(filter.cost_over_usd === undefined ? [] : [`cost:>${filter.cost_over_usd}`]),
    ...(filter.cost_under_usd === undefined ? [] : [`cost:<${filter.cost_under_usd}`]),
    ...(filter.since === undefined ? [] : [`since:${new Date(filter.since).toISOString()}`]),
    ...(filter.until === undefined ? [] : [`until:${new Date(filter.until).toISOString()}`]),
    ...textTerms(filter.text ?? '').map(renderTerm),
  ];
  return words.join(' ');
}

/** One thing to find in texts: a word, of which the beginning is enough, or a phrase as it stands. */
export interface TextTerm {
  readonly text: string;
  readonly phrase: boolean;
}

/** The terms of `RunFilter.text`: words, and phrases in double quotes. */
export const textTerms = (text: string): readonly TextTerm[] =>
  splitWords(text).map(({ start, end }) => {
    const written = text.slice(start, end);
    return written.startsWith('"')
      ? { text: readQuotable(written)[0] ?? '', phrase: true }
      : { text: written, phrase: false };
  });

/** A term as text of a query. What would be read as a condition there becomes a phrase. */
const renderTerm = ({ text, phrase }: TextTerm): string =>
  phrase || splitWords(text)[0]?.key != null ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : text;

/** Take one word into the filter; a sentence says why it cannot be. */
function readWord(draft: Draft, word: Word, now: number): string | null {
  const { key, value } = word;
  if (key === null) {
    const [term] = textTerms(value);
    const written = term === undefined ? '' : renderTerm(term);
    draft.text = draft.text === undefined ? written : `${draft.text} ${written}`;
    return null;
  }
  const known = Object.hasOwn(RUN_QUERY_KEYS, key) ? (key as RunQueryKey) : ALIASES[key];
  if (known === undefined) {
    const keys = Object.keys(RUN_QUERY_KEYS).join(', ');
    return `There is no condition ${key.slice(0, 40)}: known are ${keys}. To find it as text, put it in quotes.`;
  }
  const terms = readQuotable(value);
  if (terms.length === 0) return `A value is missing, for example ${RUN_QUERY_KEYS[known]}.`;
  switch (known) {
    case 'status':
      return readStates(draft, terms);
    case 'agent':
    case 'policy':
    case 'model':
    case 'tool':
      return addTerms(draft, LISTS[known], terms);
    case 'cost':
      return readCost(draft, value);
    case 'since':
    case 'until':
      return readInstant(draft, known, terms.join(','), now);
  }
}

function readStates(draft: Draft, terms: readonly string[]): string | null {
  const states = terms.map((term) => RUN_STATES.find((state) => state === term.toLowerCase()));
  const known = states.filter((state) => state !== undefined);
  if (known.length < states.length) return `A status is one of ${RUN_STATES.join(', ')}.`;
  draft.states = [...new Set([...(draft.states ?? []), ...known])];
  return null;
}

function addTerms(draft: Draft, list: 'agents' | 'policies' | 'models' | 'tools', terms: readonly string[]): null {
  draft[list] = [...new Set([...(draft[list] ?? []), ...terms])];
  return null;
}

const COST = /^([<>])\$?(\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i;

function readCost(draft: Draft, value: string): string | null {
  const [, side, amount] = COST.exec(value) ?? [];
  if (amount === undefined) return 'A cost is compared in USD, for example cost:>1 or cost:<0.25.';
  draft[side === '>' ? 'cost_over_usd' : 'cost_under_usd'] = Number(amount);
  return null;
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DAY = /^\d{4}-\d\d-\d\d$/;
const INSTANT = /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/;

/** A time ago (`2d`, `12h`), a day (from its local midnight, or to its end) or an instant of ISO 8601. */
function readInstant(draft: Draft, key: 'since' | 'until', text: string, now: number): string | null {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const at =
    count !== undefined && unit !== undefined
      ? now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
      : DAY.test(text)
        ? midnight(text, key === 'until' ? 1 : 0) - (key === 'until' ? 1 : 0)
        : INSTANT.test(text)
          ? Date.parse(text)
          : Number.NaN;
  if (!Number.isSafeInteger(at)) return `A time is written ${key}:2d, ${key}:12h, ${key}:2026-11-20 or in ISO 8601.`;
  draft[key] = at;
  return null;
}

/** The start of a local day, `days` later. NaN where there is no such day. */
function midnight(day: string, days: number): number {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const start = new Date(year, month - 1, date);
  if (start.getMonth() !== month - 1 || start.getDate() !== date) return Number.NaN;
  return new Date(year, month - 1, date + days).getTime();
}

/** Why a filter is more than the core accepts, or null. */
function tooMuch(draft: Draft): string | null {
  const issue = runFilter.safeParse(draft).error?.issues[0];
  if (issue === undefined) return null;
  return issue.path[0] === 'agents'
    ? 'That is not an agent’s name.'
    : `That is too much or too long: ${issue.message}.`;
}

import { RUN_STATES } from '../../../proxy-core/contract/records.ts';
import {
  parseRunQuery,
  RUN_QUERY_KEYS,
  type RunQueryKey,
  renderRunQuery,
} from '../../../proxy-core/contract/run-query.ts';

/** A query as it is written: finished conditions as chips, and what is still being typed. */
export interface QueryDraft {
  readonly chips: readonly string[];
  readonly text: string;
}

/** A query as chips and text. */
export function openDraft(query: string): QueryDraft {
  const { words } = parseRunQuery(query, 0);
  const written = words.map(({ start, end, key }) => ({ key, word: query.slice(start, end) }));
  return {
    chips: written.filter(({ key }) => key !== null).map(({ word }) => word),
    text: written
      .filter(({ key }) => key === null)
      .map(({ word }) => word)
      .join(' '),
  };
}

/** The draft after typing: conditions that a space has finished become chips. `now` is epoch ms. */
export function typed(draft: QueryDraft, text: string, now: number): QueryDraft {
  return takeConditions(draft, text, now, ({ end }) => end < text.length);
}

/** The draft after Enter: every condition that is understood becomes a chip. */
export const settled = (draft: QueryDraft, now: number): QueryDraft =>
  takeConditions(draft, draft.text, now, () => true);

function takeConditions(
  draft: QueryDraft,
  text: string,
  now: number,
  finished: (word: { readonly end: number }) => boolean,
): QueryDraft {
  const { words, problems } = parseRunQuery(text, now);
  const taken = words.filter(
    (word) => word.key !== null && finished(word) && !problems.some(({ start }) => start === word.start),
  );
  if (taken.length === 0) return { ...draft, text };
  const chips = [...draft.chips, ...taken.map(({ start, end }) => text.slice(start, end))];
  let left = text;
  for (const { start, end } of taken.toReversed()) left = left.slice(0, start) + left.slice(end).trimStart();
  return { chips: [...new Set(chips)], text: left };
}

/** The draft without one chip. */
export const withoutChip = (draft: QueryDraft, at: number): QueryDraft => ({
  ...draft,
  chips: draft.chips.filter((_, index) => index !== at),
});

/** The draft with its last chip as text again, to be changed (Backspace at the start). */
export function reopened({ chips, text }: QueryDraft): QueryDraft {
  const last = chips.at(-1);
  return last === undefined
    ? { chips, text }
    : { chips: chips.slice(0, -1), text: `${last}${text === '' ? '' : ` ${text}`}` };
}

/** The query that is in force while the draft is written: a condition counts from when it is a chip. */
export function inForce({ chips, text }: QueryDraft): string {
  const { words } = parseRunQuery(text, 0);
  const texts = words.filter(({ key }) => key === null).map(({ start, end }) => text.slice(start, end));
  return [...chips, ...texts].join(' ');
}

/** What is wrong with the word being typed, once it can no longer become right by typing on; null if nothing. */
export function problemOf({ text }: QueryDraft, now: number): string | null {
  return parseRunQuery(text, now).problems.find(({ end }) => end < text.length)?.message ?? null;
}

/** Values that occur in the recorded runs. */
export interface Facets {
  readonly agents: readonly string[];
  readonly policies: readonly string[];
  readonly models: readonly string[];
  readonly tools: readonly string[];
}

export const NO_FACETS: Facets = { agents: [], policies: [], models: [], tools: [] };

/** Something the bar offers: a condition to complete (`whole`), or a key to go on from. */
export interface Suggestion {
  readonly text: string;
  readonly hint: string;
  readonly whole: boolean;
}

const HINTS: Readonly<Record<RunQueryKey, string>> = {
  status: 'open, waiting, completed, stopped',
  agent: 'by its name',
  policy: 'name, or name@version',
  model: 'a model it used',
  tool: 'a tool it called',
  cost: 'more or less than so many USD',
  since: 'started within, or after a day',
  until: 'started before',
};
const COSTS = ['>0.10', '>1', '>5', '<0.10'];
const AGES = ['1h', '24h', '7d', '30d'];
const MOST = 8;

/** What could come next, best first; at most eight. */
export function suggest({ text }: QueryDraft, facets: Facets): readonly Suggestion[] {
  const word = /\S*$/.exec(text)?.[0] ?? '';
  const [, key = null, value = ''] = /^([A-Za-z]+):(.*)$/.exec(word) ?? [];
  if (key !== null) return valuesOf(key.toLowerCase(), value, facets).slice(0, MOST);
  const keys = (Object.keys(RUN_QUERY_KEYS) as RunQueryKey[])
    .filter((each) => each.startsWith(word.toLowerCase()))
    .map((each) => ({ text: `${each}:`, hint: HINTS[each], whole: false }));
  if (word.length < 2) return keys;
  const everywhere = (['status', 'agent', 'model', 'tool', 'policy'] as const).flatMap((each) =>
    valuesOf(each, word, facets),
  );
  return [...keys, ...everywhere].slice(0, MOST);
}

function valuesOf(key: string, typedValue: string, facets: Facets): readonly Suggestion[] {
  const sought = typedValue.replace(/^"/, '').toLowerCase();
  const offer = (hint: string, values: readonly string[], render: (value: string) => string): readonly Suggestion[] =>
    values
      .filter((value) => value.toLowerCase().includes(sought))
      .sort((a, b) => Number(b.toLowerCase().startsWith(sought)) - Number(a.toLowerCase().startsWith(sought)))
      .map((value) => ({ text: render(value), hint, whole: true }));
  switch (key) {
    case 'status':
      return offer('status', RUN_STATES, (value) => `status:${value}`);
    case 'agent':
      return offer('agent', facets.agents, (value) => renderRunQuery({ agents: [value] }));
    case 'policy':
      return offer('policy', facets.policies, (value) => renderRunQuery({ policies: [value] }));
    case 'model':
      return offer('model', facets.models, (value) => renderRunQuery({ models: [value] }));
    case 'tool':
      return offer('tool', facets.tools, (value) => renderRunQuery({ tools: [value] }));
    case 'cost':
      return offer('USD', COSTS, (value) => `cost:${value}`);
    case 'since':
    case 'until':
      return offer('ago', AGES, (value) => `${key}:${value}`);
    default:
      return [];
  }
}

/** The draft with a suggestion in place of the word being typed. */
export function accepted(draft: QueryDraft, { text, whole }: Suggestion): QueryDraft {
  const before = draft.text.replace(/\S*$/, '');
  return whole ? { chips: [...new Set([...draft.chips, text])], text: before } : { ...draft, text: before + text };
}

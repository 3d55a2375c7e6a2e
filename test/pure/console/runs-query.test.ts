import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRunQuery } from '../../../proxy-core/contract/run-query.ts';
import {
  accepted,
  inForce,
  NO_FACETS,
  openDraft,
  problemOf,
  reopened,
  settled,
  suggest,
  typed,
  withoutChip,
} from '../../../renderer/screens/runs/query-draft.ts';

const NOW = 1_800_000_000_000;
const EMPTY = { chips: [], text: '' };
const FACETS = {
  ...NO_FACETS,
  agents: ['refactor-bot', 'release-notes'],
  models: ['gpt-5.5', 'odd, "model"'],
  tools: ['bash'],
};

describe('the query bar', () => {
  it('shows conditions of a query as chips and its words as text', () => {
    expect(openDraft('refund status:waiting cost:>1')).toEqual({
      chips: ['status:waiting', 'cost:>1'],
      text: 'refund',
    });
  });

  it('makes a condition a chip when a space follows it, not while it is typed', () => {
    expect(typed(EMPTY, 'status:waiting', NOW)).toEqual({ chips: [], text: 'status:waiting' });
    expect(typed(EMPTY, 'status:waiting ', NOW)).toEqual({ chips: ['status:waiting'], text: '' });
    expect(typed(EMPTY, 'fix status:waiting me', NOW)).toEqual({ chips: ['status:waiting'], text: 'fix me' });
  });

  it('does not filter by a condition that is still being typed', () => {
    expect(inForce(typed(EMPTY, 'agent:refac', NOW))).toBe('');
    expect(inForce(settled(typed(EMPTY, 'agent:refac', NOW), NOW))).toBe('agent:refac');
  });

  it('leaves what is not understood in the text and says how to write it', () => {
    const draft = typed(EMPTY, 'cost:dear ', NOW);
    expect(draft.chips).toEqual([]);
    expect(problemOf(draft, NOW)).toContain('cost:>1');
    expect(problemOf(typed(EMPTY, 'cost:', NOW), NOW)).toBeNull();
  });

  it('reopens the last chip to be changed, and removes any', () => {
    const draft = { chips: ['status:open', 'agent:a'], text: '' };
    expect(reopened(draft)).toEqual({ chips: ['status:open'], text: 'agent:a' });
    expect(withoutChip(draft, 0)).toEqual({ chips: ['agent:a'], text: '' });
    expect(reopened(EMPTY)).toEqual(EMPTY);
  });

  it('offers keys, then values that occur, those that begin alike first', () => {
    expect(suggest(typed(EMPTY, '', NOW), FACETS).map(({ text }) => text)).toContain('status:');
    expect(suggest(typed(EMPTY, 'agent:re', NOW), FACETS).map(({ text }) => text)).toEqual([
      'agent:refactor-bot',
      'agent:release-notes',
    ]);
    expect(suggest(typed(EMPTY, 'agent:notes', NOW), FACETS).map(({ text }) => text)).toEqual(['agent:release-notes']);
    expect(suggest(typed(EMPTY, 'bas', NOW), FACETS).map(({ text }) => text)).toEqual(['tool:bash']);
  });

  it('completes a value into a chip that means exactly this value, however it is spelled', () => {
    const [offer] = suggest(typed(EMPTY, 'model:odd', NOW), FACETS);
    if (offer === undefined) throw new Error('nothing was offered');
    const draft = accepted(typed(EMPTY, 'model:odd', NOW), offer);
    expect(draft.text).toBe('');
    expect(parseRunQuery(inForce(draft), NOW).filter).toEqual({ models: ['odd, "model"'] });
  });

  it('goes on from a key that was chosen', () => {
    expect(accepted({ chips: [], text: 'fix sta' }, { text: 'status:', hint: '', whole: false })).toEqual({
      chips: [],
      text: 'fix status:',
    });
  });

  it('keeps the meaning of every query that it is opened with', () => {
    const word = fc.constantFrom(
      'status:open',
      'agent:a',
      'model:"x y"',
      'refund',
      '"two words"',
      'cost:>2',
      'nonsense:1',
      'a,b',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const query = words.join(' ');
        expect(parseRunQuery(inForce(openDraft(query)), NOW).filter).toEqual(parseRunQuery(query, NOW).filter);
      }),
    );
  });
});

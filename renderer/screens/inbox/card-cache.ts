import { create } from 'zustand';
import type { GateCard, RiskLevel } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { call } from '../../store/console.ts';
import { longActions } from './payload/extent.ts';

/**
 * What lists show of a gate beyond its record, read lazily from its card. Only this summary is kept of a card, and the
 * few latest small cards: a card may be megabytes (mistake 9 of console §5).
 */
export interface CardSummary {
  readonly risk: RiskLevel;
  readonly spentNano: number;
  readonly long: boolean;
}

const useSummaries = create<{ readonly known: ReadonlyMap<string, CardSummary> }>(() => ({ known: new Map() }));

/** What a card says depends on these; anything else of it is live. */
const keyOf = ({ gate_id, action_hash, state }: GateRecord): string => `${gate_id} ${action_hash} ${state}`;

const MOST_SUMMARIES = 500;
const MOST_CARDS = 20;
/** Larger cards are not kept, in characters of arguments. */
const KEPT_SIZE = 100_000;
const AT_ONCE = 3;

const cards = new Map<string, GateCard>();
const asked = new Set<string>();
const queue: GateRecord[] = [];
let underWay = 0;

/** The summary of a gate's card; null until it has been read. */
export const useCardSummary = (gate: GateRecord): CardSummary | null =>
  useSummaries(({ known }) => known.get(keyOf(gate)) ?? null);

/** Read the card of a gate if its summary is not known; a few at a time. */
export function wantSummary(gate: GateRecord): void {
  const key = keyOf(gate);
  if (asked.has(key) || useSummaries.getState().known.has(key)) return;
  asked.add(key);
  queue.push(gate);
  work();
}

function work(): void {
  while (underWay < AT_ONCE) {
    const gate = queue.shift();
    if (gate === undefined) return;
    underWay += 1;
    void call('gates.card', { gate_id: gate.gate_id }).then((reply) => {
      underWay -= 1;
      asked.delete(keyOf(gate));
      if (reply.ok) keepCard(reply.value.card);
      work();
    });
  }
}

/** Remember what a card says. */
export function keepCard(card: GateCard): void {
  const key = keyOf(card.gate);
  const summary = { risk: card.risk.level, spentNano: card.run.spent_nano, long: longActions(card).length > 0 };
  useSummaries.setState(({ known }) => {
    const next = new Map(known);
    next.delete(key);
    next.set(key, summary);
    if (next.size > MOST_SUMMARIES) next.delete(next.keys().next().value ?? '');
    return { known: next };
  });
  cards.delete(key);
  if (card.actions.reduce((sum, { raw }) => sum + raw.length, 0) > KEPT_SIZE) return;
  cards.set(key, card);
  if (cards.size > MOST_CARDS) cards.delete(cards.keys().next().value ?? '');
}

/** A card that was read before, to be shown while it is read anew. */
export const recentCard = (gate: GateRecord): GateCard | null => cards.get(keyOf(gate)) ?? null;

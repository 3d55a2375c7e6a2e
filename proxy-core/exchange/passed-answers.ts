import { ownText } from '../contract/own-text.ts';
import { ANSWER_LENGTH, findPassage, PASSAGE, type PassedAnswer } from '../runs/shared-passage.ts';

/**
 * The answers of the last hour, so that a conversation that was compacted into one of them is found in its run (behaviour
 * §2, rule 7). Bounded per agent; what is older is forgotten.
 */
export interface PassedAnswers {
  /** An answer with this text has gone to an agent at `at`. */
  note(agentId: string, runId: string, text: string, at: number): void;
  /** The run whose latest answer shares a long passage with one of these texts; `isOpen` says which runs count. */
  find(
    agentId: string,
    texts: readonly string[],
    now: number,
    isOpen: (runId: string) => boolean,
    late: () => boolean,
  ): string | null;
}

const KEPT_MS = 60 * 60_000;
const MOST_ANSWERS = 64;
const MOST_AGENTS = 256;

/** An answer as it was stored before the start. */
export type EarlierAnswers = (agentId: string, since: number, most: number) => readonly Omit<PassedAnswer, 'hashes'>[];

/** No answers but what `before` finds of an agent when it is first asked about. */
export function createPassedAnswers(before: EarlierAnswers): PassedAnswers {
  const agents = new Map<string, PassedAnswer[]>();
  const asked = new Set<string>();
  const of = (agentId: string): PassedAnswer[] => {
    const known = agents.get(agentId) ?? [];
    agents.delete(agentId);
    agents.set(agentId, known);
    const [oldest] = agents.keys();
    if (agents.size > MOST_AGENTS && oldest !== undefined) agents.delete(oldest);
    return known;
  };
  return {
    note(agentId, runId, text, at) {
      if (text.length < PASSAGE) return;
      const kept = of(agentId);
      kept.push({ runId, at, text: ownText(text, ANSWER_LENGTH), hashes: null });
      while (kept.length > MOST_ANSWERS || (kept[0]?.at ?? at) < at - KEPT_MS) kept.shift();
    },
    find(agentId, texts, now, isOpen, late) {
      const kept = of(agentId);
      if (!asked.has(agentId)) {
        asked.add(agentId);
        const known = new Set(kept.map(({ text }) => text));
        const found = before(agentId, now - KEPT_MS, MOST_ANSWERS).filter(({ text }) => !known.has(text));
        kept.unshift(...found.filter(({ text }) => text.length >= PASSAGE).map((one) => ({ ...one, hashes: null })));
        kept.splice(0, kept.length - MOST_ANSWERS);
      }
      const lately = kept.filter(({ runId, at }) => at >= now - KEPT_MS && isOpen(runId));
      return lately.length === 0 ? null : (findPassage(texts, lately, late)?.runId ?? null);
    },
  };
}

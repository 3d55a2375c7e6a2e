import { readStart, startsObject } from '../wire/stream-start.ts';
import type { Passage } from './passage.ts';

/**
 * An answer whose first bytes decide whether it is a stream. Until they do (a handful, mostly the first piece), nothing
 * passes; then everything does as if it had been known from the start. `typed`: it calls itself a stream, and is one unless it begins
 * like a JSON object.
 */
export function openUndecided(typed: boolean, open: (stream: boolean) => Passage): Passage {
  const first: Buffer[] = [];
  let known: Passage | null = null;
  let opened = false;
  let gone = false;

  /** Decide by what there is; what could be either is what its type says once nothing more comes. */
  const decide = (ended: boolean): Passage | null => {
    const bytes = Buffer.concat(first);
    const start = readStart(bytes);
    if (start === 'undecided' && !ended) return null;
    known = open(typed ? !startsObject(bytes) : start === 'stream');
    if (gone) known.agentGone();
    if (opened) known.open();
    return known;
  };
  const decided = (): Passage => {
    if (known !== null) return known;
    const passage = decide(true) as Passage;
    if (first.length > 0) passage.push(Buffer.concat(first));
    return passage;
  };

  return {
    push(chunk) {
      if (known !== null) return known.push(chunk);
      first.push(chunk);
      const passage = decide(false);
      return passage === null ? true : passage.push(Buffer.concat(first));
    },
    end: () => decided().end(),
    open() {
      opened = true;
      return known?.open() ?? true;
    },
    agentGone() {
      gone = true;
      known?.agentGone();
    },
    answer: () => decided().answer(),
    get complete() {
      return known?.complete ?? false;
    },
    get whole() {
      return decided().whole;
    },
    get overflow() {
      return known?.overflow ?? false;
    },
    get overdue() {
      return known?.overdue ?? false;
    },
    get bytesSinceGone() {
      return known?.bytesSinceGone ?? 0;
    },
  };
}

/**
 * A compacted conversation begins anew with a summary, which is an answer that the model gave before: does a text hold a
 * long passage of an earlier answer? Blocks of the answers are hashed at fixed places and looked for at every place of
 * the text (Rabin and Karp), so any passage of `PASSAGE` characters holds a whole block; each hit is then compared.
 */

/** Consecutive characters that prove it. */
export const PASSAGE = 200;
const BLOCK = PASSAGE / 2;
const BASE = 0x01000193;
/** `BASE` to the power of `BLOCK - 1`, modulo 2^32. */
const LEAVING = Array.from({ length: BLOCK - 1 }).reduce<number>((power) => Math.imul(power, BASE), 1);

/** Of an answer and of a text so much is compared, characters. */
export const ANSWER_LENGTH = 32 * 1024;
const TEXT_LENGTH = 512 * 1024;

/** An answer that passed, with the hashes of its blocks once they have been worked out. */
export interface PassedAnswer {
  readonly runId: string;
  readonly at: number;
  readonly text: string;
  hashes: readonly number[] | null;
}

/** The latest of these answers (oldest first) of which one of the texts holds a passage; null where none does or `late` ends the search. */
export function findPassage(
  texts: readonly string[],
  answers: readonly PassedAnswer[],
  late: () => boolean,
): PassedAnswer | null {
  const blocks = new Map<number, (readonly [PassedAnswer, number])[]>();
  for (const answer of answers.toReversed()) {
    answer.hashes ??= blockHashes(answer.text);
    for (const [index, hash] of answer.hashes.entries()) {
      const known = blocks.get(hash);
      if (known === undefined) blocks.set(hash, [[answer, index * BLOCK]]);
      else if (known.length < MOST_SAME) known.push([answer, index * BLOCK]);
    }
    if (late()) return null;
  }
  let left = TEXT_LENGTH;
  let found: PassedAnswer | null = null;
  for (const whole of texts) {
    const text = whole.slice(0, left);
    left -= text.length;
    found = later(found, searchText(text, blocks, late));
    if (left <= 0 || late()) break;
  }
  return found;
}

/** Equal blocks (of repeated text) that are compared. */
const MOST_SAME = 8;
/** Characters between two looks at the clock. */
const STRIDE = 16 * 1024;
/** Hits between two looks at the clock: repeated text has many. */
const COMPARED = 512;

const later = (one: PassedAnswer | null, other: PassedAnswer | null): PassedAnswer | null =>
  one === null || (other !== null && other.at > one.at) ? other : one;

function searchText(
  text: string,
  blocks: ReadonlyMap<number, readonly (readonly [PassedAnswer, number])[]>,
  late: () => boolean,
): PassedAnswer | null {
  let found: PassedAnswer | null = null;
  let hash = 0;
  let compared = 0;
  for (let end = 0; end < text.length; end += 1) {
    if (end >= BLOCK) hash = (hash - Math.imul(text.charCodeAt(end - BLOCK), LEAVING)) | 0;
    hash = (Math.imul(hash, BASE) + text.charCodeAt(end)) | 0;
    if (end % STRIDE === STRIDE - 1 && late()) return found;
    if (end < BLOCK - 1) continue;
    const hits = blocks.get(hash);
    if (hits === undefined) continue;
    compared += hits.length;
    if (compared % COMPARED < hits.length && late()) return found;
    for (const [answer, at] of hits)
      if (answer !== found && passageAround(text, end - BLOCK + 1, answer.text, at)) found = later(found, answer);
  }
  return found;
}

/** Whether the two texts agree around these places for a whole passage. */
function passageAround(text: string, at: number, answer: string, answerAt: number): boolean {
  let before = 0;
  while (before < PASSAGE && sameAt(text, at - before - 1, answer, answerAt - before - 1)) before += 1;
  let after = 0;
  while (before + after < PASSAGE && sameAt(text, at + after, answer, answerAt + after)) after += 1;
  return before + after >= PASSAGE;
}

const sameAt = (text: string, at: number, answer: string, answerAt: number): boolean =>
  at >= 0 &&
  answerAt >= 0 &&
  at < text.length &&
  answerAt < answer.length &&
  text.charCodeAt(at) === answer.charCodeAt(answerAt);

function blockHashes(text: string): readonly number[] {
  const hashes: number[] = [];
  for (let start = 0; start + BLOCK <= text.length; start += BLOCK) {
    let hash = 0;
    for (let at = start; at < start + BLOCK; at += 1) hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
    hashes.push(hash);
  }
  return hashes;
}

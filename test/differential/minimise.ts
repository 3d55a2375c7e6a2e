import { type Case, textOf, withBytes } from './cases.ts';

/** Making a failing case smaller: events are left out, then members of their JSON, while it still fails in the same way. */

/** Attempts at most; a case is shown as small as it is by then. */
const MOST_TRIES = 250;

/** The smallest case found for which `fails` holds; the case itself where only its own cuts show the fault. */
export async function minimise(one: Case, fails: (smaller: Case) => Promise<boolean>): Promise<Case> {
  let best = textOf(one);
  if (!(await fails(withBytes(one, best)))) return one;
  let tries = MOST_TRIES;
  for (let smaller: string | null = best; smaller !== null; ) {
    smaller = null;
    for (const candidate of candidatesOf(best, one.stream)) {
      if (tries === 0) return withBytes(one, best);
      tries -= 1;
      if (await fails(withBytes(one, candidate))) {
        smaller = best = candidate;
        break;
      }
    }
  }
  return withBytes(one, best);
}

function* candidatesOf(text: string, stream: boolean): Generator<string> {
  const pieces = stream ? text.split(/(?<=\n\n)/) : [text];
  if (stream && pieces.length > 2) for (const i of pieces.keys()) yield pieces.toSpliced(i, 1).join('');
  for (const [i, piece] of pieces.entries()) {
    for (const smaller of smallerPieces(piece)) yield pieces.toSpliced(i, 1, smaller).join('');
  }
}

/** A piece with one member fewer in its JSON. */
function* smallerPieces(piece: string): Generator<string> {
  const at = piece.indexOf('{');
  const end = piece.lastIndexOf('}') + 1;
  if (at === -1) return;
  try {
    for (const value of smallerValues(JSON.parse(piece.slice(at, end)))) {
      yield piece.slice(0, at) + JSON.stringify(value) + piece.slice(end);
    }
  } catch {
    // No JSON: only whole events are left out.
  }
}

function* smallerValues(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const i of value.keys()) yield value.toSpliced(i, 1);
    for (const [i, element] of value.entries())
      for (const smaller of smallerValues(element)) yield value.with(i, smaller);
    return;
  }
  const members = Object.entries(value);
  for (const i of members.keys()) yield Object.fromEntries(members.toSpliced(i, 1));
  for (const [i, [key, element]] of members.entries()) {
    for (const smaller of smallerValues(element)) yield Object.fromEntries(members.with(i, [key, smaller]));
  }
}

/**
 * Every text and every named scalar in a call's arguments, found within bounds: a model can write two megabytes of
 * arguments, and looking at them must not stall every other call. What was not looked at is told.
 */
export interface CallTexts {
  /** Keys and texts, in the order written. */
  readonly texts: readonly string[];
  /** Numbers and texts with the key they stand under. */
  readonly scalars: readonly NamedScalar[];
  /** Everything was looked at. */
  readonly whole: boolean;
}

export interface NamedScalar {
  readonly key: string;
  readonly value: string | number;
}

/** Deepest level of arguments that is looked at; the policy calls arguments deeper than this unclear. */
const DEPTH = 64;
/** Values looked at. */
const VALUES = 20_000;
/** Characters looked at in all: as much shell text as the policy reads. */
const LENGTH = 256 * 1024;

interface Found {
  readonly texts: string[];
  readonly scalars: NamedScalar[];
  values: number;
  length: number;
  whole: boolean;
}

/** The texts of a JSON value, or of a text that is no JSON. */
export function textsOf(args: unknown): CallTexts {
  const found: Found = { texts: [], scalars: [], values: VALUES, length: LENGTH, whole: true };
  visit(args, null, 0, found);
  return { texts: found.texts, scalars: found.scalars, whole: found.whole };
}

function visit(value: unknown, key: string | null, depth: number, found: Found): void {
  found.values -= 1;
  if (found.values < 0 || depth > DEPTH) {
    found.whole = false;
    return;
  }
  if (typeof value === 'string' || typeof value === 'number') {
    if (typeof value === 'string') addText(value, found);
    if (key !== null) found.scalars.push({ key, value });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const entries: Iterable<readonly [string | number, unknown]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value);
  for (const [name, inner] of entries) {
    if (found.values < 0) return;
    if (typeof name === 'string') addText(name, found);
    visit(inner, typeof name === 'string' ? name : null, depth + 1, found);
  }
}

function addText(text: string, found: Found): void {
  if (text.length > found.length) found.whole = false;
  if (found.length > 0) found.texts.push(text.length <= found.length ? text : text.slice(0, found.length));
  found.length = Math.max(0, found.length - text.length);
}

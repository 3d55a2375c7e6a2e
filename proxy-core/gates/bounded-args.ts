/**
 * A call's arguments with no more values than can be read at once. Texts stay whole; of what else there is, the first
 * values stay. A model can write a million numbers, and reading them must not stall every other call.
 */
export interface BoundedArgs {
  readonly args: unknown;
  /** Nothing is left out. */
  readonly whole: boolean;
}

/** Values kept in all, and levels. */
const VALUES = 5_000;
const DEPTH = 64;

/** Bound a JSON value; one within the bounds is the same value again. */
export function boundArgs(args: unknown): BoundedArgs {
  const left = { values: VALUES };
  const bounded = keep(args, 0, left);
  return left.values >= 0 ? { args, whole: true } : { args: bounded, whole: false };
}

function keep(value: unknown, depth: number, left: { values: number }): unknown {
  left.values -= 1;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH) left.values = -1;
  if (left.values < 0) return null;
  if (Array.isArray(value)) return takeWhile(value, left, (item) => keep(item, depth + 1, left));
  const entries = takeWhile(
    Object.entries(value),
    left,
    ([key, inner]) => [key, keep(inner, depth + 1, left)] as const,
  );
  return Object.fromEntries(entries);
}

function takeWhile<T, U>(items: readonly T[], left: { values: number }, make: (item: T) => U): readonly U[] {
  const made: U[] = [];
  for (const item of items) {
    if (left.values < 0) break;
    made.push(make(item));
  }
  return made;
}

import { type ArgValue, isList, isObject, isUnsafeNumber } from './arguments.ts';
import { allOf, anyOf, decided, type Outcome } from './outcome.ts';

/** What a condition compares with: the scalars of JSON and lists of them. */
export type Scalar = string | number | boolean | null;
export type Literal = Scalar | readonly Scalar[];

/** Whether a value of a policy can be compared with. Numbers must be exact in a double. */
export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || isExact(value);
/** Whether a value of a policy is a list of scalars. */
export const isScalarList = (value: unknown): value is readonly Scalar[] =>
  Array.isArray(value) && value.every(isScalar);

const isExact = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;

const BOOLEAN_WORDS = new Set(['true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', 't', 'f', '1', '0']);

/**
 * Whether a value equals a literal. A number and a string are never told equal or different for certain, nor a boolean
 * and a word or digit for one, nor a list that holds the scalar asked for: tools coerce these differently.
 */
export function equals(value: ArgValue, expected: Literal): Outcome {
  if (typeof expected === 'object' && expected !== null) return listEquals(value, expected);
  if (isList(value)) return anyOf(value, (item) => equals(item, expected)) === 'unmatched' ? 'unmatched' : 'ambiguous';
  if (value === null || expected === null || isObject(value)) return decided(value === expected);
  if (isUnsafeNumber(value)) return typeof expected === 'boolean' ? 'unmatched' : 'ambiguous';
  if (typeof value === typeof expected) return decided(value === expected);
  if (typeof value === 'boolean') return booleanAgainst(expected);
  if (typeof expected === 'boolean') return booleanAgainst(value);
  return 'ambiguous';
}

function listEquals(value: ArgValue, expected: readonly Scalar[]): Outcome {
  if (!isList(value)) return expected.length === 1 && !isObject(value) ? singleAgainst(value, expected) : 'unmatched';
  if (value.length !== expected.length) return 'unmatched';
  return allOf([...value.keys()], (index) => equals(value[index] ?? null, expected[index] ?? null));
}

const singleAgainst = (value: ArgValue, expected: readonly Scalar[]): Outcome =>
  equals(value, expected[0] ?? null) === 'unmatched' ? 'unmatched' : 'ambiguous';

function booleanAgainst(other: Scalar): Outcome {
  if (typeof other === 'number') return other === 0 || other === 1 ? 'ambiguous' : 'unmatched';
  return typeof other === 'string' && BOOLEAN_WORDS.has(other.trim().toLowerCase()) ? 'ambiguous' : 'unmatched';
}

/** Whether a value, or any element of it when it is a list, is one of the literals. */
export function isAmong(value: ArgValue, expected: readonly Scalar[]): Outcome {
  const one = (item: ArgValue): Outcome => anyOf(expected, (literal) => equals(item, literal));
  return isList(value) ? anyOf(value, one) : one(value);
}

/** How a value stands to a bound: negative, zero or positive, or null when they cannot be compared for certain. */
export function order(value: ArgValue, bound: Scalar): number | null {
  if (typeof value === 'number' && typeof bound === 'number') return value - bound;
  if (typeof value === 'string' && typeof bound === 'string') return value === bound ? 0 : value < bound ? -1 : 1;
  return null;
}

import { type ArgValue, isList, isObject, isUnsafeNumber } from './arguments.ts';
import { equals, isAmong, isScalar, isScalarList, type Literal, order, type Scalar } from './equality.ts';
import { anyOf, decided, negate, type Outcome } from './outcome.ts';
import { compilePattern, type Pattern } from './regex.ts';

/**
 * The table of operators. To add one, add its row: what it accepts, what it says where the value is absent, and the test.
 * Nothing here throws on any value.
 */

/** How a test reaches the regex engine, which may put the work off. */
export interface MatchEnv {
  matchText(pattern: Pattern, input: string): Outcome;
}

/** An operator bound to what it compares with. */
export interface Test {
  readonly absent: Outcome;
  readonly run: (value: ArgValue, env: MatchEnv) => Outcome;
}

/** A bound operator, or why it cannot be bound. */
export type BoundTest =
  | { readonly kind: 'test'; readonly test: Test }
  | { readonly kind: 'fault'; readonly message: string };

interface Operator {
  /** How an explanation writes it. */
  readonly words: string;
  bind(expected: unknown): BoundTest;
}

const test = (run: Test['run'], absent: Outcome = 'unmatched'): BoundTest => ({ kind: 'test', test: { absent, run } });
const fault = (message: string): BoundTest => ({ kind: 'fault', message });

const equality: Operator = {
  words: '=',
  bind: (expected) => bindLiteral(expected, (literal) => test((value) => equals(value, literal))),
};

const inequality: Operator = {
  words: '≠',
  bind: (expected) => bindLiteral(expected, (literal) => test((value) => negate(equals(value, literal)), 'matched')),
};

function bindLiteral(expected: unknown, bind: (literal: Literal) => BoundTest): BoundTest {
  if (isScalar(expected) || isScalarList(expected)) return bind(expected);
  if (typeof expected === 'number') return fault('numbers must lie within ±2^53');
  return fault('expected a string, number, boolean, null or a list of them');
}

const ordering = (words: string, holds: (sign: number) => boolean): Operator => ({
  words,
  bind: (expected) => {
    if (!isScalar(expected) || expected === null || typeof expected === 'boolean')
      return fault('expected a number within ±2^53 or a string');
    return test((value) => compare(value, expected, holds));
  },
});

function compare(value: ArgValue, expected: Scalar, holds: (sign: number) => boolean): Outcome {
  const sign = order(value, expected);
  return sign === null ? 'ambiguous' : decided(holds(sign));
}

const membership = (words: string, wanted: boolean): Operator => ({
  words,
  bind: (expected) => {
    if (!isScalarList(expected) || expected.length === 0) return fault('expected a list with at least one value');
    return wanted
      ? test((value) => isAmong(value, expected))
      : test((value) => negate(isAmong(value, expected)), 'matched');
  },
});

const regex: Operator = {
  words: '~',
  bind: (expected) => {
    if (typeof expected !== 'string') return fault('expected a regular expression as text');
    const compiled = compilePattern(expected);
    if (compiled.kind === 'fault') return fault(compiled.message);
    return test((value, env) => matchValue(compiled.pattern, value, env));
  },
};

function matchValue(pattern: Pattern, value: ArgValue, env: MatchEnv): Outcome {
  if (typeof value === 'string') return env.matchText(pattern, value);
  if (isList(value)) return anyOf(value, (item) => matchValue(pattern, item, env));
  return value === null || typeof value === 'boolean' ? 'unmatched' : 'ambiguous';
}

const existence: Operator = {
  words: 'exists',
  bind: (expected) => {
    if (typeof expected !== 'boolean') return fault('expected true or false');
    return test(() => decided(expected), decided(!expected));
  },
};

const containment: Operator = {
  words: 'contains',
  bind: (expected) =>
    isScalar(expected) && expected !== ''
      ? test((value) => contains(value, expected))
      : fault('expected a text that is not empty, a number, a boolean or null'),
};

function contains(value: ArgValue, expected: Scalar): Outcome {
  if (isList(value)) return anyOf(value, (item) => equals(item, expected));
  if (typeof value === 'string') return typeof expected === 'string' ? decided(value.includes(expected)) : 'ambiguous';
  return typeof value === 'number' || isUnsafeNumber(value) || isObject(value) ? 'ambiguous' : 'unmatched';
}

const size: Operator = {
  words: 'size',
  bind: (expected) => {
    const bounds = readBounds(expected);
    if (bounds === null) return fault('expected a whole number, or $gt, $gte, $lt, $lte, $eq, $ne with one');
    return test((value) => {
      const count = isList(value) ? value.length : isObject(value) ? value.size : null;
      return count === null ? 'ambiguous' : decided(bounds.every((holds) => holds(count)));
    });
  },
};

const BOUNDS: Readonly<Record<string, (count: number, bound: number) => boolean>> = {
  $eq: (count, bound) => count === bound,
  $ne: (count, bound) => count !== bound,
  $gt: (count, bound) => count > bound,
  $gte: (count, bound) => count >= bound,
  $lt: (count, bound) => count < bound,
  $lte: (count, bound) => count <= bound,
};

function readBounds(expected: unknown): readonly ((count: number) => boolean)[] | null {
  if (typeof expected === 'number') return readBounds({ $eq: expected });
  if (typeof expected !== 'object' || expected === null || Array.isArray(expected)) return null;
  const bounds = Object.entries(expected).map(([name, bound]) => {
    const holds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name] : undefined;
    return holds !== undefined && Number.isSafeInteger(bound) && bound >= 0
      ? (count: number) => holds(count, bound as number)
      : null;
  });
  return bounds.length > 0 && bounds.every((bound) => bound !== null) ? bounds : null;
}

/** Every operator by its name in a document. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  $eq: equality,
  $ne: inequality,
  $gt: ordering('>', (sign) => sign > 0),
  $gte: ordering('≥', (sign) => sign >= 0),
  $lt: ordering('<', (sign) => sign < 0),
  $lte: ordering('≤', (sign) => sign <= 0),
  $in: membership('in', true),
  $nin: membership('not in', false),
  $regex: regex,
  $exists: existence,
  $contains: containment,
  $size: size,
};

/** The operator of a name, or null. */
export const findOperator = (name: string): Operator | null =>
  Object.hasOwn(OPERATORS, name) ? (OPERATORS[name] ?? null) : null;

import { FACT_NAMES, type FactRef, resolveFact, typeOf, valuesOf } from './facts.ts';
import { nearest } from './nearest.ts';
import { findOperator, OPERATORS, type Test } from './operators.ts';

/** A rule's `match`, read once: a tree of tests that `matchers.ts` evaluates and `explain.ts` tells. */
export type Condition =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }
  | TestCondition;

/** One comparison of one fact. */
export interface TestCondition {
  readonly kind: 'test';
  /** The fact as the author wrote it. */
  readonly path: string;
  readonly fact: FactRef;
  readonly operator: string;
  readonly expected: unknown;
  readonly test: Test;
}

/** Something in a `match` that cannot be used; `path` leads to it from the match itself. */
export interface MatchFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string | null;
}

/** What reading a `match` gives. With faults, the condition must not be used. */
export interface ParsedMatch {
  readonly condition: Condition;
  readonly faults: readonly MatchFault[];
}

const DEPTH_LIMIT = 16;
const GROUPS = { $and: 'all', $or: 'any' } as const;
type Path = readonly (string | number)[];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isGroup = (key: string): key is keyof typeof GROUPS => key === '$and' || key === '$or';

/** Read a `match`: every fact, operator and comparison is checked, and every fault is listed. Never throws. */
export function parseMatch(match: unknown): ParsedMatch {
  const faults: MatchFault[] = [];
  const report = (path: Path, message: string, fix: string | null = null): Condition => {
    faults.push({ path, message, fix });
    return { kind: 'all', parts: [] };
  };

  const readMatch = (value: unknown, path: Path): Condition => {
    if (!isRecord(value)) return report(path, 'expected facts to compare');
    if (path.length > DEPTH_LIMIT * 2) return report(path, `nested deeper than ${DEPTH_LIMIT}`);
    return all(Object.entries(value).map(([key, inner]) => readEntry(key, inner, [...path, key])));
  };

  const readEntry = (key: string, value: unknown, path: Path): Condition => {
    if (isGroup(key)) return readGroup(key, value, path, readMatch);
    if (key === '$not') return { kind: 'not', part: readMatch(value, path) };
    if (key.startsWith('$'))
      return report(path, `${key} needs a fact`, `write it under a fact: args.name: { ${key}: … }`);
    const fact = resolveFact(key);
    return fact === null ? report(path, ...unknownFact(key)) : readTests(key, fact, value, path);
  };

  const readGroup = (
    key: keyof typeof GROUPS,
    value: unknown,
    path: Path,
    read: (item: unknown, path: Path) => Condition,
  ): Condition => {
    if (!Array.isArray(value) || value.length === 0) return report(path, `${key} needs a list of conditions`);
    return { kind: GROUPS[key], parts: value.map((item, index) => read(item, [...path, index])) };
  };

  const readTests = (name: string, fact: FactRef, value: unknown, path: Path): Condition => {
    if (!isRecord(value)) return bind(name, fact, '$eq', value, path);
    if (path.length > DEPTH_LIMIT * 2) return report(path, `nested deeper than ${DEPTH_LIMIT}`);
    const entries = Object.entries(value);
    if (entries.length === 0) return report(path, 'expected a value or an operator');
    return all(
      entries.map(([operator, expected]) => {
        const place = [...path, operator];
        const nested = (item: unknown, at: Path): Condition =>
          isRecord(item) ? readTests(name, fact, item, at) : report(at, 'expected operators, such as { $gte: 500 }');
        if (isGroup(operator)) return readGroup(operator, expected, place, nested);
        if (operator === '$not') return { kind: 'not', part: nested(expected, place) };
        return bind(name, fact, operator, expected, place);
      }),
    );
  };

  const bind = (name: string, fact: FactRef, operator: string, expected: unknown, path: Path): Condition => {
    const found = findOperator(operator);
    if (found === null) return report(path, ...unknownOperator(name, operator));
    const mismatch = findMismatch(fact, operator, expected);
    if (mismatch !== null) return report(path, ...mismatch);
    const bound = found.bind(expected);
    if (bound.kind === 'fault') return report(path, `${operator}: ${bound.message}`);
    return { kind: 'test', path: name, fact, operator, expected, test: bound.test };
  };

  return { condition: readMatch(match, []), faults };
}

const all = (parts: readonly Condition[]): Condition => {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { kind: 'all', parts };
};

function unknownFact(key: string): [string, string | null] {
  const near = nearest(key, FACT_NAMES) ?? (/^(arg|params?|arguments|input)\./.test(key) ? 'args.…' : null);
  return [
    `unknown fact "${key}"`,
    near === null ? 'an argument of a tool call is written args.NAME' : `did you mean ${near}?`,
  ];
}

function unknownOperator(name: string, operator: string): [string, string | null] {
  if (!operator.startsWith('$')) return [`${name} is compared with an object`, `write ${name}.${operator} instead`];
  const near = nearest(operator, [...Object.keys(OPERATORS), '$and', '$or', '$not']);
  return [`unknown operator "${operator}"`, near === null ? null : `did you mean ${near}?`];
}

const LITERALS = new Set(['$eq', '$ne', '$in', '$nin']);
const BOUNDS = new Set(['$gt', '$gte', '$lt', '$lte']);

/** A comparison that can never hold for the fact's type, told with its fix; null when it can. */
function findMismatch(fact: FactRef, operator: string, expected: unknown): [string, string | null] | null {
  const type = typeOf(fact);
  if (type === 'any' || operator === '$exists') return null;
  const literals: readonly unknown[] = Array.isArray(expected) ? expected : [expected];
  if (type === 'list') {
    if (BOUNDS.has(operator)) return ['a list has no order', 'use $size or $contains'];
    const values = LITERALS.has(operator) || operator === '$contains' ? valuesOf(fact) : null;
    const wrong =
      values === null
        ? undefined
        : literals.find((literal) => typeof literal !== 'string' || !values.includes(literal));
    return values === null || wrong === undefined
      ? null
      : unknownValue(typeof wrong === 'string' ? wrong : JSON.stringify(wrong), values);
  }
  if (operator === '$size') return ['only lists have a $size', null];
  if (Array.isArray(expected) && (operator === '$eq' || operator === '$ne'))
    return ['this fact is one value, never a list', `use { ${operator === '$eq' ? '$in' : '$nin'}: […] }`];
  if (type === 'text') return textMismatch(fact, operator, literals);
  if (operator === '$regex' || operator === '$contains')
    return [`${operator} needs a text, this fact is a ${type}`, null];
  const wanted = type === 'number' ? 'number' : 'boolean';
  return literals.every((literal) => typeof literal === wanted) ? null : [`this fact is a ${wanted}`, null];
}

function textMismatch(fact: FactRef, operator: string, literals: readonly unknown[]): [string, string | null] | null {
  const wrong = literals.find((literal) => typeof literal !== 'string');
  if (wrong !== undefined) return ['this fact is a text', `quote it: "${JSON.stringify(wrong)}"`];
  if (!LITERALS.has(operator)) return null;
  const values = valuesOf(fact);
  for (const literal of literals as readonly string[]) {
    if (values !== null && !values.includes(literal)) return unknownValue(literal, values);
    if (literal.includes('*') && mayNotHoldStars(fact))
      return [
        `"${literal}" is compared letter by letter, * is no wildcard here`,
        `use { $regex: "^${starRegex(literal)}$" }`,
      ];
  }
  return null;
}

function unknownValue(literal: string, values: readonly string[]): [string, string] {
  const near = nearest(literal, values);
  return [`"${literal}" is none of ${values.join(', ')}`, near === null ? `use one of them` : `did you mean ${near}?`];
}

const mayNotHoldStars = (fact: FactRef): boolean =>
  (fact.kind === 'call' && (fact.name === 'tool' || fact.name === 'server')) ||
  (fact.kind === 'request' && (fact.name === 'model' || fact.name === 'provider'));
const starRegex = (literal: string): string => literal.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');

/** Every test of a condition, in the order written; `negated` when an odd number of `$not` stands above it. */
export function listTests(
  condition: Condition,
  negated = false,
): readonly { readonly test: TestCondition; readonly negated: boolean }[] {
  switch (condition.kind) {
    case 'test':
      return [{ test: condition, negated }];
    case 'not':
      return listTests(condition.part, !negated);
    case 'all':
    case 'any':
      return condition.parts.flatMap((part) => listTests(part, negated));
  }
}

/** The tests that must all hold: those not under `$or` or `$not`. */
export function requiredTests(condition: Condition): readonly TestCondition[] {
  if (condition.kind === 'test') return [condition];
  return condition.kind === 'all' ? condition.parts.flatMap(requiredTests) : [];
}

/** The literals a required equality of a fact allows (`$eq`, `$in`), or null when the condition does not pin it. */
export function pinnedTexts(condition: Condition, path: string): readonly string[] | null {
  for (const test of requiredTests(condition)) {
    if (test.path !== path) continue;
    if (test.operator === '$eq' && typeof test.expected === 'string') return [test.expected];
    if (test.operator === '$in' && Array.isArray(test.expected)) return test.expected.map(String);
  }
  return null;
}

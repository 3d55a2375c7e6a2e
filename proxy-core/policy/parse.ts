import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { checkRules, type Fault } from './checks.ts';
import { nearest } from './nearest.ts';
import { knownKeys, type PolicyDefinition, policySchema } from './schema.ts';

/** Something wrong with a policy document, where it stands, and what to do about it. */
export interface PolicyProblem {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** `rules[2].match.tool`; empty for the document. */
  readonly path: string;
  readonly message: string;
  readonly fix: string | null;
}

/** A definition ready for `compilePolicy`, or every problem found, in the order of the document. */
export type ParsedPolicy =
  | { readonly kind: 'policy'; readonly definition: PolicyDefinition }
  | { readonly kind: 'problems'; readonly problems: readonly PolicyProblem[] };

const SIZE_LIMIT = 1024 * 1024;
const PROBLEM_LIMIT = 50;
/** How often aliases may multiply a document before it counts as an attack. */
const ALIAS_LIMIT = 50;

/** Read a policy document, YAML or JSON (by `fileName`'s ending; JSON must then be strict JSON). Never throws. */
export function parsePolicy(text: string, fileName: string): ParsedPolicy {
  if (text.length > SIZE_LIMIT) return problems([atStart('the document is larger than 1 MiB')]);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'error',
  });
  const syntax = [...document.errors, ...document.warnings].map(({ pos, message }) =>
    at(lines, pos[0], '', message, null),
  );
  if (syntax.length === 0) syntax.push(...reservedKeys(document, lines));
  if (syntax.length > 0) return problems(syntax);
  if (/\.json$/i.test(fileName)) {
    const fault = jsonFault(text);
    if (fault !== null) return problems([atStart(fault)]);
  }
  const value = readValue(document);
  if (value.kind === 'fault') return problems([atStart(value.message)]);
  const parsed = policySchema.safeParse(value.value);
  const faults = parsed.success
    ? checkRules(parsed.data)
    : parsed.error.issues.flatMap((issue) => explainIssue(issue, value.value));
  if (faults.length === 0 && parsed.success) return { kind: 'policy', definition: parsed.data };
  return problems(faults.map((fault) => locate(document, lines, fault)));
}

function problems(found: readonly PolicyProblem[]): ParsedPolicy {
  const sorted = [...found].sort((a, b) => a.line - b.line || a.column - b.column);
  return { kind: 'problems', problems: sorted.slice(0, PROBLEM_LIMIT) };
}

const atStart = (message: string): PolicyProblem => ({ line: 1, column: 1, path: '', message, fix: null });

function at(lines: LineCounter, offset: number, path: string, message: string, fix: string | null): PolicyProblem {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col), path, message, fix };
}

function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? `not valid JSON: ${error.message}` : 'not valid JSON';
  }
}

type ReadValue =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'fault'; readonly message: string };

function readValue(document: Document): ReadValue {
  try {
    return { kind: 'value', value: document.toJS({ maxAliasCount: ALIAS_LIMIT }) as unknown };
  } catch (error) {
    return { kind: 'fault', message: error instanceof Error ? error.message : 'the document cannot be read' };
  }
}

/** `__proto__` as a key would vanish from a plain object unseen. */
function reservedKeys(document: Document, lines: LineCounter): readonly PolicyProblem[] {
  const found: PolicyProblem[] = [];
  visit(document, {
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === '__proto__')
        found.push(at(lines, offsetOf(pair.key) ?? 0, '__proto__', 'the key __proto__ is not allowed', null));
    },
  });
  return found;
}

function explainIssue(issue: z.core.$ZodIssue, root: unknown): readonly Fault[] {
  const path = issue.path.filter((segment) => typeof segment !== 'symbol');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key));
  if (issue.code === 'invalid_union') {
    const [first] = issue.errors.flat();
    return [{ path, message: first?.message ?? issue.message, fix: null }];
  }
  if (issue.code === 'invalid_value') {
    const near = nearest(String(valueAt(root, path)), issue.values.map(String));
    return [{ path, message: issue.message, fix: near === null ? null : `did you mean ${near}?` }];
  }
  return [{ path, message: issue.message, fix: null }];
}

function unknownKey(path: readonly (string | number)[], key: string): Fault {
  const near = nearest(key, knownKeys(path));
  return {
    path: [...path, key],
    message: `unknown key "${key}"`,
    fix: near === null ? 'remove it' : `did you mean ${near}?`,
  };
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, segment) =>
      typeof value === 'object' && value !== null
        ? (value as Readonly<Record<string | number, unknown>>)[segment]
        : undefined,
    root,
  );
}

const renderPath = (path: readonly (string | number)[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );

/** The fault at the deepest key or item of its path that the document has. */
function locate(document: Document, lines: LineCounter, fault: Fault): PolicyProblem {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const part of fault.path) {
    const next = enter(isAlias(node) ? node.resolve(document) : node, part);
    if (next === null) break;
    node = next.value;
    offset = next.offset ?? offset;
  }
  return at(lines, offset, renderPath(fault.path), fault.message, fault.fix);
}

function enter(
  node: unknown,
  part: string | number,
): { readonly value: unknown; readonly offset: number | null } | null {
  if (isSeq(node) && typeof part === 'number') {
    const item = node.items[part];
    return item === undefined ? null : { value: item, offset: offsetOf(item) };
  }
  if (!isMap(node)) return null;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
  return pair === undefined ? null : { value: pair.value, offset: offsetOf(pair.key) };
}

const offsetOf = (node: unknown): number | null => (node as Node | null)?.range?.[0] ?? null;

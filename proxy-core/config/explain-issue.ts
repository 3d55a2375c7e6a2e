import type { z } from 'zod';
import { explainUnknownKey } from './known-keys.ts';
import { suggestion } from './nearest.ts';
import type { Finding } from './references.ts';

type Issue = z.core.$ZodIssue;

/** What to say of one violation of the schema. `raw` is the document as it was read. Never repeats a value. */
export function explainIssue(issue: Issue, raw: unknown): readonly Finding[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: explainUnknownKey(issue.path, key),
        onKey: true,
      }));
    case 'invalid_type':
      return [{ path: issue.path, message: wrongType(issue, valueAt(raw, issue.path)) }];
    case 'invalid_value':
      return [{ path: issue.path, message: wrongValue(issue, valueAt(raw, issue.path)) }];
    case 'too_small':
    case 'too_big':
      return [{ path: issue.path, message: outOfRange(issue) }];
    case 'invalid_union':
      return closestBranch(issue).flatMap((inner) =>
        explainIssue({ ...inner, path: [...issue.path, ...inner.path] }, raw),
      );
    case 'invalid_key':
      return [{ path: issue.path, message: 'this key must not be empty', onKey: true }];
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return [{ path: issue.path, message: issue.message }];
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
};

function wrongType(issue: z.core.$ZodIssueInvalidType, value: unknown): string {
  if (value === undefined) return `\`${String(issue.path.at(-1) ?? '')}\` is missing`;
  return `expected ${KINDS[issue.expected] ?? issue.expected}, found ${KINDS[kindOf(value)] ?? 'something else'}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function wrongValue(issue: z.core.$ZodIssueInvalidValue, value: unknown): string {
  const words = issue.values.map(String);
  return `expected one of ${words.join(', ')}${typeof value === 'string' ? suggestion(value, words) : ''}`;
}

function outOfRange(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const counted = issue.origin === 'string' || issue.origin === 'array';
  if (counted && issue.code === 'too_small') return 'must not be empty';
  const [word, bound] =
    issue.code === 'too_small'
      ? [issue.inclusive === false ? 'more than' : 'at least', issue.minimum]
      : [issue.inclusive === false ? 'less than' : 'at most', issue.maximum];
  return `must be ${word} ${bound}`;
}

/** The alternative that the value came nearest to: the one with the fewest complaints. */
function closestBranch(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] {
  const branches = issue.errors.filter((branch) => branch.length > 0);
  return (
    branches.toSorted((a, b) => a.length - b.length)[0] ?? [{ ...issue, code: 'custom', path: [], input: undefined }]
  );
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined,
    raw,
  );
}

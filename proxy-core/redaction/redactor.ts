import { RE2JS } from 're2js';
import { type Masked, maskSecrets, maskTree } from './mask.ts';

/**
 * Takes out what must not leave: the built-in patterns and those of the operator, the same wherever text leaves
 * (exports, telemetry, notifications, logs, and storage if asked). The operator's patterns are RE2 and run in linear time.
 */
export interface Redactor {
  text(text: string): Masked<string>;
  /** Every text in a JSON value, names of members included. */
  tree(value: unknown): Masked<unknown>;
}

/** A redactor, or the pattern that cannot be used and why, in one sentence. */
export type CreatedRedactor =
  | { readonly kind: 'redactor'; readonly redactor: Redactor }
  | { readonly kind: 'fault'; readonly pattern: string; readonly message: string };

const MASK = '[masked]';
const PROGRAM_LIMIT = 2_000;

/** The built-in patterns alone. */
export const BUILT_IN: Redactor = { text: maskSecrets, tree: (value) => maskTree(value, maskSecrets) };

/** A redactor with further patterns in RE2 syntax; each match is masked whole. */
export function createRedactor(patterns: readonly string[]): CreatedRedactor {
  const compiled: RE2JS[] = [];
  for (const pattern of patterns) {
    const result = compile(pattern);
    if (typeof result === 'string') return { kind: 'fault', pattern, message: result };
    compiled.push(result);
  }
  if (compiled.length === 0) return { kind: 'redactor', redactor: BUILT_IN };
  const text = (given: string): Masked<string> => compiled.reduce(maskPattern, maskSecrets(given));
  return { kind: 'redactor', redactor: { text, tree: (value) => maskTree(value, text) } };
}

function compile(pattern: string): RE2JS | string {
  try {
    const compiled = RE2JS.compile(pattern);
    if (compiled.programSize() > PROGRAM_LIMIT) return `it is too large (${compiled.programSize()} instructions)`;
    return compiled.matches('') ? 'it matches the empty text, so it would mask everything' : compiled;
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be read';
  }
}

function maskPattern({ value, masked }: Masked<string>, pattern: RE2JS): Masked<string> {
  const matcher = pattern.matcher(value);
  const parts: string[] = [];
  let from = 0;
  let count = masked;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    if (end === start || value.slice(start, end) === MASK) continue;
    parts.push(value.slice(from, start), MASK);
    from = end;
    count += 1;
  }
  return count === masked ? { value, masked } : { value: parts.join('') + value.slice(from), masked: count };
}

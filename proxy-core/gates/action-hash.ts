import type { ProposedAction } from '../contract/records.ts';

/**
 * What a reviewer has seen is what is decided (fault E4): every gate carries a hash over its proposed actions, and
 * every grant for one exact action a hash over its arguments. Both are worth as much as the arguments they are made
 * of, so arguments that two readers could read differently are kept as their text.
 */

/** SHA-256 of a text's UTF-8 bytes, lower-case hex. */
export type Sha256 = (text: string) => string;

/** Hash over all actions of a gate, in their order: tool, arguments, call id and rule of each. Lower-case hex. */
export const actionHash = (actions: readonly ProposedAction[], sha256: Sha256): string =>
  sha256(
    canonicalText(['rungate-actions-1', actions.map(({ tool, args, call_id, rule }) => [tool, args, call_id, rule])]),
  );

/** Hash over one call's arguments as `proposedArgs` gives them. Lower-case hex. */
export const argsHash = (args: unknown, sha256: Sha256): string => sha256(canonicalText(['rungate-args-1', args]));

/**
 * A call's arguments as a gate keeps and shows them: the JSON object or list they are, or their text as it stands if
 * they are something else or if parsing would lose anything. `readExactly` gives the arguments' canonical text (sorted
 * keys, numbers by their source text) or null where they can be read in two ways (duplicate keys, extreme depth).
 */
export function proposedArgs(argsText: string, readExactly: (argsText: string) => string | null): unknown {
  const exact = readExactly(argsText);
  if (exact === null) return argsText;
  const value = parseOrNull(argsText);
  const structured = typeof value === 'object' && value !== null;
  return structured && canonicalText(value) === exact ? value : argsText;
}

/**
 * RFC 8785 text of a JSON value. Unlike that standard it also has a form for lone surrogates (their escape), since
 * a model can write them and its call still has to be hashed.
 */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(',')}}`;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

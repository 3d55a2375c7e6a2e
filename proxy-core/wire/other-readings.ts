import type { ReadCalls } from './answer-reader.ts';
import type { ToolCall } from './format.ts';
import { readableArgs } from './partial-json.ts';

/** Two calls that a rule cannot tell apart: ids name calls, they do not say what is done. */
const signature = ({ kind, namespace, name, argsText, truncated }: ToolCall): string =>
  JSON.stringify([kind, namespace ?? null, name, truncated ?? false, argsText]);

/**
 * The calls that are recorded, and of all other readings those that say something else. What is recorded is judged as it stands, readable
 * or not; of the others only what a client could make sense of, for pieces that are joined in another way are mostly nonsense.
 */
export function apart(toolCalls: readonly ToolCall[], others: Iterable<ToolCall>): ReadCalls {
  let known: Set<string> | null = null;
  const otherCalls: ToolCall[] = [];
  for (const call of others) {
    known ??= new Set(toolCalls.map(signature));
    const readable = call.kind === 'custom' || call.truncated === true ? call.argsText : readableArgs(call.argsText);
    if (readable === null) continue;
    const other = { ...call, argsText: readable };
    const said = signature(other);
    if (!known.has(said)) otherCalls.push(other);
    known.add(said);
  }
  return { toolCalls, otherCalls };
}

/** The names that clients make of one call's pieces: all of them joined, the first, the last, or any. None where there are none. */
export function namesOf(pieces: readonly string[]): readonly string[] {
  if (pieces.length === 0) return [];
  const changes = pieces.filter((name, i) => name !== pieces[i - 1]);
  return [...new Set([changes.join(''), ...changes])];
}

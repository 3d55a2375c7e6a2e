import type { ReadCalls } from './answer-reader.ts';
import type { ToolCall } from './format.ts';
import { readableArgs } from './partial-json.ts';

/**
 * Calls that a rule cannot tell apart: ids name calls, they do not say what is done. Threat: thousands of names may share one text
 * of megabytes, so a text is only ever referred to, never made part of another.
 */
function createKnown(): (call: ToolCall) => boolean {
  const known = new Map<string, Set<string>>();
  return ({ kind, namespace, name, argsText, truncated }) => {
    const called = known.get(argsText) ?? new Set<string>();
    known.set(argsText, called);
    const own = JSON.stringify([kind, namespace ?? null, name, truncated ?? false]);
    if (called.has(own)) return true;
    called.add(own);
    return false;
  };
}

/** `readableArgs`, worked out once for a text. */
function createReadable(): (text: string) => string | null {
  const read = new Map<string, string | null>();
  return (text) => {
    const known = read.get(text);
    if (known !== undefined) return known;
    const readable = readableArgs(text);
    read.set(text, readable);
    return readable;
  };
}

/**
 * The calls that are recorded, and of all other readings those that say something else. What is recorded is judged as it stands, readable
 * or not; of the others only what a client could make sense of, for pieces that are joined in another way are mostly nonsense.
 */
export function apart(toolCalls: readonly ToolCall[], others: Iterable<ToolCall>): ReadCalls {
  let isKnown: ReturnType<typeof createKnown> | null = null;
  const readableOf = createReadable();
  const otherCalls: ToolCall[] = [];
  for (const call of others) {
    if (isKnown === null) {
      isKnown = createKnown();
      for (const recorded of toolCalls) isKnown(recorded);
    }
    const readable = call.kind === 'custom' || call.truncated === true ? call.argsText : readableOf(call.argsText);
    if (readable === null) continue;
    const other = { ...call, argsText: readable };
    if (!isKnown(other)) otherCalls.push(other);
  }
  return { toolCalls, otherCalls };
}

/** The names that clients make of one call's pieces: all of them joined, the first, the last, or any. None where there are none. */
export function namesOf(pieces: readonly string[]): readonly string[] {
  if (pieces.length === 0) return [];
  const changes = pieces.filter((name, i) => name !== pieces[i - 1]);
  return [...new Set([changes.join(''), ...changes])];
}

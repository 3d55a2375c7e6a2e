import { type Draft, doubt, MOST_CALLS, noteTool } from './answer-reader.ts';
import type { ToolCall } from './format.ts';
import { filledText, type JsonRecord, recordOrNull } from './loose-json.ts';

/**
 * Calls that are stated whole in a place where the format has none: in an event that is not known, beside the members that are.
 * A client that hands out what it does not know hands out these too, so they are judged with the others.
 */
export interface Strays {
  /** Look through one event or body. Returns whether it states a call anywhere. */
  note(root: JsonRecord): boolean;
  readonly calls: readonly ToolCall[];
}

/** Types whose arguments stand under one member only, whatever else the object has. */
const ONLY: Readonly<Record<string, string>> = {
  function_call: 'arguments',
  tool_use: 'input',
};
/** Parts of a message that are shown or sent back, never run. */
const NO_CALLS: ReadonlySet<unknown> = new Set([
  'text',
  'output_text',
  'message',
  'thinking',
  'reasoning',
  'tool_result',
  'function_call_output',
]);
/** And where it comes from. */
const NAMESPACES = ['namespace', 'server_label', 'server_name', 'toolset_name'] as const;
/** Deeper values are no calls of any client. */
const DEEPEST = 16;

/** A look for calls besides those that the draft has been given from their places. `keys`: the members in which the format has arguments. */
export function createStrays(draft: Draft, keys: readonly string[]): Strays {
  const calls: ToolCall[] = [];
  const known = new Set<string>();
  const look = (value: unknown, depth: number): boolean => {
    if (typeof value !== 'object' || value === null || depth > DEEPEST) return false;
    if (Array.isArray(value)) return value.map((element) => look(element, depth + 1)).includes(true);
    const object = value as JsonRecord;
    if (draft.settled.has(object)) return false;
    const texts = keysOf(object, keys).flatMap((key) => {
      const text = wholeArgs(object[key]);
      return text === null ? [] : [{ ...text, key }];
    });
    for (const { argsText, quoted, key } of texts) {
      if (!quoted || draft.placed.get(object) !== key) keep(object, argsText);
    }
    // What a call's arguments hold is the call's affair.
    if (texts.length > 0) return true;
    const inside = Object.values(object).map((part) => look(part, depth + 1));
    return inside.includes(true);
  };
  const keep = (object: JsonRecord, argsText: string): void => {
    const name = filledText(object['name']) ?? '';
    const namespace = NAMESPACES.map((key) => filledText(object[key])).find((text) => text !== null);
    const call: ToolCall = { id: null, name, kind: 'function', argsText };
    const stray = namespace == null ? call : { ...call, namespace };
    const key = JSON.stringify([name, namespace, argsText]);
    if (known.has(key)) return;
    if (calls.length >= MOST_CALLS) doubt(draft);
    else calls.push(stray);
    known.add(key);
    noteTool(draft, stray);
  };
  return { note: (root) => look(root, 0), calls };
}

function keysOf(object: JsonRecord, keys: readonly string[]): readonly string[] {
  if (filledText(object['name']) === null || NO_CALLS.has(object['type'])) return [];
  const type = filledText(object['type']) ?? '';
  const only = Object.hasOwn(ONLY, type) ? ONLY[type] : undefined;
  return only === undefined ? keys : keys.filter((key) => key === only || key === 'args');
}

/** Arguments that are complete; null where they are none, none yet, or a piece of some. `quoted`: an object, not its text. */
function wholeArgs(value: unknown): { readonly argsText: string; readonly quoted: boolean } | null {
  const object = recordOrNull(value);
  if (object !== null) return isEmpty(object) ? null : { argsText: JSON.stringify(object, endless), quoted: true };
  if (typeof value !== 'string' || !/^\s*\{/.test(value)) return null;
  try {
    const parsed = recordOrNull(JSON.parse(value));
    return parsed === null || isEmpty(parsed) ? null : { argsText: value, quoted: false };
  } catch {
    return null;
  }
}

/** JSON has no word for a number beyond all others (`1e400`): as a text it matches no number for certain. */
const endless = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

const isEmpty = (value: JsonRecord): boolean => Object.keys(value).length === 0;

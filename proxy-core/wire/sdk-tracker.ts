/**
 * How the AI SDK finds the call that a streamed piece belongs to (`@ai-sdk/provider-utils` 5, `StreamingToolCallTracker`): a piece
 * is weighed by id, index, name and by whether it starts a JSON value, and one that could go to several calls is dropped.
 */

/** What a piece shows of itself. */
export interface Evidence {
  readonly id: string | null;
  readonly index: number | string | null;
  readonly name: string | null;
  readonly text: string;
}

interface Tracked {
  readonly slot: number;
  readonly name: string | null;
  readonly value: ValueState;
}

/** Comparisons that one answer may cost. */
const MOST_STEPS = 4_000_000;

/** A tracker of one answer: the call of each piece, in order; -1 where the SDK drops it, null where the work would be too much. */
export function createTracker(open: (evidence: Evidence) => number): (evidence: Evidence) => number | null {
  const all: Tracked[] = [];
  const byId = new Map<string, Set<Tracked>>();
  const byIndex = new Map<number | string, Set<Tracked>>();
  let steps = 0;
  const startNew = (evidence: Evidence): Tracked => {
    const call = { slot: open(evidence), name: evidence.name, value: createValueState() };
    all.push(call);
    return call;
  };
  return (evidence) => {
    const known = evidence.id === null ? undefined : byId.get(evidence.id);
    const indexed = evidence.index === null ? undefined : byIndex.get(evidence.index);
    steps += (known?.size ?? 0) + (indexed?.size ?? 0) + (indexed === undefined ? all.length : 0);
    if (steps > MOST_STEPS) return null;
    const found = resolve(evidence, known, indexed, all);
    if (found === 'ambiguous' || (found === 'new' && evidence.name === null)) return -1;
    const call = found === 'new' ? startNew(evidence) : found;
    call.value.append(evidence.text);
    if (evidence.id !== null) associate(byId, evidence.id, call);
    if (evidence.index !== null) associate(byIndex, evidence.index, call);
    return call.slot;
  };
}

function associate<K>(calls: Map<K, Set<Tracked>>, key: K, call: Tracked): void {
  const known = calls.get(key);
  if (known === undefined) calls.set(key, new Set([call]));
  else known.add(call);
}

type Found = Tracked | 'new' | 'ambiguous';

function resolve(
  { id, index, name, text }: Evidence,
  known: ReadonlySet<Tracked> | undefined,
  indexed: ReadonlySet<Tracked> | undefined,
  all: readonly Tracked[],
): Found {
  const starts = name !== null && /^\s*[{[]/.test(text);
  const matching = [...(indexed ?? [])].filter((call) => name === null || call.name === name);
  if (id === null) {
    if (indexed !== undefined) return oneOf(matching, starts);
    return name === null ? oneOf(all, false) : 'new';
  }
  if (known === undefined) {
    if (matching.length === 0 || starts) return 'new';
    return oneOf(matching, name !== null && text.trim() === '');
  }
  if (index === null) {
    const named = [...known].filter((call) => name === null || call.name === name);
    return oneOf(named, name !== null && starts);
  }
  const both = oneOf(
    matching.filter((call) => known.has(call)),
    starts,
  );
  if (both !== 'new' || name !== null) return both;
  return indexed === undefined ? oneOf([...known], false) : 'ambiguous';
}

function oneOf(calls: readonly Tracked[], starts: boolean): Found {
  const [first] = calls;
  if (first === undefined) return 'new';
  if (!starts && calls.length === 1) return first;
  const open = calls.filter((call) => !call.value.complete);
  const [only] = open;
  if (only !== undefined && open.length === 1) return only;
  return open.length > 1 || !starts ? 'ambiguous' : 'new';
}

/** Whether a text that grows is a whole JSON object or array, by its brackets. */
interface ValueState {
  append(text: string): void;
  readonly complete: boolean;
}

/** A text that has not begun. */
export function createValueState(): ValueState {
  const closers: string[] = [];
  let [begun, other, inString, escaped, complete] = [false, false, false, false, false];
  const inValue = (character: string): void => {
    if (inString) {
      if (escaped) escaped = false;
      else if (character === '\\') escaped = true;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') closers.push(character === '{' ? '}' : ']');
    else if (character === closers.at(-1)) {
      closers.pop();
      complete = closers.length === 0;
    } else if (character === '}' || character === ']') other = true;
  };
  return {
    append(text) {
      for (const character of text) {
        if (other || complete) return;
        if (!begun && /\s/.test(character)) continue;
        if (!begun && character !== '{' && character !== '[') other = true;
        begun = true;
        inValue(character);
      }
    },
    get complete() {
      return complete;
    },
  };
}

import {
  createDraft,
  type Draft,
  keepArgs,
  type Meaning,
  NO_EFFECT,
  noteError,
  noteText,
  TERMINAL,
  TOOL_CALL,
  USAGE_ONLY,
} from './answer-reader.ts';
import type { ReadLimits, ToolCall } from './format.ts';
import {
  filledText,
  hasOtherCase,
  type JsonRecord,
  list,
  record,
  recordOrNull,
  records,
  textOrNull,
} from './loose-json.ts';
import { chatUsage } from './usage.ts';

/**
 * Answers made of `choices`: OpenAI chat and legacy completions, streamed (chunks merged by choice and tool index,
 * Chat Completions API reference, "chat completion chunk") or whole.
 */

interface Slot {
  readonly choice: number;
  readonly index: number | null;
  id: string | null;
  name: string;
  kind: 'function' | 'custom';
  args: string;
  truncated: boolean;
}

interface State {
  readonly draft: Draft;
  readonly slots: Slot[];
  /** Finish reasons by choice; null while a choice is open. */
  readonly finished: Map<number, string | null>;
  usage: unknown;
}

/** More tool calls than this in one answer are not kept. */
const MOST_CALLS = 1024;

/** The meaning of a chat or completions answer. */
export function createChoicesMeaning(limits?: Partial<ReadLimits>): Meaning {
  const state: State = { draft: createDraft(limits), slots: [], finished: new Map(), usage: null };
  return {
    draft: state.draft,
    event: ({ root }) => {
      noteHead(state, root);
      const choices = records(root['choices']);
      const calls = choices.map((choice) => noteChoice(state, choice)).some((call) => call);
      if (calls || hasTwoReadings(state, root, choices)) return TOOL_CALL;
      return choices.length === 0 && recordOrNull(root['usage']) !== null ? USAGE_ONLY : NO_EFFECT;
    },
    done: () => {
      state.draft.complete = true;
      return TERMINAL;
    },
    body: ({ root }) => {
      noteHead(state, root);
      const choices = records(root['choices']);
      for (const choice of choices) noteChoice(state, choice);
      hasTwoReadings(state, root, choices);
      state.draft.complete = true;
    },
    end: () => {
      const reasons = [...state.finished.values()];
      if (reasons.length > 0 && !reasons.includes(null)) state.draft.complete = true;
    },
    usage: () => chatUsage(state.usage),
    toolCalls: () => state.slots.map(toolCall),
  };
}

const MEMBERS: ReadonlySet<string> = new Set(
  'choices index delta message tool_calls function_call id type function custom name arguments input'.split(' '),
);

/** Whether a client that does not mind the case of letters reads other calls than we do; that makes the answer malformed. */
function hasTwoReadings(state: State, root: JsonRecord, choices: readonly JsonRecord[]): boolean {
  const messages = choices.flatMap((choice) => [record(choice['delta']), record(choice['message'])]);
  const calls = messages.flatMap((message) => records(message['tool_calls']));
  const inner = [
    ...messages.map((message) => message['function_call']),
    ...calls.flatMap((c) => [c['function'], c['custom']]),
  ];
  const found = [root, ...choices, ...messages, ...calls, ...inner.map(record)].some((part) =>
    hasOtherCase(part, MEMBERS),
  );
  if (found) state.draft.malformed = true;
  return found;
}

function noteHead(state: State, root: JsonRecord): void {
  const { draft } = state;
  draft.responseId ??= filledText(root['id']);
  draft.model ??= filledText(root['model']);
  if (recordOrNull(root['usage']) !== null) state.usage = root['usage'];
  noteError(draft, root['error']);
}

/** Note one choice of a chunk or body; true if it touches a tool call. */
function noteChoice(state: State, choice: JsonRecord): boolean {
  const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
  const reason = filledText(choice['finish_reason']);
  if (reason !== null || !state.finished.has(index)) state.finished.set(index, reason);
  if (reason !== null && (index === 0 || state.draft.finishReason === null)) state.draft.finishReason = reason;
  const message = record(choice['delta'] ?? choice['message']);
  if (index === 0) noteText(state.draft, message['content'] ?? choice['text']);
  const touched = noteMessage(state, index, message);
  // A provider that puts a whole message beside the delta: clients differ in which of the two they read.
  const twice = recordOrNull(choice['delta']) !== null && hasCalls(record(choice['message']));
  if (twice) state.draft.malformed = true;
  return touched || twice || reason === 'tool_calls' || reason === 'function_call';
}

const hasCalls = (message: JsonRecord): boolean =>
  list(message['tool_calls']).length > 0 || recordOrNull(message['function_call']) !== null;

function noteMessage(state: State, choice: number, message: JsonRecord): boolean {
  for (const call of records(message['tool_calls'])) noteCall(state, choice, call);
  const legacy = recordOrNull(message['function_call']);
  if (legacy !== null) mergeCall(state, findLegacy(state, choice), legacy, 'function');
  return hasCalls(message);
}

function noteCall(state: State, choice: number, call: JsonRecord): void {
  const custom = recordOrNull(call['custom']);
  const slot = findSlot(state, choice, call);
  if (slot === null) return;
  slot.id ??= filledText(call['id']);
  mergeCall(state, slot, custom ?? record(call['function']), custom === null ? slot.kind : 'custom');
}

/**
 * The call that a piece belongs to. Pieces are joined by index; another id under the same index is another call (some
 * compatible providers number every call 0), and a piece without index continues the last call unless it has an id.
 */
function findSlot(state: State, choice: number, call: JsonRecord): Slot | null {
  const index = typeof call['index'] === 'number' ? call['index'] : null;
  const id = filledText(call['id']);
  const same = state.slots.findLast((s) => s.choice === choice && (index === null || s.index === index));
  const continues = same !== undefined && (id === null || id === same.id || (same.id === null && index !== null));
  return continues ? same : openSlot(state, choice, index);
}

const LEGACY_INDEX = -1;

function findLegacy(state: State, choice: number): Slot | null {
  const same = state.slots.find((s) => s.choice === choice && s.index === LEGACY_INDEX);
  return same ?? openSlot(state, choice, LEGACY_INDEX);
}

function openSlot(state: State, choice: number, index: number | null): Slot | null {
  if (state.slots.length >= MOST_CALLS) {
    state.draft.malformed = true;
    return null;
  }
  const slot: Slot = { choice, index, id: null, name: '', kind: 'function', args: '', truncated: false };
  state.slots.push(slot);
  return slot;
}

/** Add a piece's name and arguments. Clients disagree on two different names (replace or join), so that is malformed. */
function mergeCall(state: State, slot: Slot | null, piece: JsonRecord, kind: Slot['kind']): void {
  if (slot === null) return;
  slot.kind = kind;
  const name = filledText(piece['name']);
  if (name !== null && slot.name !== '' && slot.name !== name) state.draft.malformed = true;
  if (name !== null && slot.name !== name) slot.name += name;
  const args = piece[kind === 'custom' ? 'input' : 'arguments'];
  // A provider that sends the arguments as an object instead of text is read as the text of that object.
  const text = textOrNull(args) ?? (args === undefined || args === null ? '' : JSON.stringify(args));
  const kept = keepArgs(state.draft, text);
  slot.args += kept.text;
  slot.truncated ||= kept.truncated;
}

function toolCall(slot: Slot): ToolCall {
  const call: ToolCall = { id: slot.id, name: slot.name, kind: slot.kind, argsText: slot.args };
  return slot.truncated ? { ...call, truncated: true } : call;
}

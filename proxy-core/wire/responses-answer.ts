import {
  createDraft,
  type Document,
  type Draft,
  keepArgs,
  type Meaning,
  NO_EFFECT,
  noteError,
  noteText,
  TERMINAL,
  TOOL_CALL,
} from './answer-reader.ts';
import type { FrameEffect, ReadLimits, ToolCall } from './format.ts';
import { filledText, hasOtherCase, type JsonRecord, list, record, recordOrNull, textOrNull } from './loose-json.ts';
import { type SaidCall, saidCall } from './responses-items.ts';
import { responsesUsage, withServerToolCalls } from './usage.ts';

/**
 * Answers of OpenAI Responses (API reference, "Responses streaming events"). A call is said up to three times: in
 * argument deltas, in `response.output_item.done` and in the final response. Clients differ in which they obey (Codex
 * the item, the SDK helpers the deltas or the final response), so all three are read and must agree.
 */

interface Slot {
  readonly said: SaidCall;
  name: string;
  readonly outputIndex: number | null;
  /** Arguments as the item had them when it was opened, as the deltas built them, and as a finished item states them. */
  opened: string | null;
  streamed: string | null;
  stated: string | null;
  truncated: boolean;
}

interface State {
  readonly draft: Draft;
  readonly slots: Slot[];
  usage: unknown;
  /** `tool_usage.web_search.num_requests`: the searches that are billed. */
  searches: unknown;
}

const MOST_CALLS = 1024;
const FINAL: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const OPENING = 'response.output_item.added';
/** Events that build a call's arguments. */
const ARGUMENTS =
  /^response\.(?:function_call_arguments|custom_tool_call_input|shell_call_command|mcp_call_arguments)\.(?:delta|done|added)$/;

/** The meaning of a Responses answer. */
export function createResponsesMeaning(limits?: Partial<ReadLimits>): Meaning {
  const state: State = { draft: createDraft(limits), slots: [], usage: null, searches: null };
  return {
    draft: state.draft,
    event: (document, event) => noteEvent(state, document, event),
    done: () => NO_EFFECT,
    body: (document) => {
      if (hasTwoReadings({ response: document.root })) state.draft.malformed = true;
      noteResponse(state, document, []);
      state.draft.complete = true;
    },
    end: () => undefined,
    usage: () => withServerToolCalls(responsesUsage(state.usage), serverCalls(state)),
    toolCalls: () => state.slots.map(toolCall),
  };
}

function noteEvent(state: State, document: Document, event: string | null): FrameEffect {
  const { root } = document;
  const type = filledText(root['type']) ?? event ?? '';
  if (type === 'error' || recordOrNull(root['error']) !== null) noteError(state.draft, root['error'] ?? root);
  if (type === 'response.output_text.delta') noteText(state.draft, root['delta']);
  const odd = hasTwoReadings(root);
  if (odd) state.draft.malformed = true;
  const inResponse = recordOrNull(root['response']) !== null && noteResponse(state, document, ['response']);
  const inItem =
    recordOrNull(root['item']) !== null && noteItem(state, document, ['item'], outputIndex(root), type === OPENING);
  const inArguments = ARGUMENTS.test(type) && noteArguments(state, root, type);
  const toolCall = odd || inResponse || inItem || inArguments;
  if (!FINAL.has(type)) return toolCall ? TOOL_CALL : NO_EFFECT;
  state.draft.complete = true;
  return { ...TERMINAL, toolCall };
}

const MEMBERS: ReadonlySet<string> = new Set(
  'type response output item output_index item_id call_id id name namespace arguments input action delta'.split(' '),
);

/** Whether a client that does not mind the case of letters reads another event, response or item than we do. */
function hasTwoReadings(root: JsonRecord): boolean {
  const response = record(root['response']);
  const parts = [root, response, record(root['item']), ...list(response['output']).map(record)];
  return parts.some((part) => hasOtherCase(part, MEMBERS));
}

const outputIndex = (root: JsonRecord): number | null =>
  typeof root['output_index'] === 'number' ? root['output_index'] : null;

/** The value at a path of keys and positions. */
const valueAt = (root: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Readonly<Record<string | number, unknown>>)[key], root);

/** A response object: its head and the calls of its output. Returns whether it holds a call that runs at the client. */
function noteResponse(state: State, document: Document, path: readonly string[]): boolean {
  const response = record(valueAt(document.root, path));
  const { draft } = state;
  draft.responseId = filledText(response['id']) ?? draft.responseId;
  draft.model = filledText(response['model']) ?? draft.model;
  if (recordOrNull(response['usage']) !== null) state.usage = response['usage'];
  state.searches = record(record(response['tool_usage'])['web_search'])['num_requests'] ?? state.searches;
  const status = filledText(response['status']);
  if (status !== null && status !== 'in_progress' && status !== 'queued') {
    draft.finishReason = filledText(record(response['incomplete_details'])['reason']) ?? status;
  }
  noteError(draft, response['error']);
  const before = state.slots.length;
  const output = Array.isArray(response['output']) ? response['output'] : [];
  if (draft.text === '') noteSaid(draft, output);
  // Positions are not compared here: an item that only the stream had (a note of ours) shifts them.
  const touched = output.map((_, i) => noteItem(state, document, [...path, 'output', i], null, false)).includes(true);
  if (before > 0 && state.slots.slice(before).some(isClientCall)) draft.malformed = true;
  return touched;
}

/** The words of finished messages, where no deltas have brought them. */
function noteSaid(draft: Draft, output: readonly unknown[]): void {
  const messages = output.map(record).filter((item) => item['type'] === 'message');
  for (const part of messages.flatMap((item) => list(item['content']))) noteText(draft, record(part)['text']);
}

const isClientCall = (slot: Slot): boolean => slot.said.kind !== 'server';

/** An output item, being opened or finished. Returns whether it is a call that runs at the client. */
function noteItem(
  state: State,
  document: Document,
  path: readonly (string | number)[],
  index: number | null,
  opening: boolean,
): boolean {
  const item = recordOrNull(valueAt(document.root, path));
  const said = saidCall(item);
  if (item === null || said === null) return false;
  const slot = findSlot(state, said, index) ?? openSlot(state, said, index);
  const value = item[said.argsKey];
  if (slot === null || value === undefined || value === null) return said.kind !== 'server';
  const text = textOrNull(value) ?? document.quote([...path, said.argsKey]) ?? JSON.stringify(value);
  if (opening) slot.opened = keep(state, slot, text);
  else stateArgs(state, slot, text);
  return said.kind !== 'server';
}

/** The slot of a call said before. The same id with another name, or another call in its place, is malformed. */
function findSlot(state: State, said: SaidCall, index: number | null): Slot | undefined {
  const same = state.slots.find((slot) => (said.id === null ? slot.outputIndex === index : slot.said.id === said.id));
  const placed = state.slots.find((slot) => index !== null && slot.outputIndex === index);
  if (placed !== undefined && same !== placed) state.draft.malformed = true;
  if (same === undefined) return undefined;
  if (same.name === '') same.name = said.name;
  const agrees = same.name === said.name && same.said.kind === said.kind && same.said.namespace === said.namespace;
  if (agrees || said.name === '') return same;
  state.draft.malformed = true;
  return undefined;
}

function openSlot(state: State, said: SaidCall, index: number | null): Slot | null {
  if (state.slots.length >= MOST_CALLS) {
    state.draft.malformed = true;
    return null;
  }
  const slot: Slot = {
    said,
    name: said.name,
    outputIndex: index,
    opened: null,
    streamed: null,
    stated: null,
    truncated: false,
  };
  state.slots.push(slot);
  return slot;
}

/** A delta or the end of a call's arguments. Always a tool call's frame, except for provider-run calls. */
function noteArguments(state: State, root: JsonRecord, type: string): boolean {
  const index = outputIndex(root);
  const slot =
    state.slots.findLast((s) => index !== null && s.outputIndex === index) ??
    state.slots.findLast((s) => s.said.itemId !== null && s.said.itemId === root['item_id']);
  // A shell call's command events name parts of its action; the finished item states the whole.
  if (type.startsWith('response.shell_call_command')) return slot?.said.kind !== 'server';
  if (slot === undefined) {
    state.draft.malformed = true;
    return true;
  }
  const finished = textOrNull(root['arguments']) ?? textOrNull(root['input']);
  const name = filledText(root['name']);
  if (name !== null && name !== slot.name) state.draft.malformed = true;
  const delta = textOrNull(root['delta']);
  if (finished !== null) stateArgs(state, slot, finished);
  else if (delta !== null && delta !== '') {
    if (slot.stated !== null) state.draft.malformed = true;
    slot.streamed = (slot.streamed ?? '') + keep(state, slot, delta);
  }
  return slot.said.kind !== 'server';
}

/** A finished item's arguments: they must be what the deltas built and what was stated before. */
function stateArgs(state: State, slot: Slot, text: string): void {
  const before = slot.stated ?? slot.streamed;
  if (before === text) {
    slot.stated = before;
    return;
  }
  if (before !== null && !slot.truncated) state.draft.malformed = true;
  slot.stated = keep(state, slot, text);
}

function keep(state: State, slot: Slot, text: string): string {
  const kept = keepArgs(state.draft, text);
  slot.truncated ||= kept.truncated;
  return kept.text;
}

function toolCall(slot: Slot): ToolCall {
  const { id, kind, namespace } = slot.said;
  const argsText = slot.stated ?? slot.streamed ?? slot.opened ?? '';
  const call: ToolCall = { id, name: slot.name, kind, argsText };
  return {
    ...call,
    ...(namespace === null ? {} : { namespace }),
    ...(slot.truncated ? { truncated: true as const } : {}),
  };
}

/** Calls of provider-run tools by what they are billed as. */
function serverCalls(state: State): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const { said } of state.slots) {
    if (said.kind === 'server') calls.set(said.family, (calls.get(said.family) ?? 0) + 1);
  }
  const { searches } = state;
  if (typeof searches === 'number' && Number.isInteger(searches) && searches >= 0) calls.set('web_search', searches);
  return calls;
}

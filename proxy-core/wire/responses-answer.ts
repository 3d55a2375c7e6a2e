import {
  createDraft,
  type Document,
  type Draft,
  doubt,
  type Meaning,
  NO_EFFECT,
  noteError,
  noteText,
  type ReadCalls,
  TERMINAL,
  TOOL_CALL,
} from './answer-reader.ts';
import type { AtProvider, FrameEffect, ReadLimits } from './format.ts';
import {
  elements,
  filledText,
  hasOtherCase,
  type JsonRecord,
  list,
  placesIn,
  record,
  recordOrNull,
  textOrNull,
  valueAt,
} from './loose-json.ts';
import { createSayings, noteArguments, noteItem, openSaying, readSayings, type Sayings } from './responses-calls.ts';
import { saidCall } from './responses-items.ts';
import { createStrays, type Strays } from './stray-calls.ts';
import { responsesUsage, withServerToolCalls } from './usage.ts';

/** Answers of OpenAI Responses (API reference, "Responses streaming events"). */

interface State {
  readonly draft: Draft;
  readonly atProvider: AtProvider;
  readonly sayings: Sayings;
  readonly strays: Strays;
  read: ReadCalls | null;
  usage: unknown;
  /** `tool_usage.web_search.num_requests`: the searches that are billed. */
  searches: unknown;
}

const FINAL: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const OPENING = 'response.output_item.added';
/** Events that build a call's arguments. */
const ARGUMENTS =
  /^response\.(?:function_call_arguments|custom_tool_call_input|shell_call_command|mcp_call_arguments)\.(?:delta|done|added)$/;

/** The meaning of a Responses answer. */
export function createResponsesMeaning(limits?: Partial<ReadLimits>, atProvider: AtProvider = () => true): Meaning {
  const draft = createDraft(limits);
  const strays = createStrays(draft, ['arguments', 'input', 'args']);
  const sayings = createSayings(draft);
  const state: State = { draft, atProvider, sayings, strays, read: null, usage: null, searches: null };
  return {
    draft,
    event: (document, event) => noteEvent(state, document, event),
    done: () => NO_EFFECT,
    body: (document) => {
      if (hasTwoReadings({ response: document.root })) doubt(draft);
      noteResponse(state, document, []);
      strays.note(document.root);
      draft.complete = true;
    },
    end: () => undefined,
    usage: () => withServerToolCalls(responsesUsage(state.usage), serverCalls(state)),
    calls: () => {
      state.read ??= readSayings(sayings, strays.calls);
      return state.read;
    },
  };
}

function noteEvent(state: State, document: Document, event: string | null): FrameEffect {
  const { root } = document;
  state.read = null;
  const type = filledText(root['type']) ?? event ?? '';
  if (type === 'error' || recordOrNull(root['error']) !== null) noteError(state.draft, root['error'] ?? root);
  if (type === 'response.output_text.delta') noteText(state.draft, root['delta']);
  const odd = hasTwoReadings(root) && doubt(state.draft).toolCall;
  const inResponse = recordOrNull(root['response']) !== null && noteResponse(state, document, ['response']);
  const inItem = noteSaid(state, document, ['item'], root['output_index'], type === OPENING);
  const inArguments = ARGUMENTS.test(type) && noteDelta(state, root, type);
  const toolCall = [odd, inResponse, inItem, inArguments, state.strays.note(root)].includes(true);
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
  const parts = [root, response, record(root['item']), ...elements(response['output'], ITEM_MARKS)];
  return parts.some((part) => hasOtherCase(part, MEMBERS));
}

const ITEM_MARKS = ['type'];

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
  if (draft.text === '') noteWords(draft, elements(response['output'], ITEM_MARKS));
  state.sayings.round += 1;
  // Positions are not compared here: an item that only the stream had (a note of ours) shifts them.
  return placesIn(response['output'], ITEM_MARKS)
    .map((at) => noteSaid(state, document, [...path, 'output', ...at], undefined, false))
    .includes(true);
}

/** The words of finished messages, where no deltas have brought them. */
function noteWords(draft: Draft, output: readonly JsonRecord[]): void {
  const messages = output.filter((item) => item['type'] === 'message');
  for (const part of messages.flatMap((item) => list(item['content']))) noteText(draft, record(part)['text']);
}

/** An output item, being opened or finished. Returns whether it is a call that runs at the client. */
function noteSaid(
  state: State,
  document: Document,
  path: readonly (string | number)[],
  index: unknown,
  opening: boolean,
): boolean {
  const item = recordOrNull(valueAt(document.root, path));
  const said = saidCall(item, state.atProvider);
  if (item === null || said === null) return false;
  if (said.kind === 'server') state.draft.settled.add(item);
  if (said.name === item['name']) state.draft.placed.set(item, said.argsKey);
  const value = item[said.argsKey];
  const none = value === undefined || value === null;
  const text = none ? null : (textOrNull(value) ?? document.quote([...path, said.argsKey]) ?? JSON.stringify(value));
  const within = opening
    ? openSaying(state.sayings, said, index, text ?? '') !== null
    : noteItem(state.sayings, said, index, text);
  return !within || said.kind !== 'server';
}

/** A delta or the end of a call's arguments. Always a tool call's frame, except for provider-run calls. */
function noteDelta(state: State, root: JsonRecord, type: string): boolean {
  const { sayings } = state;
  const at = { index: root['output_index'], itemId: root['item_id'] };
  // A shell call's command events name parts of its action; the finished item states the whole.
  if (type.startsWith('response.shell_call_command')) {
    return (sayings.latest.get(at.index) ?? sayings.items.get(at.itemId))?.said.kind !== 'server';
  }
  return noteArguments(sayings, at, {
    delta: textOrNull(root['delta']),
    finished: textOrNull(root['arguments']) ?? textOrNull(root['input']),
    name: filledText(root['name']),
  });
}

/** Calls of provider-run tools by what they are billed as. */
function serverCalls(state: State): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const { said } of state.sayings.all) {
    if (said.hosted) calls.set(said.family, (calls.get(said.family) ?? 0) + 1);
  }
  const { searches } = state;
  if (typeof searches === 'number' && Number.isInteger(searches) && searches >= 0) calls.set('web_search', searches);
  return calls;
}

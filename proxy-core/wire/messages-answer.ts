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
  placesIn,
  record,
  recordOrNull,
  textOrNull,
} from './loose-json.ts';
import { type Blocks, createBlocks, isClientCall, noteBlock, noteInput, readBlocks } from './messages-blocks.ts';
import { createStrays, type Strays } from './stray-calls.ts';
import { createMessagesUsage } from './usage.ts';

/** Answers of Anthropic Messages (API reference, "Streaming messages"): content blocks by index, deltas into them. */

interface State {
  readonly draft: Draft;
  readonly blocks: Blocks;
  readonly strays: Strays;
  readonly usage: ReturnType<typeof createMessagesUsage>;
  read: ReadCalls | null;
}

/** The meaning of a Messages answer. */
export function createMessagesMeaning(limits?: Partial<ReadLimits>, atProvider: AtProvider = () => true): Meaning {
  const draft = createDraft(limits);
  const blocks = createBlocks(draft, atProvider);
  const strays = createStrays(draft, ['input', 'args']);
  const state: State = { draft, blocks, strays, usage: createMessagesUsage(), read: null };
  return {
    draft,
    event: (document, event) => noteEvent(state, document, event),
    done: () => NO_EFFECT,
    body: (document) => {
      if (hasTwoReadings(document.root)) doubt(draft);
      if (document.root['type'] === 'error' || recordOrNull(document.root['error']) !== null) {
        noteError(draft, document.root['error']);
      }
      noteMessage(state, document, []);
      strays.note(document.root);
      draft.complete = true;
    },
    end: () => undefined,
    usage: () => state.usage.total(),
    calls: () => {
      state.read ??= readBlocks(blocks, strays.calls);
      return state.read;
    },
  };
}

function noteEvent(state: State, document: Document, event: string | null): FrameEffect {
  const { root } = document;
  const { draft, strays } = state;
  state.read = null;
  const said = filledText(root['type']) ?? event ?? '';
  if (hasTwoReadings(root)) return doubt(draft);
  const effect = noteTyped(state, document, said);
  // A client may go by the event's name or by the type in its data.
  const named = event !== null && event !== said && MAKES_CALLS.has(event);
  const also = named && noteTyped(state, document, event).toolCall;
  const strayed = strays.note(root);
  return also || strayed ? { ...effect, toolCall: true } : effect;
}

function noteTyped(state: State, document: Document, type: string): FrameEffect {
  const { root } = document;
  switch (type) {
    case 'message_start':
      return noteMessage(state, document, ['message']) ? TOOL_CALL : NO_EFFECT;
    case 'content_block_start':
      return noteBlock(state.blocks, document, ['content_block'], root['index']);
    case 'content_block_delta':
      return noteDelta(state, root);
    case 'content_block_stop': {
      const effect = lastEffect(state, root);
      state.blocks.latest.delete(root['index']);
      return effect;
    }
    case 'message_delta':
      return noteMessageDelta(state, root);
    case 'message_stop':
      state.draft.complete = true;
      return TERMINAL;
    case 'error':
      noteError(state.draft, root['error'] ?? root);
      return NO_EFFECT;
    default:
      return NO_EFFECT;
  }
}

/** Events that bring calls. */
const MAKES_CALLS: ReadonlySet<string> = new Set(['message_start', 'content_block_start', 'content_block_delta']);
const MEMBERS: ReadonlySet<string> = new Set(
  'type index message content content_block delta partial_json id name input'.split(' '),
);

/** Whether a client that does not mind the case of letters reads another event, message or block than we do. */
const hasTwoReadings = (root: JsonRecord): boolean =>
  [
    root,
    root['message'],
    root['content_block'],
    root['delta'],
    ...elements(root['content'], BLOCK_MARKS),
    ...elements(record(root['message'])['content'], BLOCK_MARKS),
  ]
    .map(record)
    .some((part) => hasOtherCase(part, MEMBERS));

const BLOCK_MARKS = ['type'];

/** The effect of what goes on with a block. */
const lastEffect = (state: State, root: JsonRecord): FrameEffect =>
  isClientCall(state.blocks.latest.get(root['index'])) ? TOOL_CALL : NO_EFFECT;

/** A whole message: its head, its blocks and its end. True if it holds a call that runs at the client. */
function noteMessage(state: State, document: Document, path: readonly string[]): boolean {
  const message = path.reduce((value: JsonRecord, key) => record(value[key]), document.root);
  const { draft } = state;
  draft.responseId ??= filledText(message['id']);
  draft.model ??= filledText(message['model']);
  state.usage.note(message['usage']);
  draft.finishReason = filledText(message['stop_reason']) ?? draft.finishReason;
  const content = message['content'];
  const effects = placesIn(content, BLOCK_MARKS).map((at) =>
    noteBlock(state.blocks, document, [...path, 'content', ...at], null),
  );
  return effects.some((effect) => effect.toolCall);
}

function noteMessageDelta(state: State, root: JsonRecord): FrameEffect {
  const reason = filledText(record(root['delta'])['stop_reason']);
  state.usage.note(root['usage']);
  if (reason !== null) state.draft.finishReason = reason;
  return reason === 'tool_use' ? TOOL_CALL : NO_EFFECT;
}

function noteDelta(state: State, root: JsonRecord): FrameEffect {
  const delta = record(root['delta']);
  if (delta['type'] === 'text_delta') noteText(state.draft, delta['text']);
  // What has another type is no input, to any client: they go by the type.
  if (delta['type'] !== 'input_json_delta') return lastEffect(state, root);
  return noteInput(state.blocks, root['index'], textOrNull(delta['partial_json']) ?? '');
}

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
import { createMessagesUsage } from './usage.ts';

/** Answers of Anthropic Messages (API reference, "Streaming messages"): content blocks by index, deltas into them. */

interface Block {
  readonly index: number;
  /** Null for text, thinking and results. */
  readonly call: Omit<ToolCall, 'argsText' | 'truncated'> | null;
  /** The block's `input` as it was opened, null if that is an empty object. */
  readonly opened: string | null;
  streamed: string;
  truncated: boolean;
}

interface State {
  readonly draft: Draft;
  readonly blocks: Block[];
  readonly usage: ReturnType<typeof createMessagesUsage>;
}

const MOST_BLOCKS = 4096;

/** The meaning of a Messages answer. */
export function createMessagesMeaning(limits?: Partial<ReadLimits>): Meaning {
  const state: State = { draft: createDraft(limits), blocks: [], usage: createMessagesUsage() };
  return {
    draft: state.draft,
    event: (document, event) => noteEvent(state, document, event),
    done: () => NO_EFFECT,
    body: (document) => {
      if (hasTwoReadings(document.root)) state.draft.malformed = true;
      if (document.root['type'] === 'error' || recordOrNull(document.root['error']) !== null) {
        noteError(state.draft, document.root['error']);
      }
      noteMessage(state, document, []);
      state.draft.complete = true;
    },
    end: () => undefined,
    usage: () => state.usage.total(),
    toolCalls: () => state.blocks.flatMap(toolCall),
  };
}

function noteEvent(state: State, document: Document, event: string | null): FrameEffect {
  const { root } = document;
  const type = filledText(root['type']) ?? event ?? '';
  if (hasTwoReadings(root) || (event !== null && event !== type && MAKES_CALLS.has(event))) {
    state.draft.malformed = true;
    return TOOL_CALL;
  }
  switch (type) {
    case 'message_start':
      return noteMessage(state, document, ['message']) ? TOOL_CALL : NO_EFFECT;
    case 'content_block_start':
      return effectOf(openBlock(state, document, ['content_block'], indexOf(root)));
    case 'content_block_delta':
      return noteDelta(state, root);
    case 'content_block_stop':
      return effectOf(blockAt(state, indexOf(root)));
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

/** Events that bring calls. A client may go by the event's name or by the type in its data: they must not differ. */
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
    ...contentOf(root),
    ...contentOf(record(root['message'])),
  ]
    .map(record)
    .some((part) => hasOtherCase(part, MEMBERS));

const contentOf = (message: JsonRecord): readonly unknown[] => list(message['content']);

const indexOf = (root: JsonRecord): number => (typeof root['index'] === 'number' ? root['index'] : -1);
const blockAt = (state: State, index: number): Block | undefined =>
  state.blocks.findLast((block) => block.index === index);
const isClientCall = (block: Block | undefined): boolean => block?.call != null && block.call.kind !== 'server';
const effectOf = (block: Block | undefined): FrameEffect => (isClientCall(block) ? TOOL_CALL : NO_EFFECT);

/** A whole message: its head, its blocks and its end. True if it holds a call that runs at the client. */
function noteMessage(state: State, document: Document, path: readonly string[]): boolean {
  const message = path.reduce((value: JsonRecord, key) => record(value[key]), document.root);
  const { draft } = state;
  draft.responseId ??= filledText(message['id']);
  draft.model ??= filledText(message['model']);
  state.usage.note(message['usage']);
  draft.finishReason = filledText(message['stop_reason']) ?? draft.finishReason;
  const blocks = Array.isArray(message['content']) ? message['content'] : [];
  return blocks.map((_, i) => isClientCall(openBlock(state, document, [...path, 'content', i], i))).includes(true);
}

function noteMessageDelta(state: State, root: JsonRecord): FrameEffect {
  const reason = filledText(record(root['delta'])['stop_reason']);
  state.usage.note(root['usage']);
  if (reason !== null) state.draft.finishReason = reason;
  return reason === 'tool_use' ? TOOL_CALL : NO_EFFECT;
}

/** Note a block that begins (or is whole). A second block of the same index is malformed: clients place it differently. */
function openBlock(
  state: State,
  document: Document,
  path: readonly (string | number)[],
  index: number,
): Block | undefined {
  const block = recordOrNull(
    path.reduce<unknown>((value, key) => (value as Readonly<Record<string | number, unknown>>)[key], document.root),
  );
  if (state.blocks.length >= MOST_BLOCKS || blockAt(state, index) !== undefined) state.draft.malformed = true;
  if (block === null || state.blocks.length >= MOST_BLOCKS) return undefined;
  const call = callOf(block);
  if (block['type'] === 'text') noteText(state.draft, block['text']);
  const input = call === null || isEmpty(block['input']) ? null : document.quote([...path, 'input']);
  const kept = input === null ? null : keepArgs(state.draft, input);
  const opened: Block = { index, call, opened: kept?.text ?? null, streamed: '', truncated: kept?.truncated ?? false };
  state.blocks.push(opened);
  return opened;
}

const isEmpty = (input: unknown): boolean =>
  input === undefined || input === null || (recordOrNull(input) !== null && Object.keys(record(input)).length === 0);

/** The call that a block begins, or null. A block type ending in `_use` that is not known is taken as the client's. */
function callOf(block: JsonRecord): Block['call'] {
  const type = filledText(block['type']) ?? '';
  if (!type.endsWith('_use')) return null;
  const kind = type === 'server_tool_use' || type === 'mcp_tool_use' ? 'server' : 'function';
  const namespace = filledText(block['server_name']) ?? filledText(block['toolset_name']);
  const call = { id: filledText(block['id']), name: filledText(block['name']) ?? '', kind } as const;
  return namespace === null ? call : { ...call, namespace };
}

function noteDelta(state: State, root: JsonRecord): FrameEffect {
  const delta = record(root['delta']);
  const json = textOrNull(delta['partial_json']);
  const block = blockAt(state, indexOf(root));
  if (delta['type'] === 'text_delta') noteText(state.draft, delta['text']);
  if (json === null && delta['type'] !== 'input_json_delta') return effectOf(block);
  if (block === undefined || block.call === null) {
    state.draft.malformed = true;
    return TOOL_CALL;
  }
  const kept = keepArgs(state.draft, json ?? '');
  block.streamed += kept.text;
  block.truncated ||= kept.truncated;
  if (block.streamed !== '' && block.opened !== null) state.draft.malformed = true;
  return effectOf(block);
}

/** A call without a word of input is a call with an empty object, as the SDKs read it. */
function toolCall(block: Block): readonly ToolCall[] {
  if (block.call === null) return [];
  const argsText = block.streamed === '' ? (block.opened ?? '{}') : block.streamed;
  return [{ ...block.call, argsText, ...(block.truncated ? { truncated: true as const } : {}) }];
}

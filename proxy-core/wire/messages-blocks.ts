import {
  type Document,
  type Draft,
  doubt,
  keepArgs,
  MOST_CALLS,
  NO_EFFECT,
  noteText,
  noteTool,
  type ReadCalls,
  TOOL_CALL,
} from './answer-reader.ts';
import type { AtProvider, FrameEffect, ToolCall } from './format.ts';
import { filledText, type JsonRecord, record, recordOrNull, textOrNull, valueAt } from './loose-json.ts';
import { apart } from './other-readings.ts';

/**
 * The content blocks of a Messages answer and the input that deltas bring. Most clients put a delta into the block that was opened
 * last with its index, LangChain into the first call with it, the Anthropic SDK into the block at that place, whatever index it was
 * opened with. Where these are not one block, each of them is read.
 */

/** A block. */
export interface Block {
  readonly index: unknown;
  /** Null for text, thinking and results. */
  readonly call: Omit<ToolCall, 'argsText' | 'truncated'> | null;
  /** The block's `input` as it was opened, null if that is an empty object. */
  readonly opened: string | null;
  readonly truncated: boolean;
}

/** Input brought by deltas that stand next to each other and go to the same blocks. */
interface Input {
  readonly index: unknown;
  readonly latest: Block | undefined;
  readonly place: Block | undefined;
  text: string;
  truncated: boolean;
}

/** The blocks so far. */
export interface Blocks {
  readonly draft: Draft;
  readonly atProvider: AtProvider;
  readonly all: Block[];
  /** By index, the last block that was opened with it and has not ended. */
  readonly latest: Map<unknown, Block>;
  readonly inputs: Input[];
}

const MOST_BLOCKS = 65_536;
/** Runs of deltas into one block after another. */
const MOST_INPUTS = 65_536;

/** An answer without blocks. */
export const createBlocks = (draft: Draft, atProvider: AtProvider): Blocks => ({
  draft,
  atProvider,
  all: [],
  latest: new Map(),
  inputs: [],
});

/** Whether a block is a call that runs at the client. */
export const isClientCall = (block: Block | undefined): boolean => block?.call != null && block.call.kind !== 'server';

const effectOf = (block: Block | undefined): FrameEffect => (isClientCall(block) ? TOOL_CALL : NO_EFFECT);

/** Note a block that begins, or is whole: the value at a path of the document. A whole message's blocks have no index. */
export function noteBlock(
  blocks: Blocks,
  document: Document,
  path: readonly (string | number)[],
  index: unknown,
): FrameEffect {
  if (blocks.all.length >= MOST_BLOCKS || blocks.draft.begun.calls >= MOST_CALLS) return doubt(blocks.draft);
  const value = valueAt(document.root, path);
  const call = callOf(record(value), blocks.atProvider);
  if (record(value)['type'] === 'text') noteText(blocks.draft, record(value)['text']);
  if (call?.kind === 'server') blocks.draft.settled.add(record(value));
  if (call !== null) blocks.draft.placed.set(record(value), 'input');
  const input = record(value)['input'];
  const said = textOrNull(input) ?? document.quote([...path, 'input']) ?? JSON.stringify(input);
  const text = call === null || isEmpty(input) ? null : said;
  const kept = text === null ? null : keepArgs(blocks.draft, text);
  const block: Block = { index, call, opened: kept?.text ?? null, truncated: kept?.truncated ?? false };
  blocks.all.push(block);
  if (index !== null) blocks.latest.set(index, block);
  if (call !== null && call.kind !== 'server') {
    noteTool(blocks.draft, call);
    blocks.draft.begun.calls += 1;
  }
  return effectOf(block);
}

const isEmpty = (input: unknown): boolean =>
  input === undefined ||
  input === null ||
  input === '' ||
  (recordOrNull(input) !== null && Object.keys(record(input)).length === 0);

/** The call that a block begins, or null. A block type ending in `_use` that is not known is taken as the client's. */
function callOf(block: JsonRecord, atProvider: AtProvider): Block['call'] {
  const type = filledText(block['type']) ?? '';
  if (!type.endsWith('_use')) return null;
  const namespace = filledText(block['server_name']) ?? filledText(block['toolset_name']);
  const name = filledText(block['name']) ?? '';
  const tool = namespace === null ? { name } : { name, namespace };
  const hosted = type === 'server_tool_use' || type === 'mcp_tool_use';
  return { id: filledText(block['id']), ...tool, kind: hosted && atProvider(tool) ? 'server' : 'function' };
}

/** Note a delta of input. */
export function noteInput(blocks: Blocks, index: unknown, json: string): FrameEffect {
  const { draft, inputs } = blocks;
  const latest = blocks.latest.get(index);
  // The Anthropic SDK's own expression: `content.at(event.index)`.
  const place = blocks.all.at(index as number);
  const kept = keepArgs(draft, json);
  const before = inputs.at(-1);
  if (before !== undefined && before.index === index && before.latest === latest && before.place === place) {
    before.text += kept.text;
    before.truncated ||= kept.truncated;
  } else if (inputs.length >= MOST_INPUTS) return doubt(draft);
  else inputs.push({ index, latest, place, ...kept });
  // Some client may open the call of an unknown index later, and it could be any.
  if (latest?.call == null && place?.call == null) draft.begun.unsure = true;
  const isHosted = latest?.call?.kind === 'server' && (place === latest || place?.call == null);
  return isHosted ? NO_EFFECT : TOOL_CALL;
}

/** The calls of the blocks; `strays` are calls stated elsewhere. */
export function readBlocks(blocks: Blocks, strays: readonly ToolCall[]): ReadCalls {
  const latest = gather(blocks.inputs, (input) => input.latest);
  const place = gather(blocks.inputs, (input) => input.place);
  const firsts = firstCalls(blocks.all);
  const first = gather(blocks.inputs, (input) => firsts.get(input.index));
  const calls = blocks.all.flatMap((block) => callsOf(block, latest.get(block)).slice(0, 1));
  return apart(calls, others());

  function* others(): Iterable<ToolCall> {
    yield* strays;
    for (const input of blocks.inputs) {
      if (input.latest?.call == null && input.place?.call == null && !firsts.has(input.index)) yield orphan(input);
    }
    for (const block of blocks.all) {
      for (const texts of [latest, place, first]) yield* callsOf(block, texts.get(block));
      const one = firsts.get(block.index);
      if (block.call !== null && one !== undefined && one !== block) {
        for (const call of callsOf(one, first.get(one))) yield { ...call, name: block.call.name };
      }
    }
  }
}

/** Input of a call that nothing opens: LangChain hands it out without a name. */
const orphan = ({ text, truncated }: Input): ToolCall => ({
  id: null,
  name: '',
  kind: 'function',
  argsText: text,
  ...(truncated ? { truncated: true as const } : {}),
});

type Gathered = Pick<Input, 'text' | 'truncated'>;

function gather(inputs: readonly Input[], target: (input: Input) => Block | undefined): ReadonlyMap<Block, Gathered> {
  const texts = new Map<Block, Gathered>();
  for (const input of inputs) {
    const block = target(input);
    if (block?.call == null) continue;
    const before = texts.get(block) ?? { text: '', truncated: false };
    texts.set(block, { text: before.text + input.text, truncated: before.truncated || input.truncated });
  }
  return texts;
}

function firstCalls(blocks: readonly Block[]): ReadonlyMap<unknown, Block> {
  const calls = new Map<unknown, Block>();
  for (const block of blocks) {
    if (block.call !== null && block.index !== null && !calls.has(block.index)) calls.set(block.index, block);
  }
  return calls;
}

/**
 * A block's call with the input that clients give it, the most usual first: what the deltas brought, else what it was opened with
 * (nothing is an empty object, as the SDKs read it). A block that has both is read as each of them, and as one behind the other.
 */
function callsOf({ call, opened, truncated }: Block, streamed: Gathered | undefined): readonly ToolCall[] {
  if (call === null) return [];
  const text = streamed?.text ?? '';
  const cut = truncated || streamed?.truncated === true;
  const texts = text === '' ? [opened ?? '{}'] : opened === null ? [text] : [text, opened + text, opened];
  return texts.map((argsText) => ({ ...call, argsText, ...(cut ? { truncated: true as const } : {}) }));
}

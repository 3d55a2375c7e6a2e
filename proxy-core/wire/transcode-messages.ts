import {
  arrayJson,
  bytesOf,
  elementsJson,
  type FramePayload,
  memberJson,
  membersOf,
  payloadsOf,
  recordOf,
  renderJson,
  textOf,
} from './hold-frames.ts';
import { filledText, type JsonRecord, record, textOrNull } from './loose-json.ts';
import { setMember } from './splice.ts';

/** Anthropic Messages: a stream as one message, and one message as a stream. */

/** One block while its deltas are joined. */
interface Block {
  json: Uint8Array;
  readonly texts: Map<string, string>;
  readonly citations: Uint8Array[];
  input: string;
}

/** See `streamToJson`. Complete is a stream with `message_stop`. */
export function messagesJson(frames: readonly Uint8Array[]): Uint8Array | null {
  const payloads = payloadsOf(frames);
  const start = payloads.find((p) => typeOf(p) === 'message_start');
  const message = start === undefined ? null : memberJson(start.json, 'message');
  if (message === null || !payloads.some((p) => typeOf(p) === 'message_stop')) return null;
  const blocks = new Map<number, Block>();
  for (const payload of payloads) noteBlock(blocks, payload);
  const streamed = [...blocks.entries()].toSorted(([a], [b]) => a - b).map(([, block]) => finished(block));
  const content = [...elementsJson(message, 'content'), ...streamed];
  const ends = payloads.filter((p) => typeOf(p) === 'message_delta').map((p) => p.json);
  return ends.reduce(withEnd, set(message, 'content', arrayJson(content)));
}

const typeOf = (payload: FramePayload): unknown => payload.root['type'];
const set = (json: Uint8Array, key: string, literal: string): Uint8Array => setMember(json, [key], literal) ?? json;

function noteBlock(blocks: Map<number, Block>, payload: FramePayload): void {
  const index = payload.root['index'];
  if (typeof index !== 'number') return;
  const type = typeOf(payload);
  const opened = type === 'content_block_start' ? memberJson(payload.json, 'content_block') : null;
  if (opened !== null) blocks.set(index, { json: opened, texts: new Map(), citations: [], input: '' });
  const block = blocks.get(index);
  const delta = type === 'content_block_delta' ? memberJson(payload.json, 'delta') : null;
  if (block !== undefined && delta !== null) noteDelta(block, record(payload.root['delta']), delta);
}

/** The member that a delta's text is appended to, by the delta's type; what is not known here changes nothing, as in the SDKs. */
const APPENDED: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
  compaction_delta: 'content',
};

function noteDelta(block: Block, delta: JsonRecord, json: Uint8Array): void {
  const type = filledText(delta['type']) ?? '';
  const citation = type === 'citations_delta' ? memberJson(json, 'citation') : null;
  if (citation !== null) block.citations.push(citation);
  if (type === 'input_json_delta') block.input += textOrNull(delta['partial_json']) ?? '';
  const key = Object.hasOwn(APPENDED, type) ? APPENDED[type] : undefined;
  if (key !== undefined) block.texts.set(key, (block.texts.get(key) ?? '') + (textOrNull(delta[key]) ?? ''));
}

function finished(block: Block): Uint8Array {
  let { json } = block;
  const opened = recordOf(json);
  for (const [key, text] of block.texts) json = set(json, key, JSON.stringify((textOrNull(opened[key]) ?? '') + text));
  if (block.citations.length > 0) {
    json = set(json, 'citations', arrayJson([...elementsJson(json, 'citations'), ...block.citations]));
  }
  if (block.input === '') return json;
  // Input that was cut off (max_tokens) is no JSON; a whole message cannot hold it.
  return set(json, 'input', membersOf(bytesOf(block.input)).length > 0 ? block.input : '{}');
}

/** What a `message_delta` says of the message. */
const ENDING: ReadonlySet<string> = new Set(['stop_reason', 'stop_sequence', 'stop_details', 'container']);

/** The head with the members of a `message_delta` and its usage put over it. */
function withEnd(message: Uint8Array, end: Uint8Array): Uint8Array {
  const delta = memberJson(end, 'delta');
  const usage = memberJson(end, 'usage');
  const ended =
    delta === null
      ? message
      : membersOf(delta)
          .filter(({ key }) => ENDING.has(key))
          .reduce((m, { key, start, end: to }) => set(m, key, textOf(delta.subarray(start, to))), message);
  if (usage === null) return ended;
  return membersOf(usage).reduce((m, { key, start, end: to }) => {
    const value = textOf(usage.subarray(start, to));
    return value === 'null' ? m : (setMember(m, ['usage', key], value) ?? m);
  }, ended);
}

/** See `jsonToStream`. */
export function messagesStream(body: Uint8Array): Uint8Array | null {
  const root = recordOf(body);
  if (root['type'] !== 'message' && !Array.isArray(root['content'])) return null;
  const head = [
    ['content', '[]'],
    ['stop_reason', 'null'],
    ['stop_sequence', 'null'],
  ].reduce((json, [key = '', literal = '']) => set(json, key, literal), body);
  const usage = memberJson(body, 'usage');
  const end = ['stop_reason', 'stop_sequence', 'stop_details', 'container'].flatMap((key) => {
    const value = memberJson(body, key);
    return value === null ? [] : [`${JSON.stringify(key)}:${textOf(value)}`];
  });
  const usageText = usage === null ? '{"output_tokens":0}' : textOf(usage);
  return bytesOf(
    [
      render('message_start', `"message":${textOf(head)}`),
      ...elementsJson(body, 'content').map(blockFrames),
      render('message_delta', `"delta":{${end.join(',')}},"usage":${usageText}`),
      renderJson('message_stop', '{"type":"message_stop"}'),
    ].join(''),
  );
}

const render = (type: string, members: string): string => renderJson(type, `{"type":"${type}",${members}}`);

function blockFrames(block: Uint8Array, index: number): string {
  const { opened, deltas } = takenApart(block);
  const at = `"index":${index}`;
  const pieces = deltas.map((delta) => render('content_block_delta', `${at},"delta":${delta}`));
  return [
    render('content_block_start', `${at},"content_block":${textOf(opened)}`),
    ...pieces,
    render('content_block_stop', at),
  ].join('');
}

/** A block as it is opened, and the deltas that fill it. Blocks without deltas of their own are opened whole. */
function takenApart(block: Uint8Array): { readonly opened: Uint8Array; readonly deltas: readonly string[] } {
  const root = recordOf(block);
  const type = filledText(root['type']) ?? '';
  if (type === 'text') {
    const citations = elementsJson(block, 'citations').map((c) => `{"type":"citations_delta","citation":${textOf(c)}}`);
    const opened = citations.length === 0 ? block : set(block, 'citations', '[]');
    return { opened: set(opened, 'text', '""'), deltas: [...textDeltas(root, 'text', 'text_delta'), ...citations] };
  }
  if (type === 'thinking') {
    const deltas = [
      ...textDeltas(root, 'thinking', 'thinking_delta'),
      ...textDeltas(root, 'signature', 'signature_delta'),
    ];
    return { opened: set(set(block, 'thinking', '""'), 'signature', '""'), deltas };
  }
  const input = type.endsWith('_use') ? memberJson(block, 'input') : null;
  if (input === null) return { opened: block, deltas: [] };
  const delta = JSON.stringify({ type: 'input_json_delta', partial_json: textOf(input) });
  return { opened: set(block, 'input', '{}'), deltas: [delta] };
}

function textDeltas(root: JsonRecord, key: string, type: string): readonly string[] {
  const text = filledText(root[key]);
  return text === null ? [] : [JSON.stringify({ type, [key]: text })];
}

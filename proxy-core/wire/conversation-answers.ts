import type { MessagePart } from '../contract/conversation.ts';
import type { WireFormat } from '../contract/records.ts';
import { contentParts, type Message, otherPart, type Preview } from './conversation-parts.ts';
import { chatMessage, itemMessage } from './conversation-requests.ts';
import { filledText, type JsonRecord, list, record, recordOrNull, records, textOrNull } from './loose-json.ts';
import { createFrameReader, createFramer } from './sse-frames.ts';

/**
 * What the answers of each wire format say, as messages. Streams are put together into the body that the same answer
 * would have had without streaming, so that both are read by the same code.
 */

type Said = Omit<Message, 'side'>;

/** The messages of an answer's body; null if nothing in it is known. */
export function answerMessages(format: WireFormat, body: JsonRecord, preview: Preview): readonly Said[] | null {
  const error = recordOrNull(body['error']) ?? textOrNull(body['error']);
  if (error !== null) return [{ role: 'error', parts: [otherPart(preview, 'error', error)] }];
  switch (format) {
    case 'chat':
      return Array.isArray(body['choices'])
        ? records(body['choices']).map((choice) => chatMessage(preview, record(choice['message'])))
        : null;
    case 'completions':
      return Array.isArray(body['choices'])
        ? records(body['choices']).map((choice) => assistant([...contentParts(preview, choice['text'])]))
        : null;
    case 'messages':
      return Array.isArray(body['content'])
        ? [assistant([...contentParts(preview, body['content'])])]
        : typeof body['input_tokens'] === 'number'
          ? [assistant([otherPart(preview, 'token_count', body)])]
          : null;
    case 'responses':
      return Array.isArray(body['output'])
        ? [assistant(records(body['output']).flatMap((item) => itemMessage(preview, item).parts))]
        : null;
    case 'embeddings':
      return Array.isArray(body['data'])
        ? [assistant([otherPart(preview, 'embeddings', `${list(body['data']).length} vectors`)])]
        : null;
  }
}

const assistant = (parts: MessagePart[]): Said => ({ role: 'assistant', parts });

/** The body that a streamed answer stands for; null if no event of it could be read. */
export function joinStream(format: WireFormat, bytes: Uint8Array): JsonRecord | null {
  const events = eventsOf(bytes);
  if (events.length === 0) return null;
  const failed = events.find((event) => event['error'] !== undefined && event['error'] !== null);
  const body =
    format === 'messages' ? joinBlocks(events) : format === 'responses' ? joinItems(events) : joinChoices(events);
  return body ?? (failed === undefined ? null : { error: failed['error'] });
}

/** Every event whose data is a JSON object. */
function eventsOf(bytes: Uint8Array): readonly JsonRecord[] {
  const framer = createFramer();
  const readFrame = createFrameReader();
  const frames = [...framer.push(bytes)].map((frame) => readFrame(frame));
  const rest = framer.end();
  if (rest !== null) frames.push(readFrame(rest, true));
  return frames.flatMap((frame) => {
    const value = frame.kind === 'event' ? parseObject(frame.data) : null;
    return value === null ? [] : [value];
  });
}

/** The text's JSON object, or null. */
export function parseObject(text: string): JsonRecord | null {
  try {
    return recordOrNull(JSON.parse(text));
  } catch {
    return null;
  }
}

interface Choice {
  role: string;
  content: string;
  reasoning: string;
  refusal: string;
  readonly calls: { id: string | null; custom: boolean; name: string; args: string; readonly index: unknown }[];
}

/** Chat and completions: chunks by choice, their tool calls by index. */
function joinChoices(events: readonly JsonRecord[]): JsonRecord | null {
  const choices = new Map<number, Choice>();
  for (const said of events.flatMap((event) => records(event['choices']))) {
    const index = typeof said['index'] === 'number' ? said['index'] : 0;
    const choice = choices.get(index) ?? { role: 'assistant', content: '', reasoning: '', refusal: '', calls: [] };
    choices.set(index, choice);
    const delta = recordOrNull(said['delta']) ?? record(said['message']);
    choice.content += textOrNull(delta['content']) ?? textOrNull(said['text']) ?? '';
    choice.reasoning += textOrNull(delta['reasoning_content']) ?? textOrNull(delta['reasoning']) ?? '';
    choice.refusal += textOrNull(delta['refusal']) ?? '';
    const legacy = recordOrNull(delta['function_call']);
    for (const call of legacy === null ? records(delta['tool_calls']) : [{ index: 'legacy', function: legacy }])
      joinCall(choice, call);
  }
  if (choices.size === 0) return null;
  return { choices: [...choices.values()].map(wholeChoice) };
}

function joinCall(choice: Choice, call: JsonRecord): void {
  const id = filledText(call['id']);
  const custom = recordOrNull(call['custom']);
  const said = custom ?? record(call['function']);
  const last = choice.calls.findLast(({ index }) => index === call['index']);
  const slot = last !== undefined && (id === null || id === last.id) ? last : null;
  const joined = slot ?? { id, custom: custom !== null, name: '', args: '', index: call['index'] };
  if (slot === null) choice.calls.push(joined);
  if (joined.name === '') joined.name = filledText(said['name']) ?? '';
  joined.args += textOrNull(said['arguments']) ?? textOrNull(said['input']) ?? '';
}

const wholeChoice = ({ role, content, reasoning, refusal, calls }: Choice): JsonRecord => ({
  text: content,
  message: {
    role,
    content,
    reasoning_content: reasoning,
    refusal,
    tool_calls: calls.map(({ id, custom, name, args }) =>
      custom ? { id, custom: { name, input: args } } : { id, function: { name, arguments: args } },
    ),
  },
});

/** Messages: content blocks by index, deltas into them. */
function joinBlocks(events: readonly JsonRecord[]): JsonRecord | null {
  const blocks = new Map<number, Record<string, unknown>>();
  let begun = false;
  for (const event of events) {
    const index = typeof event['index'] === 'number' ? event['index'] : -1;
    if (event['type'] === 'message_start') {
      begun = true;
      list(record(event['message'])['content']).forEach((block, at) => void blocks.set(at, { ...record(block) }));
    } else if (event['type'] === 'content_block_start') blocks.set(index, { ...record(event['content_block']) });
    else if (event['type'] === 'content_block_delta') joinDelta(blocks.get(index), record(event['delta']));
  }
  return begun || blocks.size > 0 ? { content: [...blocks.values()] } : null;
}

function joinDelta(block: Record<string, unknown> | undefined, delta: JsonRecord): void {
  if (block === undefined) return;
  const text = textOrNull(delta['text']);
  const thinking = textOrNull(delta['thinking']);
  const json = textOrNull(delta['partial_json']);
  if (text !== null) block['text'] = `${textOrNull(block['text']) ?? ''}${text}`;
  if (thinking !== null) block['thinking'] = `${textOrNull(block['thinking']) ?? ''}${thinking}`;
  // The input is opened as an empty object and then written as text.
  if (json !== null) block['input'] = `${textOrNull(block['input']) ?? ''}${json}`;
}

/** Responses: the final response if it came, else the finished items, else what the deltas said. */
function joinItems(events: readonly JsonRecord[]): JsonRecord | null {
  const final = events
    .map((event) => record(event['response']))
    .findLast((response) => list(response['output']).length > 0 || recordOrNull(response['error']) !== null);
  if (final !== undefined) return final;
  const items = events.filter((event) => event['type'] === 'response.output_item.done').map((event) => event['item']);
  const texts = events
    .filter((event) => event['type'] === 'response.output_text.delta')
    .map((event) => textOrNull(event['delta']) ?? '');
  if (items.length > 0) return { output: items };
  const begun = events.some((event) => recordOrNull(event['response']) !== null);
  if (texts.length === 0) return begun ? { output: [] } : null;
  return { output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: texts.join('') }] }] };
}

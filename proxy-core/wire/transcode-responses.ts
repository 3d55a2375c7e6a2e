import {
  arrayJson,
  bytesOf,
  elementsJson,
  memberJson,
  payloadsOf,
  recordOf,
  renderJson,
  textOf,
} from './hold-frames.ts';
import { filledText, type JsonRecord, textOrNull } from './loose-json.ts';
import { setMember } from './splice.ts';

/** OpenAI Responses: a stream as one response, and one response as a stream. */

const ENDS: ReadonlySet<unknown> = new Set(['response.completed', 'response.incomplete', 'response.failed']);

/** See `streamToJson`. The final event holds the response; where its output is left empty the finished items fill it. */
export function responsesJson(frames: readonly Uint8Array[]): Uint8Array | null {
  const payloads = payloadsOf(frames);
  const end = payloads.findLast((p) => ENDS.has(p.root['type']));
  const response = end === undefined ? null : memberJson(end.json, 'response');
  if (response === null || elementsJson(response, 'output').length > 0) return response;
  const done = payloads.filter((p) => p.root['type'] === 'response.output_item.done');
  const items = done.flatMap((p) => memberJson(p.json, 'item') ?? []);
  return setMember(response, ['output'], arrayJson(items));
}

/** See `jsonToStream`. */
export function responsesStream(body: Uint8Array): Uint8Array | null {
  const root = recordOf(body);
  if (root['object'] !== 'response' && !Array.isArray(root['output'])) return null;
  const status = filledText(root['status']) ?? 'completed';
  const events = createEvents();
  const begun = [
    ['status', '"in_progress"'],
    ['output', '[]'],
    ['usage', 'null'],
    ['error', 'null'],
    ['incomplete_details', 'null'],
  ].reduce((json, [key = '', literal = '']) => set(json, key, literal), body);
  events.add('response.created', `"response":${textOf(begun)}`);
  events.add('response.in_progress', `"response":${textOf(begun)}`);
  elementsJson(body, 'output').forEach((item, index) => {
    addItem(events, item, index);
  });
  const end = ENDS.has(`response.${status}`) ? `response.${status}` : 'response.completed';
  events.add(end, `"response":${textOf(body)}`);
  return bytesOf(events.text());
}

const set = (json: Uint8Array, key: string, literal: string): Uint8Array => setMember(json, [key], literal) ?? json;

/** Events numbered from 0. */
function createEvents() {
  const parts: string[] = [];
  return {
    /** `members` is the text of further members of the event's object. */
    add: (type: string, members: string): void => {
      parts.push(renderJson(type, `{"type":"${type}","sequence_number":${parts.length},${members}}`));
    },
    text: (): string => parts.join(''),
  };
}

type Events = ReturnType<typeof createEvents>;

/** The text member that an item's deltas build, by item type. */
const STREAMED: Readonly<Record<string, { readonly key: string; readonly event: string }>> = {
  function_call: { key: 'arguments', event: 'response.function_call_arguments' },
  custom_tool_call: { key: 'input', event: 'response.custom_tool_call_input' },
  mcp_call: { key: 'arguments', event: 'response.mcp_call_arguments' },
};

/** An item is opened, filled and finished; kinds without a text of their own are only opened and finished. */
function addItem(events: Events, item: Uint8Array, index: number): void {
  const root = recordOf(item);
  const type = filledText(root['type']) ?? '';
  const at = `"output_index":${index}`;
  const streamed = Object.hasOwn(STREAMED, type) ? STREAMED[type] : undefined;
  if (type === 'message') {
    events.add(
      'response.output_item.added',
      `${at},"item":${textOf(set(set(item, 'status', '"in_progress"'), 'content', '[]'))}`,
    );
    elementsJson(item, 'content').forEach((part, n) => {
      addPart(events, part, `${placeOf(root)}${at},"content_index":${n}`);
    });
  } else if (streamed !== undefined) {
    const value = JSON.stringify(textOrNull(root[streamed.key]) ?? '');
    const opened = root['status'] === undefined ? item : set(item, 'status', '"in_progress"');
    events.add('response.output_item.added', `${at},"item":${textOf(set(opened, streamed.key, '""'))}`);
    events.add(`${streamed.event}.delta`, `${placeOf(root)}${at},"delta":${value}`);
    events.add(`${streamed.event}.done`, `${placeOf(root)}${at},"${streamed.key}":${value}`);
  } else events.add('response.output_item.added', `${at},"item":${textOf(item)}`);
  events.add('response.output_item.done', `${at},"item":${textOf(item)}`);
}

const placeOf = (item: JsonRecord): string => `"item_id":${JSON.stringify(filledText(item['id']) ?? '')},`;

function addPart(events: Events, part: Uint8Array, place: string): void {
  const root = recordOf(part);
  const key = root['type'] === 'refusal' ? 'refusal' : 'text';
  const name = root['type'] === 'refusal' ? 'response.refusal' : 'response.output_text';
  const value = JSON.stringify(textOrNull(root[key]) ?? '');
  const extra = key === 'text' ? ',"logprobs":[]' : '';
  const opened = key === 'text' ? set(set(part, 'text', '""'), 'annotations', '[]') : set(part, 'refusal', '""');
  events.add('response.content_part.added', `${place},"part":${textOf(opened)}`);
  events.add(`${name}.delta`, `${place},"delta":${value}${extra}`);
  if (key === 'text') addAnnotations(events, part, place);
  events.add(`${name}.done`, `${place},"${key}":${value}${extra}`);
  events.add('response.content_part.done', `${place},"part":${textOf(part)}`);
}

function addAnnotations(events: Events, part: Uint8Array, place: string): void {
  elementsJson(part, 'annotations').forEach((annotation, i) => {
    events.add(
      'response.output_text.annotation.added',
      `${place},"annotation_index":${i},"annotation":${textOf(annotation)}`,
    );
  });
}

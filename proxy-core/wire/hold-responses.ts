import { arrayJson, bytesOf, countsOf, memberJson, payloadOf, recordOf, textOf, withPayload } from './hold-frames.ts';
import { type Note, noteText } from './hold-note.ts';
import type { Hold, HoldOpening } from './hold-stream.ts';
import { filledText, type JsonRecord, record, recordOrNull } from './loose-json.ts';
import { joinBytes, type MemberPath, setMember } from './splice.ts';
import { renderEvent } from './sse-render.ts';

/** A held OpenAI Responses stream. The note is a message item of its own, in front of the held items. */

interface State {
  readonly opening: HoldOpening;
  /** The text of the response object the client was told at the start; null before that. */
  response: Uint8Array | null;
  ownStart: boolean;
  /** The upstream's response id, once known, where the client was told ours. */
  upstreamId: string | null;
  /** The sequence number for our next event, and how many events of ours there have been. */
  sequence: number;
  own: number;
  nextIndex: number;
  /** Finished items as the client got them, for the final response of a rejection. */
  readonly items: Uint8Array[];
  itemBytes: number;
  note: { readonly index: number; readonly id: string; text: string } | null;
  noteOpen: boolean;
}

const NOTHING = new Uint8Array(0);
const BEGINNINGS: ReadonlySet<unknown> = new Set(['response.created', 'response.in_progress', 'response.queued']);
const ENDS: ReadonlySet<unknown> = new Set(['response.completed', 'response.incomplete', 'response.failed']);
/** Finished items are repeated in the final response of a rejection up to this many bytes. */
const MOST_ITEM_BYTES = 8 * 1024 * 1024;

/** See `Hold`. */
export function createResponsesHold(opening: HoldOpening): Hold {
  const state: State = {
    opening,
    response: null,
    ownStart: false,
    upstreamId: null,
    sequence: 0,
    own: 0,
    nextIndex: 0,
    items: [],
    itemBytes: 0,
    note: null,
    noteOpen: false,
  };
  return {
    sent: (frame) => noteSent(state, frame),
    note: (note) => bytesOf(start(state) + openItem(state, note, noteText(note))),
    keepAlive: () => bytesOf(state.noteOpen ? textDelta(state, '') : start(state) + inProgress(state)),
    release: (frame) => {
      const closing = state.noteOpen ? bytesOf(closeItem(state)) : NOTHING;
      const moved = shifted(state, frame);
      // What is released may be followed by a rejection: an answer can meet a second gate.
      noteSent(state, moved);
      return joinBytes([closing, moved]);
    },
    reject: (text, held) => reject(state, text, held),
    get alias() {
      if (!state.ownStart || state.upstreamId === null) return null;
      return { told: ownId(state), upstream: state.upstreamId };
    },
  };
}

const ownId = (state: State): string => `resp_rungate_${state.opening.word}`;

function render(state: State, type: string, fields: object): string {
  return renderRaw(state, type, JSON.stringify(fields).slice(1));
}

/** One event of ours; `rest` is the text of further members and the closing brace. */
function renderRaw(state: State, type: string, rest: string): string {
  const head = JSON.stringify({ type, sequence_number: state.sequence }).slice(0, -1);
  state.sequence += 1;
  state.own += 1;
  return renderEvent(type, `${head},${rest}`);
}

function noteSent(state: State, frame: Uint8Array): void {
  const payload = payloadOf(frame);
  if (payload === null) return;
  const { root, json } = payload;
  if (typeof root['sequence_number'] === 'number') state.sequence = root['sequence_number'] + 1;
  if (typeof root['output_index'] === 'number') state.nextIndex = Math.max(state.nextIndex, root['output_index'] + 1);
  if (root['type'] === 'response.created') state.response = memberJson(json, 'response');
  const item = root['type'] === 'response.output_item.done' ? memberJson(json, 'item') : null;
  if (item !== null && state.itemBytes + item.length <= MOST_ITEM_BYTES) {
    state.items.push(item);
    state.itemBytes += item.length;
  }
}

/** Our own opening of the response, where the upstream's has not gone out. Of a held one only what names the response is told. */
function start(state: State, held: JsonRecord = {}): string {
  if (state.response !== null) return '';
  state.ownStart = true;
  const { createdSeconds } = state.opening;
  const id = filledText(held['id']) ?? ownId(state);
  const model = filledText(held['model']) ?? state.opening.model;
  const head = { id, object: 'response', created_at: createdSeconds, status: 'in_progress', model };
  const body = { ...head, error: null, incomplete_details: null, output: [], tools: [], usage: null };
  state.response = bytesOf(JSON.stringify(body));
  return render(state, 'response.created', { response: body }) + inProgress(state);
}

/** The response so far. A client that rebuilds its picture from this event keeps what it has already got. */
function inProgress(state: State): string {
  const response = edited(state.response ?? NOTHING, [[['output'], arrayJson(state.items)]]);
  return renderRaw(state, 'response.in_progress', `"response":${textOf(response)}}`);
}

function edited(json: Uint8Array, edits: readonly (readonly [MemberPath, string])[]): Uint8Array {
  return edits.reduce((text, [path, literal]) => setMember(text, path, literal) ?? text, json);
}

const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
const message = (id: string, status: string, content: readonly object[]) => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

function openItem(state: State, note: Note | null, text: string): string {
  const index = state.nextIndex;
  const id = `msg_rungate_${(note?.gateId ?? state.opening.word).replace(/[^\w-]/g, '')}`;
  state.nextIndex += 1;
  state.note = { index, id, text: '' };
  state.noteOpen = true;
  const added = render(state, 'response.output_item.added', {
    output_index: index,
    item: message(id, 'in_progress', []),
  });
  const place = { item_id: id, output_index: index, content_index: 0 };
  return added + render(state, 'response.content_part.added', { ...place, part: part('') }) + textDelta(state, text);
}

function textDelta(state: State, text: string): string {
  const { note } = state;
  if (note === null) return '';
  note.text += text;
  const place = { item_id: note.id, output_index: note.index, content_index: 0 };
  return render(state, 'response.output_text.delta', { ...place, delta: text, logprobs: [] });
}

function closeItem(state: State): string {
  const { note } = state;
  if (note === null) return '';
  state.noteOpen = false;
  const place = { item_id: note.id, output_index: note.index, content_index: 0 };
  const item = message(note.id, 'completed', [part(note.text)]);
  state.items.push(bytesOf(JSON.stringify(item)));
  return [
    render(state, 'response.output_text.done', { ...place, text: note.text, logprobs: [] }),
    render(state, 'response.content_part.done', { ...place, part: part(note.text) }),
    render(state, 'response.output_item.done', { output_index: note.index, item }),
  ].join('');
}

/** An upstream frame behind the note: positions and sequence numbers moved up, one response id, no second opening. */
function shifted(state: State, frame: Uint8Array): Uint8Array {
  const payload = payloadOf(frame);
  if (payload === null || state.own === 0) return frame;
  const { root } = payload;
  const response = recordOrNull(root['response']);
  if (state.ownStart && response !== null) state.upstreamId = filledText(response['id']) ?? state.upstreamId;
  if (state.ownStart && BEGINNINGS.has(root['type'])) return NOTHING;
  const edits: (readonly [MemberPath, string])[] = [];
  const { output_index: index, sequence_number: sequence } = root;
  if (typeof index === 'number' && state.note !== null && index >= state.note.index) {
    edits.push([['output_index'], String(index + 1)]);
  }
  if (typeof sequence === 'number') edits.push([['sequence_number'], String(sequence + state.own)]);
  if (state.ownStart && response !== null) edits.push([['response', 'id'], JSON.stringify(ownId(state))]);
  return edits.length === 0 ? frame : withPayload(frame, payload, edited(payload.json, edits));
}

function reject(state: State, text: string, held: readonly Uint8Array[]): Uint8Array {
  const payloads = held.map((frame) => payloadOf(frame));
  const first = payloads.find((p) => p?.root['type'] === 'response.created');
  // Frames that were held are never repeated: there is no telling what else they say.
  const started = start(state, record(first?.root['response']));
  // The note ends with a blank line of its own.
  const said = state.noteOpen ? textDelta(state, text) : openItem(state, null, text);
  const closed = closeItem(state);
  const end = payloads.findLast((p) => p !== null && ENDS.has(p.root['type']));
  const final = end === undefined || end === null ? null : memberJson(end.json, 'response');
  const usage = final === null ? null : recordOrNull(recordOf(final)['usage']);
  const response = edited(state.response ?? NOTHING, [
    [['status'], '"completed"'],
    [['error'], 'null'],
    [['incomplete_details'], 'null'],
    [['output'], arrayJson(state.items)],
    [['usage'], usage === null ? 'null' : JSON.stringify(countsOf(usage))],
  ]);
  const completed = renderRaw(state, 'response.completed', `"response":${textOf(response)}}`);
  return bytesOf(started + said + closed + completed);
}

/** Whether an item that a client sends back is one of ours: a note, or the words of a rejection. */
export const isOwnItem = (item: unknown): boolean => (filledText(record(item)['id']) ?? '').startsWith('msg_rungate_');

import { bytesOf, countsOf, memberJson, membersOf, payloadOf, textOf, withPayload } from './hold-frames.ts';
import { noteText } from './hold-note.ts';
import type { Hold, HoldOpening } from './hold-stream.ts';
import { filledText, type JsonRecord, record, recordOrNull } from './loose-json.ts';
import { joinBytes, setMember } from './splice.ts';
import { renderEvent } from './sse-render.ts';

/** A held Anthropic Messages stream. The note is a text block of its own, in front of the held blocks. */

interface State {
  readonly opening: HoldOpening;
  /** `message_start` has gone out, the upstream's or ours. */
  started: boolean;
  ownStart: boolean;
  nextIndex: number;
  readonly open: Set<number>;
  noteIndex: number | null;
  noteOpen: boolean;
  /** The usage of an opening of the upstream's that was left out: its members belong to the end then. */
  startUsage: Uint8Array | null;
}

/** See `Hold`. */
export function createMessagesHold(opening: HoldOpening): Hold {
  const state: State = {
    opening,
    started: false,
    ownStart: false,
    nextIndex: 0,
    open: new Set(),
    noteIndex: null,
    noteOpen: false,
    startUsage: null,
  };
  return {
    sent: (frame) => noteSent(state, frame),
    note: (note) => bytesOf(start(state) + openText(state) + textDelta(state, noteText(note))),
    keepAlive: () => bytesOf(state.noteOpen ? textDelta(state, '') : render('ping', {})),
    release: (frame) => {
      const closing = state.noteOpen ? bytesOf(closeText(state)) : NOTHING;
      const moved = shifted(state, frame);
      // What is released may be followed by a rejection: an answer can meet a second gate.
      noteSent(state, moved);
      return joinBytes([closing, moved]);
    },
    reject: (text, held) => reject(state, text, held),
    alias: null,
  };
}

const NOTHING = new Uint8Array(0);

const render = (type: string, fields: object): string => renderEvent(type, JSON.stringify({ type, ...fields }));

function noteSent(state: State, frame: Uint8Array): void {
  const root = payloadOf(frame)?.root;
  if (root?.['type'] === 'message_start') state.started = true;
  const index = root?.['index'];
  if (typeof index !== 'number') return;
  state.nextIndex = Math.max(state.nextIndex, index + 1);
  if (root?.['type'] === 'content_block_start') state.open.add(index);
  if (root?.['type'] === 'content_block_stop') state.open.delete(index);
}

/** Our own opening of the message, where the upstream's has not gone out. Of a held one only what names the message is told. */
function start(state: State, held: JsonRecord = {}): string {
  if (state.started) return '';
  state.started = true;
  state.ownStart = true;
  const { word, model } = state.opening;
  const id = filledText(held['id']) ?? `msg_rungate_${word}`;
  const head = { id, type: 'message', role: 'assistant', model: filledText(held['model']) ?? model, content: [] };
  const usage = { input_tokens: 0, output_tokens: 0, ...countsOf(held['usage']) };
  return render('message_start', { message: { ...head, stop_reason: null, stop_sequence: null, usage } });
}

function openText(state: State): string {
  const index = state.nextIndex;
  state.nextIndex += 1;
  state.noteIndex = index;
  state.noteOpen = true;
  return render('content_block_start', { index, content_block: { type: 'text', text: '' } });
}

const textDelta = (state: State, text: string): string =>
  render('content_block_delta', { index: state.noteIndex, delta: { type: 'text_delta', text } });

function closeText(state: State): string {
  state.noteOpen = false;
  return render('content_block_stop', { index: state.noteIndex });
}

/** An upstream frame behind the note: block indexes one up, and no second opening of the message. */
function shifted(state: State, frame: Uint8Array): Uint8Array {
  const payload = payloadOf(frame);
  if (payload === null || state.noteIndex === null) return frame;
  if (state.ownStart && payload.root['type'] === 'message_start') {
    const message = memberJson(payload.json, 'message');
    state.startUsage = message === null ? null : memberJson(message, 'usage');
    return NOTHING;
  }
  if (payload.root['type'] === 'message_delta') return withPayload(frame, payload, withStartUsage(state, payload.json));
  const index = payload.root['index'];
  if (typeof index !== 'number' || index < state.noteIndex) return frame;
  const json = setMember(payload.json, ['index'], String(index + 1));
  return json === null ? frame : withPayload(frame, payload, json);
}

/** A `message_delta` whose usage also has what the opening that was left out said. */
function withStartUsage(state: State, json: Uint8Array): Uint8Array {
  const usage = memberJson(json, 'usage');
  if (state.startUsage === null || usage === null) return json;
  const start = state.startUsage;
  const said = new Set(membersOf(usage).map((member) => member.key));
  return membersOf(start)
    .filter((member) => !said.has(member.key))
    .reduce((text, m) => setMember(text, ['usage', m.key], textOf(start.subarray(m.start, m.end))) ?? text, json);
}

function reject(state: State, text: string, held: readonly Uint8Array[]): Uint8Array {
  const roots = held.map((frame) => payloadOf(frame)?.root ?? {});
  const first = record(roots.find((root) => root['type'] === 'message_start')?.['message']);
  // Frames that were held are never repeated: there is no telling what else they say.
  const started = start(state, first);
  const left = [...state.open].map((index) => render('content_block_stop', { index })).join('');
  // The note ends with a blank line of its own.
  const said = state.noteOpen ? textDelta(state, text) : openText(state) + textDelta(state, text);
  const usage = roots.map((root) => recordOrNull(root['usage'])).findLast((found) => found !== null);
  const startUsage = recordOrNull(first['usage']);
  const end = render('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 0, ...countsOf(usage ?? { output_tokens: startUsage?.['output_tokens'] }) },
  });
  return bytesOf(started + left + said + closeText(state) + end + render('message_stop', {}));
}

import { bytesOf, countsOf, payloadOf } from './hold-frames.ts';
import { noteText } from './hold-note.ts';
import type { Hold, HoldOpening } from './hold-stream.ts';
import { filledText, record, records } from './loose-json.ts';
import { renderErrorData } from './sse-render.ts';

/** A held OpenAI chat stream. Content is one text per choice, so the note is set apart by blank lines within choice 0. */

interface State {
  readonly opening: HoldOpening;
  id: string;
  model: string;
  created: number;
  readonly spoken: Set<number>;
  readonly introduced: Set<number>;
  readonly finished: Set<number>;
  choices: number;
  noted: boolean;
}

/**
 * More choices than any provider gives (OpenAI: 128). Threat: how many are asked for is the agent's to say, and which number one has
 * the provider's; a refusal is written for each.
 */
const MOST_CHOICES = 128;

/** See `Hold`. Upstream frames pass unchanged: chat has no positions that a note could shift. */
export function createChatHold(opening: HoldOpening): Hold {
  const state: State = {
    opening,
    id: `chatcmpl-rungate-${opening.word}`,
    model: opening.model,
    created: opening.createdSeconds,
    spoken: new Set(),
    introduced: new Set(),
    finished: new Set(),
    choices: Math.min(opening.choices, MOST_CHOICES),
    noted: false,
  };
  return {
    sent: (frame) => noteSent(state, frame),
    note: (note) => {
      const before = state.spoken.has(0) ? '\n\n' : '';
      state.noted = true;
      return bytesOf(chunk(state, 0, { content: `${before}${noteText(note)}` }, null));
    },
    keepAlive: () => bytesOf(chunk(state, 0, {}, null)),
    release: (frame) => {
      noteSent(state, frame);
      return frame;
    },
    reject: (text, held) => reject(state, text, held),
    alias: null,
  };
}

function noteSent(state: State, frame: Uint8Array): void {
  const root = payloadOf(frame)?.root;
  if (root === undefined) return;
  state.id = filledText(root['id']) ?? state.id;
  state.model = filledText(root['model']) ?? state.model;
  if (typeof root['created'] === 'number') state.created = root['created'];
  for (const choice of records(root['choices'])) {
    const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
    const delta = record(choice['delta']);
    state.choices = Math.min(Math.max(state.choices, index + 1), MOST_CHOICES);
    if (filledText(delta['content']) !== null) state.spoken.add(index);
    if (filledText(delta['role']) !== null) state.introduced.add(index);
    if (filledText(choice['finish_reason']) !== null) state.finished.add(index);
  }
}

/** One chunk. The role is left to the upstream's own first chunk: some clients join repeated roles as text. */
function chunk(state: State, index: number, delta: object, finish: 'stop' | null): string {
  return chunkOf(state, [{ index, delta, logprobs: null, finish_reason: finish }], {});
}

function chunkOf({ id, created, model }: State, choices: readonly object[], more: object): string {
  return renderErrorData(JSON.stringify({ id, object: 'chat.completion.chunk', created, model, choices, ...more }));
}

function reject(state: State, text: string, held: readonly Uint8Array[]): Uint8Array {
  for (const frame of held) noteHead(state, frame);
  const open = Array.from({ length: state.choices }, (_, i) => i).filter((i) => !state.finished.has(i));
  const said = open.map((i) => {
    const role = state.introduced.has(i) ? {} : { role: 'assistant' };
    // The note ends with a blank line of its own.
    const before = state.spoken.has(i) && !(i === 0 && state.noted) ? '\n\n' : '';
    return chunk(state, i, { ...role, content: `${before}${text}` }, null) + chunk(state, i, {}, 'stop');
  });
  const counted = state.opening.asksUsage ? held.filter(isUsageChunk) : [];
  const usage = counted.map((frame) => chunkOf(state, [], { usage: countsOf(payloadOf(frame)?.root['usage']) }));
  return bytesOf([...said, ...usage, 'data: [DONE]\n\n'].join(''));
}

/** Of held frames only what names the answer. */
function noteHead(state: State, frame: Uint8Array): void {
  const root = payloadOf(frame)?.root;
  state.id = filledText(root?.['id']) ?? state.id;
  state.model = filledText(root?.['model']) ?? state.model;
}

function isUsageChunk(frame: Uint8Array): boolean {
  const root = payloadOf(frame)?.root;
  return Array.isArray(root?.['choices']) && root['choices'].length === 0 && root['usage'] != null;
}

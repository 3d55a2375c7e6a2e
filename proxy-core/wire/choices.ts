import {
  createDraft,
  type Draft,
  doubt,
  type Meaning,
  NO_EFFECT,
  noteError,
  noteText,
  type ReadCalls,
  TERMINAL,
  TOOL_CALL,
  USAGE_ONLY,
} from './answer-reader.ts';
import { createPieceLog, noteCalls, type PieceLog } from './chat-pieces.ts';
import { readPieces } from './chat-readings.ts';
import type { ReadLimits } from './format.ts';
import { elements, filledText, hasOtherCase, type JsonRecord, record, recordOrNull, records } from './loose-json.ts';
import { createStrays, type Strays } from './stray-calls.ts';
import { chatUsage } from './usage.ts';

/**
 * Answers made of `choices`: OpenAI chat and legacy completions, streamed (chunks merged by choice and tool index,
 * Chat Completions API reference, "chat completion chunk") or whole.
 */

interface State {
  readonly draft: Draft;
  readonly log: PieceLog;
  readonly strays: Strays;
  /** Finish reasons by choice; null while a choice is open. */
  readonly finished: Map<number, string | null>;
  usage: unknown;
}

/** The meaning of a chat or completions answer. */
export function createChoicesMeaning(limits?: Partial<ReadLimits>): Meaning {
  const draft = createDraft(limits);
  const strays = createStrays(draft, ['arguments', 'input', 'args']);
  const state: State = { draft, log: createPieceLog(), strays, finished: new Map(), usage: null };
  let read: ReadCalls | null = null;
  return {
    draft,
    event: ({ root }) => {
      read = null;
      noteHead(state, root);
      const choices = elements(root['choices'], CHOICE_MARKS);
      const calls = choices.map((choice, i) => noteChoice(state, choice, i === 0)).includes(true);
      const strayed = strays.note(root);
      if (hasTwoReadings(root, choices)) return doubt(draft);
      if (calls || strayed) return TOOL_CALL;
      return choices.length === 0 && recordOrNull(root['usage']) !== null ? USAGE_ONLY : NO_EFFECT;
    },
    done: () => {
      draft.complete = true;
      return TERMINAL;
    },
    body: ({ root }) => {
      noteHead(state, root);
      const choices = elements(root['choices'], CHOICE_MARKS);
      choices.forEach((choice, i) => {
        noteChoice(state, choice, i === 0);
      });
      strays.note(root);
      if (hasTwoReadings(root, choices)) doubt(draft);
      draft.complete = true;
    },
    end: () => {
      const reasons = [...state.finished.values()];
      if (reasons.length > 0 && !reasons.includes(null)) draft.complete = true;
    },
    usage: () => chatUsage(state.usage),
    calls: () => {
      read ??= readPieces(draft, state.log.pieces, strays.calls);
      return read;
    },
  };
}

const CHOICE_MARKS = ['delta', 'message', 'finish_reason', 'index'];

const MEMBERS: ReadonlySet<string> = new Set(
  'choices index delta message tool_calls function_call id type function custom name arguments input'.split(' '),
);

/** Whether a client that does not mind the case of letters reads other calls than we do. */
function hasTwoReadings(root: JsonRecord, choices: readonly JsonRecord[]): boolean {
  const messages = choices.flatMap((choice) => [record(choice['delta']), record(choice['message'])]);
  const calls = messages.flatMap((message) => records(message['tool_calls']));
  const inner = [
    ...messages.map((message) => message['function_call']),
    ...calls.flatMap((c) => [c['function'], c['custom']]),
  ];
  return [root, ...choices, ...messages, ...calls, ...inner.map(record)].some((part) => hasOtherCase(part, MEMBERS));
}

function noteHead(state: State, root: JsonRecord): void {
  const { draft } = state;
  draft.responseId ??= filledText(root['id']);
  draft.model ??= filledText(root['model']);
  if (recordOrNull(root['usage']) !== null) state.usage = root['usage'];
  noteError(draft, root['error']);
}

/**
 * Note one choice of a chunk or body; true if it touches a tool call. A message beside the delta is read as well: clients differ in
 * which of the two they read, and the openai SDK lets the message take the place of what the deltas built.
 */
function noteChoice(state: State, choice: JsonRecord, leads: boolean): boolean {
  const { draft, log } = state;
  const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
  const reason = filledText(choice['finish_reason']);
  if (reason !== null || !state.finished.has(index)) state.finished.set(index, reason);
  if (reason !== null && (index === 0 || draft.finishReason === null)) draft.finishReason = reason;
  const said = recordOrNull(choice['delta']) ?? record(choice['message']);
  if (index === 0) noteText(draft, said['content'] ?? choice['text']);
  const place = { choice: index, leads };
  const stated = noteCalls(draft, log, record(choice['message']), { ...place, whole: true });
  const touched = noteCalls(draft, log, record(choice['delta']), { ...place, whole: false });
  return stated || touched || reason === 'tool_calls' || reason === 'function_call';
}

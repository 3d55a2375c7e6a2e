import type { HoldableFormat } from './hold.ts';
import { NOTE_HEAD, withoutNotes } from './hold-note.ts';
import { isOwnItem } from './hold-responses.ts';
import { type Member, type Span, scanJson } from './json-scan.ts';
import { recordOrNull } from './loose-json.ts';
import { applyEdits, type Edit, removalsOf } from './splice.ts';

/**
 * Takes our notes out of the history that a client sends back, by exact match and by cutting: the model has never said
 * them, and the provider would otherwise learn a habit from them. What a rejection said after the note stays, so that
 * the model knows that its call did not run.
 */

/** A body without our notes. */
export interface Stripped {
  /** The same array if there was nothing to remove. */
  readonly bytes: Uint8Array;
  /** Places changed. */
  readonly changed: number;
}

/** Remove the notes of the gates that `isOurs` knows from the assistant's part of a request body. */
export function stripNotes(format: HoldableFormat, bytes: Uint8Array, isOurs: (gateId: string) => boolean): Stripped {
  const scan = indexOfText(bytes, HEAD_BYTES, 0) === -1 ? null : scanJson(bytes);
  const key = format === 'responses' ? 'input' : 'messages';
  const history = scan?.kind === 'scanned' ? scan.members.find((member) => member.key === key)?.elements : undefined;
  if (history === undefined || history === null) return { bytes, changed: 0 };
  const outcomes = history.map((span) => stripMessage(bytes, span, isOurs));
  const removed = outcomes.map((outcome) => outcome === 'removed');
  if (format === 'responses') removeOrphans(bytes, history, outcomes, removed);
  const inside = outcomes.flatMap((outcome, i) => (removed[i] || typeof outcome === 'string' ? [] : outcome));
  const edits = [...removalsOf(history, (i) => removed[i] === true), ...inside];
  return { bytes: applyEdits(bytes, edits), changed: edits.length };
}

/** What becomes of one message or item: the edits inside it, or nothing is left of it. */
type Outcome = readonly Edit[] | 'removed';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const HEAD_BYTES = encoder.encode(NOTE_HEAD.slice(1, -1));

function stripMessage(bytes: Uint8Array, [start, end]: Span, isOurs: (gateId: string) => boolean): Outcome {
  const slice = bytes.subarray(start, end);
  if (indexOfText(slice, HEAD_BYTES, 0) === -1) return [];
  const members = membersOf(slice);
  const content = members.find((member) => member.key === 'content');
  const role = members.find((member) => member.key === 'role');
  if (content === undefined || role === undefined || parse(slice, role.start, role.end) !== 'assistant') return [];
  const blocks = content.elements;
  if (blocks === null) return stripText(slice, start, content, members, isOurs);
  const kept = blocks.map((span) => stripBlock(slice, start, span, isOurs));
  if (kept.length > 0 && kept.every((outcome) => outcome === 'removed')) return leftWith(start, content, members);
  const removals = removalsOf(blocks, (i) => kept[i] === 'removed').map((edit) => moved(edit, start));
  return [...removals, ...kept.flatMap((outcome) => (typeof outcome === 'string' ? [] : outcome))];
}

const moved = (edit: Edit, by: number): Edit => ({ start: edit.start + by, end: edit.end + by, text: edit.text });

/** Content that is one text, as chat has it. */
function stripText(
  slice: Uint8Array,
  offset: number,
  content: Member,
  members: readonly Member[],
  isOurs: (gateId: string) => boolean,
): Outcome {
  const text = parse(slice, content.start, content.end);
  if (typeof text !== 'string') return [];
  const rest = withoutNotes(text, isOurs);
  if (rest === text) return [];
  if (rest === '') return leftWith(offset, content, members);
  return [{ start: offset + content.start, end: offset + content.end, text: JSON.stringify(rest) }];
}

/** A message whose content is gone stays only for its tool calls. */
function leftWith(offset: number, content: Member, members: readonly Member[]): Outcome {
  const calls = members.some((member) => member.key === 'tool_calls' || member.key === 'function_call');
  return calls ? [{ start: offset + content.start, end: offset + content.end, text: 'null' }] : 'removed';
}

/** One content block: removed if it was only the note, its text shortened if it holds more. */
function stripBlock(
  slice: Uint8Array,
  offset: number,
  [start, end]: Span,
  isOurs: (gateId: string) => boolean,
): Outcome {
  const block = slice.subarray(start, end);
  const member = membersOf(block).find((m) => m.key === 'text');
  const text = member === undefined ? null : parse(block, member.start, member.end);
  if (member === undefined || typeof text !== 'string') return [];
  const rest = withoutNotes(text, isOurs);
  if (rest === text) return [];
  if (rest === '') return 'removed';
  const at = offset + start;
  return [{ start: at + member.start, end: at + member.end, text: JSON.stringify(rest) }];
}

/**
 * Responses refuses a reasoning item whose following item is missing. After a rejection the call that followed it was
 * never sent, so reasoning directly before our rejecting message goes too.
 */
function removeOrphans(
  bytes: Uint8Array,
  history: readonly Span[],
  outcomes: readonly Outcome[],
  removed: boolean[],
): void {
  history.forEach(([start, end], i) => {
    const outcome = outcomes[i];
    if (typeof outcome === 'string' || outcome === undefined || outcome.length === 0) return;
    if (!isOwnItem(parse(bytes, start, end))) return;
    for (let before = i - 1; before >= 0 && isReasoning(bytes, history[before]); before -= 1) removed[before] = true;
  });
}

function isReasoning(bytes: Uint8Array, span: Span | undefined): boolean {
  return span !== undefined && recordOrNull(parse(bytes, span[0], span[1]))?.['type'] === 'reasoning';
}

function membersOf(slice: Uint8Array): readonly Member[] {
  const scan = scanJson(slice);
  return scan.kind === 'scanned' ? scan.members : [];
}

function parse(bytes: Uint8Array, start: number, end: number): unknown {
  try {
    return JSON.parse(decoder.decode(bytes.subarray(start, end))) as unknown;
  } catch {
    return undefined;
  }
}

/** Where a sequence of bytes first stands from `from` on, or -1. */
function indexOfText(bytes: Uint8Array, text: Uint8Array, from: number): number {
  const first = text[0] as number;
  for (let i = bytes.indexOf(first, from); i !== -1; i = bytes.indexOf(first, i + 1)) {
    let n = 1;
    while (n < text.length && bytes[i + n] === text[n]) n += 1;
    if (n === text.length) return i;
  }
  return -1;
}

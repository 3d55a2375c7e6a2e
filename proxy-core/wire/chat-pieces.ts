import { createDraft, type Draft, doubt, keepArgs, noteTool } from './answer-reader.ts';
import type { FrameEffect, ToolCall } from './format.ts';
import { filledText, type JsonRecord, placesIn, recordOrNull, textOrNull, valueAt } from './loose-json.ts';

/**
 * The pieces of tool calls in an answer made of `choices`, as they came. Which pieces make one call is a question that
 * clients answer differently (`chat-joins.ts`), so they are kept apart until it is asked.
 */

/** One piece of a tool call. */
export interface Piece {
  readonly choice: number;
  /** Its choice stands first in its chunk: some clients read that one only, whatever its number. */
  readonly leads: boolean;
  /** `whole`: of a message that states its calls at once; `at` is the call's place there. */
  readonly whole: { readonly at: number } | null;
  readonly index: number | string | null;
  readonly id: string | null;
  readonly parts: readonly Part[];
}

/** What a piece says of the function or the custom tool it calls; clients differ in which of the two they obey. */
export interface Part {
  readonly kind: 'function' | 'custom';
  readonly name: string | null;
  text: string;
  truncated: boolean;
}

/** The pieces so far. */
export interface PieceLog {
  readonly pieces: Piece[];
  /** The names so far by choice and index, for what a stream may still let through. */
  readonly names: Map<string, { joined: string; last: string }>;
  readonly ids: Set<string>;
}

/** The index that stands for `function_call`, of which a choice has at most one. */
export const LEGACY = 'function_call';

/** More pieces than this are not kept apart; pieces that only go on with the one before them count once. */
const MOST_PIECES = 65_536;

export const createPieceLog = (): PieceLog => ({ pieces: [], names: new Map(), ids: new Set() });

const CALL_MARKS = ['function', 'custom', 'index', 'id'];

/** Where the calls of a delta or message stand. */
export interface Place {
  readonly choice: number;
  readonly leads: boolean;
  readonly whole: boolean;
}

/** Note every call of a delta or message. Returns whether it holds one. */
export function noteCalls(draft: Draft, log: PieceLog, message: JsonRecord, place: Place): boolean {
  const container = message['tool_calls'];
  const calls = placesIn(container, CALL_MARKS).flatMap(([key]) => {
    const call = recordOrNull(key === undefined ? container : valueAt(container, [key]));
    return call === null ? [] : [Array.isArray(container) ? call : underKey(call, key)];
  });
  const legacy = message['function_call'];
  calls.forEach((call, at) => {
    notePiece(draft, log, pieceOf(draft, place, call, at));
  });
  const called = recordOrNull(legacy);
  if (called !== null) {
    const { choice, leads } = place;
    const parts = [partOf(draft, 'function', called)];
    notePiece(draft, log, { choice, leads, whole: null, index: LEGACY, id: null, parts });
  }
  return calls.length > 0 || called !== null;
}

/** A piece of a call as it is joined, apart from any answer. */
export const barePiece = (call: JsonRecord): Piece =>
  pieceOf(createDraft(undefined), { choice: 0, leads: true, whole: false }, call, 0);

/** LangChain merges what should be a list, and is an object, member by member. */
const underKey = (call: JsonRecord, key: string | number | undefined): JsonRecord => ({
  ...call,
  id: null,
  index: `{${key ?? ''}}`,
});

function pieceOf(draft: Draft, { choice, leads, whole }: Place, call: JsonRecord, at: number): Piece {
  const [called, custom] = [recordOrNull(call['function']), recordOrNull(call['custom'])];
  const parts = [
    ...(called === null ? [] : [partOf(draft, 'function', called)]),
    ...(custom === null ? [] : [partOf(draft, 'custom', custom)]),
  ];
  const index = call['index'];
  return {
    choice,
    leads,
    whole: whole ? { at } : null,
    index: typeof index === 'number' || typeof index === 'string' ? index : null,
    id: filledText(call['id']),
    parts,
  };
}

function partOf(draft: Draft, kind: ToolCall['kind'] & Part['kind'], said: JsonRecord): Part {
  const args = said[kind === 'custom' ? 'input' : 'arguments'];
  // A provider that sends the arguments as an object instead of text is read as the text of that object.
  const text = textOrNull(args) ?? (args === undefined || args === null ? '' : JSON.stringify(args));
  return { kind, name: filledText(said['name']), ...keepArgs(draft, text) };
}

function notePiece(draft: Draft, log: PieceLog, piece: Piece): FrameEffect | null {
  watchName(draft, log, piece);
  const before = log.pieces.at(-1);
  if (before !== undefined && goesOn(before, piece)) {
    const [into, more] = [before.parts[0], piece.parts[0]];
    if (into !== undefined && more !== undefined) {
      into.text += more.text;
      into.truncated ||= more.truncated;
    }
    return null;
  }
  if (log.pieces.length >= MOST_PIECES) return doubt(draft);
  log.pieces.push(piece);
  return null;
}

/** Nothing tells the two pieces apart, so that every client takes them for pieces of one call. */
const goesOn = (before: Piece, piece: Piece): boolean =>
  piece.id === null &&
  before.id === null &&
  piece.whole === null &&
  before.whole === null &&
  piece.choice === before.choice &&
  piece.leads === before.leads &&
  piece.index === before.index &&
  piece.parts.length === 1 &&
  before.parts.length === 1 &&
  piece.parts[0]?.kind === before.parts[0]?.kind &&
  piece.parts[0]?.name === null &&
  before.parts[0]?.name === null;

/** Tell which tool a piece may belong to; a piece whose call has no name yet could belong to any. */
function watchName(draft: Draft, log: PieceLog, piece: Piece): void {
  const key = `${piece.choice}/${piece.whole === null ? '' : `=${piece.whole.at}/`}${piece.index}`;
  const known = log.names.get(key);
  const { begun } = draft;
  if (piece.id !== null && !log.ids.has(piece.id) && log.ids.size < MOST_PIECES) {
    log.ids.add(piece.id);
    begun.calls += 1;
  } else if (known === undefined) begun.calls += 1;
  const named = piece.parts.filter((part) => part.name !== null);
  for (const { kind, name } of named) {
    const joined = known === undefined || known.last === name ? (known?.joined ?? name ?? '') : known.joined + name;
    noteTool(draft, { kind, name: name ?? '' });
    if (joined !== name) noteTool(draft, { kind, name: joined });
    log.names.set(key, { joined, last: name ?? '' });
  }
  const goesOnWithLast = piece.index === null && piece.whole === null && log.names.size > 0;
  if (named.length === 0 && known === undefined && !goesOnWithLast) begun.unsure = true;
}

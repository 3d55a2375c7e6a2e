import { isNewKey, keyText, type Level, pathOf } from './json-keys.ts';

/**
 * One pass over the UTF-8 bytes of a JSON document: refuses what two readers could read differently (duplicate
 * keys, extreme depth) and says where the top-level members lie, so that bodies are edited and stored by cutting,
 * never by writing them anew. The pass is iterative and linear in the number of bytes, whatever they hold.
 *
 * It checks structure, not spelling: a document that passes can still fail `JSON.parse` (a bad literal or escape),
 * but one that both accept has exactly the structure found here.
 */

/** Bytes from `start` up to, not including, `end`. */
export type Span = readonly [start: number, end: number];

/** A member of the document's top-level object. */
export interface Member {
  readonly key: string;
  /** Where the value starts and ends. */
  readonly start: number;
  readonly end: number;
  /** Where the key's opening quote stands. */
  readonly keyStart: number;
  /** The value's elements, if it is an array; at most `limits.elements` of them are located. */
  readonly elements: readonly Span[] | null;
}

export interface ScanLimits {
  /** Deepest nesting accepted; the top-level object is depth 1. */
  readonly depth: number;
  /** Most elements located per top-level array. */
  readonly elements: number;
}

/** For what clients send. */
export const SCAN_LIMITS: ScanLimits = { depth: 64, elements: 65_536 };
/** For answers, which echo the request's tools a few levels deeper than the request held them. */
export const ANSWER_SCAN_LIMITS: ScanLimits = { depth: 128, elements: 65_536 };

export type Scan =
  | { readonly kind: 'scanned'; readonly members: readonly Member[] }
  | { readonly kind: 'refused'; readonly reason: 'duplicate_key' | 'too_deep' | 'malformed'; readonly at: string };

type Refused = Extract<Scan, { kind: 'refused' }>;

interface Cursor {
  readonly bytes: Uint8Array;
  readonly limits: ScanLimits;
  at: number;
  depth: number;
  readonly levels: Level[];
  /** The next quote and backslash at or after the last place they were looked for: keeps long strings linear. */
  quote: number;
  backslash: number;
  readonly members: Member[];
  valueStart: number;
  elements: Span[] | null;
  elementStart: number;
  refused: Refused | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
/** Strings are walked byte by byte this far, then searched natively. */
const NEAR = 96;
/**
 * Scan one whole JSON document. Returns its top-level members (none if it is not an object), or the first reason to
 * refuse it with the place: a path such as `messages[2].content` for keys and depth, `byte N` for structure.
 */
export function scanJson(bytes: Uint8Array, limits: ScanLimits = SCAN_LIMITS): Scan {
  const cursor: Cursor = {
    bytes,
    limits,
    at: 0,
    depth: 0,
    levels: [],
    quote: -1,
    backslash: -1,
    members: [],
    valueStart: 0,
    elements: null,
    elementStart: 0,
    refused: null,
  };
  let more = readValue(cursor);
  while (more) more = cursor.depth === 0 ? false : readNext(cursor);
  if (cursor.refused !== null) return cursor.refused;
  skipSpace(cursor);
  if (cursor.at < bytes.length) return { kind: 'refused', reason: 'malformed', at: `byte ${cursor.at}` };
  return { kind: 'scanned', members: cursor.members };
}

/** Read the start of one value: a scalar whole, or the opening of a container and its first key. False ends the scan. */
function readValue(cursor: Cursor): boolean {
  skipSpace(cursor);
  noteStart(cursor);
  const byte = cursor.bytes[cursor.at];
  if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return openContainer(cursor, byte === OPEN_ARRAY);
  const end = byte === QUOTE ? stringEnd(cursor, cursor.at + 1) : scalarEnd(cursor.bytes, cursor.at);
  if (end === -1) return malformed(cursor);
  cursor.at = end;
  noteEnd(cursor);
  return true;
}

/** After a value: the comma and what follows it, or the end of the container. */
function readNext(cursor: Cursor): boolean {
  skipSpace(cursor);
  const level = cursor.levels[cursor.depth - 1] as Level;
  const byte = cursor.bytes[cursor.at];
  if (byte === COMMA) {
    cursor.at += 1;
    if (!level.array) return readKey(cursor, level) && readValue(cursor);
    level.count += 1;
    return readValue(cursor);
  }
  if (byte !== (level.array ? CLOSE_ARRAY : CLOSE_OBJECT)) return malformed(cursor);
  return closeContainer(cursor);
}

function openContainer(cursor: Cursor, array: boolean): boolean {
  if (cursor.depth >= cursor.limits.depth)
    return refuse(cursor, 'too_deep', pathOf(cursor.bytes, cursor.levels.slice(0, cursor.depth)));
  const level = openLevel(cursor, array);
  cursor.at += 1;
  skipSpace(cursor);
  if (cursor.bytes[cursor.at] === (array ? CLOSE_ARRAY : CLOSE_OBJECT)) return closeContainer(cursor);
  if (array) return readValue(cursor);
  return readKey(cursor, level) && readValue(cursor);
}

function openLevel(cursor: Cursor, array: boolean): Level {
  cursor.levels[cursor.depth] ??= { array, count: 0, keyStarts: [], keyEnds: [], names: null };
  const level = cursor.levels[cursor.depth] as Level;
  level.array = array;
  level.count = 0;
  level.names = null;
  cursor.depth += 1;
  if (cursor.depth === 2) cursor.elements = array ? [] : null;
  return level;
}

function closeContainer(cursor: Cursor): boolean {
  cursor.at += 1;
  cursor.depth -= 1;
  noteEnd(cursor);
  return true;
}

/** A value starts here: remember where, if it is a top-level member or an element of one. */
function noteStart(cursor: Cursor): void {
  if (cursor.depth === 1) {
    cursor.valueStart = cursor.at;
    cursor.elements = null;
  } else if (cursor.depth === 2) cursor.elementStart = cursor.at;
}

function noteEnd(cursor: Cursor): void {
  if (cursor.depth === 1) noteMember(cursor);
  else if (cursor.depth === 2 && cursor.elements !== null && cursor.elements.length < cursor.limits.elements) {
    cursor.elements.push([cursor.elementStart, cursor.at]);
  }
}

function noteMember(cursor: Cursor): void {
  const level = cursor.levels[0] as Level;
  if (level.array) return;
  const keyStart = level.keyStarts[level.count - 1] as number;
  cursor.members.push({
    key: keyText(cursor.bytes, keyStart, level.keyEnds[level.count - 1] as number) ?? '',
    start: cursor.valueStart,
    end: cursor.at,
    keyStart: keyStart - 1,
    elements: cursor.elements,
  });
}

/** Read `"key" :` and refuse a key that the object already has. */
function readKey(cursor: Cursor, level: Level): boolean {
  skipSpace(cursor);
  if (cursor.bytes[cursor.at] !== QUOTE) return malformed(cursor);
  const start = cursor.at + 1;
  const end = stringEnd(cursor, start);
  if (end === -1) return malformed(cursor);
  cursor.at = end;
  const fresh = isNewKey(cursor.bytes, level, start, end - 1);
  level.keyStarts[level.count] = start;
  level.keyEnds[level.count] = end - 1;
  level.count += 1;
  if (fresh === null) return malformed(cursor);
  if (!fresh) return refuse(cursor, 'duplicate_key', pathOf(cursor.bytes, cursor.levels.slice(0, cursor.depth)));
  skipSpace(cursor);
  if (cursor.bytes[cursor.at] !== COLON) return malformed(cursor);
  cursor.at += 1;
  return true;
}

/** The index after the closing quote of a string whose first character is at `from`, or -1. */
function stringEnd(cursor: Cursor, from: number): number {
  const { bytes } = cursor;
  const { length } = bytes;
  let i = from;
  let near = i + NEAR;
  while (i < length) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) return i + 1;
    if (byte < 0x20) return -1;
    if (byte === BACKSLASH) {
      i += 2;
      near = i + NEAR;
    } else if (i < near) i += 1;
    else i = nextSpecial(cursor, i);
  }
  return -1;
}

/** The next quote or backslash from `from` on. What was found is kept: a far quote is looked for once, not per escape. */
function nextSpecial(cursor: Cursor, from: number): number {
  if (cursor.quote < from) cursor.quote = indexOrLength(cursor.bytes, QUOTE, from);
  if (cursor.backslash < from) cursor.backslash = indexOrLength(cursor.bytes, BACKSLASH, from);
  return Math.min(cursor.quote, cursor.backslash);
}

function indexOrLength(bytes: Uint8Array, byte: number, from: number): number {
  const index = bytes.indexOf(byte, from);
  return index === -1 ? bytes.length : index;
}

/** The end of a number or of `true`, `false`, `null`, or -1. */
function scalarEnd(bytes: Uint8Array, from: number): number {
  let i = from;
  while (i < bytes.length && isScalarByte(bytes[i] as number)) i += 1;
  return i === from ? -1 : i;
}

const isScalarByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  (byte >= 0x61 && byte <= 0x7a) ||
  byte === 0x2b ||
  byte === 0x2d ||
  byte === 0x2e ||
  byte === 0x45;

function skipSpace(cursor: Cursor): void {
  const { bytes } = cursor;
  let byte = bytes[cursor.at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    cursor.at += 1;
    byte = bytes[cursor.at];
  }
}

const malformed = (cursor: Cursor): false => refuse(cursor, 'malformed', `byte ${cursor.at}`);

function refuse(cursor: Cursor, reason: Refused['reason'], at: string): false {
  cursor.refused = { kind: 'refused', reason, at };
  return false;
}

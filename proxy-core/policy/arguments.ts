/**
 * A tool call's arguments, read so that doubt is kept: numbers whose text says more than a double holds,
 * keys written twice and extreme depth are told apart from plain values, because the tool may read them otherwise
 * than we do. JSON per RFC 8259, without a `JSON.parse` reviver: one pass gives values, source text and duplicates.
 */

/** A number that a double does not hold exactly (beyond 2^53, or more digits than survive); its source text is kept. */
export interface UnsafeNumber {
  readonly source: string;
}

/** A value inside arguments. Objects are maps, so that no key means anything to the language. */
export type ArgValue =
  | null
  | boolean
  | number
  | string
  | UnsafeNumber
  | readonly ArgValue[]
  | ReadonlyMap<string, ArgValue>;

/** Arguments read for certain, or the reason why they could mean different things to different readers. */
export type ParsedArguments =
  | { readonly kind: 'parsed'; readonly value: ArgValue }
  | { readonly kind: 'unclear'; readonly why: string };

const DEPTH_LIMIT = 64;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** What RFC 8259 §7 lets stand unescaped in a string. */
const PLAIN = /[ !#-[\]-\u{10ffff}]*/uy;
const SPACE = /[ \t\r\n]*/y;

/** Carries the reason out of the recursion; never leaves this file. */
class Unclear extends Error {}

/** The text and how far it has been read. */
interface Cursor {
  readonly text: string;
  at: number;
}

/** Parse JSON text. Empty text means no arguments, as every client reads it. Never throws; text beyond doubt is `parsed`. */
export function parseArguments(text: string): ParsedArguments {
  if (text.trim() === '') return { kind: 'parsed', value: new Map() };
  try {
    return { kind: 'parsed', value: readDocument(text) };
  } catch (error) {
    if (error instanceof Unclear) return { kind: 'unclear', why: error.message };
    throw error;
  }
}

/** Whether a value is an object. */
export const isObject = (value: ArgValue): value is ReadonlyMap<string, ArgValue> => value instanceof Map;
/** Whether a value is a list. */
export const isList = (value: ArgValue): value is readonly ArgValue[] => Array.isArray(value);
/** Whether a value is a number that a double does not hold exactly. */
export const isUnsafeNumber = (value: ArgValue): value is UnsafeNumber =>
  typeof value === 'object' && value !== null && 'source' in value;

/** No double needs more characters to be written out; comparing longer numerals would only cost a model's reader time. */
const LONGEST_NUMERAL = 1_100;

/** The number a JSON or JavaScript numeral stands for, or its source text when a double cannot hold it exactly. */
export function readNumber(source: string): number | UnsafeNumber {
  const value = Number(source);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return { source };
  if (source.length <= 15 && value !== 0) return value;
  if (source.length > LONGEST_NUMERAL) return { source };
  return significant(source) === significant(String(value)) ? value : { source };
}

/** Digits of a numeral without point, exponent and the zeros around them: two numerals of one value share them. */
function significant(numeral: string): string {
  const mantissa = numeral.replace(/[eE].*$/, '').replace(/[-.]/g, '');
  return mantissa.replace(/^0+/, '').replace(/0+$/, '');
}

function fail(why: string): never {
  throw new Unclear(why);
}
const NOT_JSON = 'arguments are not valid JSON';

function readDocument(text: string): ArgValue {
  const cursor: Cursor = { text, at: 0 };
  const value = readValue(cursor, 0);
  skipSpace(cursor);
  return cursor.at === text.length ? value : fail(NOT_JSON);
}

function readValue(cursor: Cursor, depth: number): ArgValue {
  if (depth > DEPTH_LIMIT) return fail(`arguments are nested deeper than ${DEPTH_LIMIT}`);
  skipSpace(cursor);
  switch (cursor.text.charAt(cursor.at)) {
    case '{':
      return readObject(cursor, depth);
    case '[':
      return readList(cursor, depth);
    case '"':
      return readString(cursor);
    case 't':
      return readWord(cursor, 'true', true);
    case 'f':
      return readWord(cursor, 'false', false);
    case 'n':
      return readWord(cursor, 'null', null);
    default:
      return readNumeral(cursor);
  }
}

function skipSpace(cursor: Cursor): void {
  const code = cursor.text.charCodeAt(cursor.at);
  if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
  SPACE.lastIndex = cursor.at;
  SPACE.test(cursor.text);
  cursor.at = SPACE.lastIndex;
}

function readString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at;
  let escaped = false;
  let at = start + 1;
  for (;;) {
    PLAIN.lastIndex = at;
    PLAIN.test(text);
    at = PLAIN.lastIndex;
    const stop = text[at];
    if (stop === '"') break;
    if (stop !== '\\' || at + 2 > text.length) return fail(NOT_JSON);
    escaped = true;
    at += 2;
  }
  cursor.at = at + 1;
  return escaped ? decodeString(text.slice(start, at + 1)) : text.slice(start + 1, at);
}

function decodeString(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return fail(NOT_JSON);
  }
}

function readNumeral(cursor: Cursor): ArgValue {
  NUMBER.lastIndex = cursor.at;
  const found = NUMBER.exec(cursor.text)?.[0] ?? fail(NOT_JSON);
  cursor.at += found.length;
  return readNumber(found);
}

function readWord(cursor: Cursor, word: string, value: boolean | null): ArgValue {
  if (!cursor.text.startsWith(word, cursor.at)) return fail(NOT_JSON);
  cursor.at += word.length;
  return value;
}

function readList(cursor: Cursor, depth: number): ArgValue {
  const list: ArgValue[] = [];
  if (opensEmpty(cursor, ']')) return list;
  do list.push(readValue(cursor, depth + 1));
  while (!endsAfter(cursor, ']'));
  return list;
}

function readObject(cursor: Cursor, depth: number): ArgValue {
  const object = new Map<string, ArgValue>();
  if (opensEmpty(cursor, '}')) return object;
  do {
    skipSpace(cursor);
    if (cursor.text[cursor.at] !== '"') return fail(NOT_JSON);
    const key = readString(cursor);
    if (object.has(key)) return fail(`the key "${key.slice(0, 40)}" is given twice`);
    // A tool that merges its arguments reads what stands under it as theirs (fault D4).
    if (key === '__proto__') return fail('arguments hold the key __proto__');
    skipSpace(cursor);
    if (cursor.text[cursor.at] !== ':') return fail(NOT_JSON);
    cursor.at += 1;
    object.set(key, readValue(cursor, depth + 1));
  } while (!endsAfter(cursor, '}'));
  return object;
}

/** Step over the opening mark; true when the closing one follows and has been stepped over too. */
function opensEmpty(cursor: Cursor, closer: ']' | '}'): boolean {
  cursor.at += 1;
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== closer) return false;
  cursor.at += 1;
  return true;
}

/** Step over the mark after an element: true for the closing one, false for a comma. */
function endsAfter(cursor: Cursor, closer: ']' | '}'): boolean {
  skipSpace(cursor);
  const mark = cursor.text[cursor.at];
  cursor.at += 1;
  if (mark === closer) return true;
  return mark === ',' ? false : fail(NOT_JSON);
}

/** The value as JSON text with sorted keys; numbers that a double does not hold keep their source. Same value, same text. */
export function renderValue(value: ArgValue): string {
  if (isObject(value)) {
    const keys = [...value.keys()].sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${renderValue(value.get(key) ?? null)}`).join(',')}}`;
  }
  if (isList(value)) return `[${value.map(renderValue).join(',')}]`;
  if (isUnsafeNumber(value)) return value.source;
  return JSON.stringify(value);
}

/**
 * A tool call's arguments, read so that doubt is kept: numbers whose text says more than a double holds,
 * keys written twice and extreme depth are told apart from plain values, because the tool may read them otherwise
 * than we do. JSON per RFC 8259, without a `JSON.parse` reviver: one pass gives values, source text and duplicates.
 */

/** A number that a double does not hold exactly (beyond 2^53, or more digits than survive); its source text is kept. */
export interface UnsafeNumber {
  readonly source: string;
}

/** A value inside arguments. Objects are maps, so that `__proto__` is a key like any other. */
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

class Unclear extends Error {}

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

/** The number a JSON or JavaScript numeral stands for, or its source text when a double cannot hold it exactly. */
export function readNumber(source: string): number | UnsafeNumber {
  const value = Number(source);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return { source };
  if (source.length <= 15 && value !== 0) return value;
  return significant(source) === significant(String(value)) ? value : { source };
}

/** Digits of a numeral without point, exponent and the zeros around them: two numerals of one value share them. */
function significant(numeral: string): string {
  const mantissa = numeral.replace(/[eE].*$/, '').replace(/[-.]/g, '');
  return mantissa.replace(/^0+/, '').replace(/0+$/, '');
}

function readDocument(text: string): ArgValue {
  let at = 0;

  const fail = (why: string): never => {
    throw new Unclear(why);
  };
  const skipSpace = (): void => {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
  };
  const readString = (): string => {
    const start = at;
    at += 1;
    let escaped = false;
    for (;;) {
      PLAIN.lastIndex = at;
      PLAIN.test(text);
      at = PLAIN.lastIndex;
      const stop = text[at];
      if (stop === '"') {
        at += 1;
        return escaped ? decodeString(text.slice(start, at)) : text.slice(start + 1, at - 1);
      }
      if (stop !== '\\' || at + 2 > text.length) return fail('arguments are not valid JSON');
      escaped = true;
      at += 2;
    }
  };
  const readNumeral = (): ArgValue => {
    NUMBER.lastIndex = at;
    const found = NUMBER.exec(text)?.[0] ?? fail('arguments are not valid JSON');
    at += found.length;
    return readNumber(found);
  };
  const readWord = (word: string, value: boolean | null): ArgValue => {
    if (!text.startsWith(word, at)) return fail('arguments are not valid JSON');
    at += word.length;
    return value;
  };
  const readList = (depth: number): ArgValue => {
    const list: ArgValue[] = [];
    at += 1;
    skipSpace();
    if (text[at] === ']') {
      at += 1;
      return list;
    }
    for (;;) {
      list.push(readValue(depth + 1));
      if (endsAfter(']')) return list;
    }
  };
  const readObject = (depth: number): ArgValue => {
    const object = new Map<string, ArgValue>();
    at += 1;
    skipSpace();
    if (text[at] === '}') {
      at += 1;
      return object;
    }
    for (;;) {
      skipSpace();
      if (text[at] !== '"') return fail('arguments are not valid JSON');
      const key = readString();
      if (object.has(key)) return fail(`the key "${key.slice(0, 40)}" is given twice`);
      skipSpace();
      if (text[at] !== ':') return fail('arguments are not valid JSON');
      at += 1;
      object.set(key, readValue(depth + 1));
      if (endsAfter('}')) return object;
    }
  };
  const endsAfter = (closer: ']' | '}'): boolean => {
    skipSpace();
    const mark = text[at];
    at += 1;
    if (mark === closer) return true;
    return mark === ',' ? false : fail('arguments are not valid JSON');
  };
  const readValue = (depth: number): ArgValue => {
    if (depth > DEPTH_LIMIT) return fail(`arguments are nested deeper than ${DEPTH_LIMIT}`);
    skipSpace();
    switch (text.charAt(at)) {
      case '{':
        return readObject(depth);
      case '[':
        return readList(depth);
      case '"':
        return readString();
      case 't':
        return readWord('true', true);
      case 'f':
        return readWord('false', false);
      case 'n':
        return readWord('null', null);
      default:
        return readNumeral();
    }
  };

  const value = readValue(0);
  skipSpace();
  return at === text.length ? value : fail('arguments are not valid JSON');
}

function decodeString(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new Unclear('arguments are not valid JSON');
  }
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

import { type ArgValue, readNumber } from './arguments.ts';
import { readTokens, type Token } from './script-tokens.ts';

/**
 * Code mode: the model writes JavaScript and every action is a call `tools.NAME(…)` inside it (Codex, clients §1). This finds those
 * calls when they are spelled out with literals, and says so when they are not. It is no parser: anything that
 * could reach a tool another way (an alias, a computed member, `eval`) makes the whole script uncertain.
 */

/** One `tools.NAME(…)` of a script. */
export interface InnerCall {
  readonly tool: string;
  /** What stands between the parentheses, as written. */
  readonly source: string;
  /** The literal argument, or null when it is not one. */
  readonly args: { readonly value: ArgValue } | null;
}

/** The calls that a script spells out; `uncertain` says why there may be others, null when there are none. */
export interface ScriptReading {
  readonly calls: readonly InnerCall[];
  readonly uncertain: string | null;
}

const SOURCE_LIMIT = 256 * 1024;
const CALL_LIMIT = 256;
const SPARE_LENGTH = 4 * 1024;
const NAMES_WITH_REACH = new Set(
  'eval Function globalThis window self import require Reflect Proxy constructor prototype __proto__ with this arguments'.split(
    ' ',
  ),
);
const TEXTS_WITH_REACH = new Set(['constructor', 'prototype', '__proto__', 'tools', 'globalThis', 'eval', 'Function']);

/** Read a code-mode script. Never throws. */
export function readScript(source: string): ScriptReading {
  if (source.length > SOURCE_LIMIT) return { calls: [], uncertain: 'the script is too long to read' };
  const tokens = readTokens(source);
  if (tokens === null) return { calls: [], uncertain: 'the script cannot be read for certain' };
  const calls: InnerCall[] = [];
  let uncertain = findReach(tokens);
  const closings = closingIndexes(tokens);
  // Calls within calls repeat each other's text, so that their number alone is no bound.
  let left = source.length + SPARE_LENGTH;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'name' || token.text !== 'tools') continue;
    const call = readCall(source, tokens, index, closings);
    left -= call?.source.length ?? 0;
    if (calls.length >= CALL_LIMIT || left < 0)
      return { calls, uncertain: 'the script makes more calls than are read' };
    if (call === null) uncertain ??= 'the script uses its tools other than by tools.NAME(…)';
    else calls.push(call);
  }
  return { calls, uncertain };
}

/** A way to run code or to reach a tool that does not show in the tokens; null when there is none. */
function findReach(tokens: readonly Token[]): string | null {
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'name' && NAMES_WITH_REACH.has(token.text)) return `the script uses ${token.text}`;
    if (token.kind === 'text' && TEXTS_WITH_REACH.has(token.text)) return `the script names "${token.text}"`;
    if (isMark(token, ']') && isMark(tokens[index + 1], '(')) return 'the script calls a computed member';
    const joined = token.kind === 'text' && isMark(tokens[index + 1], '+') && isMark(tokens[index - 1], '[');
    if (joined) return 'the script computes the name of a member';
  }
  return null;
}

const isMark = (token: Token | undefined, text: string): boolean => token?.kind === 'mark' && token.text === text;

function readCall(
  source: string,
  tokens: readonly Token[],
  index: number,
  closings: ReadonlyMap<number, number>,
): InnerCall | null {
  const dot = tokens[index + 1];
  const name = tokens[index + 2];
  const open = tokens[index + 3];
  if (!(isMark(dot, '.') || isMark(dot, '?.')) || name?.kind !== 'name' || !isMark(open, '(')) return null;
  const close = closings.get(index + 3) ?? -1;
  const last = tokens[close];
  if (open === undefined || last === undefined) return null;
  return {
    tool: name.text,
    source: source.slice(open.end, last.start).trim(),
    args: readArgument(tokens, index + 4, close),
  };
}

/** Where each opening bracket's text ends, by the place of the bracket; those that are not closed are left out. One pass. */
function closingIndexes(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const open: number[] = [];
  const closings = new Map<number, number>();
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'mark') continue;
    if ('([{'.includes(token.text)) open.push(index);
    else if (')]}'.includes(token.text)) {
      const from = open.pop();
      if (from !== undefined) closings.set(from, index);
    }
  }
  return closings;
}

function readArgument(tokens: readonly Token[], from: number, close: number): { readonly value: ArgValue } | null {
  if (from === close) return { value: new Map() };
  const literal = readLiteral(tokens, from, 0);
  if (literal === null) return null;
  const end = isMark(tokens[literal.next], ',') ? literal.next + 1 : literal.next;
  return end === close ? { value: literal.value } : null;
}

interface Literal {
  readonly value: ArgValue;
  /** Index of the token after it. */
  readonly next: number;
}

const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };

function readLiteral(tokens: readonly Token[], at: number, depth: number): Literal | null {
  const token = tokens[at];
  if (token === undefined || depth > 32) return null;
  if (token.kind === 'text') return readText(tokens, at);
  if (token.kind === 'number') return readNumeral(token, at + 1, 1);
  if (isMark(token, '-')) return readNumeral(tokens[at + 1], at + 2, -1);
  if (isMark(token, '{')) return readObject(tokens, at + 1, depth);
  if (isMark(token, '[')) return readList(tokens, at + 1, depth);
  const word = token.kind === 'name' && Object.hasOwn(WORDS, token.text) ? WORDS[token.text] : undefined;
  return word === undefined ? null : { value: word, next: at + 1 };
}

/** A string, or several joined by `+`. */
function readText(tokens: readonly Token[], from: number): Literal | null {
  let value = '';
  for (let at = from; ; at += 2) {
    const token = tokens[at];
    if (token?.kind !== 'text') return null;
    value += token.text;
    if (!isMark(tokens[at + 1], '+')) return { value, next: at + 1 };
  }
}

function readNumeral(token: Token | undefined, next: number, sign: 1 | -1): Literal | null {
  if (token?.kind !== 'number' || !/^\d[\d.eE+-]*$/.test(token.text) || /^0\d/.test(token.text)) return null;
  const value = readNumber(token.text);
  return { value: typeof value === 'number' ? sign * value : value, next };
}

function readObject(tokens: readonly Token[], from: number, depth: number): Literal | null {
  const value = new Map<string, ArgValue>();
  for (let at = from; ; ) {
    const key = tokens[at];
    if (isMark(key, '}')) return { value, next: at + 1 };
    if (key === undefined || (key.kind !== 'name' && key.kind !== 'text') || !isMark(tokens[at + 1], ':')) return null;
    const inner = value.has(key.text) ? null : readLiteral(tokens, at + 2, depth + 1);
    if (inner === null) return null;
    value.set(key.text, inner.value);
    at = inner.next;
    if (isMark(tokens[at], ',')) at += 1;
    else if (!isMark(tokens[at], '}')) return null;
  }
}

/** A list, or a list of strings joined into one: `["a", "b"].join("\n")`. */
function readList(tokens: readonly Token[], from: number, depth: number): Literal | null {
  const value: ArgValue[] = [];
  for (let at = from; ; ) {
    if (isMark(tokens[at], ']')) return joinList(tokens, { value, next: at + 1 });
    const inner = readLiteral(tokens, at, depth + 1);
    if (inner === null) return null;
    value.push(inner.value);
    at = inner.next;
    if (isMark(tokens[at], ',')) at += 1;
    else if (!isMark(tokens[at], ']')) return null;
  }
}

function joinList(
  tokens: readonly Token[],
  list: { readonly value: readonly ArgValue[]; readonly next: number },
): Literal {
  const [dot, name, open, glue, close] = tokens.slice(list.next, list.next + 5);
  const joins =
    isMark(dot, '.') && name?.text === 'join' && isMark(open, '(') && glue?.kind === 'text' && isMark(close, ')');
  if (!joins || !list.value.every((item) => typeof item === 'string')) return list;
  return { value: list.value.join(glue.text), next: list.next + 5 };
}

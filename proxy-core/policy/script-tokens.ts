/**
 * Tokens of a JavaScript source, enough to find literals and to see every use of a name (ECMA-262 §12). It gives up
 * (null) rather than guess wherever a reader could disagree about where a string, a comment or a regex ends.
 */
export type Token =
  | { readonly kind: 'name' | 'mark' | 'number'; readonly text: string; readonly start: number; readonly end: number }
  /** A string, or a template without substitutions, decoded. */
  | { readonly kind: 'text'; readonly text: string; readonly start: number; readonly end: number }
  /** A template with substitutions: its value is not known. The tokens of its expressions follow in parentheses. */
  | { readonly kind: 'computed'; readonly text: ''; readonly start: number; readonly end: number };

const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)n?/y;
const BEFORE_REGEX = new Set(
  'return typeof case in of await void delete throw else do yield new instanceof'.split(' '),
);
const LINE_END = /[\n\r\u2028\u2029]/;
const DEPTH_LIMIT = 32;
const TOKEN_LIMIT = 20_000;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v' };

/** Tokens of the source, or null when it cannot be read for certain. */
export function readTokens(source: string): readonly Token[] | null {
  const tokens: Token[] = [];
  const end = readCode(source, 0, tokens, 0, false);
  return end === source.length ? tokens : null;
}

/** Read code from `at`; inside a template, up to the brace that closes the substitution. Returns where it stopped, or -1. */
function readCode(source: string, from: number, tokens: Token[], depth: number, nested: boolean): number {
  let at = from;
  let braces = 0;
  if (depth > DEPTH_LIMIT) return -1;
  while (at < source.length) {
    if (tokens.length > TOKEN_LIMIT) return -1;
    const mark = source.charAt(at);
    if (/\s/.test(mark)) at += 1;
    else if (source.startsWith('//', at)) at = lineEnd(source, at);
    else if (source.startsWith('/*', at)) at = after(source, '*/', at + 2);
    else if (source.startsWith('<!--', at) || source.startsWith('-->', at)) return -1;
    else if (mark === '"' || mark === "'") at = readString(source, at, tokens);
    else if (mark === '`') at = readTemplate(source, at, tokens, depth);
    else if (mark === '/') at = readSlash(source, at, tokens);
    else {
      if (nested && mark === '}' && braces === 0) return at;
      if (mark === '{') braces += 1;
      if (mark === '}') braces -= 1;
      at = readPlain(source, at, tokens);
    }
    if (at < 0) return -1;
  }
  return nested ? -1 : at;
}

function lineEnd(source: string, at: number): number {
  const found = source.slice(at).search(LINE_END);
  return found < 0 ? source.length : at + found;
}

function after(source: string, closer: string, from: number): number {
  const found = source.indexOf(closer, from);
  return found < 0 ? -1 : found + closer.length;
}

function readPlain(source: string, at: number, tokens: Token[]): number {
  NAME.lastIndex = at;
  const name = NAME.exec(source)?.[0];
  if (name !== undefined) return push(tokens, 'name', name, at);
  const digit = /[\d]/.test(source.charAt(at)) || (source[at] === '.' && /\d/.test(source.charAt(at + 1)));
  NUMBER.lastIndex = at;
  const number = digit ? NUMBER.exec(source)?.[0] : undefined;
  if (number !== undefined) return push(tokens, 'number', number, at);
  if (source[at] === '\\' || source[at] === '@') return -1;
  const mark = ['...', '?.', '=>'].find((long) => source.startsWith(long, at)) ?? source.charAt(at);
  return push(tokens, 'mark', mark, at);
}

function push(tokens: Token[], kind: 'name' | 'mark' | 'number', text: string, start: number): number {
  tokens.push({ kind, text, start, end: start + text.length });
  return start + text.length;
}

/** A slash begins a regex or divides; after `)` or `}` only a parser could tell, so give up there. */
function readSlash(source: string, at: number, tokens: Token[]): number {
  const before = tokens.at(-1);
  if (before?.kind === 'mark' && (before.text === ')' || before.text === '}')) return -1;
  const divides =
    before !== undefined &&
    (before.kind === 'name' ? !BEFORE_REGEX.has(before.text) : before.kind !== 'mark' || before.text === ']');
  if (divides) return push(tokens, 'mark', '/', at);
  const end = regexEnd(source, at + 1);
  if (end > 0) tokens.push({ kind: 'number', text: '/regex/', start: at, end });
  return end;
}

function regexEnd(source: string, from: number): number {
  let inClass = false;
  for (let at = from; at < source.length; at += 1) {
    const mark = source.charAt(at);
    if (LINE_END.test(mark)) return -1;
    if (mark === '\\') at += 1;
    else if (mark === '[') {
      if (inClass) return -1;
      inClass = true;
    } else if (mark === ']') inClass = false;
    else if (mark === '/' && !inClass) return at + 1;
  }
  return -1;
}

function readString(source: string, start: number, tokens: Token[]): number {
  const quote = source.charAt(start);
  let text = '';
  for (let at = start + 1; at < source.length; ) {
    const mark = source.charAt(at);
    if (mark === quote) {
      tokens.push({ kind: 'text', text, start, end: at + 1 });
      return at + 1;
    }
    if (mark === '\n' || mark === '\r') return -1;
    const piece = readCharacter(source, at);
    if (piece === null) return -1;
    text += piece.text;
    at = piece.end;
  }
  return -1;
}

function readTemplate(source: string, start: number, tokens: Token[], depth: number): number {
  const inner: Token[] = [];
  let text = '';
  let computed = false;
  for (let at = start + 1; at < source.length; ) {
    if (source[at] === '`') {
      const end = at + 1;
      tokens.push(computed ? { kind: 'computed', text: '', start, end } : { kind: 'text', text, start, end }, ...inner);
      return end;
    }
    if (source.startsWith('${', at)) {
      computed = true;
      inner.push({ kind: 'mark', text: '(', start: at, end: at + 2 });
      const close = readCode(source, at + 2, inner, depth + 1, true);
      if (close < 0) return -1;
      inner.push({ kind: 'mark', text: ')', start: close, end: close + 1 });
      at = close + 1;
    } else {
      const piece = readCharacter(source, at);
      if (piece === null) return -1;
      text += piece.text === '\r' ? (source[at + 1] === '\n' ? '' : '\n') : piece.text;
      at = piece.end;
    }
  }
  return -1;
}

/** One character of a string or template, its escape decoded; null for escapes that are errors or legacy octals. */
function readCharacter(source: string, at: number): { readonly text: string; readonly end: number } | null {
  if (source[at] !== '\\') return { text: source.charAt(at), end: at + 1 };
  const mark = source.charAt(at + 1);
  if (mark === '') return null;
  if (mark === 'x' || mark === 'u') return readCodePoint(source, at);
  if (/\d/.test(mark)) return mark === '0' && !/\d/.test(source.charAt(at + 2)) ? { text: '\0', end: at + 2 } : null;
  if (mark === '\r' && source[at + 2] === '\n') return { text: '', end: at + 3 };
  if (LINE_END.test(mark)) return { text: '', end: at + 2 };
  return { text: SIMPLE_ESCAPES[mark] ?? mark, end: at + 2 };
}

function readCodePoint(source: string, at: number): { readonly text: string; readonly end: number } | null {
  const found = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\})/.exec(source.slice(at, at + 12));
  const code = Number.parseInt(found?.[1] ?? found?.[2] ?? found?.[3] ?? '', 16);
  if (found === null || code > 0x10ffff) return null;
  return {
    text: found[2] === undefined ? String.fromCodePoint(code) : String.fromCharCode(code),
    end: at + found[0].length,
  };
}

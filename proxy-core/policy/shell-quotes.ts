/**
 * What stands inside one shell word: quotes, escapes, `$` and backticks, read as POSIX shells with bash's extensions do. The reader
 * of lists (`shell-words.ts`) supplies how a word grows and how commands inside substitutions are read.
 */
export interface WordReader {
  readonly append: (piece: string) => void;
  /** End the word here, as an unquoted `$IFS` does. */
  readonly split: () => void;
  /** Read a substitution whose parenthesis is already open; returns the index after its end. */
  readonly readNested: (start: number) => number;
  /** Read the commands of a text of its own, as between backticks. */
  readonly readInner: (inner: string) => void;
}

/** Read what belongs to a word at `at`; null when a separator or redirection stands there. */
export function readWordPart(text: string, at: number, words: WordReader, inWord: boolean): number | null {
  const mark = text.charAt(at);
  const next = text.charAt(at + 1);
  if (mark === '\\') {
    if (next !== '\n') words.append(next);
    return at + 2;
  }
  if (mark === "'") {
    const end = indexOrEnd(text, "'", at + 1);
    words.append(text.slice(at + 1, end));
    return end + 1;
  }
  if (mark === '"') return readQuoted(text, at + 1, words);
  if (mark === '`') return readBackticks(text, at + 1, words);
  if (mark === '$') return readDollar(text, at, words, true);
  if ((mark === '<' || mark === '>') && next === '(') {
    return appendNested(text, at, words);
  }
  if (mark === '#' && !inWord) return indexOrEnd(text, '\n', at);
  if (' \t\r\n;&|()<>'.includes(mark)) return null;
  words.append(mark);
  return at + 1;
}

/** Index of a mark from a place on, or the end of the text. */
export const indexOrEnd = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
};

/** Inside double quotes: substitutions still run, `\` escapes only `$`, backtick, `"`, `\` and newline. */
function readQuoted(text: string, from: number, words: WordReader): number {
  let at = from;
  words.append('');
  while (at < text.length) {
    const mark = text.charAt(at);
    if (mark === '"') return at + 1;
    if (mark === '\\') {
      const next = text.charAt(at + 1);
      if (next !== '\n') words.append('$`"\\'.includes(next) ? next : `\\${next}`);
      at += 2;
    } else if (mark === '`') at = readBackticks(text, at + 1, words);
    else if (mark === '$' && text.charAt(at + 1) !== "'") at = readDollar(text, at, words, false);
    else {
      words.append(mark);
      at += 1;
    }
  }
  return at;
}

function readBackticks(text: string, from: number, words: WordReader): number {
  let inner = '';
  let at = from;
  while (at < text.length && text[at] !== '`') {
    if (text[at] === '\\' && '`\\$'.includes(text.charAt(at + 1))) at += 1;
    inner += text.charAt(at);
    at += 1;
  }
  words.readInner(inner);
  words.append(`$(${inner})`);
  return at + 1;
}

/** At a `$`: substitution, arithmetic, `$'…'`, parameter. Unquoted, `$IFS` ends the word and `$@` is nothing. */
function readDollar(text: string, at: number, words: WordReader, unquoted: boolean): number {
  const arithmetic = text[at + 1] === '(' ? arithmeticEnd(text, at + 1) : null;
  if (arithmetic !== null) {
    words.append(text.slice(at, arithmetic));
    return arithmetic;
  }
  if (text.startsWith('$(', at)) {
    return appendNested(text, at, words);
  }
  if (text.startsWith("$'", at)) return readAnsi(text, at + 2, words.append);
  const ifs = /^\$(?:IFS\b|\{IFS[^}]*\})/.exec(text.slice(at, at + 32))?.[0];
  if (ifs !== undefined && unquoted) {
    words.split();
    return at + ifs.length;
  }
  if (/^\$[@*]/.test(text.slice(at, at + 2))) return at + 2;
  const end = text[at + 1] === '{' ? indexOrEnd(text, '}', at) + 1 : at + 1;
  words.append(text.slice(at, end));
  return end;
}

const ARITHMETIC_LIMIT = 200;

/** The index after `((…))` at a parenthesis when nothing in it can run a command; else null. */
export function arithmeticEnd(text: string, at: number): number | null {
  if (!text.startsWith('((', at)) return null;
  const inner = /^[\w\s+*/%<>=!&|^~?:,()[\]-]*?\)\)/.exec(text.slice(at + 2, at + 2 + ARITHMETIC_LIMIT))?.[0];
  return inner === undefined ? null : at + 2 + inner.length;
}

/** Read the commands that an unquoted here-document between two places substitutes. */
export function readExpansions(text: string, from: number, to: number, words: WordReader): void {
  const silent: WordReader = { ...words, append: () => undefined };
  for (let at = from; at < to; ) {
    const mark = text[at];
    if (mark === '\\') at += 2;
    else if (mark === '`') at = readBackticks(text, at + 1, silent);
    else at = text.startsWith('$(', at) ? readDollar(text, at, silent, false) : at + 1;
  }
}

function appendNested(text: string, at: number, words: WordReader): number {
  const end = words.readNested(at + 2);
  words.append(text.slice(at, end));
  return end;
}

const ANSI_ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', e: '\x1b' };

/** `$'…'`: C escapes, with octal, `\x` and `\u` code points. */
function readAnsi(text: string, from: number, append: (piece: string) => void): number {
  let at = from;
  append('');
  while (at < text.length && text[at] !== "'") {
    if (text[at] !== '\\') {
      append(text.charAt(at));
      at += 1;
      continue;
    }
    const code = /^\\(?:x([\da-fA-F]{1,2})|u([\da-fA-F]{1,4})|([0-7]{1,3}))/.exec(text.slice(at, at + 6));
    if (code === null) {
      append(ANSI_ESCAPES[text.charAt(at + 1)] ?? text.charAt(at + 1));
      at += 2;
    } else {
      const value = Number.parseInt(code[1] ?? code[2] ?? code[3] ?? '0', code[3] === undefined ? 16 : 8);
      append(String.fromCharCode(value));
      at += code[0].length;
    }
  }
  return at + 1;
}

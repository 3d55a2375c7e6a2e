/**
 * SQL text cut into words and marks. Texts and comments are left out, so that a WHERE inside one counts for nothing. Where
 * dialects differ (`\'`, `#`) the caller reads both ways.
 */
export interface SqlToken {
  /** `word`: bare; `name`: quoted; `mark`: one of `;,.()`. Everything else is left out. */
  readonly kind: 'word' | 'name' | 'mark';
  /** Words in upper case, names without their quotes. */
  readonly text: string;
  readonly written: string;
  /** Open parentheses around it. */
  readonly depth: number;
}

export interface SqlDialect {
  /** A backslash keeps the next character inside quotes (MySQL). */
  readonly escapes: boolean;
  /** `#` begins a comment (MySQL). */
  readonly hashComments: boolean;
}

const WORD = /[\p{L}_@][\p{L}\p{N}_$@]*/uy;
const DOLLAR = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;

/** Read the tokens of a text. Time is in proportion to its length. */
export function readTokens(text: string, dialect: SqlDialect): readonly SqlToken[] {
  const tokens: SqlToken[] = [];
  let depth = 0;
  let at = 0;
  const add = (kind: SqlToken['kind'], token: string, written: string): void =>
    void tokens.push({ kind, text: token, written, depth });
  while (at < text.length) {
    const mark = text.charAt(at);
    const skipped = skipComment(text, at, dialect);
    if (skipped !== null) at = skipped;
    else if (mark === "'") at = quoteEnd(text, at, dialect.escapes);
    else if (mark === '"' || mark === '`') {
      const end = quoteEnd(text, at, dialect.escapes && mark === '"');
      add('name', text.slice(at + 1, end - 1), text.slice(at, end));
      at = end;
    } else if (mark === '$' || WORD_START.test(mark)) at = readWord(text, at, add);
    else {
      if (mark === ')') depth = Math.max(0, depth - 1);
      if (';,.()'.includes(mark)) add('mark', mark, mark);
      if (mark === '(') depth += 1;
      at += 1;
    }
  }
  return tokens;
}

const WORD_START = /[\p{L}_@\ud800-\udbff]/u;

function readWord(text: string, at: number, add: (kind: 'word', token: string, written: string) => void): number {
  if (text[at] === '$') {
    // What stands between dollar quotes may be a program of its own: it is read on, only the quotes are left out.
    DOLLAR.lastIndex = at;
    return at + (DOLLAR.exec(text)?.[0].length ?? 1);
  }
  WORD.lastIndex = at;
  const word = WORD.exec(text)?.[0];
  if (word === undefined) return at + 1;
  add('word', word.toUpperCase(), word);
  return at + word.length;
}

/** The place after a comment that begins here; null where none does. What MySQL runs although it looks like one is none. */
function skipComment(text: string, at: number, { hashComments }: SqlDialect): number | null {
  if (text.startsWith('--', at) || (hashComments && text[at] === '#')) return after(text, '\n', at);
  if (!text.startsWith('/*', at)) return null;
  const runs = /^\/\*M?!\d*/.exec(text.slice(at, at + 12))?.[0];
  return runs === undefined ? after(text, '*/', at + 2) : at + runs.length;
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}

/** The place after the quote that ends what is quoted from here; a doubled quote does not end it. */
function quoteEnd(text: string, start: number, escapes: boolean): number {
  const quote = text.charAt(start);
  let at = start + 1;
  while (at < text.length) {
    if (escapes && text[at] === '\\') at += 2;
    else if (text[at] !== quote) at += 1;
    else if (text[at + 1] === quote) at += 2;
    else return at + 1;
  }
  return text.length;
}

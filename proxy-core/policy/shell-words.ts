/**
 * Splits shell text into simple commands of plain words, the way a POSIX shell with the usual bash extensions would: quotes and
 * escapes removed, substitutions and here-documents followed. It expands nothing that needs the environment.
 * It serves rules about commands, not execution: where shells differ it yields more commands rather than fewer.
 */

/** One command of a pipeline. */
export interface SimpleCommand {
  readonly words: readonly string[];
  /** Files that redirections write to. */
  readonly writes: readonly string[];
  /** Text of its here-document or here-string, empty without one. */
  readonly input: string;
}

/** What a shell text runs; commands inside substitutions come as pipelines of their own. */
export interface ShellReading {
  readonly pipelines: readonly (readonly SimpleCommand[])[];
  /** The text holds more than was read. */
  readonly truncated: boolean;
}

const COMMAND_LIMIT = 128;
const DEPTH_LIMIT = 12;
const TEXT_LIMIT = 512 * 1024;

interface Draft {
  words: string[];
  writes: string[];
  input: string;
}
interface PendingDocument {
  readonly delimiter: string;
  readonly stripTabs: boolean;
  readonly command: Draft;
}
type Redirect = 'write' | 'read' | 'here-string' | { readonly stripTabs: boolean };

/** Read shell text. Never throws; what it cannot follow is kept as plain words. */
export function readShell(text: string): ShellReading {
  const pipelines: SimpleCommand[][] = [];
  const budget = { left: COMMAND_LIMIT, truncated: text.length > TEXT_LIMIT };
  readList(text.slice(0, TEXT_LIMIT), 0, false, pipelines, budget, 0);
  return { pipelines, truncated: budget.truncated };
}

interface Budget {
  left: number;
  truncated: boolean;
}

/** Where a list of commands is read into; the readers of words and redirections below change it. */
interface Cursor {
  command: Draft;
  pipeline: Draft[];
  word: string | null;
  redirect: Redirect | null;
  documents: PendingDocument[];
  /** Open subshells, and open `case` constructs whose patterns end in `)`. */
  parentheses: number;
  cases: number;
}

const emptyDraft = (): Draft => ({ words: [], writes: [], input: '' });

function endWord(cursor: Cursor): void {
  const { word, redirect, command } = cursor;
  if (word === null) return;
  cursor.word = null;
  cursor.redirect = null;
  if (redirect === null) command.words.push(...expandBraces(word));
  else if (redirect === 'write') command.writes.push(word);
  else if (redirect === 'here-string') command.input += ` ${word}`;
  else if (typeof redirect === 'object')
    cursor.documents.push({ delimiter: word, stripTabs: redirect.stripTabs, command });
}

function endCommand(cursor: Cursor): void {
  endWord(cursor);
  cursor.redirect = null;
  const { command } = cursor;
  if (command.words[0] === 'case') cursor.cases += 1;
  if (command.words[0] === 'esac' && cursor.cases > 0) cursor.cases -= 1;
  if (command.words.length > 0 || command.writes.length > 0) cursor.pipeline.push(command);
  cursor.command = emptyDraft();
}

function endPipeline(cursor: Cursor, out: SimpleCommand[][], budget: Budget): void {
  endCommand(cursor);
  const { pipeline } = cursor;
  cursor.pipeline = [];
  if (pipeline.length === 0) return;
  if (budget.left <= 0) budget.truncated = true;
  else out.push(pipeline);
  budget.left -= pipeline.length;
}

/** Whether this `)` ends the substitution that is being read. */
function closes(cursor: Cursor, nested: boolean): boolean {
  if (cursor.parentheses > 0) {
    cursor.parentheses -= 1;
    return false;
  }
  return nested && cursor.cases === 0 && cursor.command.words[0] !== 'case';
}

/** Read commands from `from` to the end or, when nested, to the closing parenthesis. Returns the index after it. */
function readList(
  text: string,
  from: number,
  nested: boolean,
  out: SimpleCommand[][],
  budget: Budget,
  depth: number,
): number {
  const cursor: Cursor = {
    command: emptyDraft(),
    pipeline: [],
    word: null,
    redirect: null,
    documents: [],
    parentheses: 0,
    cases: 0,
  };
  const words: WordReader = {
    append: (piece) => {
      cursor.word = (cursor.word ?? '') + piece;
    },
    split: () => endWord(cursor),
    readNested: (start) => {
      if (depth >= DEPTH_LIMIT) budget.truncated = true;
      const end = depth >= DEPTH_LIMIT ? text.length : readList(text, start, true, out, budget, depth + 1);
      words.append(text.slice(start, end));
      return end;
    },
    readInner: (inner) => {
      if (depth >= DEPTH_LIMIT) budget.truncated = true;
      else readList(inner, 0, false, out, budget, depth + 1);
    },
  };
  let at = from;
  while (at < text.length) {
    const mark = text.charAt(at);
    const afterWord = readWordPart(text, at, words, cursor.word !== null);
    if (afterWord !== null) at = afterWord;
    else if (mark === '<' || mark === '>' || (mark === '&' && text[at + 1] === '>'))
      at = readRedirection(text, at, cursor);
    else if (mark === '\n') {
      endPipeline(cursor, out, budget);
      at = readDocuments(text, at + 1, cursor);
    } else if (mark === ' ' || mark === '\t' || mark === '\r') {
      endWord(cursor);
      at += 1;
    } else if (mark === '|' && text[at + 1] !== '|') {
      endCommand(cursor);
      at += text[at + 1] === '&' ? 2 : 1;
    } else {
      const ends = mark === ')' && closes(cursor, nested);
      if (mark === '(') cursor.parentheses += 1;
      endPipeline(cursor, out, budget);
      at += 1;
      if (ends) return at;
    }
  }
  endPipeline(cursor, out, budget);
  return at;
}

interface WordReader {
  readonly append: (piece: string) => void;
  /** End the word here, as an unquoted `$IFS` does. */
  readonly split: () => void;
  /** Read a substitution whose parenthesis is already open; returns the index after its end. */
  readonly readNested: (start: number) => number;
  /** Read the commands of a text of its own, as between backticks. */
  readonly readInner: (inner: string) => void;
}

/** Read what belongs to a word at `at`; null when a separator or redirection stands there. */
function readWordPart(text: string, at: number, words: WordReader, inWord: boolean): number | null {
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
    words.append(`${mark}(`);
    return words.readNested(at + 2);
  }
  if (mark === '#' && !inWord) return indexOrEnd(text, '\n', at);
  if (' \t\r\n;&|()<>'.includes(mark)) return null;
  words.append(mark);
  return at + 1;
}

function readRedirection(text: string, at: number, cursor: Cursor): number {
  if (cursor.word !== null && /^\d+$/.test(cursor.word)) cursor.word = null;
  endWord(cursor);
  if (text[at] === '&') {
    cursor.redirect = 'write';
    return at + (text[at + 2] === '>' ? 3 : 2);
  }
  const found = readRedirect(text, at);
  cursor.redirect = found.redirect;
  return found.end;
}

function readDocuments(text: string, from: number, cursor: Cursor): number {
  let at = from;
  for (const document of cursor.documents) at = readDocument(text, at, document);
  cursor.documents = [];
  return at;
}

const indexOrEnd = (text: string, mark: string, from: number): number => {
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
  if (text.startsWith('$(', at)) {
    words.append('$(');
    return words.readNested(at + 2);
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

function readRedirect(text: string, at: number): { readonly redirect: Redirect | null; readonly end: number } {
  if (text.startsWith('<<<', at)) return { redirect: 'here-string', end: at + 3 };
  if (text.startsWith('<<', at)) {
    const stripTabs = text[at + 2] === '-';
    return { redirect: { stripTabs }, end: at + (stripTabs ? 3 : 2) };
  }
  const duplicate = /^[<>]&(?:\d+|-)/.exec(text.slice(at, at + 8))?.[0];
  if (duplicate !== undefined) return { redirect: null, end: at + duplicate.length };
  if (text[at] === '<')
    return { redirect: text[at + 1] === '>' ? 'write' : 'read', end: at + (text[at + 1] === '>' ? 2 : 1) };
  return { redirect: 'write', end: at + (/[>|&]/.test(text.charAt(at + 1)) ? 2 : 1) };
}

function readDocument(text: string, from: number, document: PendingDocument): number {
  let at = from;
  const lines: string[] = [];
  while (at < text.length) {
    const end = indexOrEnd(text, '\n', at);
    const line = document.stripTabs ? text.slice(at, end).replace(/^\t+/, '') : text.slice(at, end);
    at = end + 1;
    if (line.replace(/\r$/, '') === document.delimiter) break;
    lines.push(line);
  }
  document.command.input += ` ${lines.join('\n')}`;
  return Math.min(at, text.length);
}

/** `{rm,-rf,x}` is three words; anything else is one. */
function expandBraces(word: string): readonly string[] {
  const inner = /^\{([^{}\s]*,[^{}\s]*)\}$/.exec(word)?.[1];
  return inner === undefined ? [word] : inner.split(',');
}

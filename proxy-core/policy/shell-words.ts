import { arithmeticEnd, indexOrEnd, readExpansions, readWordPart, type WordReader } from './shell-quotes.ts';

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
const TEXT_LIMIT = 64 * 1024;

interface Draft {
  words: string[];
  writes: string[];
  input: string;
}
interface DocumentForm {
  /** `<<-` */
  readonly stripTabs: boolean;
  /** The delimiter is not quoted, so that substitutions in the document run. */
  readonly expands: boolean;
}
interface PendingDocument extends DocumentForm {
  readonly delimiter: string;
  readonly command: Draft;
}
type Redirect = 'write' | 'read' | 'here-string' | DocumentForm;

/** Read shell text. Never throws; what it cannot follow is kept as plain words. */
export function readShell(text: string): ShellReading {
  const sink: Sink = { pipelines: [], left: COMMAND_LIMIT, truncated: text.length > TEXT_LIMIT };
  readList(text.slice(0, TEXT_LIMIT), 0, { sink, nested: false, depth: 0 });
  return { pipelines: sink.pipelines, truncated: sink.truncated };
}

/** Where everything found goes, and how much more may be. */
interface Sink {
  readonly pipelines: SimpleCommand[][];
  left: number;
  truncated: boolean;
}

/** One list of commands; a nested one ends at its closing parenthesis. */
interface Level {
  readonly sink: Sink;
  readonly nested: boolean;
  readonly depth: number;
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
const emptyCursor = (): Cursor => ({
  command: emptyDraft(),
  pipeline: [],
  word: null,
  redirect: null,
  documents: [],
  parentheses: 0,
  cases: 0,
});

/** Read commands from `from`; returns the index after the last. */
function readList(text: string, from: number, level: Level): number {
  const cursor = emptyCursor();
  const words = wordReader(text, cursor, level);
  let at = from;
  while (at < text.length) {
    const mark = text.charAt(at);
    const next = readWordPart(text, at, words, cursor.word !== null) ?? readRedirection(text, at, cursor);
    if (next !== null) at = next;
    else {
      const ends = mark === ')' && closes(cursor, level.nested);
      at = readSeparator(text, at, cursor, level.sink, words);
      if (ends) return at;
    }
  }
  endPipeline(cursor, level.sink);
  return at;
}

function wordReader(text: string, cursor: Cursor, level: Level): WordReader {
  const { sink, depth } = level;
  const tooDeep = depth >= DEPTH_LIMIT;
  const words: WordReader = {
    append: (piece) => {
      cursor.word = (cursor.word ?? '') + piece;
    },
    split: () => endWord(cursor),
    readNested: (start) => {
      sink.truncated ||= tooDeep;
      return tooDeep ? text.length : readList(text, start, { sink, nested: true, depth: depth + 1 });
    },
    readInner: (inner) => {
      sink.truncated ||= tooDeep;
      if (!tooDeep) readList(inner, 0, { sink, nested: false, depth: depth + 1 });
    },
  };
  return words;
}

function readSeparator(text: string, at: number, cursor: Cursor, sink: Sink, words: WordReader): number {
  const mark = text.charAt(at);
  if (mark === ' ' || mark === '\t' || mark === '\r') {
    endWord(cursor);
    return at + 1;
  }
  if (mark === '|' && text[at + 1] !== '|') {
    endCommand(cursor);
    return at + (text[at + 1] === '&' ? 2 : 1);
  }
  const arithmetic = mark === '(' ? arithmeticEnd(text, at) : null;
  if (arithmetic !== null) return arithmetic;
  if (mark === '(') cursor.parentheses += 1;
  endPipeline(cursor, sink);
  return mark === '\n' ? readDocuments(text, at + 1, cursor, words) : at + 1;
}

/** Whether this `)` ends the substitution that is being read. */
function closes(cursor: Cursor, nested: boolean): boolean {
  if (cursor.parentheses > 0) {
    cursor.parentheses -= 1;
    return false;
  }
  return nested && cursor.cases === 0 && cursor.command.words[0] !== 'case';
}

function endWord(cursor: Cursor): void {
  const { word, redirect, command } = cursor;
  if (word === null) return;
  cursor.word = null;
  cursor.redirect = null;
  if (redirect === null) command.words.push(...expandBraces(word));
  else if (redirect === 'write') command.writes.push(word);
  else if (redirect === 'here-string') command.input += ` ${word}`;
  else if (typeof redirect === 'object') cursor.documents.push({ ...redirect, delimiter: word, command });
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

function endPipeline(cursor: Cursor, sink: Sink): void {
  endCommand(cursor);
  const { pipeline } = cursor;
  cursor.pipeline = [];
  if (pipeline.length === 0) return;
  if (sink.left <= 0) sink.truncated = true;
  else sink.pipelines.push(pipeline);
  sink.left -= pipeline.length;
}

/** Read `<`, `>` and their kin; null when something else stands there. */
function readRedirection(text: string, at: number, cursor: Cursor): number | null {
  const mark = text[at];
  if (mark !== '<' && mark !== '>' && !text.startsWith('&>', at)) return null;
  if (cursor.word !== null && /^\d+$/.test(cursor.word)) cursor.word = null;
  endWord(cursor);
  const found = mark === '&' ? readOperator(text, at + 1) : readOperator(text, at);
  cursor.redirect = found.redirect;
  return found.end;
}

function readOperator(text: string, at: number): { readonly redirect: Redirect | null; readonly end: number } {
  if (text.startsWith('<<<', at)) return { redirect: 'here-string', end: at + 3 };
  if (text.startsWith('<<', at)) {
    const stripTabs = text[at + 2] === '-';
    const end = at + (stripTabs ? 3 : 2);
    return { redirect: { stripTabs, expands: !/^[ \t]*[^\s;&|<>]*['"\\]/.test(text.slice(end, end + 200)) }, end };
  }
  const duplicate = /^[<>]&(?:\d+|-)/.exec(text.slice(at, at + 8))?.[0];
  if (duplicate !== undefined) return { redirect: null, end: at + duplicate.length };
  if (text[at] === '<' && text[at + 1] !== '>') return { redirect: 'read', end: at + 1 };
  return { redirect: 'write', end: at + (/[>|&]/.test(text.charAt(at + 1)) ? 2 : 1) };
}

function readDocuments(text: string, from: number, cursor: Cursor, words: WordReader): number {
  let at = from;
  for (const document of cursor.documents) at = readDocument(text, at, document, words);
  cursor.documents = [];
  return at;
}

/** One here-document. What only looks like one (a shift in arithmetic, a missing end) is read as commands as well. */
function readDocument(text: string, from: number, document: PendingDocument, words: WordReader): number {
  const { command, delimiter, stripTabs, expands } = document;
  const lines: string[] = [];
  let at = from;
  let ended = false;
  while (at < text.length && !ended) {
    const end = indexOrEnd(text, '\n', at);
    const line = stripTabs ? text.slice(at, end).replace(/^\t+/, '') : text.slice(at, end);
    at = end + 1;
    ended = line.replace(/\r$/, '') === delimiter;
    if (!ended) lines.push(line);
  }
  const body = lines.join('\n');
  command.input += ` ${body}`;
  const [program = '', second = ''] = command.words;
  if (!ended || !/^[a-z./~$]/i.test(program) || /^[-+*/%]?=$/.test(second)) words.readInner(body);
  else if (expands) readExpansions(text, from, Math.min(at, text.length), words);
  return Math.min(at, text.length);
}

/** `{rm,-rf,x}` is three words; anything else is one. */
function expandBraces(word: string): readonly string[] {
  const inner = /^\{([^{}\s]*,[^{}\s]*)\}$/.exec(word)?.[1];
  return inner === undefined ? [word] : inner.split(',');
}

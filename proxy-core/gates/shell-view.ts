/**
 * A shell text cut where it joins commands, each stretch exactly as written, so that a reviewer sees every command on a
 * row of its own. It is for showing: what the commands do is judged by the policy's own reading, not by this one.
 */
export interface ShellSegment {
  /** What joins it to the one before: null for the first. */
  readonly joiner: string | null;
  /** As written, here-documents included, without the blanks around it. */
  readonly text: string;
  /** The program's word as written, null where it cannot be told. */
  readonly binary: string | null;
}

/** Rows shown; what follows stays together in the last. */
const SEGMENTS = 400;
/** As much of a text as is cut; what follows stays in the last row. */
const LENGTH = 256 * 1024;

/** Cut a shell text. Joiners and texts together are the text, but for blanks. Time is in proportion to its length. */
export function shellSegments(command: string): readonly ShellSegment[] {
  const segments: ShellSegment[] = [];
  let joiner: string | null = null;
  let start = 0;
  const end = (at: number, next: string | null): void => {
    const text = trim(command.slice(start, at));
    // Nothing stands between a line end and another, or between `&&` and the line end behind it.
    const empty = text === '' && (next === '\n' || next === null);
    if (!empty) segments.push({ joiner: segments.length === 0 ? null : joiner, text, binary: binaryOf(text) });
    if (!empty || joiner === '\n') joiner = next;
    start = at + (next?.length ?? 0);
  };
  let documents: Document[] = [];
  // A here-document whose end is missing may be none (a shift in arithmetic): then every line is a command.
  let readsDocuments = true;
  let at = 0;
  const limit = Math.min(command.length, LENGTH);
  while (at < limit && segments.length < SEGMENTS - 1) {
    const document: Document | null = readsDocuments ? documentAt(command, at) : null;
    const mark: string | null = document === null ? joinerAt(command, at) : null;
    const ended: number | null =
      mark === '\n' && documents.length > 0 ? documentsEnd(command, at + 1, documents) : null;
    if (mark === '\n' && documents.length > 0) {
      readsDocuments = ended !== null;
      documents = [];
    }
    if (document !== null) {
      documents.push(document);
      at = document.end;
    } else if (mark === null) at = partEnd(command, at, 0);
    else {
      at = ended ?? at;
      end(at, mark);
      at += mark.length;
    }
  }
  end(command.length, null);
  const last = segments.pop();
  if (last === undefined) return [];
  // A last `&` or `;` has nothing behind it to join.
  return [...segments, joiner === null || joiner === '\n' ? last : { ...last, text: `${last.text} ${String(joiner)}` }];
}

function trim(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end -= 1;
  let start = 0;
  while (start < end && isBlank(text[start])) start += 1;
  return text.slice(start, end);
}
const isBlank = (mark: string | undefined): boolean => mark === ' ' || mark === '\t';

/** The mark that joins two commands here, longest first; null when something else stands here. */
function joinerAt(text: string, at: number): string | null {
  const mark = text.charAt(at);
  if (mark === '\n') return mark;
  if (mark === ';') return /^;(?:;&|[;&])?/.exec(text.slice(at, at + 3))?.[0] ?? mark;
  if (mark === '|') return /^\|[|&]?/.exec(text.slice(at, at + 2))?.[0] ?? mark;
  if (mark !== '&') return null;
  // `2>&1`, `<&3`, `&>file` belong to a redirection.
  const before = text.charAt(at - 1);
  if (before === '>' || before === '<' || text.charAt(at + 1) === '>') return null;
  return text.charAt(at + 1) === '&' ? '&&' : '&';
}

interface Document {
  readonly delimiter: string;
  readonly stripTabs: boolean;
  /** The place after its delimiter. */
  readonly end: number;
}

const DOCUMENT = /<<(-?)[ \t]*(?:'([^'\n]*)'|"([^"\n]*)"|\\?([^\s;&|<>()'"`$]+))/y;

/** The here-document that begins here; its text follows on the next lines. */
function documentAt(text: string, at: number): Document | null {
  if (!text.startsWith('<<', at) || text[at + 2] === '<' || text[at - 1] === '<') return null;
  DOCUMENT.lastIndex = at;
  const found = DOCUMENT.exec(text);
  if (found === null) return null;
  const delimiter = found[2] ?? found[3] ?? found[4] ?? '';
  return { delimiter, stripTabs: found[1] === '-', end: at + found[0].length };
}

/** The place of the line end (or end of the text) behind the last of these here-documents; null if one does not end. */
function documentsEnd(text: string, from: number, documents: readonly Document[]): number | null {
  let at = from;
  for (const { delimiter, stripTabs } of documents) {
    let ended = false;
    while (!ended) {
      if (at >= text.length) return null;
      const end = indexOrEnd(text, '\n', at);
      const line = text.slice(at, end).replace(/\r$/, '');
      ended = (stripTabs ? line.replace(/^\t+/, '') : line) === delimiter;
      at = end + 1;
    }
  }
  return at - 1;
}

const indexOrEnd = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found;
};

const NESTED = 12;

/** The place after what stands here and belongs together: a quoted text, a substitution, a comment, else one character. */
function partEnd(text: string, at: number, depth: number): number {
  const mark = text.charAt(at);
  const next = text.charAt(at + 1);
  if (mark === '\\') return at + 2;
  if (mark === "'") return indexOrEnd(text, "'", at + 1) + 1;
  if (mark === '"') return quotedEnd(text, at + 1, depth);
  if (mark === '`') return backticksEnd(text, at + 1);
  if (mark === '#' && /^$|[\s;&|(]/.test(text.charAt(at - 1))) return indexOrEnd(text, '\n', at);
  if (depth < NESTED && next === '(' && '$<>'.includes(mark)) return nestedEnd(text, at + 2, ')', depth + 1);
  if (depth < NESTED && mark === '$' && next === '{') return nestedEnd(text, at + 2, '}', depth + 1);
  return at + 1;
}

function nestedEnd(text: string, from: number, closer: ')' | '}', depth: number): number {
  let open = 0;
  let at = from;
  while (at < text.length) {
    if (text[at] === closer && open === 0) return at + 1;
    if (closer === ')' && text[at] === '(') open += 1;
    if (closer === ')' && text[at] === ')') open -= 1;
    at = partEnd(text, at, depth);
  }
  return text.length;
}

function quotedEnd(text: string, from: number, depth: number): number {
  let at = from;
  while (at < text.length) {
    if (text[at] === '"') return at + 1;
    const opens = text[at] === '\\' || text[at] === '`' || /^\$[({]/.test(text.slice(at, at + 2));
    at = opens ? partEnd(text, at, depth) : at + 1;
  }
  return text.length;
}

function backticksEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '`') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** What stands before a command's program: grammar, brackets, assignments. */
const BEFORE_PROGRAM =
  /^(?:[({!\s]|(?:if|then|else|elif|while|until|do|time|coproc)(?=\s)|[A-Za-z_]\w*\+?=(?:'[^']*'|"[^"]*"|[^\s'"`$();&|<>])*(?=\s))/;
/** A word that is only itself. */
const PLAIN_WORD = /^[\w@%+:,./~^[\]-]+(?=[\s;&|<>()]|$)/;

function binaryOf(text: string): string | null {
  let rest = text.slice(0, 2048);
  for (let found = BEFORE_PROGRAM.exec(rest); found !== null; found = BEFORE_PROGRAM.exec(rest)) {
    rest = rest.slice(found[0].length);
  }
  return PLAIN_WORD.exec(rest)?.[0] ?? null;
}

const ASSIGNMENT =
  /^[({!\s]*(?:(?:export|env|declare|typeset|local)\s+(?:-\S+\s+)*)?((?:[A-Za-z_]\w*\+?=(?:'[^']*'|"[^"]*"|[^\s'"`();&|<>])*(?:\s+|$))+)/;

/** Names of the variables that segments set in front of their command or export, each once. */
export function assignedNames(segments: readonly ShellSegment[]): readonly string[] {
  const names = segments.flatMap(({ text }) => {
    const assignments = ASSIGNMENT.exec(text.slice(0, 4096))?.[1] ?? '';
    return [...assignments.matchAll(/(?:^|\s)([A-Za-z_]\w*)\+?=/g)].map((found) => found[1] ?? '');
  });
  return [...new Set(names)];
}

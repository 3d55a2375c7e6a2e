import { readTokens, type SqlDialect, type SqlToken } from './sql-tokens.ts';

/**
 * What SQL does, as far as its words tell: enough to say what a reviewer should look at, not to understand it. Where the
 * text can be read in two ways both readings are given.
 */
export interface SqlStatement {
  /** `DELETE`; the one that counts behind a WITH. Null when the statement begins with no word. */
  readonly verb: string | null;
  /** As written, in the order of their first mention. */
  readonly tables: readonly string[];
  /** A DELETE or UPDATE in it has no WHERE of its own. */
  readonly unbounded: boolean;
  /** Its bare words in upper case. */
  readonly words: readonly string[];
}

/** As much of a text as is read, characters. */
export const SQL_LENGTH = 256 * 1024;

/** Read the statements of a text. Never throws. */
export function readSql(written: string): readonly SqlStatement[] {
  const text = written.slice(0, SQL_LENGTH);
  const escapes = /\\['"]/.test(text) ? [false, true] : [false];
  const comments = text.includes('#') ? [false, true] : [false];
  const dialects: readonly SqlDialect[] = escapes.flatMap((one) =>
    comments.map((hashComments) => ({ escapes: one, hashComments })),
  );
  return dialects.flatMap((dialect) => splitStatements(readTokens(text, dialect)).map(readStatement));
}

function splitStatements(tokens: readonly SqlToken[]): readonly (readonly SqlToken[])[] {
  const statements: SqlToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'mark' && token.text === ';') statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements.filter((statement) => statement.length > 0);
}

const isWord = (token: SqlToken | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text);
const isMark = (token: SqlToken | undefined, mark: string): boolean => token?.kind === 'mark' && token.text === mark;

function readStatement(tokens: readonly SqlToken[]): SqlStatement {
  const words = tokens.flatMap(({ kind, text }) => (kind === 'word' ? [text] : []));
  return { verb: verbOf(tokens), tables: tablesOf(tokens), unbounded: isUnbounded(tokens), words };
}

const MAIN_VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'VALUES'];

function verbOf(tokens: readonly SqlToken[]): string | null {
  const first = tokens.find(({ kind }) => kind === 'word');
  if (!isWord(first, 'WITH')) return first?.text ?? null;
  const main = tokens.find((token) => token.depth === first?.depth && isWord(token, ...MAIN_VERBS));
  return main?.text ?? 'WITH';
}

function isUnbounded(tokens: readonly SqlToken[]): boolean {
  // From the end, so that each word is looked at once: what stands behind it, at its own depth, is known.
  const behind: { where: boolean; set: boolean }[] = [];
  for (let index = tokens.length - 1; index >= 0; index -= 1) {
    const token = tokens[index] as SqlToken;
    const deeper = behind.length - 1 > token.depth;
    if (deeper) behind.length = token.depth + 1;
    behind[token.depth] ??= { where: false, set: false };
    const seen = behind[token.depth] ?? { where: false, set: false };
    if (isMark(token, ')')) behind[token.depth + 1] = { where: false, set: false };
    if (isWord(token, 'WHERE')) seen.where = true;
    if (isWord(token, 'SET')) seen.set = true;
    const next = tokens[index + 1];
    const deletes = isWord(token, 'DELETE') && (index === 0 || isWord(next, 'FROM'));
    const updates = isWord(token, 'UPDATE') && seen.set && !isWord(next, 'SET');
    if ((deletes || updates) && !seen.where) return true;
    if (deletes || updates) behind[token.depth] = { where: false, set: false };
  }
  return false;
}

/** Words behind which tables are named, and those that may stand in between. */
const BEFORE_TABLES = ['FROM', 'JOIN', 'INTO', 'UPDATE', 'TABLE', 'TRUNCATE', 'USING'];
const BETWEEN = ['IF', 'NOT', 'EXISTS', 'ONLY', 'LATERAL', 'TABLE', 'LOW_PRIORITY', 'IGNORE'];
/** A name is not one of these. */
const NO_TABLE = ['SELECT', 'SET', 'WHERE', 'VALUES', 'ON', 'NOWAIT', 'SKIP', 'OF'];

function tablesOf(tokens: readonly SqlToken[]): readonly string[] {
  const tables = new Set<string>();
  // A list of names is read once, whatever words it is made of.
  let read = 0;
  for (const [index, token] of tokens.entries()) {
    if (index < read || !isWord(token, ...BEFORE_TABLES) || isWord(tokens[index - 1], 'DISTINCT', 'FOR')) continue;
    let at: number | null = index + 1;
    while (at !== null) {
      while (isWord(tokens[at], ...BETWEEN)) at += 1;
      read = at;
      const name = nameAt(tokens, at);
      if (name === null) break;
      tables.add(name.text);
      read = name.end;
      at = nextInList(tokens, name.end);
    }
  }
  return [...tables];
}

function nameAt(tokens: readonly SqlToken[], start: number): { readonly text: string; readonly end: number } | null {
  const first = tokens[start];
  if (first === undefined || first.kind === 'mark' || isWord(first, ...NO_TABLE)) return null;
  let text = first.written;
  let end = start + 1;
  while (isMark(tokens[end], '.') && tokens[end + 1] !== undefined && tokens[end + 1]?.kind !== 'mark') {
    text += `.${tokens[end + 1]?.written}`;
    end += 2;
  }
  return { text, end };
}

/** Behind a name and its alias, the place of the next name of a list; null when the list ends. */
function nextInList(tokens: readonly SqlToken[], end: number): number | null {
  for (const at of [end, end + 1, end + 2]) {
    if (isMark(tokens[at], ',')) return at + 1;
    if (tokens[at] === undefined || tokens[at]?.kind === 'mark') return null;
  }
  return null;
}

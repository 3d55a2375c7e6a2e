/** Cutting a query into words, for `run-query.ts`: where a word ends, what is quoted, and how to write a value back. */

/** One word of a query and where it stands. */
export interface Word {
  /** Characters of the query, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** The condition's key in lower case, or null for text. */
  readonly key: string | null;
  /** What follows the colon, or the text, as it was written. */
  readonly value: string;
  /** A quote was opened and not closed. */
  readonly open: boolean;
}

const SPACE = /\s/;
const KEY = /([A-Za-z]+):/y;

/**
 * The words of a query. A quote opens at the start of a word, behind its `key:` and behind a comma of its value;
 * elsewhere it is a letter like others. A quoted text ends its word.
 */
export function splitWords(query: string): readonly Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < query.length) {
    if (SPACE.test(query.charAt(at))) at += 1;
    else {
      const word = wordAt(query, at);
      words.push(word);
      at = word.end;
    }
  }
  return words;
}

function wordAt(query: string, start: number): Word {
  KEY.lastIndex = start;
  const key = KEY.exec(query)?.[1]?.toLowerCase() ?? null;
  const from = key === null ? start : start + key.length + 1;
  const { end, open } = key === null && query[start] === '"' ? quotedEnd(query, start) : valueEnd(query, from);
  return { start, end, key, value: query.slice(from, end), open };
}

/** Where the value that begins at `from` ends: at a space outside of quotes. */
function valueEnd(query: string, from: number): { readonly end: number; readonly open: boolean } {
  let at = from;
  while (at < query.length && !SPACE.test(query.charAt(at))) {
    const opens = query[at] === '"' && (at === from || query[at - 1] === ',');
    if (!opens) {
      at += 1;
      continue;
    }
    const quoted = quotedEnd(query, at);
    if (quoted.open) return quoted;
    at = quoted.end;
  }
  return { end: at, open: false };
}

/** Where the quoted text that opens at `from` ends, its closing quote included. */
function quotedEnd(query: string, from: number): { readonly end: number; readonly open: boolean } {
  for (let at = from + 1; at < query.length; at += 1) {
    if (query[at] === '\\') at += 1;
    else if (query[at] === '"') return { end: at + 1, open: false };
  }
  return { end: query.length, open: true };
}

/** The terms of a value that commas separate, without their quotes. Empty ones are left out. */
export function readQuotable(value: string): readonly string[] {
  const terms: string[] = [];
  let from = 0;
  while (from <= value.length) {
    const quoted = value[from] === '"' ? quotedEnd(value, from) : null;
    const comma = value.indexOf(',', quoted?.end ?? from);
    const end = comma === -1 ? value.length : comma;
    const inside = quoted === null ? '' : value.slice(from + 1, quoted.open ? quoted.end : quoted.end - 1);
    const term =
      quoted === null ? value.slice(from, end) : inside.replaceAll(/\\(.)/gsu, '$1') + value.slice(quoted.end, end);
    if (term !== '') terms.push(term);
    from = end + 1;
  }
  return terms;
}

/** A term as it stands in a value: quoted where it would otherwise end early or be cut. */
export const renderQuotable = (term: string): string =>
  /[\s",\\]/u.test(term) ? `"${term.replaceAll(/["\\]/g, '\\$&')}"` : term;

import type { z } from 'zod';
import type { shellSegment } from '../../../../proxy-core/contract/gate-card.ts';

type ShellSegment = z.infer<typeof shellSegment>;

/** One row of a shell line. All texts of all rows joined are the command, character for character. */
export interface ShellRow {
  /** What joins it to the row before, with the blanks around: ` && `. */
  readonly joiner: string;
  readonly before: string;
  /** The program's word; empty where it cannot be told. */
  readonly binary: string;
  readonly after: string;
}

/**
 * Lay a command out in rows, one per segment. The texts are cut from the command itself, so nothing that runs can be
 * missing; where the segments do not fit into it, the whole command is one row.
 */
export function shellRows(command: string, segments: readonly ShellSegment[]): readonly ShellRow[] {
  const rows: ShellRow[] = [];
  let at = 0;
  for (const { text, binary } of segments) {
    const start = text === '' ? -1 : command.indexOf(text, at);
    if (start === -1) return [{ joiner: '', before: command, binary: '', after: '' }];
    rows.push({ joiner: command.slice(at, start), ...splitAtBinary(text, binary) });
    at = start + text.length;
  }
  if (at < command.length) rows.push({ joiner: '', before: command.slice(at), binary: '', after: '' });
  return rows;
}

function splitAtBinary(text: string, binary: string | null): Omit<ShellRow, 'joiner'> {
  const at = binary === null || binary === '' ? -1 : wordAt(text, binary);
  if (at === -1 || binary === null) return { before: text, binary: '', after: '' };
  return { before: text.slice(0, at), binary, after: text.slice(at + binary.length) };
}

/** Where `word` stands as a word of its own, or -1. */
function wordAt(text: string, word: string): number {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    const before = text[at - 1] ?? ' ';
    const after = text[at + word.length] ?? ' ';
    if (/[\s({!`;&|]/.test(before) && /[\s)};&|<>`]/.test(after)) return at;
  }
  return -1;
}

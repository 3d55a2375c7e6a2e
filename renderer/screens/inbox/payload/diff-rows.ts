import { diffLines } from 'diff';
import type { z } from 'zod';
import type { fileChange } from '../../../../proxy-core/contract/gate-card.ts';

type FileChange = z.infer<typeof fileChange>;

/** Consecutive lines of one kind. `text` is as in the file, line ends included. */
export interface DiffBlock {
  readonly kind: 'same' | 'added' | 'removed' | 'note';
  readonly text: string;
}

/** A change, laid out. `exact: false`: too different to compare line by line, so old and new stand whole one after the other. */
export interface DiffLayout {
  readonly blocks: readonly DiffBlock[];
  readonly exact: boolean;
  readonly added: number;
  readonly removed: number;
}

/** How long a comparison may take, ms, and how many edits it looks for: a reviewer waits for it. */
const PATIENCE_MS = 60;
const MOST_EDITS = 5_000;

/** Lay one change out. A patch is shown as it was written; contents are compared line by line. */
export function layOutChange(change: Change): DiffLayout {
  const known = layouts.get(change);
  if (known !== undefined) return known;
  const layout = compare(change);
  layouts.set(change, layout);
  return layout;
}

type Change = Pick<FileChange, 'before' | 'after' | 'patch'>;

/** A change is compared once, for its size and for its picture. */
const layouts = new WeakMap<Change, DiffLayout>();

function compare(change: Change): DiffLayout {
  if (change.patch !== null) return summed(patchBlocks(change.patch), true);
  const after = change.after ?? '';
  if (change.before === null) return summed(after === '' ? [] : [{ kind: 'added', text: after }], true);
  const parts = diffLines(change.before, after, { timeout: PATIENCE_MS, maxEditLength: MOST_EDITS });
  if (parts === undefined) {
    const whole = [
      { kind: 'removed', text: change.before },
      { kind: 'added', text: after },
    ] as const;
    return summed(
      whole.filter(({ text }) => text !== ''),
      false,
    );
  }
  return summed(
    parts.map(({ added, removed, value }) => ({ kind: added ? 'added' : removed ? 'removed' : 'same', text: value })),
    true,
  );
}

/** Lines of a patch by their first character; signs are taken off, since every line is shown with its own. */
function patchBlocks(patch: string): readonly DiffBlock[] {
  const blocks: { kind: DiffBlock['kind']; text: string }[] = [];
  for (const line of linesOf(patch)) {
    const kind = kindOfLine(line);
    const text = kind === 'note' ? line : line.slice(1);
    const last = blocks.at(-1);
    if (last?.kind === kind) last.text += text;
    else blocks.push({ kind, text });
  }
  return blocks;
}

function kindOfLine(line: string): DiffBlock['kind'] {
  if (/^(\+\+\+|---) /.test(line)) return 'note';
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return line.startsWith(' ') ? 'same' : 'note';
}

/** Lines with their ends; what is joined is the text. */
export const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const lineCount = (text: string): number => linesOf(text).length;

function summed(blocks: readonly DiffBlock[], exact: boolean): DiffLayout {
  const lines = (kind: DiffBlock['kind']): number =>
    blocks.filter((block) => block.kind === kind).reduce((sum, { text }) => sum + lineCount(text), 0);
  return { blocks, exact, added: lines('added'), removed: lines('removed') };
}

/** One line of each side beside each other; null where a side has none. */
export interface SplitRow {
  readonly kind: DiffBlock['kind'];
  readonly left: string | null;
  readonly right: string | null;
}

/** The blocks as rows of two columns: a removed block stands beside the added one that follows it. */
export function splitRows(blocks: readonly DiffBlock[]): readonly SplitRow[] {
  const rows: SplitRow[] = [];
  for (let at = 0; at < blocks.length; at += 1) {
    const block = blocks[at];
    if (block === undefined) break;
    const next = blocks[at + 1];
    if (block.kind === 'removed' && next?.kind === 'added') {
      rows.push(...paired(linesOf(block.text), linesOf(next.text)));
      at += 1;
    } else {
      for (const line of linesOf(block.text)) rows.push(rowOf(block.kind, line));
    }
  }
  return rows;
}

const paired = (left: readonly string[], right: readonly string[]): readonly SplitRow[] =>
  Array.from({ length: Math.max(left.length, right.length) }, (_, at) => ({
    kind: left[at] === undefined ? 'added' : 'removed',
    left: left[at] ?? null,
    right: right[at] ?? null,
  }));

const rowOf = (kind: DiffBlock['kind'], line: string): SplitRow => ({
  kind,
  left: kind === 'added' ? null : line,
  right: kind === 'removed' ? null : line,
});

/** Above this a diff is shown in blocks of text instead of rows of elements. */
export const MOST_ROWS = 3_000;

export const rowCount = ({ blocks }: DiffLayout): number => blocks.reduce((sum, { text }) => sum + lineCount(text), 0);

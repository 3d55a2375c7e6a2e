import { HIDDEN_CHARACTERS, showHidden } from '../../proxy-core/contract/visible.ts';

/** A stretch of text as it is, or a hidden character and where it stands. */
export type VisiblePart = string | { readonly mark: string; readonly at: number };

/** So many marks stand in boxes of their own; those after them are written as text: a page of boxes would freeze the window. */
const MOST_MARKS = 1_000;

/** A text with its hidden characters apart; with `breaks`, line breaks and tabs are text. */
export function visibleParts(text: string, breaks: boolean): readonly VisiblePart[] {
  const isBreak = (mark: string): boolean => breaks && (mark === '\n' || mark === '\t');
  const parts: VisiblePart[] = [];
  let from = 0;
  let marks = 0;
  for (const { 0: mark, index: at } of text.matchAll(HIDDEN_CHARACTERS)) {
    if (isBreak(mark)) continue;
    marks += 1;
    if (marks > MOST_MARKS) {
      const rest = text.slice(from).replace(HIDDEN_CHARACTERS, (each) => (isBreak(each) ? each : showHidden(each)));
      return [...parts, rest];
    }
    if (at > from) parts.push(text.slice(from, at));
    parts.push({ mark, at });
    from = at + mark.length;
  }
  return [...parts, text.slice(from)];
}

import type { ActionView, GateCard } from '../../../../proxy-core/contract/gate-card.ts';
import { layOutChange } from './diff-rows.ts';
import { countLines, type Extent, extentOf, isLong } from './text-chunks.ts';

/** All text of a proposed call that a reviewer reads. */
export function viewText(view: ActionView): string {
  switch (view.view) {
    case 'shell':
      return [view.command, view.cwd ?? '', ...view.env].join('\n');
    case 'diff':
      return view.changes
        .map(({ path, before, after, patch }) => [path, patch ?? '', before ?? '', after ?? ''].join('\n'))
        .join('\n');
    case 'sql':
      return view.statement;
    case 'http':
      return [
        view.method,
        view.url,
        ...view.headers.map(({ name, value }) => `${name}: ${value}`),
        view.body ?? '',
      ].join('\n');
    case 'json':
      return textsOf(view.args).join('\n');
  }
}

/** Keys and values of a JSON value, one a line. */
function textsOf(args: unknown): readonly string[] {
  const texts: string[] = [];
  const pending: unknown[] = [args];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) {
      texts.push(String(next));
      continue;
    }
    if (!Array.isArray(next)) texts.push(...Object.keys(next));
    for (const part of Object.values(next)) pending.push(part);
  }
  return texts;
}

/** How much there is to read, as it is shown. */
export function viewExtent(view: ActionView): Extent {
  if (view.view === 'shell') return extentOf(view.command);
  if (view.view !== 'diff') return extentOf(viewText(view));
  const blocks = view.changes.filter(({ binary }) => binary === null).flatMap((change) => layOutChange(change).blocks);
  return {
    lines: blocks.reduce((sum, { text }) => sum + countLines(text), 0),
    characters: blocks.reduce((sum, { text }) => sum + text.length, 0),
  };
}

/** The positions of the calls in a card that are too long to be approved unread. */
export const longActions = (card: Pick<GateCard, 'actions'>): readonly number[] =>
  card.actions.flatMap((view, index) => (isLong(viewExtent(view)) ? [index] : []));

import type { ReactNode } from 'react';
import { VisibleText } from '../../parts/visible-text.tsx';
import type { Entry } from './collapse.ts';
import { oneLine, subjectOf } from './subject.ts';

/** What a row of any tab is drawn with. */
export interface RowPlace {
  readonly index: number;
  readonly selected: boolean;
  readonly onOpen: () => void;
}

/** Verb and target on one line; the whole of it is in the card. */
export function Target({ entry: { gate } }: { readonly entry: Pick<Entry, 'gate'> }): ReactNode {
  const { verb, target } = subjectOf(gate);
  return (
    <div className="truncate text-small">
      <span className="text-muted">
        <VisibleText text={verb} breaks={false} />{' '}
      </span>
      <code className="font-mono [direction:ltr] [unicode-bidi:isolate]">
        <VisibleText text={oneLine(target)} breaks={false} />
      </code>
    </div>
  );
}

/** The frame of a row: a click or Enter opens it, j and k move between rows. */
export function RowFrame(props: RowPlace & { readonly gateId: string; readonly children: ReactNode }): ReactNode {
  const { index, selected, onOpen, gateId } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
    // biome-ignore lint/a11y/useKeyWithClickEvents: Enter, j and k are commands of the screen
    <div
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      tabIndex={selected ? 0 : -1}
      data-gate={gateId}
      data-testid="inbox.row"
      onClick={onOpen}
      className={`group flex h-full cursor-pointer gap-2.5 border-line border-b border-l-2 py-2 pr-3 pl-2.5 outline-offset-[-2px] ${selected ? 'border-l-accent bg-hover forced-colors:bg-[Highlight] forced-colors:text-[HighlightText]' : 'border-l-transparent hover:bg-hover'}`}
    >
      {props.children}
    </div>
  );
}

/** A cell of a row. The row takes the focus, its cells do not. */
export function Cell({ className, children }: { readonly className: string; readonly children: ReactNode }): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
    // biome-ignore lint/a11y/useFocusableInteractive: the row takes the focus
    <div role="gridcell" className={className}>
      {children}
    </div>
  );
}

import type { ComponentPropsWithRef, ReactNode } from 'react';

/**
 * The parts of a grid as plain boxes: a virtual list places its rows itself, which a table's own elements do not allow.
 * Focus stays on the grid, which names its active row (`aria-activedescendant`).
 */

export const RowGroup = (props: Omit<ComponentPropsWithRef<'div'>, 'role'>): ReactNode => (
  // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
  <div {...props} role="rowgroup" />
);

export const GridRow = (props: Omit<ComponentPropsWithRef<'div'>, 'role'>): ReactNode => (
  // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <div {...props} role="row" />
);

export const GridCell = (props: Omit<ComponentPropsWithRef<'div'>, 'role'>): ReactNode => (
  // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <div {...props} role="gridcell" />
);

export const ColumnHeader = (props: Omit<ComponentPropsWithRef<'div'>, 'role'>): ReactNode => (
  // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
  // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
  <div {...props} role="columnheader" />
);

/** A box that scrolls and can be scrolled by keyboard; `label` says what is in it. */
export const ScrollRegion = (props: {
  readonly label: string;
  readonly className: string;
  readonly children: ReactNode;
}): ReactNode => (
  <section
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    tabIndex={0}
    aria-label={props.label}
    className={`overflow-auto focus-visible:-outline-offset-2 ${props.className}`}
  >
    {props.children}
  </section>
);

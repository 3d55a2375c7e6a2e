import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
} from 'react';
import { ColumnHeader, GridRow, RowGroup } from '../../parts/grid.tsx';
import { useWidth } from '../../parts/use-size.ts';
import { columnsFor, renderTemplate } from './columns.ts';
import { kept } from './live-runs.ts';
import { type RowActions, RunRow } from './run-row.tsx';
import { type RunWindow, rowAt } from './run-window.ts';

/** What the screen around the grid may ask of it. */
export interface GridHandle {
  focus(): void;
  toTop(): void;
  /** Make a row active and bring it into view. */
  reach(row: number): void;
}

const ROW = { comfortable: 40, compact: 32 } as const;

/**
 * The runs as a grid of which only the rows in view exist. Focus stays on the grid, which names its active row, and the
 * active row always exists: so recycling rows never loses the place.
 */
export function RunGrid(props: {
  readonly ref: Ref<GridHandle>;
  readonly window: RunWindow;
  readonly busy: boolean;
  readonly density: keyof typeof ROW;
  readonly active: number;
  readonly onActive: (row: number) => void;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (row: number) => void;
  readonly menuRow: number | null;
  readonly actions: RowActions;
  readonly onLook: (first: number, last: number) => void;
}): ReactNode {
  const { window: list, active, onActive, actions, onLook } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const width = useWidth(scroller);
  const columns = useMemo(() => columnsFor(width), [width]);
  const template = useMemo(() => renderTemplate(columns), [columns]);
  const height = ROW[props.density];

  const rows = useVirtualizer({
    count: list.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 6,
    initialOffset: kept.scrollTop,
    scrollPaddingStart: HEADER,
    rangeExtractor: useCallback(
      (range: Parameters<typeof defaultRangeExtractor>[0]) => {
        const shown = defaultRangeExtractor(range);
        return active < range.count && !shown.includes(active) ? [...shown, active] : shown;
      },
      [active],
    ),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new row height makes every measure stale
  useLayoutEffect(() => rows.measure(), [height]);

  const { range } = rows;
  const first = range?.startIndex ?? 0;
  const last = range?.endIndex ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: in a list of another order the same rows are other runs
  useEffect(() => onLook(first, last), [first, last, onLook, list.asOf]);

  const reach = useCallback(
    (row: number) => {
      const next = Math.max(0, Math.min(list.total - 1, row));
      onActive(next);
      rows.scrollToIndex(next);
    },
    [list.total, onActive, rows],
  );
  useImperativeHandle(props.ref, () => ({
    focus: () => scroller.current?.focus({ preventScroll: true }),
    toTop: () => {
      onActive(0);
      scroller.current?.scrollTo({ top: 0 });
    },
    reach,
  }));

  const press = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.altKey || event.metaKey || event.ctrlKey) return;
    const page = Math.max(1, last - first - 1);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: list.total - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) reach(to);
    else if (event.key === ' ') props.onSelect(active);
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) actions.menu(active);
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a virtual list is no table
    <div
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label="Runs"
      aria-rowcount={list.total + 1}
      aria-colcount={columns.length}
      aria-multiselectable="true"
      aria-busy={props.busy}
      aria-activedescendant={list.total === 0 ? undefined : `${id}-${active}`}
      data-testid="runs.grid"
      onKeyDown={press}
      onScroll={(event) => {
        kept.scrollTop = event.currentTarget.scrollTop;
      }}
      className="group min-h-0 flex-1 overflow-x-hidden overflow-y-scroll bg-surface focus-visible:-outline-offset-2"
    >
      <RowGroup className="sticky top-0 z-10 border-b border-line bg-surface">
        <GridRow
          aria-rowindex={1}
          className="grid h-8 items-center text-small text-muted"
          style={{ gridTemplateColumns: template }}
        >
          {columns.map(({ id: column, label, align }, at) => (
            <ColumnHeader
              key={column}
              tabIndex={-1}
              aria-colindex={at + 1}
              className={`truncate px-2 ${align === 'end' ? 'text-right' : ''}`}
            >
              {label === '' ? <span className="sr-only">Actions</span> : label}
            </ColumnHeader>
          ))}
        </GridRow>
      </RowGroup>
      <RowGroup className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => (
          <RunRow
            key={index}
            id={`${id}-${index}`}
            row={index}
            top={start}
            height={height}
            run={rowAt(list, index)}
            columns={columns}
            template={template}
            active={index === active}
            selected={props.selected.has(rowAt(list, index)?.run_id ?? '')}
            menuOpen={index === props.menuRow}
            actions={actions}
          />
        ))}
      </RowGroup>
    </div>
  );
}

/** Height of the sticky header, px. */
const HEADER = 33;

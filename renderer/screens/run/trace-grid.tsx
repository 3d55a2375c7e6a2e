import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useId, useMemo, useRef } from 'react';
import { RowGroup } from '../../parts/grid.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useWidth } from '../../parts/use-size.ts';
import type { TraceRow as Row } from './trace.ts';
import { type RowDetail, TraceRow } from './trace-row.tsx';
import { createScale, type Span } from './waterfall.ts';
import { WaterfallAxis } from './waterfall-bar.tsx';

const ROW = 28;
const HEADER = 28;
const TEMPLATES: Readonly<Record<RowDetail, string>> = {
  short: 'minmax(0,1fr) 88px',
  figures: 'minmax(0,1fr) 92px 92px 104px',
  waterfall: 'minmax(180px,2fr) minmax(0,3fr)',
};
const WIDE = 560;

/** The steps as a tree of which only the rows in view exist, with their figures or as a waterfall. */
export function TraceGrid(props: {
  readonly rows: readonly Row[];
  readonly view: 'tree' | 'waterfall';
  /** Row of the selected step, or -1. */
  readonly active: number;
  readonly onPick: (at: number) => void;
  readonly onFold: (key: string) => void;
  readonly busy: readonly Span[];
  readonly from: number;
  /** Null while the run goes on. */
  readonly until: number | null;
}): ReactNode {
  const { rows, active, onPick, onFold } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const width = useWidth(scroller);
  const goesOn = props.until === null && rows.some(({ node }) => node.end === null);
  const now = useLiveNow(goesOn);
  const until = props.until ?? Math.max(now ?? 0, ...lastEnd(props.busy), props.from + 1);
  const detail: RowDetail = props.view === 'waterfall' ? 'waterfall' : width < WIDE ? 'short' : 'figures';
  const template = TEMPLATES[detail];
  const scale = useMemo(
    () => (props.view === 'waterfall' ? createScale(props.busy, props.from, until) : null),
    [props.view, props.busy, props.from, until],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    scrollPaddingStart: HEADER,
    rangeExtractor: useCallback(
      (range: Parameters<typeof defaultRangeExtractor>[0]) => {
        const shown = defaultRangeExtractor(range);
        return active >= 0 && active < range.count && !shown.includes(active) ? [...shown, active] : shown;
      },
      [active],
    ),
  });
  // The selected step comes into view when it is selected, not whenever rows are added.
  const key = rows[active]?.node.key;
  const index = useRef(active);
  index.current = active;
  useEffect(() => {
    if (key !== undefined) virtual.scrollToIndex(index.current);
  }, [key, virtual]);

  const press = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.altKey || event.metaKey || event.ctrlKey) return;
    const row = rows[active];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW) - 2);
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) onPick(Math.max(0, Math.min(rows.length - 1, to)));
    else if (event.key === 'ArrowLeft' && row?.expanded === true) onFold(row.node.key);
    else if (event.key === 'ArrowRight' && row?.expanded === false) onFold(row.node.key);
    else if (event.key === 'ArrowLeft' && row !== undefined) {
      const parent = rows.findLastIndex(({ depth }, at) => at < active && depth < row.depth);
      if (parent !== -1) onPick(parent);
    } else return;
    event.preventDefault();
  };

  return (
    <div
      ref={scroller}
      role="treegrid"
      tabIndex={0}
      aria-label="Steps"
      aria-rowcount={rows.length}
      aria-activedescendant={active < 0 ? undefined : `${id}-${active}`}
      data-testid="run.steps"
      onKeyDown={press}
      className="group min-h-0 flex-1 overflow-x-hidden overflow-y-scroll bg-surface focus-visible:-outline-offset-2"
    >
      <div
        aria-hidden="true"
        className="sticky top-0 z-10 grid items-center gap-2 border-b border-line bg-surface pr-2 text-minimum text-muted"
        style={{ height: HEADER, gridTemplateColumns: template }}
      >
        <span className="pl-[68px]">Step</span>
        {detail === 'figures' ? (
          <>
            <span className="text-right">Tokens in → out</span>
            <span className="text-right">Time</span>
          </>
        ) : null}
        {scale === null ? (
          <span className="text-right">Cost</span>
        ) : (
          <WaterfallAxis scale={scale} from={props.from} until={until} />
        )}
      </div>
      <RowGroup className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index: at, start }) => {
          const row = rows[at];
          return row === undefined ? null : (
            <TraceRow
              key={row.node.key}
              id={`${id}-${at}`}
              at={at}
              top={start}
              height={ROW}
              row={row}
              detail={detail}
              template={template}
              scale={scale}
              now={row.node.end === null ? now : null}
              active={at === active}
              onPick={onPick}
              onFold={onFold}
            />
          );
        })}
      </RowGroup>
    </div>
  );
}

const lastEnd = (spans: readonly Span[]): readonly number[] => {
  const last = spans.at(-1);
  return last === undefined ? [] : [last.end];
};

/** The core's time while something goes on, else null: nothing is drawn every second for a run that is over. */
function useLiveNow(live: boolean): number | null {
  const now = useNow();
  return live ? now : null;
}

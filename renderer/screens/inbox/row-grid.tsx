import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { useConsole } from '../../store/console.ts';

const ROW_PX = { comfortable: 76, compact: 66 } as const;

/**
 * The rows of a tab. Only what is in sight is in the document, plus the selected row, so that focus survives scrolling;
 * `aria-rowcount` says how many there are.
 */
export function RowGrid<T>(props: {
  readonly label: string;
  readonly items: readonly T[];
  readonly idOf: (item: T) => string;
  readonly selected: string | null;
  readonly row: (item: T, index: number) => ReactNode;
  readonly footer?: ReactNode;
}): ReactNode {
  const { items, idOf, selected } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const density = useConsole((state) => state.preferences.appearance.density);
  const at = items.findIndex((item) => idOf(item) === selected);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX[density],
    overscan: 6,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : idOf(item);
    },
    rangeExtractor: ({ startIndex, endIndex, overscan, count }) => {
      const from = Math.max(0, startIndex - overscan);
      const rows = Array.from({ length: Math.min(count, endIndex + overscan + 1) - from }, (_, index) => from + index);
      return at === -1 || rows.includes(at) ? rows : [...rows, at].sort((a, b) => a - b);
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are measured anew
  useEffect(() => virtual.measure(), [density]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another selection scrolls
  useEffect(() => {
    if (at !== -1) virtual.scrollToIndex(at, { align: 'auto' });
  }, [selected]);
  return (
    <div ref={scroller} className="min-h-0 flex-1 overflow-y-auto">
      {/* biome-ignore lint/a11y/useSemanticElements: a virtual list is no table */}
      <div
        role="grid"
        aria-label={props.label}
        aria-rowcount={items.length}
        data-testid="inbox.list"
        className="relative"
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map(({ index, key, start, size }) => {
          const item = items[index];
          if (item === undefined) return null;
          return (
            <div
              key={key}
              role="presentation"
              className="absolute inset-x-0 top-0"
              style={{ height: size, transform: `translateY(${start}px)` }}
            >
              {props.row(item, index)}
            </div>
          );
        })}
      </div>
      {props.footer}
    </div>
  );
}

import type { ReactNode } from 'react';
import { roughCost } from '../format/rough-cost.ts';

/** Part of a cap from which a budget is shown as close to its end: where its alert fires. */
const CLOSE = 0.8;

/** What was spent of a cap, as text and bar. Amounts in nano-USD; without a cap there is no bar. */
export function CostBar(props: {
  readonly spent: number;
  readonly cap: number | null;
  /** The amount as the place shows it, where that is more exact. */
  readonly children?: ReactNode;
}): ReactNode {
  const { spent, cap } = props;
  const share = cap === null || cap === 0 ? null : spent / cap;
  const tone = share === null ? '' : share >= 1 ? 'bg-over' : share >= CLOSE ? 'bg-pending' : 'bg-accent';
  return (
    <span className="flex min-w-0 flex-col gap-0.5">
      <span className="truncate">
        {props.children ?? roughCost(spent)}
        {cap === null ? null : <span className="text-muted"> / {roughCost(cap)}</span>}
      </span>
      {share === null ? null : (
        <span aria-hidden="true" className="block h-1 overflow-hidden rounded bg-hover forced-colors:border">
          <span
            className={`block h-full rounded ${tone} forced-colors:bg-[CanvasText]`}
            style={{ width: `${Math.min(100, share * 100)}%` }}
          />
        </span>
      )}
    </span>
  );
}

import type { ReactNode } from 'react';
import { showDuration } from '../../format/time.ts';
import type { TraceNode } from './trace.ts';
import type { TimeScale } from './waterfall.ts';

const TONES: Readonly<Record<TraceNode['kind'], string>> = {
  model: 'bg-running',
  tool: 'bg-control',
  gate: 'waiting-bar border border-pending',
  alert: 'bg-pending',
  refusal: 'bg-rejected',
  retry: 'bg-running opacity-60',
  artifact: 'bg-control',
  subagent: 'border border-control',
  retries: 'border border-control',
};

const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;

/** When a step ran, on the run's time axis; of a model call the time to its first byte is lighter. */
export function WaterfallBar(props: {
  readonly node: TraceNode;
  readonly scale: TimeScale;
  readonly now: number | null;
}): ReactNode {
  const { node, scale } = props;
  const end = Math.max(node.start, node.end ?? props.now ?? node.start);
  const from = scale.place(node.start);
  const to = scale.place(end);
  const firstByte = node.exchange?.first_byte_at ?? null;
  const waited = firstByte === null || end === node.start ? 0 : scale.place(Math.min(firstByte, end)) - from;
  const label = end > node.start ? showDuration(end - node.start) : '';
  const labelAfter = to < 0.8;
  return (
    <span className="relative block h-full">
      {scale.breaks.map((gap) => (
        <span
          key={gap.from}
          aria-hidden="true"
          className="absolute inset-y-0 border-x border-dashed border-line bg-bg"
          style={{ left: percent(gap.from), width: percent(gap.to - gap.from) }}
        />
      ))}
      <span
        aria-hidden="true"
        className={`absolute top-1/2 h-2.5 min-w-[3px] -translate-y-1/2 overflow-hidden rounded-[3px] ${TONES[node.kind]} forced-colors:bg-[CanvasText]`}
        style={{ left: percent(Math.min(from, 0.995)), width: percent(to - from) }}
      >
        {waited > 0 && to > from ? (
          <span className="block h-full bg-surface opacity-60" style={{ width: percent(waited / (to - from)) }} />
        ) : null}
      </span>
      <span
        className="absolute top-1/2 -translate-y-1/2 px-1.5 text-minimum whitespace-nowrap text-muted"
        style={labelAfter ? { left: percent(to) } : { right: percent(1 - from) }}
      >
        {label}
      </span>
    </span>
  );
}

/** The axis above the bars: the length of the whole, and where time is shortened. */
export function WaterfallAxis(props: {
  readonly scale: TimeScale;
  readonly from: number;
  readonly until: number;
}): ReactNode {
  return (
    <span className="relative block h-full text-minimum text-muted">
      <span className="absolute left-0 leading-7">0</span>
      {props.scale.breaks
        .filter((gap) => gap.from > 0.08 && gap.to < 0.85)
        .filter((gap, at, all) => at === 0 || gap.from - (all[at - 1]?.from ?? 0) > 0.14)
        .map((gap) => (
          <span
            key={gap.from}
            title={`${showDuration(gap.ms)} in which no call ran, drawn short`}
            className="absolute -translate-x-1/2 leading-7 whitespace-nowrap"
            style={{ left: percent((gap.from + gap.to) / 2) }}
          >
            ⋯ {showDuration(gap.ms)}
          </span>
        ))}
      <span className="absolute right-0 leading-7">{showDuration(props.until - props.from)}</span>
    </span>
  );
}

import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { showCount } from '../../format/amount.ts';
import { showDuration } from '../../format/time.ts';
import { showExact } from '../run/exact-cost.ts';

/** One figure of two runs side by side. */
export interface ComparedFigure {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  /** B against A: "+20 %", "−0.5×"; null where there is nothing to say. */
  readonly change: string | null;
}

const lasted = (run: RunRecord): number => (run.ended_at ?? run.last_activity_at) - run.started_at;

/** The figures of two runs, B against A. */
export function compareRuns(a: RunRecord, b: RunRecord): readonly ComparedFigure[] {
  const figure = (name: string, of: (run: RunRecord) => number, show: (value: number) => string): ComparedFigure => ({
    name,
    a: show(of(a)),
    b: show(of(b)),
    change: changeOf(of(a), of(b)),
  });
  return [
    figure('Cost', ({ spent_nano }) => spent_nano, showExact),
    figure('Duration', lasted, showDuration),
    figure('Calls', ({ exchanges }) => exchanges, showCount),
    figure('Tool calls', ({ tool_calls }) => tool_calls, showCount),
    figure('Steps', ({ steps }) => steps, showCount),
    figure('Gates', ({ gates }) => gates, showCount),
    figure('Input tokens', ({ input_tokens }) => input_tokens, showCount),
    figure('Output tokens', ({ output_tokens }) => output_tokens, showCount),
  ];
}

/** "+20 %" of A; from zero there is no percentage. */
export function changeOf(a: number, b: number): string | null {
  if (a === b) return 'the same';
  if (a === 0) return null;
  const percent = Math.round(((b - a) / a) * 100);
  if (percent === 0) return b > a ? '+<1 %' : '−<1 %';
  return percent > 0 ? `+${showCount(percent)} %` : `−${showCount(-percent)} %`;
}

import type { ReactNode } from 'react';
import { showCountdown, showFull } from '../../format/time.ts';
import { useNow } from '../../parts/use-now.ts';
import { urgencyOf } from './countdown.ts';

const TONES = {
  calm: 'text-muted',
  soon: 'font-semibold',
  last: 'rounded bg-pending px-1 font-semibold text-ink',
} as const;

/** A silent countdown: what it reaches is announced elsewhere. */
export function TimeLeft({ until, testId }: { readonly until: number; readonly testId: string }): ReactNode {
  const now = useNow();
  const left = until - now;
  return (
    <span
      role="timer"
      aria-live="off"
      title={`Expires ${showFull(until)}`}
      data-testid={testId}
      className={`whitespace-nowrap ${TONES[urgencyOf(left)]}`}
    >
      {left <= 0 ? 'expired' : showCountdown(left)}
    </span>
  );
}

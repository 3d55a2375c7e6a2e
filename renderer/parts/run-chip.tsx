import type { ReactNode } from 'react';
import type { RunRecord } from '../../proxy-core/contract/records.ts';
import { runState, StateChip } from './state-chip.tsx';
import { useNow } from './use-now.ts';

/** From then on an open run's next call may belong to another run (behaviour §2): it is no longer said to be running. */
const IDLE_MS = 15 * 60_000;

/** A run's state as a chip, in the words of its operator. */
export function RunChip({ run }: { readonly run: RunRecord }): ReactNode {
  const now = useNow();
  const state = runState(run);
  if (state === 'pending') return <StateChip state={state} label="Waiting" />;
  if (state === 'running' && now - run.last_activity_at > IDLE_MS) return <StateChip state={state} label="Idle" />;
  return <StateChip state={state} />;
}

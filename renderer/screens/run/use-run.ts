import { useCallback, useEffect, useRef, useState } from 'react';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import { call, coreNow, type OperationOutput, useConsole } from '../../store/console.ts';
import type { ConsoleState } from '../../store/console-state.ts';

/** A run as it was at `asOf`, epoch ms of the core. */
export type ShownRun = OperationOutput<'runs.show'> & { readonly asOf: number };

export interface RunView {
  readonly shown: ShownRun | null;
  readonly failure: Failure | null;
  /** Ask again now: after a command whose effect is not announced as a change of the run. */
  readonly reload: () => void;
}

const STEPS_AT_ONCE = 5000;
/** A run that changes all the time is asked for at most so often, and never for more than a fifth of the time. */
const EVERY_MS = 250;
const REST = 4;

interface Pace {
  busy: boolean;
  again: boolean;
  restUntil: number;
  timer: ReturnType<typeof setTimeout> | null;
}

/** A run with everything it consists of, kept up to date: later answers bring only the steps that are new. */
export function useRun(runId: string): RunView {
  const [shown, setShown] = useState<ShownRun | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const pace = useRef<Pace>({ busy: false, again: false, restUntil: 0, timer: null });
  const known = useRef<ShownRun | null>(null);
  const alive = useRef<boolean>(true);

  const load = useCallback(async (): Promise<void> => {
    const begin = performance.now();
    for (let more = true; more && alive.current; ) {
      const after = known.current?.steps.at(-1)?.step ?? 0;
      const reply = await call('runs.show', { run_id: runId, after_step: after, limit: STEPS_AT_ONCE });
      if (!alive.current) return;
      setFailure(reply.ok ? null : reply.failure);
      if (!reply.ok) break;
      const steps = [...(known.current?.steps ?? []), ...reply.value.steps];
      known.current = { ...reply.value, steps, asOf: coreNow() };
      setShown(known.current);
      more = reply.value.steps.length === STEPS_AT_ONCE;
    }
    const end = performance.now();
    pace.current.restUntil = end + Math.max(EVERY_MS, (end - begin) * REST);
  }, [runId]);

  const reload = useCallback(() => {
    const turn = pace.current;
    if (turn.busy || turn.timer !== null) {
      turn.again = turn.busy;
      return;
    }
    const go = (): void => {
      turn.timer = null;
      turn.busy = true;
      turn.again = false;
      void load().then(() => {
        turn.busy = false;
        if (turn.again && alive.current) reload();
      });
    };
    const wait = turn.restUntil - performance.now();
    if (wait <= 0) go();
    else turn.timer = setTimeout(go, wait);
  }, [load]);

  const changes = useConsole((state) => changesOf(state, runId));
  // biome-ignore lint/correctness/useExhaustiveDependencies: `changes` says that there is something to load
  useEffect(() => reload(), [reload, changes]);
  useEffect(() => {
    alive.current = true;
    const { current } = pace;
    return () => {
      alive.current = false;
      if (current.timer !== null) clearTimeout(current.timer);
      current.timer = null;
    };
  }, []);
  return { shown, failure, reload };
}

/** A text that differs whenever something of the run has changed. */
function changesOf({ changedRuns, gates, revision }: ConsoleState, runId: string): string {
  const own = [...gates.values()].filter(({ run_id }) => run_id === runId);
  const gateText = own.map(
    (gate) => `${gate.gate_id} ${gate.state} ${gate.retries} ${gate.expires_at} ${gate.released_at}`,
  );
  return [changedRuns.get(runId) ?? '', revision.grants, revision.budgets, ...gateText].join('|');
}

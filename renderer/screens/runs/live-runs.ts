import { call, useConsole } from '../../store/console.ts';
import { type AskRuns, createRunList, type Later } from './run-list.ts';

const ask: AskRuns = (question) => call('runs.list', question);
const later: Later = (milliseconds, work) => {
  const timer = setTimeout(work, milliseconds);
  return () => clearTimeout(timer);
};

/** The console's list of runs. It outlives the screen, so that the way back from a run leads to the same rows. */
export const runList = createRunList(ask, later);

/** Where the list was when its screen was left. */
export const kept = { query: null as string | null, scrollTop: 0, active: 0 };

let seen = 0;

/** Tell the list of every run that changes from now on, and of those that changed since it was last followed. */
export function followRuns(): () => void {
  const tell = (changed: ReadonlyMap<string, number>): void => {
    const ids = [...changed].filter(([, seq]) => seq > seen).map(([id]) => id);
    for (const [, seq] of changed) if (seq > seen) seen = seq;
    runList.changed(ids);
  };
  tell(useConsole.getState().changedRuns);
  return useConsole.subscribe((state, before) => {
    if (state.changedRuns === before.changedRuns) return;
    if (state.changedRuns.size > 0) return tell(state.changedRuns);
    // A new snapshot: sequences may have started again, and anything may have changed meanwhile.
    seen = 0;
    runList.renew();
  });
}

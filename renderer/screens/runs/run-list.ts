import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import type { RunFilter } from '../../../proxy-core/contract/operations/runs.ts';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import {
  EMPTY_WINDOW,
  firstPage,
  missingPages,
  PAGE_ROWS,
  type RunWindow,
  withChanged,
  withFresh,
  withPage,
} from './run-window.ts';

/** What a list asks of the core: `runs.list`. */
export type RunQuestion = RunFilter & {
  readonly ids?: string[];
  readonly as_of?: number;
  readonly offset?: number;
  readonly limit?: number;
};
export interface RunAnswer {
  readonly runs: readonly RunRecord[];
  readonly total: number;
  readonly as_of: number;
}
export type AskRuns = (question: RunQuestion) => Promise<Reply<RunAnswer>>;

/** What a screen shows of the list. `loading`: the answer to the current filter is not there yet. */
export interface RunListState {
  readonly window: RunWindow;
  readonly loading: boolean;
  readonly failure: Failure | null;
}

/** Runs some work after a while; returns how to call it off. */
export type Later = (milliseconds: number, work: () => void) => () => void;

/** A paged, live list of runs that is independent of how it is drawn. */
export interface RunList {
  readonly subscribe: (listener: () => void) => () => void;
  readonly current: () => RunListState;
  /** Show runs of a filter; the rows of the filter before stay until the answer is there. */
  find(filter: RunFilter): void;
  /** The same filter as of now, with what was new in its place. */
  renew(): void;
  /** Rows `first` to `last` are looked at. */
  look(first: number, last: number): void;
  /** These runs changed. */
  changed(runIds: readonly string[]): void;
  close(): void;
}

/** Changed runs are asked for at most four times a second. */
const CHANGES_EVERY_MS = 250;
/** Rows that fly past are not asked for. */
const LOOK_AFTER_MS = 40;
const IDS_AT_ONCE = 500;

export function createRunList(ask: AskRuns, later: Later): RunList {
  const listeners = new Set<() => void>();
  let state: RunListState = { window: EMPTY_WINDOW, loading: true, failure: null };
  let filter: RunFilter = {};
  let turn = 0;
  let asked = new Set<number>();
  let looked: readonly [number, number] = [0, 0];
  let stopLook: (() => void) | null = null;
  let stopChanges: (() => void) | null = null;
  let changedIds = new Set<string>();
  let busy = false;

  const publish = (next: Partial<RunListState>): void => {
    state = { ...state, ...next };
    for (const listener of listeners) listener();
  };

  const renew = (): void => {
    turn += 1;
    const mine = turn;
    asked = new Set([0]);
    publish({ loading: true });
    void ask({ ...filter, offset: 0, limit: PAGE_ROWS }).then((reply) => {
      if (mine !== turn) return;
      if (!reply.ok) return publish({ loading: false, failure: reply.failure });
      const { runs, total, as_of } = reply.value;
      publish({ window: firstPage(runs, total, as_of), loading: false, failure: null });
      loadLooked();
    });
  };

  const loadLooked = (): void => {
    stopLook = null;
    const { window } = state;
    if (window.asOf === null || state.loading) return;
    for (const page of missingPages(window, looked[0], looked[1], asked)) loadPage(page, window.asOf);
  };

  const loadPage = (page: number, asOf: number): void => {
    const mine = turn;
    asked.add(page);
    void ask({ ...filter, as_of: asOf, offset: page * PAGE_ROWS, limit: PAGE_ROWS }).then((reply) => {
      if (mine !== turn) return;
      if (!reply.ok) {
        asked.delete(page);
        return publish({ failure: reply.failure });
      }
      publish({ window: withPage(state.window, page, reply.value.runs, reply.value.total), failure: null });
    });
  };

  const loadChanges = async (): Promise<void> => {
    stopChanges = null;
    if (busy || state.loading) return waitForChanges();
    const mine = turn;
    const ids = [...changedIds].slice(0, IDS_AT_ONCE);
    changedIds = new Set([...changedIds].slice(IDS_AT_ONCE));
    busy = true;
    await Promise.all([loadKnown(ids, mine), loadUnknown(ids, mine)]);
    busy = false;
    if (changedIds.size > 0) waitForChanges();
  };

  const loadKnown = async (ids: readonly string[], mine: number): Promise<void> => {
    const known = ids.filter((id) => state.window.places.has(id));
    if (known.length === 0) return;
    const reply = await ask({ ids: known, limit: known.length });
    if (reply.ok && mine === turn) publish({ window: withChanged(state.window, reply.value.runs) });
  };

  const loadUnknown = async (ids: readonly string[], mine: number): Promise<void> => {
    const unknown = ids.filter((id) => !state.window.places.has(id) && !state.window.fresh.has(id));
    if (unknown.length === 0) return;
    const reply = await ask({ ...filter, ids: unknown, limit: unknown.length });
    if (!reply.ok || mine !== turn) return;
    const window = withFresh(state.window, reply.value.runs);
    // Nothing stands in an empty list that could be moved.
    if (window.total === 0 && window.fresh.size > 0) renew();
    else publish({ window });
  };

  const waitForChanges = (): void => {
    stopChanges ??= later(CHANGES_EVERY_MS, () => void loadChanges());
  };

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    current: () => state,
    find(next) {
      filter = next;
      renew();
    },
    renew,
    look(first, last) {
      looked = [first, last];
      stopLook ??= later(LOOK_AFTER_MS, loadLooked);
    },
    changed(runIds) {
      for (const id of runIds) changedIds.add(id);
      if (changedIds.size > 0) waitForChanges();
    },
    close() {
      turn += 1;
      stopLook?.();
      stopChanges?.();
    },
  };
}

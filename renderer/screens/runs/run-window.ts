import type { RunRecord } from '../../../proxy-core/contract/records.ts';

/**
 * What the list of runs holds: a frozen order (`asOf`) of which pages are known where they were looked at. Rows keep
 * their place while they change; what started later waits in `fresh` until a person asks for it.
 */
export interface RunWindow {
  /** The instant the order is frozen at, epoch ms; null before the first answer. */
  readonly asOf: number | null;
  readonly total: number;
  readonly pages: ReadonlyMap<number, readonly RunRecord[]>;
  /** Page of each known run. */
  readonly places: ReadonlyMap<string, number>;
  /** Runs that belong to the list and are not in its order. */
  readonly fresh: ReadonlySet<string>;
}

/** Rows per page: one answer of the core. */
export const PAGE_ROWS = 100;

export const EMPTY_WINDOW: RunWindow = { asOf: null, total: 0, pages: new Map(), places: new Map(), fresh: new Set() };

/** The run in a row, from 0; null where its page is not known. */
export const rowAt = ({ pages }: RunWindow, row: number): RunRecord | null =>
  pages.get(Math.floor(row / PAGE_ROWS))?.[row % PAGE_ROWS] ?? null;

/** The row of a run, or null. */
export function rowOf(window: RunWindow, runId: string): number | null {
  const page = window.places.get(runId);
  if (page === undefined) return null;
  const at = (window.pages.get(page) ?? []).findIndex(({ run_id }) => run_id === runId);
  return at === -1 ? null : page * PAGE_ROWS + at;
}

/** Pages that rows `first` to `last` need and that are neither known nor asked for. */
export function missingPages(
  { pages, total }: RunWindow,
  first: number,
  last: number,
  asked: ReadonlySet<number>,
): readonly number[] {
  const end = Math.min(last, total - 1);
  const missing: number[] = [];
  for (let page = Math.floor(Math.max(0, first) / PAGE_ROWS); page * PAGE_ROWS <= end; page += 1)
    if (!pages.has(page) && !asked.has(page)) missing.push(page);
  return missing;
}

/** The list of an answer to its first page. */
export const firstPage = (runs: readonly RunRecord[], total: number, asOf: number): RunWindow =>
  withPage({ ...EMPTY_WINDOW, asOf }, 0, runs, total);

/** The list with one page more. */
export function withPage(window: RunWindow, page: number, runs: readonly RunRecord[], total: number): RunWindow {
  const pages = new Map(window.pages).set(page, runs);
  const places = new Map(window.places);
  for (const { run_id } of runs) places.set(run_id, page);
  return { ...window, total, pages, places };
}

/** The list with newer records of runs that it knows; nothing moves. */
export function withChanged(window: RunWindow, runs: readonly RunRecord[]): RunWindow {
  const newer = new Map(runs.filter(({ run_id }) => window.places.has(run_id)).map((run) => [run.run_id, run]));
  if (newer.size === 0) return window;
  const touched = new Set([...newer.keys()].map((runId) => window.places.get(runId)));
  const pages = new Map(window.pages);
  for (const [page, rows] of window.pages)
    if (touched.has(page))
      pages.set(
        page,
        rows.map((row) => newer.get(row.run_id) ?? row),
      );
  return { ...window, pages };
}

/** The list with runs noted that match its filter and are not in its order: begun since, or changed to match. */
export function withFresh(window: RunWindow, matching: readonly RunRecord[]): RunWindow {
  const { asOf, total, places } = window;
  const whole = places.size >= total;
  const added = matching.filter(
    ({ run_id, started_at }) => !places.has(run_id) && !window.fresh.has(run_id) && (whole || started_at > (asOf ?? 0)),
  );
  if (added.length === 0) return window;
  return { ...window, fresh: new Set([...window.fresh, ...added.map(({ run_id }) => run_id)]) };
}

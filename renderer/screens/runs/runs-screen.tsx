import { Download, Plug } from 'lucide-react';
import {
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { parseRunQuery } from '../../../proxy-core/contract/run-query.ts';
import { showCount } from '../../format/amount.ts';
import { useCommands } from '../../keyboard/use-commands.ts';
import { Button } from '../../parts/button.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { Menu } from '../../parts/menu.tsx';
import type { Route } from '../../route.ts';
import { announce } from '../../store/announcer.ts';
import { call, coreNow, useConsole } from '../../store/console.ts';
import { navigate } from '../../store/navigation.ts';
import { ExportItems } from '../exports/export-items.tsx';
import { followRuns, kept, runList } from './live-runs.ts';
import { QueryBar } from './query-bar.tsx';
import { type Facets, NO_FACETS } from './query-draft.ts';
import { RowMenu } from './row-menu.tsx';
import { type GridHandle, RunGrid } from './run-grid.tsx';
import type { RunListState } from './run-list.ts';
import type { RowActions } from './run-row.tsx';
import { rowAt } from './run-window.ts';
import { type RunsDialog, RunsDialogs } from './runs-dialogs.tsx';
import { ChosenRun, NewRuns, NoRuns, NothingFound, useSlow } from './runs-notices.tsx';
import { ViewsMenu } from './views-menu.tsx';

const ICON = { size: 14, strokeWidth: 1.5, 'aria-hidden': true } as const;

/** All runs: find them, watch them, act on them. */
export function RunsScreen({ route }: { readonly route: Extract<Route, { screen: 'runs' }> }): ReactNode {
  const { query } = route;
  const state = useSyncExternalStore(runList.subscribe, runList.current);
  const [dialog, setDialog] = useState<RunsDialog | null>(null);
  const grid = useRef<GridHandle | null>(null);
  useEffect(() => {
    if (kept.query === query) return;
    kept.query = query;
    kept.scrollTop = 0;
    runList.find(parseRunQuery(query, coreNow()).filter);
    grid.current?.toTop();
  }, [query]);
  useEffect(followRuns, []);
  return (
    <div className="flex h-full flex-col" data-testid="runs.screen">
      <Toolbar query={query} state={state} onDialog={setDialog} onLeave={() => grid.current?.focus()} />
      <List query={query} state={state} grid={grid} onDialog={setDialog} />
      <RunsDialogs
        dialog={dialog}
        onClose={() => {
          setDialog(null);
          grid.current?.focus();
        }}
      />
    </div>
  );
}

const toQuery = (query: string): void => navigate({ screen: 'runs', query }, { replace: true });
const openRun = (run: RunRecord): void => navigate({ screen: 'run', runId: run.run_id, step: null, tab: null });

function Toolbar(props: {
  readonly query: string;
  readonly state: RunListState;
  readonly onDialog: (dialog: RunsDialog) => void;
  readonly onLeave: () => void;
}): ReactNode {
  const { query, state, onDialog } = props;
  const [facets, loadFacets] = useFacets();
  return (
    <div className="flex flex-wrap items-start gap-2 border-b border-line bg-surface px-4 py-2">
      <h1 className="flex h-8 items-center gap-2 text-section font-semibold">
        Runs
        <span className="text-small font-normal whitespace-nowrap text-muted" data-testid="runs.total">
          {state.window.asOf === null ? '' : showCount(state.window.total)}
        </span>
      </h1>
      <QueryBar query={query} facets={facets} onQuery={toQuery} onFocus={loadFacets} onLeave={props.onLeave} />
      <div className="flex h-8 items-center gap-2">
        <ViewsMenu query={query} onQuery={toQuery} />
        <Menu
          label="Export a time range"
          trigger={
            <Button data-testid="runs.export" aria-label="Export a time range" title="Export a time range">
              <Download {...ICON} />
            </Button>
          }
        >
          <ExportItems testId="runs.export" onExport={(format) => onDialog({ kind: 'export-range', format })} />
        </Menu>
        <Button icon={<Plug {...ICON} />} onClick={() => onDialog({ kind: 'connect' })} data-testid="runs.connect">
          Connect
        </Button>
      </div>
    </div>
  );
}

/** Values that occur, asked for when the bar is first written in. */
function useFacets(): readonly [Facets, () => void] {
  const [facets, setFacets] = useState(NO_FACETS);
  const load = useCallback(() => {
    void call('runs.facets', {}).then((reply) => {
      if (reply.ok) setFacets(reply.value);
    });
  }, []);
  return [facets, load];
}

function List(props: {
  readonly query: string;
  readonly state: RunListState;
  readonly grid: RefObject<GridHandle | null>;
  readonly onDialog: (dialog: RunsDialog) => void;
}): ReactNode {
  const { query, state, grid, onDialog } = props;
  const { window: list, loading, failure } = state;
  const density = useConsole(({ preferences }) => preferences.appearance.density);
  const slow = useSlow(loading);
  const { chosen, choose, clear } = useComparison(onDialog);
  const selected = useMemo(() => new Set(chosen === null ? [] : [chosen]), [chosen]);
  const { active, setActive, menuRow, actions } = useRows(query, list.total, grid, chosen, choose, onDialog);
  const renew = (): void => {
    runList.renew();
    grid.current?.toTop();
  };
  const none = list.asOf !== null && list.total === 0;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      {failure === null ? null : (
        <FailureNote message={failure.message} onRetry={runList.renew} testId="runs.failure" />
      )}
      {slow && !none ? (
        <p
          role="status"
          className="absolute top-9 right-6 z-20 rounded border border-line bg-surface px-2 py-0.5 text-small text-muted"
        >
          Finding…
        </p>
      ) : null}
      {list.fresh.size === 0 ? null : <NewRuns count={list.fresh.size} onShow={renew} />}
      {list.asOf === null && failure === null && slow ? <Loading what="runs" /> : null}
      {none && !loading ? (
        query.trim() === '' ? (
          <NoRuns onConnect={() => onDialog({ kind: 'connect' })} />
        ) : (
          <NothingFound query={query} onClear={() => toQuery('')} />
        )
      ) : null}
      {list.total === 0 ? null : (
        <RunGrid
          ref={grid}
          window={list}
          busy={loading}
          density={density}
          active={active}
          onActive={setActive}
          selected={selected}
          onSelect={(row) => {
            const run = rowAt(list, row);
            if (run !== null) choose(run.run_id);
          }}
          menuRow={menuRow}
          actions={actions}
          onLook={runList.look}
        />
      )}
      {chosen === null ? null : <ChosenRun runId={chosen} onClear={clear} />}
    </div>
  );
}

/** Choosing two runs, one after the other. */
function useComparison(onDialog: (dialog: RunsDialog) => void) {
  const [chosen, setChosen] = useState<string | null>(null);
  const choose = useCallback(
    (runId: string) => {
      if (chosen === runId) return setChosen(null);
      if (chosen !== null) {
        onDialog({ kind: 'compare', a: chosen, b: runId });
        return setChosen(null);
      }
      setChosen(runId);
      announce('Chosen to compare. Choose another run.');
    },
    [chosen, onDialog],
  );
  const clear = useCallback(() => setChosen(null), []);
  return { chosen, choose, clear };
}

/** Which row is active, which row's menu is open, and what rows and keys do. */
function useRows(
  query: string,
  total: number,
  grid: RefObject<GridHandle | null>,
  chosen: string | null,
  choose: (runId: string) => void,
  onDialog: (dialog: RunsDialog) => void,
) {
  const [active, setActive] = useState(() => (kept.query === query ? kept.active : 0));
  const [menuRow, setMenuRow] = useState<number | null>(null);
  useEffect(() => {
    kept.active = active;
  }, [active]);
  const closeMenu = useCallback(() => {
    setMenuRow(null);
    grid.current?.focus();
  }, [grid]);
  const actions = useMemo<RowActions>(
    () => ({
      open: openRun,
      activate: setActive,
      menu: (row) => {
        setActive(row);
        setMenuRow(row);
      },
      renderMenu: (run, trigger) => (
        <RowMenu
          run={run}
          trigger={trigger}
          compareLabel={
            chosen === null ? 'Compare with…' : chosen === run.run_id ? 'Do not compare' : 'Compare with the chosen run'
          }
          onClose={closeMenu}
          onOpen={() => openRun(run)}
          onStop={() => onDialog({ kind: 'stop', run })}
          onExport={(format) => onDialog({ kind: 'export', run, format })}
          onCompare={() => choose(run.run_id)}
        />
      ),
    }),
    [chosen, choose, closeMenu, onDialog],
  );
  const commands = useMemo(
    () => ({
      'move.next': () => grid.current?.reach(active + 1),
      'move.previous': () => grid.current?.reach(active - 1),
      'move.open': () => {
        const run = active < total ? rowAt(runList.current().window, active) : null;
        if (run === null) return false;
        openRun(run);
        return true;
      },
    }),
    [active, total, grid],
  );
  useCommands(commands);
  return { active: Math.min(active, Math.max(0, total - 1)), setActive, menuRow, actions };
}

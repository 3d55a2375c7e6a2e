import { type ReactNode, useMemo, useRef, useState } from 'react';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { showDuration, showInstant } from '../../format/time.ts';
import { type CommandActions, useCommands } from '../../keyboard/use-commands.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { StateChip } from '../../parts/state-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { navigate } from '../../store/navigation.ts';
import { GatePane } from './gate-pane.tsx';
import { FilteredEmpty, InboxFrame } from './inbox-frame.tsx';
import type { InboxRoute } from './inbox-screen.tsx';
import { showPane } from './inbox-store.ts';
import { neighbour } from './order.ts';
import { resolverOf } from './phase.ts';
import { Cell, RowFrame, Target } from './row-frame.tsx';
import { RowGrid } from './row-grid.tsx';
import { matchesSearch } from './subject.ts';
import { type HistoryState, useHistory } from './use-history.ts';

const STATES = [
  ['all', 'All'],
  ['approved', 'Approved'],
  ['rejected', 'Rejected'],
  ['expired', 'Expired'],
  ['cancelled', 'Cancelled'],
] as const satisfies readonly (readonly [HistoryState, string])[];

/** Gates that are decided or over: who, when, how, how fast and why. */
export function HistoryInbox({ route }: { readonly route: InboxRoute }): ReactNode {
  const root = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState('');
  const [state, setState] = useState<HistoryState>('all');
  const history = useHistory(state, search);
  const gates = history.gates?.filter((gate) => matchesSearch(gate, search)) ?? null;
  const open = (gateId: string, replace: boolean): void =>
    navigate({ screen: 'inbox', tab: 'history', gateId }, { replace });
  const latest = useRef({ gates, selected: route.gateId });
  latest.current = { gates, selected: route.gateId };
  const actions = useMemo<CommandActions>(() => {
    const move = (by: 1 | -1): void => {
      const { gates: shown, selected } = latest.current;
      const ids = (shown ?? []).map(({ gate_id }) => gate_id);
      const to = neighbour(ids, selected, by);
      if (to === null) return;
      navigate({ screen: 'inbox', tab: 'history', gateId: to }, { replace: true });
      requestAnimationFrame(() => root.current?.querySelector<HTMLElement>(`[data-gate="${CSS.escape(to)}"]`)?.focus());
    };
    return {
      'move.next': () => move(1),
      'move.previous': () => move(-1),
      'move.open': () => {
        showPane('gate');
        requestAnimationFrame(() => root.current?.querySelector<HTMLElement>('[data-testid="inbox.gate"]')?.focus());
      },
      search: () => root.current?.querySelector<HTMLInputElement>('[data-testid="inbox.search"]')?.focus(),
    };
  }, []);
  useCommands(actions);
  return (
    <InboxFrame
      frameRef={root}
      tab="history"
      search={search}
      onSearch={setSearch}
      gateOpen={route.gateId !== null}
      filter={<StateFilter state={state} onState={setState} />}
      list={
        <HistoryList
          gates={gates}
          history={history}
          selected={route.gateId}
          onOpen={(gateId) => open(gateId, false)}
          onClear={() => {
            setSearch('');
            setState('all');
          }}
          filtered={search !== '' || state !== 'all'}
        />
      }
      gate={
        <GatePane gateId={route.gateId} onDecided={() => undefined} empty="Choose a gate to see what became of it." />
      }
    />
  );
}

function StateFilter(props: {
  readonly state: HistoryState;
  readonly onState: (state: HistoryState) => void;
}): ReactNode {
  return (
    <select
      aria-label="Show"
      value={props.state}
      data-testid="inbox.history-filter"
      onChange={(event) => {
        const chosen = STATES.find(([state]) => state === event.target.value);
        if (chosen !== undefined) props.onState(chosen[0]);
      }}
      className="h-8 rounded border border-control bg-surface px-2"
    >
      {STATES.map(([state, label]) => (
        <option key={state} value={state}>
          {label}
        </option>
      ))}
    </select>
  );
}

function HistoryList(props: {
  readonly gates: readonly GateRecord[] | null;
  readonly history: ReturnType<typeof useHistory>;
  readonly selected: string | null;
  readonly onOpen: (gateId: string) => void;
  readonly onClear: () => void;
  readonly filtered: boolean;
}): ReactNode {
  const { gates, history, selected } = props;
  if (history.failure !== null && gates === null) {
    return <FailureNote message={history.failure.message} onRetry={history.reload} testId="inbox.history-failure" />;
  }
  if (gates === null) return <Loading what="the history" />;
  if (gates.length === 0 && !history.more) {
    return props.filtered ? (
      <FilteredEmpty onClear={props.onClear} />
    ) : (
      <EmptyState title="No gate has been decided yet" testId="inbox.empty" />
    );
  }
  return (
    <RowGrid
      label="Decided gates"
      items={gates}
      idOf={(gate) => gate.gate_id}
      selected={selected}
      row={(gate, index) => (
        <HistoryRow
          gate={gate}
          index={index}
          selected={gate.gate_id === selected}
          onOpen={() => props.onOpen(gate.gate_id)}
        />
      )}
      footer={
        history.more ? (
          <div className="flex justify-center p-2">
            <Button onClick={history.loadMore} disabled={history.loading} data-testid="inbox.history-more">
              {history.loading ? 'Loading…' : 'Show older'}
            </Button>
          </div>
        ) : null
      }
    />
  );
}

function HistoryRow(props: {
  readonly gate: GateRecord;
  readonly index: number;
  readonly selected: boolean;
  readonly onOpen: () => void;
}): ReactNode {
  const { gate } = props;
  const now = useNow();
  const at = gate.decided_at ?? gate.expires_at;
  const latency = gate.decided_at === null ? null : showDuration(gate.decided_at - gate.created_at);
  return (
    <RowFrame {...props} gateId={gate.gate_id}>
      <Cell className="flex min-w-0 flex-1 flex-col gap-0.5">
        <div className="flex items-center justify-between gap-2">
          <span className="truncate font-semibold">
            <VisibleText text={gate.agent} breaks={false} />
          </span>
          <StateChip state={gate.state} />
        </div>
        <Target entry={{ gate }} />
        <div className="truncate text-muted text-small" data-testid="inbox.history-who">
          <VisibleText
            text={[resolverOf(gate) ?? showInstant(at, now), latency === null ? null : `after ${latency}`, gate.reason]
              .filter(Boolean)
              .join(' · ')}
            breaks={false}
          />
        </div>
      </Cell>
    </RowFrame>
  );
}

import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { type CommandActions, useCommands } from '../../keyboard/use-commands.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import type { Route } from '../../route.ts';
import { announce } from '../../store/announcer.ts';
import { coreNow, useConsole } from '../../store/console.ts';
import { navigate } from '../../store/navigation.ts';
import { BulkBar } from './bulk-bar.tsx';
import { undo, undoable } from './decisions.ts';
import { EmptyInbox } from './empty-inbox.tsx';
import { GatePane } from './gate-pane.tsx';
import { GateRow } from './gate-row.tsx';
import { HistoryInbox } from './history-inbox.tsx';
import { FilteredEmpty, InboxFrame } from './inbox-frame.tsx';
import { choose, showPane, toggleChosen, useInboxStore } from './inbox-store.ts';
import { neighbour, nextWaiting } from './order.ts';
import { isDecidable } from './phase.ts';
import { RowGrid } from './row-grid.tsx';
import { useAnnouncements } from './use-announcements.ts';
import { useEngaged } from './use-engaged.ts';
import { type GateList, useGateList } from './use-gate-list.ts';

export type InboxRoute = Extract<Route, { readonly screen: 'inbox' }>;

/** The inbox: gates that wait for a decision, those put off, and those decided, with everything needed to decide one. */
export function InboxScreen({ route }: { readonly route: InboxRoute }): ReactNode {
  useAnnouncements();
  if (route.tab === 'history') return <HistoryInbox route={route} />;
  return <WaitingInbox key={route.tab} route={route} tab={route.tab} />;
}

function WaitingInbox({ route, tab }: { readonly route: InboxRoute; readonly tab: 'pending' | 'snoozed' }): ReactNode {
  const root = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState('');
  const engaged = useEngaged(root);
  const list = useGateList(tab, engaged, search);
  const selected = route.gateId;
  const open = (gateId: string | null, replace = true): void => navigate({ screen: 'inbox', tab, gateId }, { replace });
  const first = list.ids[0] ?? null;
  // Only an empty pane is filled: what is open is never replaced by what arrives.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `open` is made anew on every render
  useEffect(() => {
    if (selected === null && first !== null) open(first);
  }, [selected, first]);
  const decided = (gateId: string, verdict: string): void => {
    const next = nextWaiting(list.ids, gateId, (id) => stillWaits(id));
    announce(`${verdict}.${next === null ? ' No other gate is shown.' : ' Next gate.'}`);
    if (next !== null) open(next);
    focusGatePane(root.current);
  };
  useInboxCommands(list, selected, root, open);
  return (
    <InboxFrame
      frameRef={root}
      tab={tab}
      search={search}
      onSearch={setSearch}
      gateOpen={selected !== null}
      arrived={list.arrived}
      onRefresh={list.refresh}
      list={
        <WaitingList
          list={list}
          tab={tab}
          search={search}
          selected={selected}
          onOpen={(gateId) => open(gateId, false)}
          onClear={() => setSearch('')}
        />
      }
      footer={<BulkBar />}
      gate={
        selected === null && list.total === 0 ? null : (
          <GatePane gateId={selected} onDecided={decided} empty="Choose a gate to see what it asks for." />
        )
      }
    />
  );
}

function WaitingList(props: {
  readonly list: GateList;
  readonly tab: 'pending' | 'snoozed';
  readonly search: string;
  readonly selected: string | null;
  readonly onOpen: (gateId: string) => void;
  readonly onClear: () => void;
}): ReactNode {
  const { list, tab, selected, onOpen } = props;
  if (list.total > 0 && list.entries.length === 0) return <FilteredEmpty onClear={props.onClear} />;
  if (list.total === 0) {
    return tab === 'pending' ? <EmptyInbox /> : <EmptyState title="Nothing is snoozed" testId="inbox.empty" />;
  }
  return (
    <RowGrid
      label={tab === 'pending' ? 'Gates waiting for a decision' : 'Snoozed gates'}
      items={list.entries}
      idOf={({ gate }) => gate.gate_id}
      selected={selected}
      row={(entry, index) => (
        <GateRow
          entry={entry}
          index={index}
          selected={entry.gate.gate_id === selected}
          onOpen={() => onOpen(entry.gate.gate_id)}
          onChoose={() => toggleChosen(entry.gate.gate_id)}
        />
      )}
    />
  );
}

/** Whether a gate still asks for a decision, as far as this window knows. */
function stillWaits(gateId: string): boolean {
  const gate = useConsole.getState().gates.get(gateId);
  const { busy } = useInboxStore.getState();
  return gate !== undefined && isDecidable(gate, coreNow()) && !busy.has(gateId);
}

function useInboxCommands(
  list: GateList,
  selected: string | null,
  root: React.RefObject<HTMLDivElement | null>,
  open: (gateId: string | null) => void,
): void {
  const latest = useRef({ list, selected, open });
  latest.current = { list, selected, open };
  const actions = useMemo<CommandActions>(() => {
    const move = (by: 1 | -1): void => {
      const { list: shown, selected: from, open: show } = latest.current;
      const to = neighbour(shown.ids, from, by);
      if (to === null) return;
      show(to);
      focusRow(root.current, to);
    };
    return {
      'move.next': () => move(1),
      'move.previous': () => move(-1),
      'move.open': () => focusGatePane(root.current),
      'gate.select': () => {
        const { selected: gateId } = latest.current;
        return gateId === null ? false : toggleChosen(gateId);
      },
      'gate.select-like': () => chooseLike(latest.current.selected, latest.current.list),
      'gate.undo': () => {
        const [last] = undoable(useConsole.getState().gates.values(), coreNow());
        return last === undefined ? false : void undo(last.gate_id);
      },
      search: () => root.current?.querySelector<HTMLInputElement>('[data-testid="inbox.search"]')?.focus(),
    };
  }, [root]);
  useCommands(actions);
}

/** Choose every waiting gate of the same rule and tool. */
function chooseLike(gateId: string | null, list: GateList): boolean {
  const gate = gateId === null ? undefined : useConsole.getState().gates.get(gateId);
  if (gate === undefined) return false;
  const tool = gate.proposed_actions[0]?.tool;
  const alike = list.entries.filter(
    (entry) =>
      entry.gate.rule === gate.rule &&
      entry.gate.policy === gate.policy &&
      entry.gate.proposed_actions[0]?.tool === tool &&
      isDecidable(entry.gate, coreNow()),
  );
  choose(alike.map((entry) => entry.gate.gate_id));
  announce(`${alike.length} gates chosen`);
  return true;
}

/** Move the focus with the selection, unless a person reads in the gate pane. */
function focusRow(root: HTMLElement | null, gateId: string): void {
  const inGate = document.activeElement?.closest('[data-testid="inbox.gate"]') ?? null;
  if (inGate !== null) focusGatePane(root);
  else requestAnimationFrame(() => root?.querySelector<HTMLElement>(`[data-gate="${CSS.escape(gateId)}"]`)?.focus());
}

/** On a narrow page the gate takes the place of the list first. */
function focusGatePane(root: HTMLElement | null): void {
  showPane('gate');
  requestAnimationFrame(() => root?.querySelector<HTMLElement>('[data-testid="inbox.gate"]')?.focus());
}

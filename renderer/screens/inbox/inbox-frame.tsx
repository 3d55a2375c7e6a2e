import { ArrowLeft, Search } from 'lucide-react';
import { type ReactNode, type Ref, useLayoutEffect } from 'react';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useConsole } from '../../store/console.ts';
import { navigate } from '../../store/navigation.ts';
import { GrantsChip } from './grants-chip.tsx';
import type { InboxRoute } from './inbox-screen.tsx';
import { showPane, useInboxStore } from './inbox-store.ts';
import { isDecidable } from './phase.ts';
import { UndoDock } from './undo-dock.tsx';

/** The panes of every tab: list and gate; on a narrow page one of them at a time. */
export function InboxFrame(props: {
  readonly frameRef: Ref<HTMLDivElement>;
  readonly tab: InboxRoute['tab'];
  readonly search: string;
  readonly onSearch: (text: string) => void;
  readonly gateOpen: boolean;
  readonly arrived?: number;
  readonly onRefresh?: () => void;
  readonly filter?: ReactNode;
  readonly list: ReactNode;
  readonly footer?: ReactNode;
  /** Null: there is nothing to open, and the list has the whole width. */
  readonly gate: ReactNode | null;
}): ReactNode {
  const pane = useInboxStore((state) => state.pane);
  // biome-ignore lint/correctness/useExhaustiveDependencies: later on the person says which pane is shown
  useLayoutEffect(() => showPane(props.gateOpen ? 'gate' : 'list'), []);
  return (
    <div ref={props.frameRef} className="@container h-full" data-testid="inbox.screen">
      <h1 className="sr-only">Inbox</h1>
      <div
        data-pane={pane}
        className={`group/inbox grid h-full grid-rows-[minmax(0,1fr)_auto] @max-[680px]:grid-cols-[minmax(0,1fr)] ${props.gate === null ? 'grid-cols-[minmax(0,1fr)]' : 'grid-cols-[320px_minmax(0,1fr)]'}`}
      >
        {/* biome-ignore lint/a11y/noStaticElementInteractions: only notes that a row was opened */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter opens by command */}
        <div
          className="flex min-h-0 flex-col border-line border-r bg-surface @max-[680px]:border-r-0 @max-[680px]:group-data-[pane=gate]/inbox:hidden"
          onClick={(event) => {
            if (event.target instanceof Element && event.target.closest('[role=row]') !== null) showPane('gate');
          }}
        >
          <ListHeader {...props} />
          {props.list}
          {props.footer}
        </div>
        {props.gate === null ? null : (
          <div className="row-span-2 flex min-h-0 min-w-0 flex-col @max-[680px]:row-span-1 @max-[680px]:group-data-[pane=list]/inbox:hidden">
            <div className="hidden p-1 @max-[680px]:block">
              <Button
                look="quiet"
                icon={<ArrowLeft size={14} aria-hidden="true" />}
                data-testid="inbox.back"
                onClick={() => showPane('list')}
              >
                All gates
              </Button>
            </div>
            {props.gate}
          </div>
        )}
        <UndoDock />
      </div>
    </div>
  );
}

const TABS = [
  ['pending', 'Pending'],
  ['snoozed', 'Snoozed'],
  ['history', 'History'],
] as const;

function ListHeader(props: Parameters<typeof InboxFrame>[0]): ReactNode {
  const counts = useCounts();
  return (
    <div className={`flex flex-col gap-2 border-line border-b p-2 ${props.gate === null ? '*:max-w-[304px]' : ''}`}>
      <div className="flex items-center gap-1">
        <nav aria-label="Inbox" className="flex gap-0.5">
          {TABS.map(([tab, label]) => (
            <button
              key={tab}
              type="button"
              aria-current={props.tab === tab ? 'page' : undefined}
              data-testid={`inbox.tab-${tab}`}
              onClick={() => navigate({ screen: 'inbox', tab, gateId: null })}
              className={`min-h-7 whitespace-nowrap rounded px-1.5 ${props.tab === tab ? 'bg-hover font-semibold' : 'text-muted hover:bg-hover hover:text-text'}`}
            >
              {label}
              {tab === 'history' || counts[tab] === 0 ? null : (
                <span className="ml-1 text-muted text-small">{counts[tab]}</span>
              )}
            </button>
          ))}
        </nav>
        <GrantsChip />
      </div>
      <SearchField text={props.search} onText={props.onSearch} />
      {props.filter}
      {props.arrived === undefined || props.arrived === 0 ? null : (
        <button
          type="button"
          data-testid="inbox.arrived"
          onClick={props.onRefresh}
          className="min-h-7 rounded bg-accent px-3 text-on-accent text-small hover:opacity-90"
        >
          {props.arrived} new
        </button>
      )}
    </div>
  );
}

function useCounts(): Readonly<Record<'pending' | 'snoozed', number>> {
  const gates = useConsole((state) => state.gates);
  const snoozed = useConsole((state) => state.snoozed);
  const now = useNow();
  const waiting = [...gates.values()].filter((gate) => isDecidable(gate, now));
  const hidden = waiting.filter(({ gate_id }) => (snoozed.get(gate_id) ?? 0) > now).length;
  return { pending: waiting.length - hidden, snoozed: hidden };
}

function SearchField({ text, onText }: { readonly text: string; readonly onText: (text: string) => void }): ReactNode {
  return (
    <div className="relative">
      <Search size={14} aria-hidden="true" className="absolute top-[9px] left-2 text-muted" />
      <input
        type="search"
        value={text}
        placeholder="Search agent, command, rule, run"
        aria-label="Search gates"
        aria-keyshortcuts="/"
        data-testid="inbox.search"
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          onText('');
          event.currentTarget.blur();
        }}
        className="h-8 w-full rounded border border-control bg-surface pr-2 pl-7"
      />
    </div>
  );
}

/** A search or filter that finds nothing. */
export function FilteredEmpty({ onClear }: { readonly onClear: () => void }): ReactNode {
  return (
    <EmptyState title="No gate fits the search" testId="inbox.filtered-empty">
      <Button onClick={onClear} data-testid="inbox.clear">
        Clear
      </Button>
    </EmptyState>
  );
}

import { ChartGantt, ListTree } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { showCount } from '../../format/amount.ts';
import { showFull } from '../../format/time.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { KIND_LOOKS, KIND_PLURALS } from './step-look.tsx';
import { countKinds, TRACE_KINDS, type TraceKind, type TraceRow } from './trace.ts';
import { TraceGrid } from './trace-grid.tsx';
import type { ShownRun } from './use-run.ts';

const REMEMBERED = 'rungate.run-view';

/** Why no step is shown. */
function emptyTitle({ run, steps }: ShownRun): string {
  if (steps.length > 0) return 'No step of these kinds';
  return run.trace_pruned_at === null ? 'No step yet' : `Trace removed on ${showFull(run.trace_pruned_at)}`;
}

/** The run's steps with what chooses among them. */
export function Steps(props: {
  readonly shown: ShownRun;
  readonly rows: readonly TraceRow[];
  readonly active: number;
  readonly kinds: ReadonlySet<TraceKind>;
  readonly onKinds: (kinds: ReadonlySet<TraceKind>) => void;
  readonly onPick: (at: number) => void;
  readonly onFold: (key: string) => void;
}): ReactNode {
  const { shown, rows, kinds, onKinds } = props;
  const { run, exchanges } = shown;
  const [view, setView] = useState<'tree' | 'waterfall'>(() =>
    localStorage.getItem(REMEMBERED) === 'waterfall' ? 'waterfall' : 'tree',
  );
  const choose = (next: 'tree' | 'waterfall'): void => {
    localStorage.setItem(REMEMBERED, next);
    setView(next);
  };
  const counts = useMemo(() => countKinds(shown.steps), [shown.steps]);
  const busy = useMemo(
    () => exchanges.map(({ started_at, ended_at }) => ({ start: started_at, end: ended_at ?? run.last_activity_at })),
    [exchanges, run.last_activity_at],
  );
  const goesOn = run.ended_at === null && (run.state === 'waiting' || exchanges.some(({ state }) => state === 'open'));
  const until = goesOn ? null : (run.ended_at ?? run.last_activity_at);
  return (
    <section aria-label="Steps" className="flex min-w-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-1 border-b border-line bg-surface px-2 py-1">
        <fieldset className="flex flex-1 flex-wrap gap-0.5">
          <legend className="sr-only">Show only</legend>
          {TRACE_KINDS.filter((kind) => (counts.get(kind) ?? 0) > 0).map((kind) => (
            <KindToggle
              key={kind}
              kind={kind}
              count={counts.get(kind) ?? 0}
              pressed={kinds.has(kind)}
              onPress={() => {
                const next = new Set(kinds);
                if (!next.delete(kind)) next.add(kind);
                onKinds(next);
              }}
            />
          ))}
        </fieldset>
        <fieldset className="flex rounded border border-control">
          <legend className="sr-only">Layout</legend>
          <ViewButton name="tree" label="Tree" icon={ListTree} view={view} onChoose={choose} />
          <ViewButton name="waterfall" label="Waterfall" icon={ChartGantt} view={view} onChoose={choose} />
        </fieldset>
      </div>
      {rows.length === 0 ? (
        <EmptyState title={emptyTitle(shown)} testId="run.no-steps" />
      ) : (
        <TraceGrid
          rows={rows}
          view={view}
          active={props.active}
          onPick={props.onPick}
          onFold={props.onFold}
          busy={busy}
          from={run.started_at}
          until={until}
        />
      )}
    </section>
  );
}

function KindToggle(props: {
  readonly kind: TraceKind;
  readonly count: number;
  readonly pressed: boolean;
  readonly onPress: () => void;
}) {
  const { kind, count, pressed } = props;
  const { icon: Icon } = KIND_LOOKS[kind];
  return (
    <button
      type="button"
      aria-pressed={pressed}
      title={KIND_PLURALS[kind]}
      data-testid={`run.kind-${kind}`}
      onClick={props.onPress}
      className={`flex min-h-7 items-center gap-1 rounded border px-1 text-small forced-colors:aria-pressed:outline-2 ${pressed ? 'border-accent bg-hover' : 'border-transparent text-muted hover:bg-hover'}`}
    >
      <Icon size={12} strokeWidth={1.5} aria-hidden="true" />
      <span className={pressed ? '' : 'sr-only wide:not-sr-only'}>{KIND_PLURALS[kind]}</span>
      <span className="text-minimum text-muted">{showCount(count)}</span>
    </button>
  );
}

function ViewButton(props: {
  readonly name: 'tree' | 'waterfall';
  readonly label: string;
  readonly icon: typeof ListTree;
  readonly view: 'tree' | 'waterfall';
  readonly onChoose: (view: 'tree' | 'waterfall') => void;
}): ReactNode {
  const { name, view, icon: Icon } = props;
  return (
    <button
      type="button"
      aria-pressed={view === name}
      aria-label={props.label}
      title={props.label}
      data-testid={`run.view-${name}`}
      onClick={() => props.onChoose(name)}
      className={`flex min-h-7 items-center gap-1 rounded px-2 text-small forced-colors:aria-pressed:outline-2 ${view === name ? 'bg-hover' : 'text-muted hover:text-text'}`}
    >
      <Icon size={14} strokeWidth={1.5} aria-hidden="true" />
    </button>
  );
}

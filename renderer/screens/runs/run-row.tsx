import { Ellipsis } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { showCompact, showCount } from '../../format/amount.ts';
import { showDuration, showFull, showInstant } from '../../format/time.ts';
import { CostBar } from '../../parts/cost-bar.tsx';
import { GridCell, GridRow } from '../../parts/grid.tsx';
import { RunChip } from '../../parts/run-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { renderRoute } from '../../route.ts';
import type { Column, ColumnId } from './columns.ts';
import { roughlyAgo } from './rough.ts';

/** What a row can be asked to do; the same object for all rows, so that a row is drawn again only when it changes. */
export interface RowActions {
  readonly open: (run: RunRecord) => void;
  readonly activate: (row: number) => void;
  readonly menu: (row: number) => void;
  /** The menu of a run around its button. */
  readonly renderMenu: (run: RunRecord, trigger: ReactNode) => ReactNode;
}

interface RowProps {
  readonly id: string;
  readonly row: number;
  readonly top: number;
  readonly height: number;
  readonly run: RunRecord | null;
  readonly columns: readonly Column[];
  readonly template: string;
  readonly active: boolean;
  readonly selected: boolean;
  readonly menuOpen: boolean;
  readonly actions: RowActions;
}

/** One run, or the place of one that is not loaded yet. */
export const RunRow = memo(function RunRow(props: RowProps): ReactNode {
  const { run, row, active, selected, actions } = props;
  return (
    <GridRow
      id={props.id}
      aria-rowindex={row + 2}
      aria-selected={selected}
      data-testid="runs.row"
      data-active={active}
      onClick={(event) => {
        if (run === null || event.metaKey || event.ctrlKey) return;
        event.preventDefault();
        actions.activate(row);
        actions.open(run);
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        actions.menu(row);
      }}
      className={`absolute top-0 left-0 grid w-full cursor-pointer items-center border-b border-line ${selected ? 'bg-hover' : 'hover:bg-hover'} data-[active=true]:shadow-[inset_2px_0_0_var(--accent)] forced-colors:data-[active=true]:outline-1 forced-colors:data-[active=true]:-outline-offset-1 group-focus-visible:data-[active=true]:outline-2 group-focus-visible:data-[active=true]:-outline-offset-2 group-focus-visible:data-[active=true]:outline-accent`}
      style={{ height: props.height, transform: `translateY(${props.top}px)`, gridTemplateColumns: props.template }}
    >
      {props.columns.map(({ id, align }, at) => (
        <GridCell key={id} aria-colindex={at + 1} className={`min-w-0 px-2 ${align === 'end' ? 'text-right' : ''}`}>
          {run === null ? <Absent column={id} /> : <Cell column={id} run={run} props={props} />}
        </GridCell>
      ))}
    </GridRow>
  );
});

/** The place of a row that is being loaded. */
const Absent = ({ column }: { readonly column: ColumnId }): ReactNode =>
  column === 'menu' ? null : <span aria-hidden="true" className="block h-3 rounded bg-hover" />;

function Cell({
  column,
  run,
  props,
}: {
  readonly column: ColumnId;
  readonly run: RunRecord;
  readonly props: RowProps;
}) {
  switch (column) {
    case 'state':
      return <RunChip run={run} />;
    case 'agent':
      return (
        <span className="block truncate">
          <VisibleText text={run.agent} breaks={false} />
        </span>
      );
    case 'run':
      return <RunName run={run} />;
    case 'started':
      return <Started at={run.started_at} />;
    case 'duration':
      return <Duration run={run} />;
    case 'steps':
      return showCount(run.steps);
    case 'gates':
      return run.gates === 0 ? <span className="text-muted">–</span> : showCount(run.gates);
    case 'tokens':
      return (
        <span title={`${showCount(run.input_tokens)} in, ${showCount(run.output_tokens)} out`}>
          {showCompact(run.input_tokens + run.output_tokens)}
        </span>
      );
    case 'cost':
      return <CostBar spent={run.spent_nano} cap={run.cap_nano} />;
    case 'models':
      return <Models models={run.models} />;
    case 'policy':
      return (
        <span className="block truncate text-muted">
          <VisibleText text={run.policy} breaks={false} />
        </span>
      );
    case 'activity':
      return <Activity at={run.last_activity_at} />;
    case 'menu': {
      const button = (
        <button
          type="button"
          tabIndex={-1}
          data-testid="runs.row-menu"
          aria-label={`Actions for ${run.run_id}`}
          onClick={(event) => {
            event.stopPropagation();
            props.actions.menu(props.row);
          }}
          className="flex min-h-7 min-w-7 items-center justify-center rounded text-muted hover:bg-surface hover:text-text"
        >
          <Ellipsis size={16} strokeWidth={1.5} aria-hidden="true" />
        </button>
      );
      return props.menuOpen ? props.actions.renderMenu(run, button) : button;
    }
  }
}

function RunName({ run }: { readonly run: RunRecord }): ReactNode {
  const goal = run.labels['goal'];
  return (
    <span className="flex min-w-0 items-baseline gap-2">
      <a
        href={renderRoute({ screen: 'run', runId: run.run_id, step: null, tab: null })}
        tabIndex={-1}
        className="min-w-0 shrink-0 truncate font-mono text-mono text-accent hover:underline"
        style={{ maxWidth: '100%' }}
      >
        <VisibleText text={shortId(run.run_id)} breaks={false} />
      </a>
      {goal === undefined ? null : (
        <span className="min-w-0 truncate text-small text-muted">
          <VisibleText text={goal} breaks={false} />
        </span>
      )}
    </span>
  );
}

/** Made ids begin alike, so their end tells them apart; chosen ones are shown as they are. */
const shortId = (runId: string): string =>
  /^run_[0-9a-hjkmnp-tv-z]{26}$/.test(runId) ? `run_…${runId.slice(-8)}` : runId;

function Models({ models }: { readonly models: readonly string[] }): ReactNode {
  const [first, ...others] = models;
  if (first === undefined) return <span className="text-muted">–</span>;
  return (
    <span className="flex min-w-0 gap-1" title={models.length > 1 ? `${models.length} models` : undefined}>
      <span className="truncate">
        <VisibleText text={first} breaks={false} />
      </span>
      {others.length === 0 ? null : <span className="text-muted">+{others.length}</span>}
    </span>
  );
}

function Started({ at }: { readonly at: number }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={showFull(at)} className="whitespace-nowrap text-muted">
      {showInstant(at, now)}
    </time>
  );
}

function Activity({ at }: { readonly at: number }): ReactNode {
  const now = useNow();
  return (
    <span title={showFull(at)} className="block truncate text-muted">
      {roughlyAgo(at, now)}
    </span>
  );
}

function Duration({ run }: { readonly run: RunRecord }): ReactNode {
  return (
    <span className="whitespace-nowrap">
      {run.ended_at === null ? (
        <RunningSince at={run.started_at} until={run.last_activity_at} live={run.state === 'waiting'} />
      ) : (
        showDuration(run.ended_at - run.started_at)
      )}
    </span>
  );
}

/** A run that waits goes on; of one that is only open, the time until it was last heard of says more. */
function RunningSince(props: { readonly at: number; readonly until: number; readonly live: boolean }): ReactNode {
  const now = useNow();
  return showDuration((props.live ? Math.max(now, props.until) : props.until) - props.at);
}

import { ArrowLeft, Download, Pause, Play, Square } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import { showCompact, showCount } from '../../format/amount.ts';
import { showDuration } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { CostBar } from '../../parts/cost-bar.tsx';
import { Menu } from '../../parts/menu.tsx';
import { RunChip } from '../../parts/run-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { renderRoute } from '../../route.ts';
import { useConnected } from '../../store/console.ts';
import { navigate } from '../../store/navigation.ts';
import { ExportItems } from '../exports/export-items.tsx';
import { kept } from '../runs/live-runs.ts';
import { hasEnded, pauseRun, resumeRun } from '../runs/run-commands.ts';
import { showExact } from './exact-cost.ts';
import { GrantChip, isActive } from './grant-chip.tsx';
import { UnseenCalls } from './unseen-calls.tsx';
import type { ShownRun } from './use-run.ts';

const ICON = { size: 14, strokeWidth: 1.5, 'aria-hidden': true } as const;

/** What the run is, what it has cost, how long it took, and what can be done with it. */
export function RunHeader(props: {
  readonly shown: ShownRun;
  readonly onStop: () => void;
  readonly onExport: (format: ExportFormat) => void;
  readonly onChange: () => void;
}): ReactNode {
  const { shown } = props;
  const { run } = shown;
  return (
    <header className="border-b border-line bg-surface px-4 py-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <BackToRuns />
        <h1 className="flex min-w-0 items-center gap-1 font-mono text-section font-semibold">
          <span className="min-w-0 truncate" data-testid="run.id">
            <VisibleText text={run.run_id} breaks={false} />
          </span>
          <CopyButton text={run.run_id} label="run id" testId="run.copy-id" />
        </h1>
        <RunChip run={run} />
        <p className="flex min-w-0 items-center gap-3 text-muted">
          <span className="truncate">
            <VisibleText text={run.agent} breaks={false} />
          </span>
          <span className="truncate" title="The policy version this run keeps">
            <VisibleText text={run.policy} breaks={false} />
          </span>
        </p>
        <UnseenCalls shown={shown} />
        <Commands shown={shown} onStop={props.onStop} onExport={props.onExport} />
      </div>
      <Figures shown={shown} onChange={props.onChange} />
    </header>
  );
}

function BackToRuns(): ReactNode {
  const route = { screen: 'runs', query: kept.query ?? '' } as const;
  return (
    <a
      href={renderRoute(route)}
      onClick={(event) => {
        event.preventDefault();
        navigate(route);
      }}
      aria-label="Back to the runs"
      title="Back to the runs"
      data-testid="run.back"
      className="flex min-h-7 min-w-7 items-center justify-center rounded text-muted hover:bg-hover hover:text-text"
    >
      <ArrowLeft {...ICON} size={16} />
    </a>
  );
}

function Commands(props: {
  readonly shown: ShownRun;
  readonly onStop: () => void;
  readonly onExport: (format: ExportFormat) => void;
}) {
  const { run, gates } = props.shown;
  const connected = useConnected();
  const ended = hasEnded(run);
  const waiting = gates.find(({ state }) => state === 'pending');
  return (
    <div className="ml-auto flex items-center gap-2">
      {waiting === undefined ? null : (
        <Button
          look="primary"
          onClick={() => navigate({ screen: 'inbox', tab: 'pending', gateId: waiting.gate_id })}
          data-testid="run.review"
        >
          Review
        </Button>
      )}
      {ended ? null : run.paused ? (
        <Button
          look="primary"
          icon={<Play {...ICON} />}
          disabled={!connected}
          onClick={() => void resumeRun(run.run_id)}
          data-testid="run.resume"
        >
          Resume
        </Button>
      ) : (
        <Button
          icon={<Pause {...ICON} />}
          disabled={!connected}
          onClick={() => void pauseRun(run.run_id)}
          data-testid="run.pause"
          aria-label="Pause"
          title="Pause"
        >
          <span className="hidden wide:inline">Pause</span>
        </Button>
      )}
      {ended ? null : (
        <Button
          icon={<Square {...ICON} />}
          disabled={!connected}
          onClick={props.onStop}
          data-testid="run.stop"
          aria-label="Stop"
          title="Stop"
        >
          <span className="hidden wide:inline">Stop…</span>
        </Button>
      )}
      <Menu
        label="Export as"
        trigger={
          <Button icon={<Download {...ICON} />} data-testid="run.export">
            Export
          </Button>
        }
      >
        <ExportItems testId="run.export" onExport={props.onExport} />
      </Menu>
    </div>
  );
}

function Figures({ shown, onChange }: { readonly shown: ShownRun; readonly onChange: () => void }): ReactNode {
  const { run, grants, budgets } = shown;
  const now = useNow();
  const own = budgets.find(({ scope }) => scope === 'run');
  const active = grants.filter((grant) => isActive(grant, now));
  return (
    <div className="mt-2 flex flex-wrap items-start gap-x-6 gap-y-2">
      <Figure label="Cost / cap" wide>
        <CostBar spent={own?.spent_nano ?? run.spent_nano} cap={run.cap_nano}>
          <span className="font-mono text-mono" data-testid="run.cost">
            {showExact(run.spent_nano)}
          </span>
        </CostBar>
      </Figure>
      <Elapsed shown={shown} now={now} />
      <Figure label="Tokens in → out">
        {showCompact(run.input_tokens)} → {showCompact(run.output_tokens)}
      </Figure>
      <Figure label="Calls">{showCount(run.exchanges)}</Figure>
      <Figure label="Tool calls">{showCount(run.tool_calls)}</Figure>
      <Figure label="Gates">{showCount(run.gates)}</Figure>
      {active.map((grant) => (
        <GrantChip key={grant.grant_id} grant={grant} onChange={onChange} />
      ))}
    </div>
  );
}

/** How long the run took, and how much of it went by waiting for a person. */
function Elapsed({ shown, now }: { readonly shown: ShownRun; readonly now: number }): ReactNode {
  const { run, gates, asOf } = shown;
  const isWaiting = gates.some(({ state }) => state === 'pending');
  const end = run.ended_at ?? (isWaiting ? Math.max(now, run.last_activity_at) : run.last_activity_at);
  const waitedMs = shown.waited_ms + (isWaiting ? Math.max(0, now - asOf) : 0);
  const elapsed = Math.max(1, end - run.started_at);
  const share = Math.min(1, waitedMs / elapsed);
  return (
    <Figure label="Elapsed · waited for people" wide>
      <span className="flex flex-col gap-0.5" data-testid="run.elapsed">
        <span className="truncate">
          {showDuration(elapsed)}{' '}
          <span className="text-muted">· {waitedMs === 0 ? 'none' : showDuration(waitedMs)}</span>
        </span>
        <span aria-hidden="true" className="flex h-1 overflow-hidden rounded bg-accent">
          <span className="waiting-bar block h-full bg-surface" style={{ width: `${share * 100}%` }} />
        </span>
      </span>
    </Figure>
  );
}

const Figure = ({
  label,
  wide,
  children,
}: {
  readonly label: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}) => (
  <div className={wide === true ? 'w-48' : ''}>
    <p className="text-minimum whitespace-nowrap text-muted">{label}</p>
    <div>{children}</div>
  </div>
);

import { type ReactNode, useCallback, useMemo, useRef, useState } from 'react';
import type { ExportFormat } from '../../../proxy-core/contract/operations/exports.ts';
import { useCommands } from '../../keyboard/use-commands.ts';
import { Button } from '../../parts/button.tsx';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { useWidth } from '../../parts/use-size.ts';
import type { Route } from '../../route.ts';
import { navigate } from '../../store/navigation.ts';
import { ExportDialog } from '../exports/export-dialog.tsx';
import { StopDialog } from '../runs/stop-dialog.tsx';
import { BlockBanner } from './block-banner.tsx';
import { blocksOf } from './blocks.ts';
import { findBudgetStop } from './budget-stop.ts';
import { HeldAgent } from './held-agent.tsx';
import { RunHeader } from './run-header.tsx';
import { DETAIL_TABS, type DetailTab, StepDetail } from './step-detail.tsx';
import { Steps } from './steps.tsx';
import { StopBanner } from './stop-banner.tsx';
import { buildTrace, flattenTrace, type TraceKind } from './trace.ts';
import { type ShownRun, useRun } from './use-run.ts';

/** Below this width the steps and the detail take turns, px. */
const TWO_PANES = 620;

/** One run, from its first call to its last. */
export function RunScreen({ route }: { readonly route: Extract<Route, { screen: 'run' }> }): ReactNode {
  const { shown, failure, reload } = useRun(route.runId);
  if (shown === null) {
    if (failure === null) return <Loading what="the run" />;
    return failure.code === 'not_found' ? (
      <EmptyState title="There is no such run" testId="run.not-found">
        <p className="untrusted font-mono">{route.runId}</p>
        <Button onClick={() => navigate({ screen: 'runs', query: '' })}>All runs</Button>
      </EmptyState>
    ) : (
      <FailureNote message={failure.message} onRetry={reload} testId="run.failure" />
    );
  }
  return <Run route={route} shown={shown} onChange={reload} />;
}

function Run(props: {
  readonly route: Extract<Route, { screen: 'run' }>;
  readonly shown: ShownRun;
  readonly onChange: () => void;
}) {
  const { route, shown, onChange } = props;
  const { run } = shown;
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [kinds, setKinds] = useState<ReadonlySet<TraceKind>>(new Set());
  const [dialog, setDialog] = useState<ExportFormat | 'stop' | null>(null);
  const trace = useMemo(() => buildTrace(shown), [shown]);
  const rows = useMemo(() => flattenTrace(trace, { closed, kinds }), [trace, closed, kinds]);
  const at = useMemo(
    () => (route.step === null ? -1 : rows.findIndex(({ node }) => node.step?.step === route.step)),
    [rows, route.step],
  );
  const [groupKey, setGroupKey] = useState<string | null>(null);
  const active = at === -1 && groupKey !== null ? rows.findIndex(({ node }) => node.key === groupKey) : at;
  const tab: DetailTab = DETAIL_TABS.find((each) => each === route.tab) ?? 'summary';

  const { runId } = route;
  const show = useCallback(
    (step: number | null, next: DetailTab) =>
      navigate({ screen: 'run', runId, step, tab: next === 'summary' ? null : next }, { replace: true }),
    [runId],
  );
  const pick = useCallback(
    (index: number) => {
      const node = rows[index]?.node;
      if (node === undefined) return;
      setGroupKey(node.step === null ? node.key : null);
      show(node.step?.step ?? null, tab);
    },
    [rows, show, tab],
  );
  const toStep = useCallback(
    (step: number) => {
      setKinds(new Set());
      setClosed(new Set());
      show(step, tab);
    },
    [show, tab],
  );
  const fold = useCallback((key: string) => setClosed((before) => toggled(before, key)), []);
  useCommands(
    useMemo(() => {
      const move = (by: number) => () => pick(nextStep(rows, active, by));
      return { 'step.next': move(1), 'step.previous': move(-1), 'move.next': move(1), 'move.previous': move(-1) };
    }, [rows, active, pick]),
  );

  const body = useRef<HTMLDivElement>(null);
  const width = useWidth(body);
  const single = width > 0 && width < TWO_PANES;
  const picked = rows[active]?.node ?? null;
  const selected = picked?.step == null ? null : picked;
  const steps = (
    <Steps shown={shown} rows={rows} active={active} kinds={kinds} onKinds={setKinds} onPick={pick} onFold={fold} />
  );
  const detail = (
    <StepDetail
      shown={shown}
      node={selected}
      tab={tab}
      onTab={(next) => show(route.step, next)}
      onStep={toStep}
      onChange={onChange}
      onBack={single || selected !== null ? () => show(null, 'summary') : null}
    />
  );
  return (
    <div className="flex h-full flex-col overflow-y-auto" data-testid="run.screen">
      <RunHeader shown={shown} onStop={() => setDialog('stop')} onExport={setDialog} onChange={onChange} />
      <Stop shown={shown} onChange={onChange} onStep={toStep} onEnd={() => setDialog('stop')} />
      <Blocked shown={shown} onStep={toStep} />
      <HeldAgent shown={shown} onChange={onChange} />
      <div ref={body} className="flex min-h-60 flex-1">
        {single ? (
          selected === null ? (
            steps
          ) : (
            detail
          )
        ) : (
          <>
            <div className="flex min-w-0 flex-1 wide:flex-[5]">{steps}</div>
            <div className="flex min-w-0 flex-1 border-l border-line wide:flex-[4]">{detail}</div>
          </>
        )}
      </div>
      {dialog === 'stop' ? <StopDialog run={run} onClose={() => setDialog(null)} /> : null}
      {dialog === null || dialog === 'stop' ? null : (
        <ExportDialog subject={{ kind: 'run', runId: run.run_id }} format={dialog} onClose={() => setDialog(null)} />
      )}
    </div>
  );
}

/** The banner of a budget stop. That a run has resumed is told to whoever saw it stopped. */
function Stop(props: {
  readonly shown: ShownRun;
  readonly onChange: () => void;
  readonly onStep: (step: number) => void;
  readonly onEnd: () => void;
}): ReactNode {
  const { shown } = props;
  const stop = useMemo(() => findBudgetStop(shown), [shown]);
  const seen = useRef<number | null>(null);
  const [dismissed, setDismissed] = useState<number | null>(null);
  if (stop === null) return null;
  const over = shown.run.state === 'completed' || shown.run.state === 'stopped';
  if (stop.phase.kind !== 'resumed' && !over) seen.current = stop.step;
  if (over || seen.current !== stop.step || dismissed === stop.step) return null;
  return (
    <StopBanner
      stop={stop}
      runId={shown.run.run_id}
      onChange={props.onChange}
      onStep={props.onStep}
      onEnd={props.onEnd}
      onDismiss={() => setDismissed(stop.step)}
    />
  );
}

/** The banner of the latest block by a rule, until it is dismissed. */
function Blocked({ shown, onStep }: { readonly shown: ShownRun; readonly onStep: (step: number) => void }): ReactNode {
  const blocks = useMemo(() => blocksOf(shown.steps), [shown.steps]);
  const [dismissed, setDismissed] = useState<number | null>(null);
  const latest = blocks.at(-1);
  if (latest === undefined || dismissed === latest.step) return null;
  return (
    <BlockBanner
      block={latest}
      earlier={blocks.length - 1}
      onStep={onStep}
      onDismiss={() => setDismissed(latest.step)}
    />
  );
}

function toggled<T>(before: ReadonlySet<T>, key: T): ReadonlySet<T> {
  const next = new Set(before);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** The next row with a step of its own in a direction; stays where there is none. */
function nextStep(rows: ReturnType<typeof flattenTrace>, from: number, by: number): number {
  for (let at = from === -1 && by < 0 ? rows.length - 1 : from + by; at >= 0 && at < rows.length; at += by)
    if (rows[at]?.node.step != null) return at;
  return from;
}

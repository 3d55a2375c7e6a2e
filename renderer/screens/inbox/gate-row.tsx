import { RotateCw } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { showCost } from '../../format/amount.ts';
import { showAgo } from '../../format/time.ts';
import { StateChip } from '../../parts/state-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useCardSummary, wantSummary } from './card-cache.ts';
import { type Entry, retryNote } from './collapse.ts';
import { useInboxStore } from './inbox-store.ts';
import { phaseOf } from './phase.ts';
import { RiskMark } from './risk-mark.tsx';
import { Cell, RowFrame, type RowPlace, Target } from './row-frame.tsx';
import { TimeLeft } from './time-left.tsx';

/** One waiting gate: risk, agent, what it wants, its rule, the run's cost so far, the time left. */
export function GateRow(props: RowPlace & { readonly entry: Entry; readonly onChoose: () => void }): ReactNode {
  const { gate, earlier } = props.entry;
  const now = useNow();
  const summary = useCardSummary(gate);
  const chosen = useInboxStore((state) => state.chosen.includes(gate.gate_id));
  const phase = phaseOf(gate, now);
  const retries = retryNote(props.entry, now);
  useEffect(() => wantSummary(gate), [gate]);
  return (
    <RowFrame {...props} gateId={gate.gate_id}>
      <Cell className="flex flex-col items-center gap-1.5 pt-0.5">
        <RiskMark level={summary?.risk ?? null} />
        {phase.kind === 'held' ? (
          <input
            type="checkbox"
            tabIndex={-1}
            checked={chosen}
            aria-label="Choose for a common decision"
            aria-keyshortcuts="x"
            data-testid="inbox.choose"
            onClick={(event) => event.stopPropagation()}
            onChange={props.onChoose}
            className={`size-4 accent-[var(--accent)] ${chosen ? '' : 'opacity-40 group-hover:opacity-100 group-focus-within:opacity-100'}`}
          />
        ) : null}
      </Cell>
      <Cell className="flex min-w-0 flex-1 flex-col gap-0.5">
        <div className="flex items-center justify-between gap-2">
          <span className="truncate font-semibold">
            <VisibleText text={gate.agent} breaks={false} />
          </span>
          <RowState entry={props.entry} now={now} />
        </div>
        <Target entry={props.entry} />
        <div className="flex items-center gap-1.5 text-muted text-small">
          <span className="truncate">
            <VisibleText text={gate.rule} breaks={false} />
          </span>
          {summary === null ? null : <span className="shrink-0">· {showCost(summary.spentNano)}</span>}
          {retries === null ? null : (
            <span className="flex shrink-0 items-center gap-0.5" data-testid="inbox.retries" title={retries}>
              · <RotateCw size={11} aria-hidden="true" />
              <span className="sr-only">{retries}</span>
              <span aria-hidden="true">
                {props.entry.retries}
                {props.entry.lastRetryAt === null ? '' : `, ${showAgo(props.entry.lastRetryAt, now)}`}
              </span>
            </span>
          )}
          {earlier === 0 ? null : <span className="shrink-0">· asked {earlier + 1} times</span>}
        </div>
      </Cell>
    </RowFrame>
  );
}

function RowState({ entry: { gate }, now }: { readonly entry: Entry; readonly now: number }): ReactNode {
  const phase = phaseOf(gate, now);
  switch (phase.kind) {
    case 'held':
      return <TimeLeft until={gate.expires_at} testId="inbox.row-timer" />;
    case 'undoable':
      return <StateChip state={phase.verdict} />;
    case 'approved':
      return <StateChip state="approved" label="Waiting for agent" />;
    case 'resumed':
      return <StateChip state="approved" label="Resumed" />;
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return <StateChip state={phase.kind} />;
  }
}

import { ChevronDown, ChevronRight, CircleAlert } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { showBytes, showCompact } from '../../format/amount.ts';
import { showDuration } from '../../format/time.ts';
import { GridCell, GridRow } from '../../parts/grid.tsx';
import { gateState, StateChip } from '../../parts/state-chip.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { costOf, renderShownCost, showExact } from './exact-cost.ts';
import { KIND_LOOKS } from './step-look.tsx';
import { costWithin, type TraceRow as Row, type TraceNode, textOf } from './trace.ts';
import type { TimeScale } from './waterfall.ts';
import { WaterfallBar } from './waterfall-bar.tsx';

/** How much a row tells: by the room there is. */
export type RowDetail = 'short' | 'figures' | 'waterfall';

interface RowProps {
  readonly id: string;
  readonly at: number;
  readonly top: number;
  readonly height: number;
  readonly row: Row;
  readonly detail: RowDetail;
  readonly template: string;
  readonly scale: TimeScale | null;
  /** What still goes on is drawn until then, epoch ms. */
  readonly now: number | null;
  readonly active: boolean;
  readonly onPick: (at: number) => void;
  readonly onFold: (key: string) => void;
}

/** One step, or a group of steps. */
export const TraceRow = memo(function TraceRow(props: RowProps): ReactNode {
  const { row, at, active } = props;
  const { node, depth, expanded } = row;
  return (
    <GridRow
      id={props.id}
      aria-rowindex={at + 1}
      aria-level={depth + 1}
      aria-selected={active}
      {...(expanded === null ? {} : { 'aria-expanded': expanded })}
      data-testid="run.step"
      data-kind={node.kind}
      data-active={active}
      onClick={() => props.onPick(at)}
      className="absolute top-0 left-0 grid w-full cursor-pointer items-center gap-2 pr-2 hover:bg-hover data-[active=true]:bg-hover data-[active=true]:shadow-[inset_2px_0_0_var(--accent)] forced-colors:data-[active=true]:outline-1 forced-colors:data-[active=true]:-outline-offset-1 group-focus-visible:data-[active=true]:outline-2 group-focus-visible:data-[active=true]:-outline-offset-2 group-focus-visible:data-[active=true]:outline-accent"
      style={{ height: props.height, transform: `translateY(${props.top}px)`, gridTemplateColumns: props.template }}
    >
      <GridCell
        className="flex h-full min-w-0 items-center gap-1.5"
        style={props.detail === 'figures' && !hasTokens(node) ? { gridColumn: 'span 2' } : undefined}
      >
        <span aria-hidden="true" className="w-10 shrink-0 text-right font-mono text-minimum text-muted">
          {node.step?.step ?? ''}
        </span>
        <Fold row={row} onFold={props.onFold} />
        <NodeIcon node={node} />
        <NodeLabel node={node} />
      </GridCell>
      {props.detail === 'waterfall' && props.scale !== null ? (
        <GridCell className="h-full min-w-0">
          <WaterfallBar node={node} scale={props.scale} now={props.now} />
        </GridCell>
      ) : (
        <Figures node={node} now={props.now} short={props.detail === 'short'} />
      )}
    </GridRow>
  );
});

/** Rows without tokens give their place to the label. */
const hasTokens = ({ exchange }: TraceNode): boolean => exchange?.usage != null;

function Fold({ row, onFold }: { readonly row: Row; readonly onFold: (key: string) => void }): ReactNode {
  const indent = { marginLeft: row.depth * 14 };
  if (row.expanded === null) return <span aria-hidden="true" className="w-5 shrink-0" style={indent} />;
  const Icon = row.expanded ? ChevronDown : ChevronRight;
  return (
    <button
      type="button"
      tabIndex={-1}
      aria-label={row.expanded ? 'Fold' : 'Unfold'}
      style={indent}
      onClick={(event) => {
        event.stopPropagation();
        onFold(row.node.key);
      }}
      className="flex h-6 w-5 shrink-0 items-center justify-center rounded text-muted hover:text-text"
    >
      <Icon size={14} strokeWidth={1.5} aria-hidden="true" />
    </button>
  );
}

function NodeIcon({ node }: { readonly node: TraceNode }): ReactNode {
  const { icon: Icon, label } = KIND_LOOKS[node.kind];
  return (
    <span title={label} className="flex shrink-0 text-muted">
      <Icon size={14} strokeWidth={1.5} aria-hidden="true" />
      <span className="sr-only">{label}</span>
    </span>
  );
}

function NodeLabel({ node }: { readonly node: TraceNode }): ReactNode {
  const { exchange, gate, step } = node;
  return (
    <span className="flex min-w-0 flex-1 items-center gap-2">
      <span className="min-w-12 truncate">
        <VisibleText text={node.label} breaks={false} />
      </span>
      {exchange?.side == null ? null : <Tag text={exchange.side} />}
      {gate === null ? null : <StateChip state={gateState(gate)} />}
      {exchange === null ? null : <CallStatus node={node} />}
      <span className="min-w-0 flex-1 truncate text-small text-muted">
        <Aside node={node} />
      </span>
      {step?.kind === 'tool_call' && node.result?.detail['is_error'] === true ? <Failed label="failed" /> : null}
    </span>
  );
}

const Tag = ({ text }: { readonly text: string }): ReactNode => (
  <span className="rounded border border-line px-1 text-minimum whitespace-nowrap text-muted">
    <VisibleText text={text} breaks={false} />
  </span>
);

const Failed = ({ label }: { readonly label: string }): ReactNode => (
  <span className="chip inline-flex h-5 shrink-0 items-center gap-1 rounded bg-rejected px-1.5 text-small text-on-rejected">
    <CircleAlert size={12} aria-hidden="true" />
    {label}
  </span>
);

/** A call says how it ended only where that is not simply well. */
function CallStatus({ node }: { readonly node: TraceNode }): ReactNode {
  const { exchange } = node;
  if (exchange === null || exchange.state === 'completed') return null;
  if (exchange.state === 'open') return <StateChip state="running" />;
  if (exchange.state === 'gated') return null;
  if (exchange.state === 'refused')
    return <Tag text={exchange.status === null ? 'refused' : String(exchange.status)} />;
  return (
    <Failed label={exchange.status !== null && exchange.status >= 300 ? String(exchange.status) : exchange.state} />
  );
}

/** The one more thing that tells a row from its neighbours. */
function Aside({ node }: { readonly node: TraceNode }): ReactNode {
  const { step, gate, children, kind } = node;
  if (gate !== null) return <GateAside node={node} />;
  if (kind === 'subagent') return `${children.length} ${children.length === 1 ? 'call' : 'calls'}`;
  if (step === null) return null;
  switch (step.kind) {
    case 'tool_call':
      return <VisibleText text={(textOf(step.detail, 'args') ?? '').slice(0, 200)} breaks={false} />;
    case 'artifact': {
      const bytes = step.detail['bytes'];
      return typeof bytes === 'number' ? showBytes(bytes) : null;
    }
    case 'retry':
      return 'sent again';
    case 'alert':
      return textOf(step.detail, 'rule');
    case 'opaque_call':
      return 'content not read';
    case 'model_call':
    case 'tool_result':
    case 'gate':
      return null;
    case 'refusal':
      return node.label === step.summary ? null : 'blocked by this rule';
  }
}

function GateAside({ node }: { readonly node: TraceNode }): ReactNode {
  const { gate } = node;
  if (gate === null) return null;
  const by =
    gate.decided_by === null ? null : `by ${gate.decided_by}${gate.channel === null ? '' : `, ${gate.channel}`}`;
  const retried = gate.retries === 0 ? null : `retried ×${gate.retries}`;
  return [by, retried].filter((part) => part !== null).join(' · ');
}

function Figures(props: { readonly node: TraceNode; readonly now: number | null; readonly short: boolean }): ReactNode {
  const { node, now } = props;
  const end = node.end ?? now;
  const took = end === null || end <= node.start ? '' : showDuration(end - node.start);
  const usage = node.exchange?.usage ?? null;
  return (
    <>
      {props.short ? null : (
        <>
          {usage === null ? null : (
            <GridCell className="text-right text-small whitespace-nowrap text-muted">
              {showCompact(usage.input_tokens)} → {showCompact(usage.output_tokens)}
            </GridCell>
          )}
          <GridCell className="truncate text-right text-small whitespace-nowrap text-muted">
            {node.gate === null ? took : `${took} wait`}
          </GridCell>
        </>
      )}
      <GridCell className="truncate text-right font-mono text-small whitespace-nowrap" data-testid="run.step-cost">
        <NodeCost node={node} />
      </GridCell>
    </>
  );
}

function NodeCost({ node }: { readonly node: TraceNode }): ReactNode {
  if (node.exchange !== null) return renderShownCost(costOf(node.exchange));
  if (node.step === null) return <span className="text-muted">{showExact(costWithin(node))}</span>;
  return null;
}

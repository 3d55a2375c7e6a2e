import { X } from 'lucide-react';
import { Tabs } from 'radix-ui';
import type { ReactNode } from 'react';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { AuditTab } from './audit-tab.tsx';
import { blockOfCall } from './blocks.ts';
import { BodyTab } from './body-tab.tsx';
import { DiffTab } from './diff-tab.tsx';
import { MessagesTab } from './messages-tab.tsx';
import { ResponseTab } from './response-tab.tsx';
import { RunSummary } from './run-summary.tsx';
import { KIND_LOOKS } from './step-look.tsx';
import { StepSummary } from './step-summary.tsx';
import type { TraceNode } from './trace.ts';
import type { ShownRun } from './use-run.ts';

export const DETAIL_TABS = ['summary', 'messages', 'request', 'response', 'diff', 'audit'] as const;
export type DetailTab = (typeof DETAIL_TABS)[number];

const LABELS: Readonly<Record<DetailTab, string>> = {
  summary: 'Summary',
  messages: 'Messages',
  request: 'Request',
  response: 'Response',
  diff: 'Diff',
  audit: 'Audit',
};

/** Everything about the selected step; about the run where none is. */
export function StepDetail(props: {
  readonly shown: ShownRun;
  readonly node: TraceNode | null;
  readonly tab: DetailTab;
  readonly onTab: (tab: DetailTab) => void;
  readonly onStep: (step: number) => void;
  readonly onChange: () => void;
  /** Leaves the step; null where there is nothing to go back to. */
  readonly onBack: (() => void) | null;
}): ReactNode {
  const { shown, node, tab } = props;
  const exchange = callOf(node, shown.exchanges);
  return (
    <Tabs.Root
      value={tab}
      onValueChange={(next) => props.onTab(DETAIL_TABS.find((each) => each === next) ?? 'summary')}
      className="flex min-w-0 flex-1 flex-col bg-surface"
    >
      <Subject node={node} exchange={exchange} tab={tab} />
      <div className="flex items-center gap-1 border-b border-line px-1 wide:px-2">
        <Tabs.List aria-label="Detail" className="flex min-w-0 flex-1 overflow-x-auto">
          {DETAIL_TABS.map((each) => (
            <Tabs.Trigger
              key={each}
              value={each}
              data-testid={`run.tab-${each}`}
              className="h-9 border-b-2 border-transparent px-1 text-small whitespace-nowrap wide:px-2.5 wide:text-base text-muted hover:text-text focus-visible:-outline-offset-2 data-[state=active]:border-accent forced-colors:data-[state=active]:outline-2 forced-colors:data-[state=active]:-outline-offset-2 data-[state=active]:text-text"
            >
              {LABELS[each]}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {props.onBack === null ? null : (
          <button
            type="button"
            onClick={props.onBack}
            aria-label="Close the step"
            title="Close the step"
            data-testid="run.close-step"
            className="flex min-h-7 min-w-7 items-center justify-center rounded text-muted hover:bg-hover hover:text-text"
          >
            <X size={14} aria-hidden="true" />
          </button>
        )}
      </div>
      <Tabs.Content
        value="summary"
        className="min-h-0 flex-1 overflow-auto focus-visible:-outline-offset-2"
        data-testid="run.summary"
      >
        {node === null ? (
          <RunSummary shown={shown} onStep={props.onStep} onChange={props.onChange} />
        ) : (
          <StepSummary node={node} exchange={exchange} artifacts={shown.artifacts} />
        )}
      </Tabs.Content>
      <Tabs.Content value="messages" className="min-h-0 flex-1">
        <OfCall exchange={exchange}>{(call) => <MessagesTab exchange={call} />}</OfCall>
      </Tabs.Content>
      <Tabs.Content value="request" className="min-h-0 flex-1">
        <OfCall exchange={exchange}>{(call) => <BodyTab exchange={call} side="request" />}</OfCall>
      </Tabs.Content>
      <Tabs.Content value="response" className="min-h-0 flex-1">
        <OfCall exchange={exchange}>
          {(call) => (
            <ResponseTab
              key={call.exchange_id}
              exchange={call}
              block={blockOfCall(shown.steps, call.exchange_id)?.detail ?? null}
            />
          )}
        </OfCall>
      </Tabs.Content>
      <Tabs.Content value="diff" className="min-h-0 flex-1">
        <OfCall exchange={exchange}>{(call) => <DiffTab exchange={call} exchanges={shown.exchanges} />}</OfCall>
      </Tabs.Content>
      <Tabs.Content value="audit" className="min-h-0 flex-1">
        <AuditTab key={shown.run.run_id} runId={shown.run.run_id} revision={shown.steps.length} />
      </Tabs.Content>
    </Tabs.Root>
  );
}

function callOf(node: TraceNode | null, exchanges: readonly ExchangeRecord[]): ExchangeRecord | null {
  if (node === null) return exchanges.at(-1) ?? null;
  return node.exchange ?? exchanges.find(({ exchange_id }) => exchange_id === node.step?.exchange_id) ?? null;
}

/** What the tabs tell of: the selected step, or without one the latest call. */
function Subject(props: {
  readonly node: TraceNode | null;
  readonly exchange: ExchangeRecord | null;
  readonly tab: DetailTab;
}) {
  const { node, exchange, tab } = props;
  const ofRun = tab === 'summary' || tab === 'audit';
  if (node === null && (ofRun || exchange === null)) return null;
  const { icon: SubjectIcon } = KIND_LOOKS[node?.kind ?? 'model'];
  return (
    <p className="flex h-8 shrink-0 items-center gap-2 truncate border-b border-line px-4" data-testid="run.subject">
      <SubjectIcon size={14} strokeWidth={1.5} aria-hidden="true" className="shrink-0 text-muted" />
      <span className="whitespace-nowrap text-muted">
        {node === null
          ? `Latest call, step ${exchange?.step}`
          : `${KIND_LOOKS[node.kind].label}, step ${node.step?.step}`}
      </span>
      <span className="min-w-0 truncate font-semibold">
        <VisibleText text={node?.label ?? exchange?.model ?? ''} breaks={false} />
      </span>
    </p>
  );
}

function OfCall(props: {
  readonly exchange: ExchangeRecord | null;
  readonly children: (exchange: ExchangeRecord) => ReactNode;
}): ReactNode {
  return props.exchange === null ? (
    <EmptyState title="No call" testId="run.no-call">
      <p>This step belongs to no call of a model or tool.</p>
    </EmptyState>
  ) : (
    props.children(props.exchange)
  );
}

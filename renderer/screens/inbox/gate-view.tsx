import { PanelRight } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { Button } from '../../parts/button.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { ContextPane } from './context-pane.tsx';
import { DecisionBar } from './decision-bar.tsx';
import { numbered } from './numbered.ts';
import { LongText } from './payload/long-text.tsx';
import { Payload } from './payload/payload.tsx';
import { RiskChip } from './risk-mark.tsx';
import { RiskStrip } from './risk-strip.tsx';
import { RuleSection } from './rule-section.tsx';
import { StateLine } from './state-line.tsx';
import { sentenceOf } from './subject.ts';
import { useReviewing } from './use-reviewing.ts';

export interface GateViewProps {
  /** What was read and is on the screen: decisions name its hash. */
  readonly card: GateCard;
  /** The newest record of the same gate. */
  readonly gate: GateRecord;
  readonly onDecided: (gateId: string, verdict: string) => void;
}

/** One gate: the card in the middle, its decisions below, its context beside. */
export function GateView({ card, gate, onDecided }: GateViewProps): ReactNode {
  const [drawer, setDrawer] = useState(false);
  useReviewing(gate);
  return (
    <div className="relative flex min-h-0 flex-1">
      <div className="@container/gate flex min-h-0 min-w-0 flex-1 flex-col">
        <div className="min-h-0 flex-1 overflow-y-auto" data-testid="inbox.card">
          <div className="mx-auto flex max-w-[920px] flex-col gap-4 p-4">
            <CardHead card={card} gate={gate} onContext={() => setDrawer(!drawer)} contextOpen={drawer} />
            {numbered(card.actions).map(({ key, item: view }) => (
              <Payload key={key} view={view} index={key} actionHash={card.gate.action_hash} />
            ))}
            <RiskStrip risk={card.risk} />
            <RuleSection card={card} />
            <AgentSays text={card.agent_says} />
          </div>
        </div>
        <DecisionBar card={card} gate={gate} onDecided={onDecided} />
      </div>
      <ContextPane card={card} gate={gate} open={drawer} onClose={() => setDrawer(false)} />
    </div>
  );
}

function CardHead(props: {
  readonly card: GateCard;
  readonly gate: GateRecord;
  readonly contextOpen: boolean;
  readonly onContext: () => void;
}): ReactNode {
  const { card, gate } = props;
  return (
    <header className="flex flex-col gap-2">
      <div className="flex items-start justify-between gap-3">
        <h2 className="untrusted @max-[560px]/gate:text-section min-w-0 text-title" data-testid="inbox.sentence">
          <span className="font-semibold">
            <VisibleText text={gate.agent} breaks={false} />
          </span>{' '}
          {numbered(sentenceOf(card)).map(({ key, item: part }) =>
            'text' in part ? (
              part.text
            ) : (
              <code key={key} className="rounded bg-hover box-decoration-clone px-1 font-mono text-section">
                <VisibleText text={part.code} breaks={false} />
              </code>
            ),
          )}
        </h2>
        <Button
          look="quiet"
          className="wide:hidden shrink-0 px-2"
          icon={<PanelRight size={14} aria-hidden="true" />}
          aria-expanded={props.contextOpen}
          onClick={props.onContext}
          data-testid="inbox.context-toggle"
        >
          Context
        </Button>
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <RiskChip level={card.risk.level} />
        <StateLine card={card} gate={gate} />
      </div>
      {gate.state === 'pending' && gate.outcome_unknown ? (
        <p role="note" className="rounded bg-pending px-3 py-1.5 text-ink" data-testid="inbox.outcome-unknown">
          This was approved before and went out, but Rungate stopped before its end was known. Approving sends it again.
        </p>
      ) : null}
    </header>
  );
}

/** What the model wrote before its call. It is not checked, and nothing in it can be clicked. */
function AgentSays({ text }: { readonly text: string | null }): ReactNode {
  if (text === null || text.trim() === '') return null;
  return (
    <section aria-labelledby="agent-says" data-testid="inbox.agent-says">
      <h3 id="agent-says" className="mb-1 font-semibold">
        Agent says <span className="font-normal text-muted">(unverified)</span>
      </h3>
      <blockquote className="border-control border-l-2 pl-3 text-muted [&_.font-mono]:font-sans [&_.font-mono]:text-base">
        <LongText text={text} />
      </blockquote>
    </section>
  );
}

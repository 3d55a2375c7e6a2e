import { type ReactNode, useEffect, useLayoutEffect, useMemo } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { guardKeys } from '../../keyboard/use-commands.ts';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { useQuery } from '../../parts/use-query.ts';
import { coreNow, useConsole } from '../../store/console.ts';
import { keepCard, recentCard } from './card-cache.ts';
import { GateView } from './gate-view.tsx';
import { sentenceOf } from './subject.ts';

export interface GatePaneProps {
  readonly gateId: string | null;
  /** Called once a verdict was accepted; `verdict` says what was done, for screen readers. */
  readonly onDecided: (gateId: string, verdict: string) => void;
  /** What to say while no gate is open. */
  readonly empty: string;
}

/**
 * The open gate. What is on the screen is always the card of the gate that the address names: until that card is there,
 * nothing can be decided, and single keys are ignored for half a second after it has appeared (mistake 1).
 */
export function GatePane({ gateId, onDecided, empty }: GatePaneProps): ReactNode {
  const { card, record, failure, reload } = useShownCard(gateId);
  const shown = card === null ? null : `${card.gate.gate_id} ${card.gate.action_hash}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is shown has changed
  useLayoutEffect(guardKeys, [shown]);
  return (
    <section
      tabIndex={-1}
      aria-label={card === null ? 'Gate' : visible(labelOf(card))}
      data-testid="inbox.gate"
      data-gate-id={card?.gate.gate_id}
      className="flex min-h-0 min-w-0 flex-1 flex-col outline-offset-[-2px]"
    >
      {gateId === null ? (
        <p className="m-auto p-8 text-muted">{empty}</p>
      ) : failure !== null && card === null ? (
        <FailureNote
          message={failure.message}
          recover={typeof failure.context['recover'] === 'string' ? failure.context['recover'] : undefined}
          onRetry={reload}
          testId="inbox.gate-failure"
        />
      ) : card === null || record === null ? (
        <Loading what="the gate" />
      ) : (
        <GateView key={shown} card={card} gate={record} onDecided={onDecided} />
      )}
    </section>
  );
}

const labelOf = (card: GateCard): string =>
  `${card.gate.agent} ${sentenceOf(card)
    .map((part) => ('text' in part ? part.text : part.code))
    .join('')}`;

/** The card of a gate, read anew when its record changes, and the newest record of it. */
function useShownCard(gateId: string | null) {
  const live = useConsole((state) => (gateId === null ? undefined : state.gates.get(gateId)));
  const { value, failure, reload } = useQuery(
    'gates.card',
    gateId === null ? null : { gate_id: gateId },
    revisionOf(live),
  );
  const card = useMemo(() => {
    if (value !== null) return value.card;
    return live === undefined ? null : recentCard(live);
  }, [value, live]);
  useEffect(() => {
    if (value !== null) keepCard(value.card);
  }, [value]);
  const current =
    card !== null && card.gate.gate_id === gateId && (live === undefined || live.action_hash === card.gate.action_hash);
  useExpectedRetry(current ? card : null, reload);
  return {
    card: current ? card : null,
    record: live ?? card?.gate ?? null,
    failure,
    reload,
  };
}

/** Read the card anew when its agent should have asked again: a retry is an event, but one that does not come is none. */
function useExpectedRetry(card: GateCard | null, reload: () => void): void {
  const next = card?.client.next_retry_at ?? null;
  useEffect(() => {
    if (card === null || next === null) return;
    const size = card.actions.reduce((sum, { raw }) => sum + raw.length, 0);
    const least = size > LARGE ? LEAST_MS * 10 : LEAST_MS;
    const timer = setTimeout(reload, Math.min(LATEST_MS, Math.max(least, next + AFTER_MS - coreNow())));
    return () => clearTimeout(timer);
  }, [card, next, reload]);
}

/** Arguments above this many characters are read more rarely. */
const LARGE = 200_000;
const LEAST_MS = 5_000;
const LATEST_MS = 60_000;
const AFTER_MS = 1_000;

/** What of a record the card's other facts depend on. */
const revisionOf = (gate: GateRecord | undefined): string =>
  gate === undefined
    ? ''
    : [gate.state, gate.effective_at, gate.expires_at, gate.released_at, gate.retries, gate.action_hash].join();

import type { ReactNode } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { showAgo, showClock, showDuration, showInstant } from '../../format/time.ts';
import { type ChipState, StateChip } from '../../parts/state-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useRoute } from '../../store/navigation.ts';
import { retryNote } from './collapse.ts';
import { useInboxStore } from './inbox-store.ts';
import { type Phase, phaseOf, resolverOf } from './phase.ts';
import { TimeLeft } from './time-left.tsx';
import { secondsLeft } from './undo-dock.tsx';

/** Where the gate stands: held, decided, resumed, expired, and by whom. */
export function StateLine({ card, gate }: { readonly card: GateCard; readonly gate: GateRecord }): ReactNode {
  const now = useNow();
  const phase = phaseOf(gate, now);
  return (
    <>
      <StateChip state={chipOf(phase)} />
      <span
        data-testid="inbox.state"
        data-phase={phase.kind}
        className="@max-[560px]/gate:order-last @max-[560px]/gate:w-full"
      >
        {sentence(phase, gate, card, now)}
      </span>
      {phase.kind === 'held' ? (
        <span className="ml-auto flex items-center gap-2 text-muted">
          expires in <TimeLeft until={gate.expires_at} testId="inbox.timer" />
        </span>
      ) : null}
      <Resolution gate={gate} />
    </>
  );
}

function chipOf(phase: Phase): ChipState {
  switch (phase.kind) {
    case 'held':
      return 'pending';
    case 'undoable':
      return phase.verdict;
    case 'resumed':
      return 'approved';
    case 'approved':
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return phase.kind;
  }
}

function sentence(phase: Phase, gate: GateRecord, card: GateCard, now: number): string {
  switch (phase.kind) {
    case 'held': {
      if (gate.agent_gone_at !== null)
        return `Agent gone ${showAgo(gate.agent_gone_at, now)}, not executed. It may still be decided: the same request finds it.`;
      const retries = retryNote({ retries: gate.retries, lastRetryAt: gate.last_retry_at }, now);
      return retries === null ? 'Held, not executed' : `Held, not executed · ${retries}`;
    }
    case 'undoable': {
      const left = `${secondsLeft(phase.until, now)} s`;
      return `${phase.verdict === 'approved' ? 'Approved' : 'Rejected'}. The agent hears of it in ${left}; until then it can be undone.`;
    }
    case 'approved':
      return awaiting(card, gate, now);
    case 'resumed':
      return `Resumed ${showInstant(phase.at, now)}`;
    case 'rejected':
      return 'Rejected. The agent gets 403 with the reason, and the same request again in this run gets the same answer.';
    case 'expired':
      return `Expired ${showInstant(phase.at, now)}, not executed. The client gets 410; a fresh request opens a new gate.`;
    case 'cancelled':
      if (phase.revoked) return 'Approval revoked, not executed. The agent’s next request opens a new gate.';
      return `Cancelled, not executed${phase.reason === null ? '' : ` (${CANCELLED[phase.reason] ?? phase.reason})`}. The agent’s next request opens a new gate.`;
  }
}

const CANCELLED: Readonly<Record<string, string>> = {
  agent_gone: 'the agent went away',
  conversation_went_on: 'its conversation went on without it',
  run_ended: 'its run ended',
  run_stopped: 'its run was stopped',
  agent_revoked: 'the agent’s token was revoked',
};

/** "Approved, waiting for agent retry", with the last and the next expected one. */
function awaiting({ client }: GateCard, gate: GateRecord, now: number): string {
  if (client.attached) return 'Approved, delivering to the held connection';
  const last = gate.last_retry_at === null ? '' : ` · last asked ${showAgo(gate.last_retry_at, now)}`;
  const next = client.next_retry_at;
  const expected =
    next === null ? '' : next > now ? ` · next expected ${showClock(next)}` : ` · was expected ${showClock(next)}`;
  return `Approved, waiting for agent retry${last}${expected}`;
}

/** What a person did with it; null where nobody did. */
function resolvedWord({ state, effective_at }: GateRecord): 'approved' | 'rejected' | 'revoked' | null {
  if (state === 'approved' || state === 'rejected') return state;
  return state === 'cancelled' && effective_at !== null ? 'revoked' : null;
}

/** Who decided, how, how fast and why. Among the pending gates a verdict from elsewhere is told as such: one came too late. */
function Resolution({ gate }: { readonly gate: GateRecord }): ReactNode {
  const here = useInboxStore((state) => state.decidedHere.has(gate.gate_id));
  const inHistory = useRoute((route) => route.screen === 'inbox' && route.tab === 'history');
  const who = resolverOf(gate);
  const word = resolvedWord(gate);
  if (who === null || gate.decided_at === null || word === null) return null;
  const late = !here && !inHistory;
  return (
    <p className="order-last w-full text-muted" data-testid="inbox.resolution">
      {late ? `Already ${word}` : `${word[0]?.toUpperCase()}${word.slice(1)}`} by{' '}
      <VisibleText text={who} breaks={false} />, {showDuration(gate.decided_at - gate.created_at)} after it was asked
      {gate.reason === null || gate.reason === '' || gate.reason === 'approval_revoked' ? null : (
        <>
          :{' '}
          <q className="untrusted">
            <VisibleText text={gate.reason} />
          </q>
        </>
      )}
    </p>
  );
}

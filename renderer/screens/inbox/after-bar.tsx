import { BookmarkPlus, CircleSlash, Undo2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord, GrantScope } from '../../../proxy-core/contract/records.ts';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useConnected } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { addGrant, revoke, undo } from './decisions.ts';
import { useInboxStore } from './inbox-store.ts';
import { phaseOf } from './phase.ts';
import { RememberDialog } from './remember-dialog.tsx';
import { secondsLeft } from './undo-dock.tsx';

/** What can still be done once a gate is decided: take it back for a moment, revoke it until its agent comes, or remember it. */
export function AfterBar({ card, gate }: { readonly card: GateCard; readonly gate: GateRecord }): ReactNode {
  const now = useNow();
  const connected = useConnected();
  const busy = useInboxStore((state) => state.busy.has(gate.gate_id));
  const [remembering, setRemembering] = useState(false);
  const remember = async (scope: GrantScope): Promise<void> => {
    if (!(await addGrant(gate.gate_id, scope))) return;
    setRemembering(false);
    toast('Remembered. It can be revoked in the inbox and on the run.');
  };
  const phase = phaseOf(gate, now);
  const rememberable = gate.state === 'approved' && card.not_grantable === null && card.offers.length > 0;
  if (phase.kind !== 'undoable' && phase.kind !== 'approved' && !rememberable) return null;
  return (
    <div
      data-testid="inbox.after"
      className="flex flex-wrap items-center gap-2 border-line border-t bg-surface px-4 py-2.5"
    >
      {phase.kind === 'undoable' ? (
        <Button
          icon={<Undo2 size={14} aria-hidden="true" />}
          shortcut="z"
          disabled={!connected || busy}
          onClick={() => void undo(gate.gate_id)}
          data-testid="inbox.undo-here"
        >
          Undo {secondsLeft(phase.until, now)} s
        </Button>
      ) : null}
      {phase.kind === 'approved' ? (
        <Button
          icon={<CircleSlash size={14} aria-hidden="true" />}
          title="Withdraw the approval before the agent comes for it"
          disabled={!connected || busy}
          onClick={() => void revoke(gate.gate_id)}
          data-testid="inbox.revoke"
        >
          Revoke
        </Button>
      ) : null}
      {rememberable ? (
        <Button
          look="quiet"
          icon={<BookmarkPlus size={14} aria-hidden="true" />}
          disabled={!connected || busy}
          onClick={() => setRemembering(true)}
          data-testid="inbox.add-grant"
        >
          Remember this approval…
        </Button>
      ) : null}
      {remembering ? (
        <RememberDialog
          card={card}
          title="Remember this approval"
          action="Remember"
          disabled={!connected || busy}
          onClose={() => setRemembering(false)}
          onRemember={(scope) => void remember(scope)}
        />
      ) : null}
    </div>
  );
}

import { Undo2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useConnected, useConsole } from '../../store/console.ts';
import { undo, undoable } from './decisions.ts';
import { useInboxStore } from './inbox-store.ts';
import { oneLine, subjectOf } from './subject.ts';

const SHOWN = 2;

/** Whole seconds until an instant, at least one; `now` is a whole second itself. */
export const secondsLeft = (until: number, now: number): number => Math.max(1, Math.floor((until - now) / 1000));

/** Verdicts that can still be taken back, the latest first, each with the seconds it has. */
export function UndoDock(): ReactNode {
  const gates = useConsole((state) => state.gates);
  const now = useNow();
  const connected = useConnected();
  const busy = useInboxStore((state) => state.busy);
  const all = undoable(gates.values(), now);
  if (all.length === 0) return null;
  const more = all.length - SHOWN;
  return (
    <section
      aria-label="Undo"
      data-testid="inbox.undo-dock"
      className="col-start-1 row-start-2 border-line border-t border-r bg-surface"
    >
      {all.slice(0, SHOWN).map((gate, index) => {
        const left = secondsLeft(gate.effective_at ?? 0, now);
        return (
          <div
            key={gate.gate_id}
            data-testid="inbox.undo-toast"
            className="flex items-center gap-2 border-line px-2.5 py-1.5 not-first:border-t"
          >
            <span className="flex min-w-0 flex-1 flex-col text-small">
              <span className="truncate">
                <strong>{gate.state === 'approved' ? 'Approved' : 'Rejected'}</strong>{' '}
                <VisibleText text={gate.agent} breaks={false} />
              </span>
              <code className="truncate font-mono text-muted">
                <VisibleText text={oneLine(subjectOf(gate).target)} breaks={false} />
              </code>
            </span>
            <Button
              look="quiet"
              className="shrink-0 px-2"
              icon={<Undo2 size={14} aria-hidden="true" />}
              disabled={!connected || busy.has(gate.gate_id)}
              onClick={() => void undo(gate.gate_id)}
              data-testid="inbox.undo"
              {...(index === 0 ? { shortcut: 'z' } : {})}
            >
              Undo {left} s
            </Button>
          </div>
        );
      })}
      {more <= 0 ? null : (
        <div className="flex items-center justify-between border-line border-t px-2.5 py-1.5 text-small">
          <span>and {more} more</span>
          <Button
            look="quiet"
            disabled={!connected}
            data-testid="inbox.undo-all"
            onClick={() => {
              for (const { gate_id } of all) void undo(gate_id);
            }}
          >
            Undo all {all.length}
          </Button>
        </div>
      )}
    </section>
  );
}

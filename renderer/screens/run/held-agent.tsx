import { Hand } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { showClock } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConnected } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import type { ShownRun } from './use-run.ts';

/** Says that the agent of a stopped run may start no other for a while, and lets it. */
export function HeldAgent({ shown, onChange }: { readonly shown: ShownRun; readonly onChange: () => void }): ReactNode {
  const { run, starts_held_until: until } = shown;
  const [busy, setBusy] = useState(false);
  const connected = useConnected();
  const now = useNow();
  if (until === null || now >= until) return null;
  const resume = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('agents.resume', { name: run.agent });
    setBusy(false);
    if (reply.ok) toast(`${run.agent} may start runs again`);
    else toast(`Not let start again: ${reply.failure.message}`, 'failed');
    onChange();
  };
  return (
    <section
      aria-label="Agent held after a stop"
      data-testid="run.held-agent"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-surface px-4 py-2 shadow-[inset_4px_0_0_var(--over)]"
    >
      <Hand size={16} strokeWidth={1.5} aria-hidden="true" />
      <p className="min-w-60 flex-1" role="status">
        <VisibleText text={run.agent} breaks={false} /> starts no other run until {showClock(until)}.
      </p>
      <Button disabled={busy || !connected} onClick={() => void resume()} data-testid="run.resume-agent">
        Let it start again
      </Button>
    </section>
  );
}

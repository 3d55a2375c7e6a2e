import type { ReactNode } from 'react';
import { showCount } from '../../format/amount.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { useConsole } from '../../store/console.ts';
import { trySample } from './try-a-gate.ts';

/** Nothing waits: what passed today, and how to see a gate. */
export function EmptyInbox(): ReactNode {
  const calls = useConsole((state) => state.callsToday);
  const agentUrl = useConsole((state) => state.status?.agent_url ?? null);
  return (
    <div
      data-testid="inbox.empty"
      className="flex min-h-0 flex-1 flex-col items-center gap-6 overflow-y-auto p-6 @min-[680px]:pt-[10vh]"
    >
      <div className="text-center">
        <p className="text-title">Nothing waiting</p>
        <p className="text-muted">
          {showCount(calls)} {calls === 1 ? 'call' : 'calls'} passed today.
        </p>
      </div>
      {agentUrl === null ? null : <TryAGate agentUrl={agentUrl} />}
    </div>
  );
}

/** The whole way in a terminal: the demo provider proposes a command that the starter policy gates. Nothing is executed. */
function TryAGate({ agentUrl }: { readonly agentUrl: string }): ReactNode {
  const program = useConsole((state) => state.status?.program ?? 'rungate');
  const platform = useConsole((state) => state.host?.platform ?? '');
  const { shell, text } = trySample(agentUrl, program, platform);
  return (
    <section aria-labelledby="try-a-gate" className="w-full max-w-[640px] rounded border border-line bg-surface p-4">
      <div className="flex items-center justify-between">
        <h2 id="try-a-gate" className="font-semibold">
          Try a gate
        </h2>
        <CopyButton text={text} label="command" testId="inbox.try-copy" />
      </div>
      <p className="mb-2 text-muted text-small">
        For {shell}, in any folder. Needs no key and executes nothing: the demo model proposes a command that the
        starter policy holds.
      </p>
      <pre
        className="untrusted rounded border border-line bg-bg p-2 font-mono text-small"
        data-testid="inbox.try-command"
      >
        {text}
      </pre>
      <p className="mt-2 text-muted text-small">
        Decide it here, then run the last line again: it is the agent’s retry.
      </p>
    </section>
  );
}

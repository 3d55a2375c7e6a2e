import { ArrowUp, Plug } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { showCount } from '../../format/amount.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useConsole } from '../../store/console.ts';

/** What the list says beside its rows. */

/** Runs that wait to be put into the list: they would move what is being looked at. */
export function NewRuns({ count, onShow }: { readonly count: number; readonly onShow: () => void }): ReactNode {
  return (
    <div className="pointer-events-none absolute top-10 right-0 left-0 z-20 flex justify-center">
      <button
        type="button"
        onClick={onShow}
        data-testid="runs.new"
        className="pointer-events-auto flex min-h-7 items-center gap-1.5 rounded-full border border-accent bg-accent px-3 text-small text-on-accent shadow-lg hover:opacity-90"
      >
        <ArrowUp size={14} strokeWidth={1.5} aria-hidden="true" />
        {showCount(count)} new
      </button>
    </div>
  );
}

/** No run matches the filter. */
export function NothingFound({ query, onClear }: { readonly query: string; readonly onClear: () => void }): ReactNode {
  return (
    <EmptyState title="No run matches" testId="runs.filtered-empty">
      <p className="untrusted font-mono text-mono">
        <VisibleText text={query} breaks={false} />
      </p>
      <Button onClick={onClear} data-testid="runs.clear">
        Clear the filter
      </Button>
    </EmptyState>
  );
}

/** There is no run at all. */
export function NoRuns({ onConnect }: { readonly onConnect: () => void }): ReactNode {
  const url = useConsole((state) => state.status?.agent_url ?? null);
  return (
    <EmptyState title="No run yet" testId="runs.empty">
      <p>A run begins with an agent’s first call. Point an agent at this base URL, with a token of its own:</p>
      {url === null ? null : (
        <p className="flex items-center gap-2 rounded border border-line bg-surface py-1 pr-1 pl-3 font-mono text-mono text-text">
          {url}
          <CopyButton text={url} label="base URL" testId="runs.copy-url" />
        </p>
      )}
      <Button
        look="primary"
        icon={<Plug size={14} strokeWidth={1.5} aria-hidden="true" />}
        onClick={onConnect}
        data-testid="runs.empty-connect"
      >
        Connect an agent
      </Button>
    </EmptyState>
  );
}

/** One run is chosen to be compared; the other is still to be. */
export function ChosenRun({ runId, onClear }: { readonly runId: string; readonly onClear: () => void }): ReactNode {
  return (
    <div
      role="status"
      data-testid="runs.chosen"
      className="flex flex-wrap items-center gap-3 border-t border-line bg-surface px-4 py-1.5 shadow-[inset_4px_0_0_var(--accent)]"
    >
      <span className="untrusted min-w-0 flex-1">
        Comparing{' '}
        <span className="font-mono text-mono">
          <VisibleText text={runId} breaks={false} />
        </span>
        : choose the other run with Space or in its menu.
      </span>
      <Button look="quiet" onClick={onClear}>
        Cancel
      </Button>
    </div>
  );
}

/** Whether something takes longer than a person notices. */
export function useSlow(going: boolean, afterMs = 300): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!going) return setSlow(false);
    const timer = setTimeout(() => setSlow(true), afterMs);
    return () => clearTimeout(timer);
  }, [going, afterMs]);
  return slow;
}

import { Copy, Pause, Play, Search } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { carryOut } from '../keyboard/use-commands.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { useConnected, useConsole } from '../store/console.ts';
import { toast } from '../store/toasts.ts';
import { pauseAll, resumeAll, usePaused } from './pause.ts';

/** Whether the proxy takes calls, where it is, search, and Pause all. */
export function TopBar(): ReactNode {
  return (
    <header className="col-start-2 flex h-12 items-center gap-2 border-b border-line bg-surface px-3">
      <ProxyState />
      <button
        type="button"
        onClick={() => carryOut('palette')}
        data-testid="shell.search"
        className="ml-auto flex h-8 min-w-0 min-w-8 max-w-[360px] flex-1 items-center gap-2 rounded border border-control px-2 text-muted hover:bg-hover"
      >
        <Search size={14} aria-hidden="true" />
        <span className="truncate max-narrow:sr-only">Go to, find a run, or do something</span>
        <span aria-hidden="true" className="ml-auto font-mono text-minimum max-narrow:hidden">
          {isMac ? '⌘K' : 'Ctrl+K'}
        </span>
      </button>
      <PauseButton />
    </header>
  );
}

const isMac = navigator.userAgent.includes('Mac');

const NOT_LIVE: Readonly<Record<string, string>> = { starting: 'Starting', broken: 'Not following' };

function ProxyState(): ReactNode {
  const connection = useConsole((state) => state.connection);
  const status = useConsole((state) => state.status);
  const address = status?.agent_url.replace(/^https?:\/\//, '') ?? '';
  const [dot, word] =
    connection !== 'live' || status === null
      ? ['bg-pending', NOT_LIVE[connection] ?? 'Reconnecting']
      : status.paused
        ? ['bg-rejected', 'Paused']
        : status.store.ok
          ? ['bg-approved', 'Running']
          : ['bg-rejected', 'Read-only'];
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(status?.agent_url ?? '');
      toast('Base URL copied.');
    } catch {
      toast(`The address could not be copied. It is ${status?.agent_url ?? ''}`, 'failed');
    }
  };
  return (
    <div className="flex items-center gap-2">
      <span className="flex items-center gap-1.5" data-testid="shell.state" role="status">
        <span aria-hidden="true" className={`size-2.5 rounded-full ring-1 ring-control ${dot}`} />
        {word}
      </span>
      {status === null ? null : (
        <button
          type="button"
          onClick={() => void copy()}
          title="Copy the base URL for agents"
          data-testid="shell.address"
          className="flex h-7 items-center gap-1.5 rounded px-1.5 font-mono text-mono hover:bg-hover"
        >
          {address}
          <Copy size={13} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}

function PauseButton(): ReactNode {
  const paused = usePaused();
  const connected = useConnected();
  const [asking, setAsking] = useState(false);
  if (!paused) {
    return (
      <Button
        icon={<Pause size={14} aria-hidden="true" />}
        disabled={!connected}
        onClick={() => void pauseAll()}
        data-testid="shell.pause"
        aria-keyshortcuts="Control+Shift+."
      >
        Pause all
      </Button>
    );
  }
  return (
    <>
      <Button
        look="danger"
        icon={<Play size={14} aria-hidden="true" />}
        disabled={!connected}
        onClick={() => setAsking(true)}
        data-testid="shell.resume"
      >
        Resume
      </Button>
      {asking ? <ConfirmResume onClose={() => setAsking(false)} /> : null}
    </>
  );
}

/** Resuming lets every agent go on spending: it is confirmed. */
export function ConfirmResume({ onClose }: { readonly onClose: () => void }): ReactNode {
  const resume = async (): Promise<void> => {
    onClose();
    await resumeAll();
  };
  return (
    <Dialog title="Resume all agents?" onClose={onClose} testId="shell.confirm-resume">
      <p className="mb-4 text-muted">New calls are let through again, under their policies and budgets.</p>
      <div className="flex justify-end gap-2">
        <Button autoFocus onClick={onClose}>
          Cancel
        </Button>
        <Button look="primary" onClick={() => void resume()} data-testid="shell.resume-now">
          Resume
        </Button>
      </div>
    </Dialog>
  );
}

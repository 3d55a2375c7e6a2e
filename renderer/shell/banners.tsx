import type { ReactNode } from 'react';
import { Button } from '../parts/button.tsx';
import { VisibleText } from '../parts/visible-text.tsx';
import { dismissNotice, useConsole } from '../store/console.ts';
import { navigate } from '../store/navigation.ts';
import { usePaused } from './pause.ts';

/** What a person must know wherever they are: paused, disconnected, read-only, a key that is missing, a notice that could not be shown. */
export function Banners(): ReactNode {
  return (
    <div className="col-start-2 flex flex-col" data-testid="shell.banners">
      <PausedBar />
      <ConnectionBar />
      <StoreBar />
      <KeyBar />
      <NoticeBars />
    </div>
  );
}

const BAR = 'flex min-h-8 flex-wrap items-center gap-3 border-b border-line px-3 py-1';

function PausedBar(): ReactNode {
  if (!usePaused()) return null;
  return (
    <p role="status" data-testid="shell.paused" className={`${BAR} bg-rejected text-on-rejected`}>
      All agents are paused. New calls are refused until you resume.
    </p>
  );
}

function ConnectionBar(): ReactNode {
  const connection = useConsole((state) => state.connection);
  const problem = useConsole((state) => state.problem);
  if (connection === 'live' || connection === 'starting' || connection === 'signed_out') return null;
  if (connection === 'broken') return <BrokenBar />;
  return (
    <p role="status" data-testid="shell.reconnecting" className={`${BAR} bg-pending text-ink`}>
      Reconnecting to Rungate. What you see may be old; decisions are disabled.
      {connection === 'failed' && problem !== null ? ` ${problem}` : null}
    </p>
  );
}

/** A bug of the page itself: no waiting cures it, and what is shown no longer follows the core. */
function BrokenBar(): ReactNode {
  return (
    <div role="alert" data-testid="shell.broken" className={`${BAR} bg-rejected text-on-rejected`}>
      <span>
        The console has met an error of its own and no longer follows Rungate. Rungate itself goes on; decisions are
        disabled here. The browser’s console says what went wrong.
      </span>
      <Button onClick={() => location.reload()}>Reload</Button>
    </div>
  );
}

function StoreBar(): ReactNode {
  const store = useConsole((state) => state.status?.store);
  if (store === undefined || store.ok) return null;
  return (
    <p role="alert" data-testid="shell.read-only" className={`${BAR} bg-rejected text-on-rejected`}>
      The store cannot be written, and new calls are refused, so that none goes unlogged. {store.detail}
    </p>
  );
}

/** A provider whose key is missing refuses its agents' calls; only worth a bar once agents call at all. */
function KeyBar(): ReactNode {
  const providers = useConsole((state) => state.status?.providers);
  const used = useConsole((state) => state.runsTotal > 0);
  const missing = providers?.filter(({ key }) => key === 'missing') ?? [];
  const anyWorks = providers?.some(({ key }) => key !== 'missing') ?? true;
  if (missing.length === 0 || (!used && anyWorks)) return null;
  return (
    <div role="status" data-testid="shell.key-missing" className={`${BAR} bg-hover`}>
      <span>
        No key for {missing.map(({ id }) => id).join(', ')}: calls to {missing.length === 1 ? 'it' : 'them'} are
        refused.
      </span>
      <Button onClick={() => navigate({ screen: 'settings', section: 'keys' })} data-testid="shell.key-missing-open">
        Set a key
      </Button>
    </div>
  );
}

function NoticeBars(): ReactNode {
  const notices = useConsole((state) => state.notices);
  return notices.map(({ notice_id, gate_id, title, body }) => (
    <div key={notice_id} role="alert" data-testid="shell.notice" className={`${BAR} bg-pending text-ink`}>
      <strong>
        <VisibleText text={title} />
      </strong>
      <span className="untrusted min-w-0 flex-1">
        <VisibleText text={body} />
      </span>
      <Button
        onClick={() => {
          dismissNotice(notice_id);
          navigate({ screen: 'inbox', tab: 'pending', gateId: gate_id });
        }}
      >
        Review
      </Button>
      <Button look="quiet" className="text-ink" onClick={() => dismissNotice(notice_id)}>
        Dismiss
      </Button>
    </div>
  ));
}

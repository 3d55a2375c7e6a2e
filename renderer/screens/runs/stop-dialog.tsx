import { type ReactNode, useState } from 'react';
import type { RunRecord } from '../../../proxy-core/contract/records.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useConnected } from '../../store/console.ts';
import { stopRun } from './run-commands.ts';

/** Asks before a run is ended for good; Enter cancels. */
export function StopDialog({ run, onClose }: { readonly run: RunRecord; readonly onClose: () => void }): ReactNode {
  const [busy, setBusy] = useState(false);
  const connected = useConnected();
  const stop = async (): Promise<void> => {
    setBusy(true);
    const done = await stopRun(run.run_id);
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog title="Stop this run?" testId="runs.stop-dialog" onClose={onClose}>
      <p className="untrusted font-mono text-mono">
        <VisibleText text={run.run_id} />
      </p>
      <p className="mt-2 text-muted">
        Streams in flight are cut, waiting gates are cancelled, and its next calls get 403 <code>run_stopped</code>. For
        15 minutes the same holds for every call of <VisibleText text={run.agent} breaks={false} /> outside runs that
        are open now, unless you let it start again before. The stop itself cannot be undone.
      </p>
      <div className="mt-4 flex justify-end gap-2">
        <Button autoFocus onClick={onClose} data-testid="runs.stop-cancel">
          Cancel
        </Button>
        <Button look="danger" disabled={busy || !connected} onClick={() => void stop()} data-testid="runs.stop-confirm">
          Stop run
        </Button>
      </div>
    </Dialog>
  );
}

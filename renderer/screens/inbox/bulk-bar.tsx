import { type ReactNode, useEffect, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useConnected, useConsole } from '../../store/console.ts';
import { BulkDialog } from './bulk-dialog.tsx';
import { choose, useInboxStore } from './inbox-store.ts';
import { isDecidable } from './phase.ts';

/** The gates chosen for a common decision; those that are decided meanwhile drop out. */
export function BulkBar(): ReactNode {
  const chosen = useInboxStore((state) => state.chosen);
  const gates = useConsole((state) => state.gates);
  const connected = useConnected();
  const now = useNow();
  const [open, setOpen] = useState(false);
  const waiting = chosen.filter((id) => {
    const gate = gates.get(id);
    return gate !== undefined && isDecidable(gate, now);
  });
  const gone = waiting.length !== chosen.length;
  useEffect(() => {
    if (gone && !open) choose(waiting);
  });
  if (chosen.length === 0) return null;
  return (
    <div data-testid="inbox.bulk-bar" className="flex items-center gap-2 border-line border-t bg-hover p-2">
      <span className="mr-auto">{waiting.length} chosen</span>
      <Button look="quiet" onClick={() => choose([])} data-testid="inbox.bulk-clear">
        Clear
      </Button>
      <Button
        look="primary"
        disabled={!connected || waiting.length === 0}
        onClick={() => setOpen(true)}
        data-testid="inbox.bulk-review"
      >
        Compare…
      </Button>
      {open ? (
        <BulkDialog
          ids={chosen}
          onClose={() => {
            setOpen(false);
            choose([]);
          }}
        />
      ) : null}
    </div>
  );
}

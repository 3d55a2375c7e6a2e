import { type ReactNode, useState } from 'react';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import { showBytes, showCount } from '../../format/amount.ts';
import { showInstant } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { Facts, TextField } from '../../parts/field.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useQuery } from '../../parts/use-query.ts';
import { call, useConnected, useConsole } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

type Status = OperationOutput<'retention.status'>;

/** How large the store is, and removing old traces; the audit always stays. */
export function RetentionSection(): ReactNode {
  const revision = useConsole((state) => state.revision.retention);
  const { value, failure, reload } = useQuery('retention.status', {}, revision);
  const now = useNow();
  if (failure !== null)
    return <FailureNote message={failure.message} onRetry={reload} testId="settings.retention-failed" />;
  if (value === null) return <Loading what="the sizes" />;
  return (
    <>
      <Facts
        facts={[
          ['Kept for', value.days === null ? 'ever' : `${value.days} days`],
          ['At most', value.max_gb === null ? 'no limit' : `${value.max_gb} GB`],
          ['Store', showBytes(value.store_bytes)],
          ['of it traces and texts', showBytes(value.trace_bytes)],
          ['of it audit', showBytes(value.audit_bytes)],
          ['Oldest run', value.oldest_run_at === null ? 'none' : showInstant(value.oldest_run_at, now)],
        ]}
      />
      <PurgeForm status={value} onDone={reload} />
    </>
  );
}

function PurgeForm({ status, onDone }: { readonly status: Status; readonly onDone: () => void }): ReactNode {
  const [days, setDays] = useState(String(status.days ?? 30));
  const [preview, setPreview] = useState<OperationOutput<'retention.purge'> | null>(null);
  const connected = useConnected();
  const program = useConsole((state) => state.status?.program ?? 'rungate');
  const count = Number(days);
  const valid = days.trim() !== '' && Number.isFinite(count) && count >= 0;
  const purge = async (dryRun: boolean): Promise<void> => {
    const reply = await call('retention.purge', { days: count, dry_run: dryRun });
    if (!reply.ok) return toast(`Not purged: ${reply.failure.message}`, 'failed');
    if (dryRun) return setPreview(reply.value);
    setPreview(null);
    const { runs, bytes_before, bytes_after } = reply.value;
    toast(
      `Removed the traces of ${showCount(runs)} runs: ${showBytes(bytes_before)} before, ${showBytes(bytes_after)} after.`,
    );
    onDone();
  };
  return (
    <form
      className="mt-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) void purge(true);
      }}
    >
      <TextField
        label="Remove traces older than (days)"
        inputMode="numeric"
        value={days}
        onChange={(event) => setDays(event.target.value)}
        testId="settings.purge-days"
      />
      <Button type="submit" disabled={!connected || !valid} data-testid="settings.purge">
        Purge…
      </Button>
      {preview === null ? null : (
        <Dialog title="Remove these traces?" onClose={() => setPreview(null)} testId="settings.purge-confirm">
          <p className="mb-2">
            {showCount(preview.runs)} runs lose their requests, answers and steps: {showBytes(preview.bytes_before)}{' '}
            now, about {showBytes(preview.bytes_after)} after. Their audit records stay. This cannot be undone.
          </p>
          <p className="mb-4 text-muted">
            To keep a copy, export first:{' '}
            <code className="font-mono">
              {program} export --since {Math.max(1, Math.ceil(daysSince(status)))}d --out DIR
            </code>
          </p>
          <div className="flex justify-end gap-2">
            <Button autoFocus onClick={() => setPreview(null)}>
              Cancel
            </Button>
            <Button
              look="danger"
              disabled={preview.runs === 0}
              onClick={() => void purge(false)}
              data-testid="settings.purge-now"
            >
              Remove
            </Button>
          </div>
        </Dialog>
      )}
    </form>
  );
}

const DAY_MS = 86_400_000;

const daysSince = ({ oldest_run_at }: Status): number =>
  oldest_run_at === null ? 1 : (Date.now() - oldest_run_at) / DAY_MS;

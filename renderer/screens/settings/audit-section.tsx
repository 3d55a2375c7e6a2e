import { type ReactNode, useState } from 'react';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import { showCount } from '../../format/amount.ts';
import { showInstant } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { FailureNote, Loading } from '../../parts/empty-state.tsx';
import { Facts } from '../../parts/field.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useQuery } from '../../parts/use-query.ts';
import { call } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

/** The audit: how long it is, what signs it, where its head is also kept, and a check of all of it. */
export function AuditSection(): ReactNode {
  const { value, failure, reload } = useQuery('audit.status', {});
  const now = useNow();
  if (failure !== null)
    return <FailureNote message={failure.message} onRetry={reload} testId="settings.audit-failed" />;
  if (value === null) return <Loading what="the audit’s state" />;
  const anchors = value.anchors.map(({ where, last_at, last_seq, last_error }): readonly [string, string] => [
    where,
    last_error ??
      (last_at === null ? 'nothing written yet' : `record ${last_seq ?? '–'} at ${showInstant(last_at, now)}`),
  ]);
  return (
    <>
      <Facts
        facts={[
          ['Records', showCount(value.records)],
          [
            'Signing key',
            <code key="key" className="font-mono text-mono">
              {value.key}
            </code>,
          ],
          [
            'Signed up to',
            value.head === null
              ? 'nothing yet'
              : `record ${value.head.seq}${value.head.signed_at === null ? ', not signed yet' : `, ${showInstant(value.head.signed_at, now)}`}`,
          ],
        ]}
      />
      <h3 className="mt-3 mb-1 font-semibold">Kept elsewhere</h3>
      {anchors.length === 0 ? (
        <p className="text-muted">
          Nowhere: cutting off the end of the audit would not show. Set audit.anchors in the configuration.
        </p>
      ) : (
        <Facts facts={anchors} />
      )}
      <VerifyButton onDone={reload} />
    </>
  );
}

function VerifyButton({ onDone }: { readonly onDone: () => void }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [verdict, setVerdict] = useState<OperationOutput<'audit.verify'> | null>(null);
  const verify = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('audit.verify', {});
    setBusy(false);
    if (!reply.ok) return toast(`Not checked: ${reply.failure.message}`, 'failed');
    setVerdict(reply.value);
    onDone();
  };
  return (
    <div className="mt-3 flex flex-wrap items-center gap-3">
      <Button disabled={busy} onClick={() => void verify()} data-testid="settings.verify">
        {busy ? 'Checking…' : 'Verify now'}
      </Button>
      {verdict === null ? null : (
        <p role="status" data-testid="settings.verdict">
          {summarise(verdict)} <span className="text-muted">{verdict.detail}</span>
        </p>
      )}
    </div>
  );
}

/** Whole, broken at a record, or consistent without anything from outside that says so too. */
function summarise({ ok, broken, records }: OperationOutput<'audit.verify'>): string {
  if (ok) return `All ${showCount(records)} records are intact.`;
  return broken === null ? 'Consistent, but not confirmed.' : `Broken at record ${broken.seq}.`;
}

import { KeyRound } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { GrantRecord } from '../../../proxy-core/contract/records.ts';
import { showDuration } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';

/** Whether a grant still silences its rule. `now` is epoch ms. */
export const isActive = ({ revoked_at, expires_at }: GrantRecord, now: number): boolean =>
  revoked_at === null && (expires_at === null || now < expires_at);

/** An approval with memory: the literal matcher it was given for, and Revoke. */
export function GrantChip({
  grant,
  onChange,
}: {
  readonly grant: GrantRecord;
  readonly onChange: () => void;
}): ReactNode {
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const active = isActive(grant, now);
  const revoke = async (): Promise<void> => {
    setBusy(true);
    const reply = await call('grants.revoke', { grant_id: grant.grant_id });
    setBusy(false);
    if (reply.ok) onChange();
    else toast(`Not revoked: ${reply.failure.message}`, 'failed');
  };
  return (
    <span
      data-testid="run.grant"
      className="inline-flex max-w-full items-center gap-2 rounded border border-control py-0.5 pr-0.5 pl-2"
    >
      <KeyRound size={14} strokeWidth={1.5} aria-hidden="true" className="shrink-0 text-muted" />
      <span className="untrusted min-w-0 text-small">
        <VisibleText text={grant.shown} breaks={false} />
        <span className="text-muted">
          {' '}
          · used ×{grant.used}
          {lasts(grant, now)}
        </span>
      </span>
      {active ? (
        <Button
          look="quiet"
          className="text-small"
          disabled={busy}
          onClick={() => void revoke()}
          data-testid="run.revoke-grant"
        >
          Revoke
        </Button>
      ) : null}
    </span>
  );
}

function lasts({ revoked_at, expires_at }: GrantRecord, now: number): string {
  if (revoked_at !== null) return ' · revoked';
  if (expires_at === null) return '';
  return now >= expires_at ? ' · over' : ` · ${showDuration(expires_at - now)} left`;
}

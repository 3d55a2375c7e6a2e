import { KeyRound } from 'lucide-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { GrantRecord } from '../../../proxy-core/contract/records.ts';
import { showInstant } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { useNow } from '../../parts/use-now.ts';
import { useQuery } from '../../parts/use-query.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { useConnected, useConsole } from '../../store/console.ts';
import { revokeGrant } from './decisions.ts';
import { useInboxStore } from './inbox-store.ts';

/** The grants that silence rules now. */
export function useActiveGrants(): readonly GrantRecord[] {
  const revision = useConsole((state) => state.revision.grants);
  const first = useConsole((state) => state.grants);
  const now = useNow();
  const { value } = useQuery('grants.list', {}, revision);
  return (value?.grants ?? first).filter(
    ({ revoked_at, expires_at }) => revoked_at === null && (expires_at === null || now < expires_at),
  );
}

/** How many grants are active; opens their list. */
export function GrantsChip(): ReactNode {
  const grants = useActiveGrants();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const panel = useId();
  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  if (grants.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the list from anywhere in it
    <div
      ref={root}
      className="relative ml-auto"
      onKeyDown={(event) => {
        if (event.key === 'Escape') setOpen(false);
      }}
    >
      <button
        type="button"
        aria-expanded={open}
        aria-controls={panel}
        title="Approvals that are remembered"
        data-testid="inbox.grants"
        onClick={() => setOpen(!open)}
        className="inline-flex min-h-7 items-center gap-1 whitespace-nowrap rounded border border-control px-1.5 text-small hover:bg-hover"
      >
        <KeyRound size={13} strokeWidth={1.5} aria-hidden="true" />
        {grants.length} {grants.length === 1 ? 'grant' : 'grants'}
      </button>
      {open ? (
        <div
          id={panel}
          className="absolute top-full left-[-190px] z-20 mt-1 max-h-[60vh] w-[min(420px,90vw)] overflow-auto rounded border border-control bg-surface p-3 shadow-lg"
        >
          <h2 className="mb-2 font-semibold">Remembered approvals</h2>
          <GrantList grants={grants} />
        </div>
      ) : null}
    </div>
  );
}

/** Grants with the literal matcher that was shown when each was given. */
export function GrantList({ grants }: { readonly grants: readonly GrantRecord[] }): ReactNode {
  const now = useNow();
  const connected = useConnected();
  const busy = useInboxStore((state) => state.busy);
  return (
    <ul className="flex flex-col gap-2">
      {grants.map((grant) => (
        <li key={grant.grant_id} data-testid="inbox.grant" className="rounded border border-line p-2">
          <p className="untrusted text-small">
            <VisibleText text={grant.shown} />
          </p>
          <div className="mt-1 flex items-center justify-between gap-2 text-muted text-small">
            <span>
              used {grant.used}×,{' '}
              {grant.expires_at === null ? 'until the run ends' : `until ${showInstant(grant.expires_at, now)}`}
            </span>
            <Button
              disabled={!connected || busy.has(grant.grant_id)}
              data-testid="inbox.revoke-grant"
              onClick={() => void revokeGrant(grant.grant_id)}
            >
              Revoke
            </Button>
          </div>
        </li>
      ))}
    </ul>
  );
}

import { ChevronRight } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import type { Failure } from '../../../proxy-core/contract/failures.ts';
import type { AuditField, AuditRecord } from '../../../proxy-core/contract/records.ts';
import { showClock, showFull } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { ScrollRegion } from '../../parts/grid.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConsole } from '../../store/console.ts';

const PAGE = 200;

/** What was decided and charged in this run, each record with its hash and the one before it. */
export function AuditTab({ runId, revision }: { readonly runId: string; readonly revision: number }): ReactNode {
  const { records, more, failure, load } = useAudit(runId, revision);
  const program = useConsole((state) => state.status?.program ?? 'rungate');
  if (failure !== null && records.length === 0)
    return <FailureNote message={failure.message} onRetry={load} testId="run.audit-failure" />;
  if (records.length === 0)
    return more ? <Loading what="the audit" /> : <EmptyState title="No audit record" testId="run.no-audit" />;
  return (
    <ScrollRegion label="Audit records" className="h-full p-3">
      <p className="mb-2 text-small text-muted">
        Each record holds the hash of the one before it. <code>{program} verify</code> checks the whole chain.
      </p>
      <ol data-testid="run.audit" className="flex flex-col">
        {records.map((record) => (
          <Record key={record.seq} record={record} />
        ))}
      </ol>
      {more ? (
        <Button className="mt-3" onClick={load} data-testid="run.audit-more">
          Show more
        </Button>
      ) : null}
    </ScrollRegion>
  );
}

function useAudit(runId: string, revision: number) {
  const [records, setRecords] = useState<readonly AuditRecord[]>([]);
  const [more, setMore] = useState(true);
  const [failure, setFailure] = useState<Failure | null>(null);
  const last = useRef(0);
  const busy = useRef<boolean>(false);
  const load = useCallback(() => {
    if (busy.current) return;
    busy.current = true;
    void call('runs.audit', { run_id: runId, after_seq: last.current, limit: PAGE }).then((reply) => {
      busy.current = false;
      setFailure(reply.ok ? null : reply.failure);
      if (!reply.ok) return;
      const { records: added } = reply.value;
      last.current = added.at(-1)?.seq ?? last.current;
      setRecords((before) => [...before, ...added.filter(({ seq }) => seq > (before.at(-1)?.seq ?? 0))]);
      setMore(added.length === PAGE);
    });
  }, [runId]);
  const wanted = useRef(true);
  wanted.current = more;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `revision` says that records may have been added
  useEffect(() => {
    // New records are behind the last page: they are read once that page has been.
    if (last.current === 0 || !wanted.current) load();
  }, [load, revision]);
  return { records, more, failure, load };
}

function Record({ record }: { readonly record: AuditRecord }): ReactNode {
  return (
    <li
      className="border-b border-line py-1.5"
      style={{ contentVisibility: 'auto', containIntrinsicSize: 'auto none auto 56px' }}
    >
      <details className="group/record">
        <summary className="flex cursor-pointer list-none items-baseline gap-x-2">
          <ChevronRight
            size={12}
            aria-hidden="true"
            className="shrink-0 self-center text-muted group-open/record:rotate-90"
          />
          <span className="w-12 shrink-0 text-right font-mono text-small text-muted">{record.seq}</span>
          <span className="font-semibold whitespace-nowrap">
            <VisibleText text={record.kind} breaks={false} />
          </span>
          <span className="min-w-0 flex-1 truncate text-small text-muted">
            <VisibleText text={`${record.actor} · ${record.channel}`} breaks={false} />
          </span>
          <time
            className="text-small whitespace-nowrap text-muted"
            dateTime={new Date(record.at).toISOString()}
            title={showFull(record.at)}
          >
            {showClock(record.at)}
          </time>
        </summary>
        <dl className="mt-2 ml-19 grid grid-cols-[minmax(90px,10rem)_minmax(0,1fr)] gap-x-3 gap-y-1 text-small">
          <Fact name="at">{showFull(record.at)}</Fact>
          {Object.entries(record.fields).map(([name, field]) => (
            <Fact key={name} name={name}>
              <FieldText field={field} />
            </Fact>
          ))}
          {record.run_prev === null ? null : <Fact name="run prev">{record.run_prev}</Fact>}
        </dl>
      </details>
      <p className="ml-19 flex flex-wrap items-center gap-x-4 font-mono text-minimum text-muted">
        <Hash name="hash" hash={record.hash} />
        <Hash name="prev" hash={record.prev} />
      </p>
    </li>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode => (
  <div className="contents">
    <dt className="text-muted">
      <VisibleText text={name} breaks={false} />
    </dt>
    <dd className="untrusted font-mono">{children}</dd>
  </div>
);

function FieldText({ field }: { readonly field: AuditField }): ReactNode {
  if ('digest' in field) return <span className="text-muted">redacted, {field.digest.slice(0, 16)}…</span>;
  return <VisibleText text={typeof field.value === 'string' ? field.value : JSON.stringify(field.value)} />;
}

const Hash = ({ name, hash }: { readonly name: string; readonly hash: string }): ReactNode => (
  <span className="flex items-center" title={hash}>
    {name} {hash.slice(0, 12)}…
    <CopyButton text={hash} label={name} testId="run.audit-copy" />
  </span>
);

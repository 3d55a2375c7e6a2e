import { type ReactNode, useMemo } from 'react';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { numbered } from '../numbered.ts';
import { LongText } from './long-text.tsx';
import type { ViewOf } from './payload.tsx';
import { type ShellRow, shellRows } from './shell-rows.ts';
import { extentOf, isLong } from './text-chunks.ts';

/** A shell command: one row per segment, the program in bold; what joins the segments stands before them. */
export function ShellPayload({ view }: { readonly view: ViewOf<'shell'> }): ReactNode {
  const rows = useMemo(() => shellRows(view.command, view.segments), [view.command, view.segments]);
  return (
    <div data-testid="inbox.payload-text" className="font-mono text-mono">
      {numbered(rows).map(({ key, item: row }) => (
        <SegmentRow key={key} row={row} alone={rows.length === 1} />
      ))}
    </div>
  );
}

function SegmentRow({ row, alone }: { readonly row: ShellRow; readonly alone: boolean }): ReactNode {
  return (
    <div data-testid="inbox.segment" className={alone ? '' : 'grid grid-cols-[1.75rem_minmax(0,1fr)] gap-x-2 py-px'}>
      <span className="untrusted select-none text-right text-accent">
        <VisibleText text={row.joiner} />
      </span>
      <div className="untrusted">
        <VisibleText text={row.before} />
        <strong className="font-semibold text-text underline decoration-control decoration-1 underline-offset-4">
          <VisibleText text={row.binary} />
        </strong>
        <Rest text={row.after} />
      </div>
    </div>
  );
}

/** What follows the program: a long text (a heredoc) goes on below its first line in pieces. */
function Rest({ text }: { readonly text: string }): ReactNode {
  if (!isLong(extentOf(text))) return <VisibleText text={text} />;
  const cut = text.indexOf('\n') + 1;
  return (
    <>
      <VisibleText text={text.slice(0, cut)} />
      <LongText text={text.slice(cut)} />
    </>
  );
}

/** Where a command runs and which variables are set for it. */
export function ShellFacts({ view }: { readonly view: ViewOf<'shell'> }): ReactNode {
  return (
    <>
      <span>
        in{' '}
        {view.cwd === null ? (
          <span className="text-muted">unknown folder</span>
        ) : (
          <code className="untrusted font-mono text-mono">
            <VisibleText text={view.cwd} breaks={false} />
          </code>
        )}
      </span>
      {view.env.length === 0 ? null : (
        <span>
          sets{' '}
          <code className="untrusted font-mono text-mono">
            <VisibleText text={view.env.join(', ')} breaks={false} />
          </code>
        </span>
      )}
    </>
  );
}

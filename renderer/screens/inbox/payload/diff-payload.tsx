import { type ReactNode, useMemo } from 'react';
import { showBytes } from '../../../format/amount.ts';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { useInboxStore } from '../inbox-store.ts';
import { numbered } from '../numbered.ts';
import { type DiffBlock, type DiffLayout, layOutChange, linesOf, MOST_ROWS, rowCount, splitRows } from './diff-rows.ts';
import { LongText } from './long-text.tsx';
import type { ViewOf } from './payload.tsx';

type Change = ViewOf<'diff'>['changes'][number];

/** Changes of files, each with its path, size and mode. */
export function DiffPayload({ view }: { readonly view: ViewOf<'diff'> }): ReactNode {
  return (
    <div data-testid="inbox.payload-text" className="flex flex-col gap-4">
      {numbered(view.changes).map(({ key, item: change }) => (
        <ChangedFile key={key} change={change} />
      ))}
    </div>
  );
}

function ChangedFile({ change }: { readonly change: Change }): ReactNode {
  const layout = useMemo(() => layOutChange(change), [change]);
  const mode = useInboxStore((state) => state.diffMode);
  const unknownOriginal = change.before === null && change.patch === null && change.binary === null;
  return (
    <article data-testid="inbox.change">
      <header className="mb-2 flex flex-wrap items-baseline gap-x-3 gap-y-0.5 text-small text-muted">
        <code className="untrusted font-mono font-semibold text-mono text-text">
          <VisibleText text={change.path} breaks={false} />
        </code>
        <span>{showBytes(change.bytes)}</span>
        {change.mode === null ? null : <span>mode {change.mode}</span>}
        {change.binary === null ? (
          <span>
            +{layout.added} −{layout.removed}
          </span>
        ) : null}
        {unknownOriginal ? <span>new or unknown original</span> : null}
        {layout.exact ? null : <span>too different to compare line by line: old text whole, then new text whole</span>}
      </header>
      {change.binary === null ? (
        <DiffBody layout={layout} split={mode === 'split' && change.before !== null} />
      ) : (
        <p>
          Not text: {change.binary.type}, SHA-256{' '}
          <code className="untrusted font-mono text-mono">{change.binary.sha256}</code>
        </p>
      )}
    </article>
  );
}

function DiffBody({ layout, split }: { readonly layout: DiffLayout; readonly split: boolean }): ReactNode {
  if (layout.blocks.length === 0) return <p className="text-muted">Empty.</p>;
  if (rowCount(layout) > MOST_ROWS || layout.blocks.some(({ text }) => text.length > MOST_BLOCK))
    return <BlockDiff blocks={layout.blocks} />;
  return split ? <SplitDiff blocks={layout.blocks} /> : <UnifiedDiff blocks={layout.blocks} />;
}

/** A block with more characters is one text too: it may be a single line of megabytes. */
const MOST_BLOCK = 200_000;

const TONES = { added: 'bg-added', removed: 'bg-removed', same: '', note: 'text-muted' } as const;
const SIGNS = { added: '+', removed: '−' } as const;

/** The sign of a line, told to screen readers in a word; not part of the text that is copied. */
function Sign({ kind }: { readonly kind: DiffBlock['kind'] }): ReactNode {
  if (kind === 'same' || kind === 'note') return <span />;
  return (
    <span
      role="img"
      aria-label={kind}
      data-sign={SIGNS[kind]}
      className="select-none text-center text-muted before:content-[attr(data-sign)]"
    />
  );
}

const withoutEnd = (line: string): string => (line.endsWith('\n') ? line.slice(0, -1) : line);

function UnifiedDiff({ blocks }: { readonly blocks: readonly DiffBlock[] }): ReactNode {
  const lines = blocks.flatMap(({ kind, text }) => linesOf(text).map((line) => ({ kind, line })));
  return (
    <div className="overflow-hidden rounded border border-line font-mono text-mono" data-testid="inbox.diff-unified">
      {numbered(lines).map(({ key, item: { kind, line } }) => (
        <div key={key} className={`grid grid-cols-[1.5rem_minmax(0,1fr)] ${TONES[kind]}`}>
          <Sign kind={kind} />
          <div className="untrusted min-h-[18px] pr-2">
            <VisibleText text={line} />
          </div>
        </div>
      ))}
    </div>
  );
}

function SplitDiff({ blocks }: { readonly blocks: readonly DiffBlock[] }): ReactNode {
  return (
    <div className="overflow-hidden rounded border border-line font-mono text-mono" data-testid="inbox.diff-split">
      {numbered(splitRows(blocks)).map(({ key, item: { kind, left, right } }) => (
        <div key={key} className="grid grid-cols-2">
          <SplitCell text={left} tone={kind === 'same' || kind === 'note' ? 'same' : 'removed'} />
          <SplitCell text={right} tone={kind === 'same' || kind === 'note' ? 'same' : 'added'} />
        </div>
      ))}
    </div>
  );
}

function SplitCell({
  text,
  tone,
}: {
  readonly text: string | null;
  readonly tone: 'same' | 'added' | 'removed';
}): ReactNode {
  if (text === null) return <div className="border-line bg-hover not-first:border-l" />;
  return (
    <div className={`grid grid-cols-[1.25rem_minmax(0,1fr)] border-line not-first:border-l ${TONES[tone]}`}>
      <Sign kind={tone} />
      <div className="untrusted min-h-[18px] pr-2">
        <VisibleText text={withoutEnd(text)} />
      </div>
    </div>
  );
}

/** A change of very many lines: each block of equal kind is one text, its lines with their signs. */
function BlockDiff({ blocks }: { readonly blocks: readonly DiffBlock[] }): ReactNode {
  const sign = { added: '+ ', removed: '- ', same: '  ', note: '' } as const;
  return (
    <div className="overflow-hidden rounded border border-line" data-testid="inbox.diff-blocks">
      {numbered(blocks).map(({ key, item: { kind, text } }) => (
        <LongText
          key={key}
          className={TONES[kind]}
          text={linesOf(text)
            .map((line) => sign[kind] + line)
            .join('')}
        />
      ))}
    </div>
  );
}

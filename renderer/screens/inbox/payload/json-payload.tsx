import { type ReactNode, useMemo } from 'react';
import { VisibleText } from '../../../parts/visible-text.tsx';
import { countNodes, deeperThan, isMatched, matchedSet, prettyJson } from './json-paths.ts';
import { LongText } from './long-text.tsx';
import type { ViewOf } from './payload.tsx';

/** Larger or deeper values are shown as indented text instead of a tree. */
const MOST_NODES = 2_000;
const MOST_DEPTH = 40;

/** Arguments as a tree, every branch open; what the rule matched is marked. */
export function JsonPayload({ view }: { readonly view: ViewOf<'json'> }): ReactNode {
  const matched = useMemo(() => matchedSet(view.matched_paths), [view.matched_paths]);
  const asText = useMemo(
    () => countNodes(view.args, MOST_NODES) > MOST_NODES || deeperThan(view.args, MOST_DEPTH),
    [view.args],
  );
  return (
    <div data-testid="inbox.payload-text" className="font-mono text-mono">
      {asText ? (
        <LongText text={prettyJson(view.raw) ?? view.raw} />
      ) : (
        <Members value={view.args} path="args" matched={matched} />
      )}
    </div>
  );
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly matched: ReadonlySet<string>;
}

/** The members of an object or list one below the other; anything else as itself. */
function Members({ value, path, matched }: Place): ReactNode {
  if (typeof value !== 'object' || value === null)
    return <Leaf value={value} path={path} matched={matched} name={null} />;
  const entries = Object.entries(value);
  if (entries.length === 0) return <span className="text-muted">{Array.isArray(value) ? '[]' : '{}'}</span>;
  return entries.map(([name, part]) => (
    <Member key={name} name={name} value={part} path={`${path}.${name}`} matched={matched} />
  ));
}

function Member({ name, value, path, matched }: Place & { readonly name: string }): ReactNode {
  const nested = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!nested) return <Leaf name={name} value={value} path={path} matched={matched} />;
  return (
    <details open className={isMatched(path, matched) ? MATCHED : ''}>
      <summary className="cursor-pointer">
        <Name name={name} />
        <span className="text-muted">
          {' '}
          {Array.isArray(value) ? `[${value.length}]` : `{${Object.keys(value).length}}`}
        </span>
        {isMatched(path, matched) ? <Mark /> : null}
      </summary>
      <div className="ml-1.5 border-line border-l pl-4">
        <Members value={value} path={path} matched={matched} />
      </div>
    </details>
  );
}

const MATCHED = 'rounded outline-1 outline-accent outline-offset-1';

function Leaf({ name, value, path, matched }: Place & { readonly name: string | null }): ReactNode {
  const hit = isMatched(path, matched);
  const block = typeof value === 'string' && value.includes('\n');
  return (
    <div
      className={`my-px ${hit ? MATCHED : ''}`}
      data-matched={hit ? 'true' : undefined}
      data-testid={hit ? 'inbox.matched' : undefined}
    >
      {name === null ? null : (
        <>
          <Name name={name} />
          <span className="text-muted">: </span>
        </>
      )}
      {block ? (
        <div className="ml-1.5 border-line border-l pl-3">
          <LongText text={value} />
        </div>
      ) : (
        <Value value={value} />
      )}
      {hit ? <Mark /> : null}
    </div>
  );
}

const Name = ({ name }: { readonly name: string }): ReactNode => (
  <span className="untrusted text-accent">
    <VisibleText text={name} breaks={false} />
  </span>
);

/** One line of text or a plain value, as JSON writes it. */
function Value({ value }: { readonly value: unknown }): ReactNode {
  if (typeof value === 'string') return <LongInline text={JSON.stringify(value)} />;
  return <span className="font-semibold">{JSON.stringify(value)}</span>;
}

/** A text without line breaks may still be megabytes. */
const LongInline = ({ text }: { readonly text: string }): ReactNode =>
  text.length > 20_000 ? (
    <LongText text={text} />
  ) : (
    <span className="untrusted">
      <VisibleText text={text} />
    </span>
  );

const Mark = (): ReactNode => (
  <span className="ml-2 whitespace-nowrap rounded bg-accent px-1 font-sans text-minimum text-on-accent">matched</span>
);

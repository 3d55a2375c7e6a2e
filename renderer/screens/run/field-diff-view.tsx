import { diffWordsWithSpace } from 'diff';
import { type ReactNode, useMemo } from 'react';
import { showCount } from '../../format/amount.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { type FieldChange, MOST_CHANGES, renderValue } from './field-diff.ts';

/** Texts beyond this are not compared word by word, characters. */
const WORDS_UP_TO = 20_000;

/** The fields that differ, each with what it was and what it is. */
export function FieldDiffView({
  changes,
  testId,
}: {
  readonly changes: readonly FieldChange[];
  readonly testId: string;
}) {
  if (changes.length === 0)
    return (
      <p data-testid={testId} className="p-3 text-muted">
        No field differs.
      </p>
    );
  return (
    <div data-testid={testId}>
      <p className="py-2 text-small text-muted">
        {showCount(changes.length)} {changes.length === 1 ? 'field differs' : 'fields differ'}
        {changes.length > MOST_CHANGES ? `; the first ${showCount(MOST_CHANGES)} are shown` : ''}
      </p>
      <dl className="flex flex-col gap-3">
        {changes.slice(0, MOST_CHANGES).map((change) => (
          <div key={change.path}>
            <dt className="untrusted mb-1 font-mono text-small text-muted">
              <VisibleText text={change.path === '' ? 'the whole document' : change.path} />
            </dt>
            <dd className="overflow-hidden rounded border border-line">
              <Change change={change} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Change({ change }: { readonly change: FieldChange }): ReactNode {
  switch (change.kind) {
    case 'added':
      return <Side sign="+" parts={[{ text: renderValue(change.after), changed: false }]} />;
    case 'removed':
      return <Side sign="−" parts={[{ text: renderValue(change.before), changed: false }]} />;
    case 'changed':
      return <Changed before={change.before} after={change.after} />;
  }
}

interface Piece {
  readonly text: string;
  readonly changed: boolean;
}

function Changed({ before, after }: { readonly before: unknown; readonly after: unknown }): ReactNode {
  const [removed, added] = useMemo(() => compareWords(before, after), [before, after]);
  return (
    <>
      <Side sign="−" parts={removed} />
      <Side sign="+" parts={added} />
    </>
  );
}

/** The pieces of both sides; only two texts are told apart word by word. */
function compareWords(before: unknown, after: unknown): readonly [readonly Piece[], readonly Piece[]] {
  const whole = (value: unknown): readonly Piece[] => [{ text: renderValue(value), changed: false }];
  if (typeof before !== 'string' || typeof after !== 'string' || before.length + after.length > WORDS_UP_TO)
    return [whole(before), whole(after)];
  const parts = diffWordsWithSpace(before, after);
  const side = (left: boolean): readonly Piece[] =>
    parts
      .filter(({ added, removed }) => (left ? !added : !removed))
      .map(({ value, added, removed }) => ({ text: value, changed: added || removed }));
  return [side(true), side(false)];
}

/** Text before (−) or after (+); the sign is text, so that colour is not needed. */
function Side({ sign, parts }: { readonly sign: '+' | '−'; readonly parts: readonly Piece[] }): ReactNode {
  return (
    <div className={`flex gap-2 px-2 py-1 font-mono text-mono ${sign === '+' ? 'bg-added' : 'bg-removed'}`}>
      <span className="select-none">{sign}</span>
      <pre className="untrusted max-h-80 min-w-0 flex-1 overflow-auto font-mono">
        {parts.map(({ text, changed }, at) =>
          changed ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place in the text
            <span key={at} className="underline decoration-2 underline-offset-2">
              <VisibleText text={text} />
            </span>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place in the text
            <VisibleText key={at} text={text} />
          ),
        )}
      </pre>
    </div>
  );
}

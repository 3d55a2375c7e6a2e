import { type ReactNode, useEffect, useMemo, useState } from 'react';
import type { Reply } from '../../../proxy-core/contract/client.ts';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { ScrollRegion } from '../../parts/grid.tsx';
import { type BodySide, compareBodies } from './compare-bodies.ts';
import { counterpartOf, offeredCalls } from './diff-choice.ts';
import type { FieldChange } from './field-diff.ts';
import { FieldDiffView } from './field-diff-view.tsx';

/** What differs between two calls of the run; at first the selected one and the one it repeats, or the one before. */
export function DiffTab(props: { readonly exchange: ExchangeRecord; readonly exchanges: readonly ExchangeRecord[] }) {
  const { exchange, exchanges } = props;
  const [side, setSide] = useState<BodySide>('request');
  const [chosen, setChosen] = useState<{ readonly for: string; readonly other: string } | null>(null);
  const offered = useMemo(() => offeredCalls(exchange, exchanges), [exchange, exchanges]);
  const other = chosen?.for === exchange.exchange_id ? chosen.other : counterpartOf(exchange, exchanges)?.exchange_id;
  if (other === undefined)
    return (
      <EmptyState title="Nothing to compare with" testId="run.no-diff">
        <p>This is the only call of the run so far.</p>
      </EmptyState>
    );
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5 text-small">
        <label className="flex items-center gap-2">
          Compare with
          <select
            value={other}
            data-testid="run.diff-other"
            onChange={(event) => setChosen({ for: exchange.exchange_id, other: event.target.value })}
            className="h-7 max-w-44 rounded wide:max-w-60 border border-control bg-surface px-1"
          >
            {offered.map(({ title, calls }) => (
              <optgroup key={title} label={title}>
                {calls.map((each) => (
                  <option key={each.exchange_id} value={each.exchange_id}>
                    step {each.step}
                    {each.model === null ? '' : ` · ${each.model}`}
                    {each.status === null ? '' : ` · ${each.status}`}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </label>
        <fieldset className="ml-auto flex gap-3">
          <legend className="sr-only">What to compare</legend>
          {(['request', 'response'] as const).map((each) => (
            <label key={each} className="flex min-h-7 items-center gap-1">
              <input
                type="radio"
                name="diff-side"
                checked={side === each}
                onChange={() => setSide(each)}
                data-testid={`run.diff-${each}`}
                className="accent-[var(--accent)]"
              />
              {each === 'request' ? 'Request' : 'Response'}
            </label>
          ))}
        </fieldset>
      </div>
      <Comparison
        key={`${other} ${exchange.exchange_id} ${side} ${exchange.state}`}
        a={other}
        b={exchange.exchange_id}
        side={side}
      />
    </div>
  );
}

function Comparison(props: { readonly a: string; readonly b: string; readonly side: BodySide }): ReactNode {
  const { a, b, side } = props;
  const [reply, setReply] = useState<Reply<readonly FieldChange[]> | null>(null);
  useEffect(() => {
    let wanted = true;
    void compareBodies(a, b, side).then((each) => {
      if (wanted) setReply(each);
    });
    return () => {
      wanted = false;
    };
  }, [a, b, side]);
  if (reply === null) return <Loading what="both calls" />;
  if (!reply.ok) return <FailureNote message={reply.failure.message} testId="run.diff-failure" />;
  return (
    <ScrollRegion label="Differences" className="min-h-0 flex-1 px-3 pb-3">
      <FieldDiffView changes={reply.value} testId="run.diff" />
    </ScrollRegion>
  );
}

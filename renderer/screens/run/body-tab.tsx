import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';
import { showBytes, showCount } from '../../format/amount.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { ScrollRegion } from '../../parts/grid.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call } from '../../store/console.ts';
import { isEventStream, prettyJson, readEvents } from './body-text.ts';
import { CodeText } from './code-text.tsx';
import { decodeText, type ReadSlice, type StoredBytes, useStoredBytes } from './stored-bytes.ts';

/** One side of a call as it was sent: readable, or byte for byte. */
export function BodyTab({
  exchange,
  side,
}: {
  readonly exchange: ExchangeRecord;
  readonly side: 'request' | 'response';
}) {
  const { exchange_id } = exchange;
  const read = useCallback<ReadSlice>(
    (offset, limit) => call('exchanges.body', { exchange_id, side, offset, limit }),
    [exchange_id, side],
  );
  // What an answer is grows until the call has ended.
  const { stored, failure, reading, readRest } = useStoredBytes(`${exchange_id} ${side} ${exchange.state}`, read);
  if (stored === null)
    return failure === null ? (
      <Loading what={side} />
    ) : (
      <FailureNote message={failure.message} testId="run.body-failure" />
    );
  if (stored.total === 0)
    return (
      <EmptyState title={`No ${side} body is stored`} testId="run.no-body">
        <p>{side === 'response' ? noAnswer(exchange) : 'It was empty, or retention has removed it.'}</p>
      </EmptyState>
    );
  return <Body stored={stored} side={side} exchange={exchange} reading={reading} onRest={readRest} />;
}

function noAnswer({ state, failure }: ExchangeRecord): string {
  if (state === 'open') return 'The call is still under way.';
  if (state === 'refused') return `Rungate refused the call (${failure ?? 'refused'}) before it was sent.`;
  return 'There was none, or retention has removed it.';
}

function Body(props: {
  readonly stored: StoredBytes;
  readonly side: 'request' | 'response';
  readonly exchange: ExchangeRecord;
  readonly reading: boolean;
  readonly onRest: () => void;
}): ReactNode {
  const { stored, side, exchange } = props;
  const [raw, setRaw] = useState(false);
  const text = useMemo(() => decodeText(stored), [stored]);
  const stream =
    isEventStream(stored.contentType) ||
    (side === 'response' && exchange.stream && text?.startsWith('event:') === true);
  const pretty = useMemo(
    () => (text === null || stream || !stored.whole ? null : prettyJson(text)),
    [text, stream, stored.whole],
  );
  const readable = stream || pretty !== null;
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5 text-small text-muted">
        <span>
          {side === 'request' ? `${exchange.method} ` : exchange.status === null ? '' : `${exchange.status} `}
          <VisibleText text={side === 'request' ? exchange.path : (stored.contentType ?? '')} breaks={false} />
        </span>
        <span>{showBytes(stored.total)}</span>
        <span className="ml-auto flex items-center gap-1">
          {readable ? (
            <Button
              look="quiet"
              aria-pressed={raw}
              onClick={() => setRaw(!raw)}
              data-testid="run.body-raw"
              className="text-small"
            >
              {raw ? 'Readable' : 'Raw'}
            </Button>
          ) : null}
          {text === null ? null : <CopyButton text={text} label={`${side} body`} testId="run.body-copy" />}
        </span>
      </div>
      <ScrollRegion label={`${side} body`} className="min-h-0 flex-1 p-3">
        <BodyText text={text} pretty={raw ? null : pretty} stream={stream && !raw} bytes={stored.bytes.length} />
        {stored.whole ? null : (
          <p className="mt-3 flex items-center gap-3 border-t border-line pt-3 text-muted">
            First {showBytes(stored.bytes.length)} of {showBytes(stored.total)}.
            <Button onClick={props.onRest} disabled={props.reading} data-testid="run.body-rest">
              {props.reading ? 'Loading…' : 'Load the rest'}
            </Button>
          </p>
        )}
      </ScrollRegion>
    </div>
  );
}

function BodyText(props: {
  readonly text: string | null;
  readonly pretty: string | null;
  readonly stream: boolean;
  readonly bytes: number;
}): ReactNode {
  if (props.text === null) return <p className="text-muted">Not text: {showCount(props.bytes)} bytes.</p>;
  if (props.stream) return <Events text={props.text} />;
  return <CodeText text={props.pretty ?? props.text} json={props.pretty !== null} testId="run.body-text" />;
}

const EVENTS_AT_ONCE = 200;

function Events({ text }: { readonly text: string }): ReactNode {
  const events = useMemo(() => readEvents(text), [text]);
  const [most, setMost] = useState(EVENTS_AT_ONCE);
  return (
    <>
      <p className="pb-2 text-small text-muted">{showCount(events.length)} events</p>
      <ol data-testid="run.events" className="flex flex-col">
        {events.slice(0, most).map(({ event, text: written }, at) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: an event is its place in the stream
            key={at}
            className="grid grid-cols-[3rem_minmax(0,1fr)] gap-2 border-b border-line py-1"
            style={{ contentVisibility: 'auto', containIntrinsicSize: 'auto none auto 26px' }}
          >
            <span className="text-right font-mono text-minimum text-muted">{at + 1}</span>
            <div className="min-w-0">
              {event === null ? null : (
                <span className="mr-2 rounded border border-line px-1 text-minimum text-muted">
                  <VisibleText text={event} breaks={false} />
                </span>
              )}
              <span className="untrusted font-mono text-mono">
                <VisibleText text={written} />
              </span>
            </div>
          </li>
        ))}
      </ol>
      {events.length > most ? (
        <Button className="mt-2" onClick={() => setMost(most * 5)} data-testid="run.more-events">
          Show more of {showCount(events.length)}
        </Button>
      ) : null}
    </>
  );
}

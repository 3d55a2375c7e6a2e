import { type ReactNode, useMemo, useState } from 'react';
import { type BlockDetail, describeSent } from '../../../proxy-core/contract/block.ts';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';
import { showBytes } from '../../format/amount.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { ScrollRegion } from '../../parts/grid.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { BodyTab } from './body-tab.tsx';
import { isEventStream, prettyJson, readEvents } from './body-text.ts';
import { CodeText } from './code-text.tsx';

/** An answer; of one that a rule blocked, what the agent was sent and what the provider said are told apart. */
export function ResponseTab(props: {
  readonly exchange: ExchangeRecord;
  readonly block: BlockDetail | null;
}): ReactNode {
  const { exchange, block } = props;
  const [side, setSide] = useState<'sent' | 'withheld'>('sent');
  if (block === null) return <BodyTab exchange={exchange} side="response" />;
  if (block.withheld === 'request') return <SentTab block={block} />;
  return (
    <div className="flex h-full flex-col">
      <fieldset className="flex flex-wrap gap-1 border-b border-line px-3 py-1.5">
        <legend className="sr-only">Whose answer</legend>
        <Choice chosen={side === 'sent'} onChoose={() => setSide('sent')} testId="run.response-sent">
          Sent to the agent
        </Choice>
        <Choice chosen={side === 'withheld'} onChoose={() => setSide('withheld')} testId="run.response-withheld">
          From the provider (withheld)
        </Choice>
      </fieldset>
      <div className="min-h-0 flex-1">
        {side === 'sent' ? <SentTab block={block} /> : <BodyTab exchange={exchange} side="response" />}
      </div>
    </div>
  );
}

const Choice = (props: {
  readonly chosen: boolean;
  readonly onChoose: () => void;
  readonly testId: string;
  readonly children: ReactNode;
}): ReactNode => (
  <button
    type="button"
    aria-pressed={props.chosen}
    onClick={props.onChoose}
    data-testid={props.testId}
    className="min-h-7 rounded border border-transparent px-2 text-small text-muted hover:bg-hover hover:text-text aria-pressed:border-control aria-pressed:bg-hover aria-pressed:text-text"
  >
    {props.children}
  </button>
);

/** What the agent was given in place of what was withheld. */
function SentTab({ block }: { readonly block: BlockDetail }): ReactNode {
  const { sent_text: text, sent_type: type, sent_status: status } = block;
  const pretty = useMemo(() => (text === null ? null : prettyJson(text)), [text]);
  const passed = block.withheld === 'answer' && block.withheld_from > 0;
  return (
    <div className="flex h-full flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5 text-small text-muted">
        <span>
          {status === null ? '' : `${status} `}
          <VisibleText text={type ?? describeSent(block)} breaks={false} />
        </span>
        <span>{showBytes(block.sent_bytes)}</span>
        {text === null ? null : (
          <span className="ml-auto">
            <CopyButton text={text} label="what was sent" testId="run.sent-copy" />
          </span>
        )}
      </div>
      <ScrollRegion label="What was sent to the agent" className="min-h-0 flex-1 p-3">
        {passed ? (
          <p className="mb-2 text-muted">
            The first {showBytes(block.withheld_from)} of the provider’s answer had passed. Then the agent got:
          </p>
        ) : null}
        {text === null || text === '' ? (
          <p className="text-muted">The agent got {describeSent(block)}.</p>
        ) : isEventStream(type) ? (
          <ol data-testid="run.sent-text" className="flex flex-col gap-2">
            {readEvents(text).map(({ event, text: data }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: an event is its place in the stream
              <li key={at} className="untrusted border-b border-line pb-2 font-mono text-mono">
                {event === null ? null : <span className="mr-2 text-muted">{event}</span>}
                <VisibleText text={data} />
              </li>
            ))}
          </ol>
        ) : (
          <CodeText text={pretty ?? text} json={pretty !== null} testId="run.sent-text" />
        )}
      </ScrollRegion>
    </div>
  );
}

import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Conversation, MessagePart } from '../../../proxy-core/contract/conversation.ts';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';
import { showCount } from '../../format/amount.ts';
import { EmptyState, FailureNote, Loading } from '../../parts/empty-state.tsx';
import { ScrollRegion } from '../../parts/grid.tsx';
import { useQuery } from '../../parts/use-query.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { prettyJson } from './body-text.ts';
import { CodeText } from './code-text.tsx';

/** The call read as a conversation, opened where the answer begins. */
export function MessagesTab({ exchange }: { readonly exchange: ExchangeRecord }): ReactNode {
  const { value, failure, loading, reload } = useQuery(
    'exchanges.messages',
    { exchange_id: exchange.exchange_id },
    exchange.state,
  );
  if (failure !== null && value === null)
    return failure.code === 'not_found' ? (
      <NoMessages />
    ) : (
      <FailureNote message={failure.message} onRetry={reload} testId="run.messages-failure" />
    );
  if (value === null) return loading ? <Loading what="messages" /> : null;
  if (value.conversation.messages.length === 0) return <NoMessages />;
  return <Messages key={exchange.exchange_id} conversation={value.conversation} />;
}

const NoMessages = (): ReactNode => (
  <EmptyState title="No messages" testId="run.no-messages">
    <p>This call’s format is not read as a conversation, or its texts are not stored. See Request and Response.</p>
  </EmptyState>
);

function Messages({ conversation }: { readonly conversation: Conversation }): ReactNode {
  const { messages, unreadable } = conversation;
  const answer = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // Not returned: scrolling gives a promise in newer browsers, and an effect may return only how to undo it.
    answer.current?.scrollIntoView({ block: 'start' });
  }, []);
  const first = messages.findIndex(({ side }) => side === 'response');
  return (
    <ScrollRegion label="Messages" className="h-full p-3">
      {unreadable ? (
        <p className="mb-3 rounded border border-line p-2 text-muted">
          The answer could not be read in its format. The Response tab shows it as it came.
        </p>
      ) : null}
      <ol className="flex flex-col gap-3" data-testid="run.messages">
        {messages.map(({ role, side, parts }, at) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is its place in the conversation
            key={at}
            ref={at === first ? answer : null}
            data-side={side}
            className={`rounded border p-3 ${side === 'response' ? 'border-accent' : 'border-line'}`}
          >
            <p className="mb-1 flex items-baseline gap-2 text-small">
              <span className="font-semibold">
                <VisibleText text={role} breaks={false} />
              </span>
              {side === 'response' ? <span className="text-muted">answer</span> : null}
            </p>
            <div className="flex flex-col gap-2">
              {parts.map((part, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place in the message
                <Part key={index} part={part} />
              ))}
            </div>
          </li>
        ))}
      </ol>
    </ScrollRegion>
  );
}

function Part({ part }: { readonly part: MessagePart }): ReactNode {
  switch (part.kind) {
    case 'text':
      return (
        <div className="untrusted">
          <VisibleText text={part.text} />
          <Cut cut={part.cut} />
        </div>
      );
    case 'reasoning':
      return (
        <Block title="Reasoning">
          <div className="untrusted text-muted">
            <VisibleText text={part.text} />
            <Cut cut={part.cut} />
          </div>
        </Block>
      );
    case 'tool_call':
      return (
        <Block title="Calls" name={part.tool} id={part.call_id}>
          <PartCode text={part.text} />
          <Cut cut={part.cut} />
        </Block>
      );
    case 'tool_result':
      return (
        <Block title={part.is_error ? 'Tool failed' : 'Tool answered'} id={part.call_id}>
          <PartCode text={part.text} />
          <Cut cut={part.cut} />
        </Block>
      );
    case 'image':
      return <Picture mediaType={part.media_type} data={part.data} url={part.url} />;
    case 'other':
      return (
        <Block title={part.type}>
          <PartCode text={part.text} />
          <Cut cut={part.cut} />
        </Block>
      );
  }
}

function PartCode({ text }: { readonly text: string }): ReactNode {
  const pretty = prettyJson(text);
  return <CodeText text={pretty ?? text} json={pretty !== null} />;
}

function Block(props: {
  readonly title: string;
  readonly name?: string;
  readonly id?: string | null;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="rounded border border-line bg-bg p-2">
      <p className="mb-1 flex flex-wrap items-baseline gap-x-2 text-small text-muted">
        <VisibleText text={props.title} breaks={false} />
        {props.name === undefined ? null : (
          <span className="font-semibold text-text">
            <VisibleText text={props.name} breaks={false} />
          </span>
        )}
        {props.id == null ? null : (
          <span className="font-mono text-minimum">
            <VisibleText text={props.id} breaks={false} />
          </span>
        )}
      </p>
      {props.children}
    </div>
  );
}

const Cut = ({ cut }: { readonly cut: number }): ReactNode =>
  cut === 0 ? null : (
    <p className="mt-1 font-sans text-small text-muted">
      … {showCount(cut)} more characters: see Request or Response for all.
    </p>
  );

/** Formats that decode without running anything; SVG is not one of them. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Whether bytes may be shown as a picture. Nothing is ever fetched from elsewhere. */
export const isPicture = (mediaType: string | null): mediaType is string =>
  mediaType !== null && PICTURES.has(mediaType);

function Picture(props: {
  readonly mediaType: string | null;
  readonly data: string;
  readonly url: string | null;
}): ReactNode {
  const [large, setLarge] = useState(false);
  const { mediaType, data, url } = props;
  if (!isPicture(mediaType) || !BASE64.test(data)) {
    return (
      <Block title={`Picture${mediaType === null ? '' : `, ${mediaType}`}`}>
        <p className="untrusted text-small text-muted">
          {url === null ? 'Too large to be shown here.' : <VisibleText text={url} />}
        </p>
      </Block>
    );
  }
  return (
    <button
      type="button"
      onClick={() => setLarge(!large)}
      aria-label={large ? 'Show the picture small' : 'Show the picture large'}
      className="self-start rounded border border-line bg-bg p-1"
    >
      <img
        src={`data:${mediaType};base64,${data}`}
        alt="Part of the conversation"
        data-testid="run.picture"
        className={large ? 'max-w-full' : 'max-h-24 max-w-40'}
      />
    </button>
  );
}

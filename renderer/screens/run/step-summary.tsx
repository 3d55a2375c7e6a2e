import type { ReactNode } from 'react';
import { readBlock } from '../../../proxy-core/contract/block.ts';
import type {
  ArtifactRecord,
  ExchangeRecord,
  GateRecord,
  StepRecord,
  Usage,
} from '../../../proxy-core/contract/records.ts';
import { showCount } from '../../format/amount.ts';
import { showDuration, showFull } from '../../format/time.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { gateState, StateChip } from '../../parts/state-chip.tsx';
import { useQuery } from '../../parts/use-query.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { navigate } from '../../store/navigation.ts';
import { ArtifactView } from './artifact-view.tsx';
import { BlockPart } from './block-part.tsx';
import { prettyJson } from './body-text.ts';
import { CodeText } from './code-text.tsx';
import { costOf, renderShownCost } from './exact-cost.ts';
import { FactList, Part } from './facts.tsx';
import { type TraceNode, textOf } from './trace.ts';

/** One step in figures and words. */
export function StepSummary(props: {
  readonly node: TraceNode;
  /** The call that this step is, or that has led to it. */
  readonly exchange: ExchangeRecord | null;
  readonly artifacts: readonly ArtifactRecord[];
}): ReactNode {
  const { node, exchange, artifacts } = props;
  const { step, gate } = node;
  if (step === null) return null;
  const artifact = step.kind === 'artifact' ? artifactOf(step, artifacts) : null;
  return (
    <>
      {step.kind === 'tool_call' || step.kind === 'tool_result' ? <ToolPart node={node} step={step} /> : null}
      {gate === null ? null : <GatePart gate={gate} />}
      {step.kind === 'alert' ? <AlertPart step={step} /> : null}
      {step.kind === 'refusal' ? <RefusalPart step={step} /> : null}
      {artifact === null ? null : (
        <Part title="Artifact">
          <ArtifactView artifact={artifact} open />
        </Part>
      )}
      {exchange === null ? null : <CallPart exchange={exchange} own={node.exchange !== null} />}
    </>
  );
}

const artifactOf = (step: StepRecord, artifacts: readonly ArtifactRecord[]): ArtifactRecord | null =>
  artifacts.find(({ artifact_id }) => artifact_id === step.detail['artifact_id']) ?? null;

function CallPart({ exchange, own }: { readonly exchange: ExchangeRecord; readonly own: boolean }): ReactNode {
  const end = exchange.ended_at;
  const firstByte = exchange.first_byte_at;
  return (
    <Part title={own ? 'Call' : 'The call it came from'} testId="run.call">
      <FactList
        facts={[
          ['Model', exchange.model === null ? null : <VisibleText key="model" text={exchange.model} breaks={false} />],
          ['Cost', <Cost key="cost" exchange={exchange} />],
          ...usageFacts(exchange.usage),
          ['Latency', end === null ? 'under way' : showDuration(end - exchange.started_at)],
          ['First byte', firstByte === null ? null : `after ${showDuration(firstByte - exchange.started_at)}`],
          ['Status', statusOf(exchange)],
          [
            'Finish reason',
            exchange.finish_reason === null ? null : (
              <VisibleText key="finish" text={exchange.finish_reason} breaks={false} />
            ),
          ],
          ['Provider', exchange.provider],
          ['Endpoint', <VisibleText key="endpoint" text={`${exchange.method} ${exchange.path}`} breaks={false} />],
          [
            'Format',
            [exchange.wire_format, exchange.stream ? 'stream' : null].filter((each) => each !== null).join(', '),
          ],
          [
            'Client',
            exchange.client === null ? null : <VisibleText key="client" text={exchange.client} breaks={false} />,
          ],
          [
            'Subagent',
            exchange.subagent === null ? null : <VisibleText key="subagent" text={exchange.subagent} breaks={false} />,
          ],
          ['Side traffic', exchange.side],
          [
            'Repeats',
            exchange.retry_of === null ? null : <Id key="repeats" text={exchange.retry_of} label="exchange id" />,
          ],
          ['Fingerprint', <CallFingerprint key="fingerprint" exchangeId={exchange.exchange_id} />],
          ['Started', showFull(exchange.started_at)],
          ['Exchange', <Id key="id" text={exchange.exchange_id} label="exchange id" />],
        ]}
      />
    </Part>
  );
}

/** What a retry of this call is recognised by; made when it is shown. */
function CallFingerprint({ exchangeId }: { readonly exchangeId: string }): ReactNode {
  const { value, failure } = useQuery('exchanges.fingerprint', { exchange_id: exchangeId });
  if (failure !== null) return failure.message;
  if (value === null) return '…';
  return value.fingerprint === null ? 'none' : <Id text={value.fingerprint} label="fingerprint" />;
}

function Cost({ exchange }: { readonly exchange: ExchangeRecord }): ReactNode {
  const cost = costOf(exchange);
  const shown = <span className="font-mono text-mono">{renderShownCost(cost)}</span>;
  switch (cost.kind) {
    case 'estimated':
      return <>{shown} estimated: the provider’s usage was not seen in full, so its reservation was charged</>;
    case 'unpriced':
      return <>{shown}: no price is known for this model, so it counts towards no cap</>;
    case 'reserved':
      return <>{shown} set aside while it is under way</>;
    case 'known':
    case 'none':
      return shown;
  }
}

function usageFacts(usage: Usage | null): readonly (readonly [string, ReactNode])[] {
  if (usage === null) return [['Tokens', 'no usage seen']];
  const more = (name: string, count: number | undefined): readonly (readonly [string, ReactNode])[] =>
    count === undefined || count === 0 ? [] : [[name, showCount(count)]];
  return [
    ['Input tokens', showCount(usage.input_tokens)],
    ...more('… cached', usage.cache_read_input_tokens),
    ...more('… written to cache', usage.cache_creation_input_tokens),
    ...more('… audio in', usage.input_audio_tokens),
    ['Output tokens', showCount(usage.output_tokens)],
    ...more('… reasoning', usage.reasoning_output_tokens),
    ...more('… audio out', usage.output_audio_tokens),
    ...Object.entries(usage.server_tool_calls ?? {}).map(
      ([tool, count]) => [tool, `${showCount(count)} calls`] as const,
    ),
  ];
}

function statusOf({ state, status, failure }: ExchangeRecord): ReactNode {
  const words = [status, state === 'completed' ? null : state, failure].filter((each) => each !== null);
  return <VisibleText text={words.join(' · ')} breaks={false} />;
}

function ToolPart({ node, step }: { readonly node: TraceNode; readonly step: StepRecord }): ReactNode {
  const args = textOf(step.detail, 'args');
  const length = step.detail['args_length'];
  const cut = args !== null && typeof length === 'number' && length > args.length;
  const callId = textOf(step.detail, 'call_id');
  const result = step.kind === 'tool_result' ? step : node.result;
  const pretty = args === null ? null : prettyJson(args);
  return (
    <Part title="Tool call">
      <FactList
        facts={[
          ['Tool', <VisibleText key="tool" text={textOf(step.detail, 'name') ?? step.summary} breaks={false} />],
          ['Call id', callId === null ? null : <Id key="call-id" text={callId} label="call id" />],
          ['Ran by', step.detail['server'] === true ? 'the provider' : null],
          ['Result', result === null ? 'not seen yet' : resultOf(step, result)],
        ]}
      />
      {args === null ? null : (
        <div className="mt-3 rounded border border-line bg-bg p-2" data-testid="run.tool-args">
          <CodeText text={pretty ?? args} json={pretty !== null} />
          {cut ? (
            <p className="mt-1 text-small text-muted">The start of {showCount(length)} characters: Response has all.</p>
          ) : null}
        </div>
      )}
      {result === null ? null : <ToolResult result={result} />}
    </Part>
  );
}

function resultOf(call: StepRecord, result: StepRecord): string {
  const failed = result.detail['is_error'] === true ? 'failed' : 'answered';
  return result === call ? failed : `${failed} after ${showDuration(result.at - call.at)}, seen at step ${result.step}`;
}

/** What the tool answered, as the request that brought it told it. */
function ToolResult({ result }: { readonly result: StepRecord }): ReactNode {
  const output = textOf(result.detail, 'output');
  const length = result.detail['output_length'];
  if (output === null) return null;
  const pretty = prettyJson(output);
  return (
    <div className="mt-3">
      <p className="mb-1 text-small text-muted">Result</p>
      <div className="rounded border border-line bg-bg p-2" data-testid="run.tool-result">
        <CodeText text={pretty ?? output} json={pretty !== null} />
        {typeof length === 'number' && length > output.length ? (
          <p className="mt-1 text-small text-muted">
            The start of {showCount(length)} characters: the request of step {result.step} has all.
          </p>
        ) : null}
      </div>
    </div>
  );
}

function GatePart({ gate }: { readonly gate: GateRecord }): ReactNode {
  const decided = gate.decided_at;
  return (
    <Part title="Approval gate">
      <FactList
        facts={[
          ['State', <StateChip key="state" state={gateState(gate)} />],
          ['Rule', <VisibleText key="rule" text={gate.rule} breaks={false} />],
          ['Policy', gate.policy],
          ['Asked', showFull(gate.created_at)],
          ['Waited', decided === null ? null : showDuration(decided - gate.created_at)],
          ['Decided by', gate.decided_by === null ? null : `${gate.decided_by}, ${gate.channel ?? ''}`],
          ['Reason', gate.reason === null ? null : <VisibleText key="reason" text={gate.reason} />],
          ['Agent asked again', gate.retries === 0 ? null : `×${gate.retries}`],
          ['Released', gate.released_at === null ? null : showFull(gate.released_at)],
          ['Fingerprint', <Id key="fingerprint" text={gate.fingerprint} label="fingerprint" />],
        ]}
      />
      <button
        type="button"
        data-testid="run.open-gate"
        className="mt-2 min-h-7 text-accent underline"
        onClick={() =>
          navigate({ screen: 'inbox', tab: gate.state === 'pending' ? 'pending' : 'history', gateId: gate.gate_id })
        }
      >
        Open the gate
      </button>
      <ul className="mt-2 flex flex-col gap-2">
        {gate.proposed_actions.map(({ tool, args }, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an action is its place in the proposal
          <li key={at} className="rounded border border-line bg-bg p-2">
            <p className="mb-1 font-semibold">
              <VisibleText text={tool} breaks={false} />
            </p>
            <CodeText
              text={typeof args === 'string' ? args : JSON.stringify(args, null, 2)}
              json={typeof args !== 'string'}
            />
          </li>
        ))}
      </ul>
    </Part>
  );
}

function AlertPart({ step }: { readonly step: StepRecord }): ReactNode {
  return (
    <Part title="Alert">
      <p className="untrusted mb-2">
        <VisibleText text={step.summary} />
      </p>
      <DetailText step={step} />
    </Part>
  );
}

function RefusalPart({ step }: { readonly step: StepRecord }): ReactNode {
  const block = readBlock(step);
  if (block !== null) return <BlockPart block={block} />;
  return (
    <Part title={`Refused: ${step.summary}`}>
      <DetailText step={step} />
    </Part>
  );
}

const SHOWN_ELSEWHERE = new Set([
  'state',
  'model',
  'answered_model',
  'provider',
  'status',
  'failure',
  'ended_at',
  'estimated',
  'usage',
  'finish_reason',
  'retry_of',
  'subagent',
  'side',
]);

function DetailText({ step }: { readonly step: StepRecord }): ReactNode {
  const detail = Object.fromEntries(Object.entries(step.detail).filter(([name]) => !SHOWN_ELSEWHERE.has(name)));
  if (Object.keys(detail).length === 0) return null;
  return (
    <div className="rounded border border-line bg-bg p-2">
      <CodeText text={JSON.stringify(detail, null, 2)} json />
    </div>
  );
}

const Id = ({ text, label }: { readonly text: string; readonly label: string }): ReactNode => (
  <span className="-my-1 inline-flex items-center gap-1 font-mono text-small">
    <span className="untrusted">
      <VisibleText text={text} breaks={false} />
    </span>
    <CopyButton text={text} label={label} testId="run.copy-id" />
  </span>
);

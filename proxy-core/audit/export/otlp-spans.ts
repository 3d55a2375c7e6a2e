import { readBlock } from '../../contract/block.ts';
import type { Conversation } from '../../contract/conversation.ts';
import { nanoToUsd, nanoUsd } from '../../contract/money.ts';
import type { ExchangeRecord, RunRecord, StepRecord } from '../../contract/records.ts';
import type { Sha256 } from '../chain.ts';

/**
 * A run as OpenTelemetry spans: one trace, a root for the agent's run, and a child for each model call, tool call, gate
 * and refusal. Names follow the GenAI semantic conventions (1.41), what they have no name for is `rungate.*`. Ids come
 * from the run's id and step numbers, so that the same step is the same span wherever it is told.
 */
export interface SpanFacts {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** Epoch ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** Why it failed, or null. */
  readonly error: string | null;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Where a run's spans belong. */
export interface TraceContext {
  readonly traceId: string;
  /** The span that the run's root hangs under; null: it is a root. */
  readonly parentSpanId: string | null;
}

/** The trace of a run: the agent's own, where its first call named one, else a trace of the run's own. */
export function traceOfRun(run: Pick<RunRecord, 'run_id' | 'trace_parent'>, sha256: Sha256): TraceContext {
  const joined = readParent(run.trace_parent);
  return joined ?? { traceId: sha256(`rungate trace\n${run.run_id}`).slice(0, 32), parentSpanId: null };
}

/** `TRACE-SPAN` as it is stored. */
function readParent(parent: string | null): { readonly traceId: string; readonly parentSpanId: string } | null {
  const [traceId, parentSpanId] = parent?.split('-') ?? [];
  return traceId === undefined || parentSpanId === undefined ? null : { traceId, parentSpanId };
}

/** A step as spans need it: of a call's content only what was said. */
export interface SpanStep {
  readonly step: StepRecord;
  readonly call: {
    readonly exchange: ExchangeRecord;
    readonly request: { readonly news: Readonly<Conversation['messages']> } | null;
    readonly response: { readonly said: Readonly<Conversation['messages']> } | null;
  } | null;
}

/** Makes spans from steps, given in order. A tool call's span ends with its result. */
export interface SpanBuilder {
  root(run: RunRecord): SpanFacts;
  push(entry: SpanStep): readonly SpanFacts[];
  /** Tool calls whose result never came. */
  end(): readonly SpanFacts[];
}

export function createSpanBuilder(
  run: Pick<RunRecord, 'run_id' | 'agent' | 'agent_id' | 'policy'>,
  trace: TraceContext,
  sha256: Sha256,
): SpanBuilder {
  const idOf = (step: number | 'root'): string => sha256(`rungate span\n${run.run_id}\n${step}`).slice(0, 16);
  const rootId = idOf('root');
  const pending = new Map<string, SpanFacts>();
  const exchangeSteps = new Map<string, number>();
  const base = (step: StepRecord) => ({
    traceId: trace.traceId,
    spanId: idOf(step.step),
    parentSpanId: rootId,
    startMs: step.at,
    endMs: step.at,
    links: [],
    error: null,
  });
  const common = (step: StepRecord): SpanAttributes => ({
    'gen_ai.conversation.id': run.run_id,
    'gen_ai.agent.name': run.agent,
    'rungate.step': step.step,
    'rungate.step_kind': step.kind,
  });

  const callSpan = ({ step, call }: SpanStep): SpanFacts => {
    if (call === null) return { ...base(step), name: step.summary, kind: 'internal', attributes: common(step) };
    const { exchange } = call;
    exchangeSteps.set(exchange.exchange_id, step.step);
    const retried = exchange.retry_of === null ? undefined : exchangeSteps.get(exchange.retry_of);
    const own = readParent(exchange.trace_parent);
    // A call of another trace of the agent's hangs there, and points back to its run.
    const away = own !== null && own.traceId !== trace.traceId;
    return {
      ...base(step),
      ...own,
      name: `${operationOf(exchange)} ${exchange.model ?? exchange.path}`,
      kind: 'client',
      endMs: Math.max(step.at, exchange.ended_at ?? step.at),
      error: errorOf(exchange),
      links: [
        ...(retried === undefined ? [] : [{ traceId: trace.traceId, spanId: idOf(retried) }]),
        ...(away ? [{ traceId: trace.traceId, spanId: rootId }] : []),
      ],
      attributes: {
        ...common(step),
        ...callAttributes(exchange),
        ...present({
          'gen_ai.input.messages': messagesText(call.request?.news),
          'gen_ai.output.messages': messagesText(call.response?.said),
        }),
      },
    };
  };

  const toolSpan = ({ step }: SpanStep): SpanFacts => {
    const { detail } = step;
    const name = textOf(detail['name']) ?? step.summary;
    return {
      ...base(step),
      name: `execute_tool ${name}`,
      kind: 'internal',
      attributes: {
        ...common(step),
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': name,
        ...present({
          'gen_ai.tool.call.id': textOf(detail['call_id']),
          'gen_ai.tool.call.arguments': textOf(detail['args']),
          'gen_ai.tool.type': detail['server'] === true ? 'extension' : 'function',
        }),
      },
    };
  };

  return {
    root: (whole) => ({
      traceId: trace.traceId,
      spanId: rootId,
      parentSpanId: trace.parentSpanId,
      name: `invoke_agent ${whole.agent}`,
      kind: 'internal',
      startMs: whole.started_at,
      endMs: Math.max(whole.started_at, whole.ended_at ?? whole.last_activity_at),
      error: null,
      links: [],
      attributes: rootAttributes(whole),
    }),
    push(entry) {
      const { step } = entry;
      switch (step.kind) {
        case 'model_call':
        case 'opaque_call':
        case 'retry':
          return [callSpan(entry)];
        case 'refusal':
          return [withBlock(callSpan(entry), step)];
        case 'tool_call': {
          if (entry.call !== null) return [callSpan(entry)];
          const span = toolSpan(entry);
          const callId = textOf(step.detail['call_id']);
          if (callId === null || step.detail['server'] === true) return [span];
          pending.set(callId, span);
          return [];
        }
        case 'tool_result': {
          const callId = textOf(step.detail['call_id']) ?? '';
          const span = pending.get(callId);
          pending.delete(callId);
          const error = step.detail['is_error'] === true ? 'tool_error' : null;
          return span === undefined ? [] : [{ ...span, endMs: Math.max(span.startMs, step.at), error }];
        }
        case 'gate':
          return [gateSpan(step, base(step), common(step))];
        case 'alert':
        case 'artifact':
          return [{ ...base(step), name: `${step.kind} ${step.summary}`, kind: 'internal', attributes: common(step) }];
      }
    },
    end: () => [...pending.values()],
  };
}

/** A refusal by a rule says which, and what it saw; one that stands behind its call is a span of its own. */
function withBlock(span: SpanFacts, step: StepRecord): SpanFacts {
  const block = readBlock(step);
  if (block === null) return span;
  const behind = span.kind === 'internal';
  return {
    ...span,
    name: behind ? `block ${block.rule}` : span.name,
    error: block.failure,
    attributes: {
      ...span.attributes,
      'rungate.rule': block.rule,
      'rungate.policy': block.policy,
      'rungate.block_stage': block.stage,
      'rungate.exchange_id': block.blocked_exchange_id,
      'rungate.sent': block.sent,
      'error.type': block.failure,
      ...present({
        'rungate.message': block.message,
        'rungate.matched': block.matched.length === 0 ? null : block.matched,
        'gen_ai.tool.name': block.tool,
        'rungate.withheld_sha256': block.withheld_sha256,
        'rungate.sent_status': block.sent_status,
      }),
    },
  };
}

type SpanBase = Omit<SpanFacts, 'name' | 'kind' | 'attributes'>;

function gateSpan(step: StepRecord, base: SpanBase, common: SpanAttributes): SpanFacts {
  const { detail } = step;
  const state = textOf(detail['gate_state']);
  return {
    ...base,
    name: `gate ${step.summary}`,
    kind: 'internal',
    endMs: Math.max(step.at, numberOf(detail['decided_at']) ?? step.at),
    error: state === 'rejected' || state === 'expired' ? state : null,
    attributes: {
      ...common,
      'rungate.rule': step.summary,
      ...present({
        'rungate.gate_id': textOf(detail['gate_id']),
        'rungate.gate_state': state,
        'rungate.decided_by': textOf(detail['decided_by']),
        'rungate.channel': textOf(detail['channel']),
        'rungate.waited_ms': numberOf(detail['waited_ms']),
      }),
    },
  };
}

const rootAttributes = (run: RunRecord): SpanAttributes => ({
  'gen_ai.operation.name': 'invoke_agent',
  'gen_ai.agent.name': run.agent,
  'gen_ai.agent.id': run.agent_id,
  'gen_ai.conversation.id': run.run_id,
  'gen_ai.usage.input_tokens': run.input_tokens,
  'gen_ai.usage.output_tokens': run.output_tokens,
  'rungate.run_id': run.run_id,
  'rungate.run_state': run.state,
  'rungate.policy': run.policy,
  'rungate.cost_usd': nanoToUsd(nanoUsd(run.spent_nano)),
  ...present({ 'rungate.cap_usd': run.cap_nano === null ? null : nanoToUsd(nanoUsd(run.cap_nano)) }),
});

function callAttributes(exchange: ExchangeRecord): SpanAttributes {
  const { usage } = exchange;
  return {
    'gen_ai.operation.name': operationOf(exchange),
    'gen_ai.request.stream': exchange.stream,
    'rungate.exchange_id': exchange.exchange_id,
    'rungate.exchange_state': exchange.state,
    ...present({
      'gen_ai.provider.name': exchange.provider,
      'gen_ai.request.model': exchange.model,
      'gen_ai.response.finish_reasons': exchange.finish_reason === null ? null : [exchange.finish_reason],
      'gen_ai.usage.input_tokens': usage?.input_tokens,
      'gen_ai.usage.output_tokens': usage?.output_tokens,
      'gen_ai.usage.cache_read.input_tokens': usage?.cache_read_input_tokens,
      'gen_ai.usage.cache_creation.input_tokens': usage?.cache_creation_input_tokens,
      'gen_ai.usage.reasoning.output_tokens': usage?.reasoning_output_tokens,
      'gen_ai.response.time_to_first_chunk':
        exchange.first_byte_at === null ? null : Math.max(0, exchange.first_byte_at - exchange.started_at) / 1000,
      'http.response.status_code': exchange.status,
      'error.type': errorOf(exchange),
      'rungate.cost_usd': exchange.cost_nano === null ? null : nanoToUsd(nanoUsd(exchange.cost_nano)),
      'rungate.cost_estimated': exchange.estimated ? true : null,
      'rungate.subagent': exchange.subagent,
      'rungate.retry_of': exchange.retry_of,
    }),
  };
}

/** Why a call failed: our refusal, or the provider's status (semantic conventions: `error.type` may be a status code). */
const errorOf = ({ failure, status }: ExchangeRecord): string | null =>
  failure ?? (status !== null && status >= 400 ? String(status) : null);

function operationOf({ wire_format: format, path }: ExchangeRecord): string {
  if (format === 'embeddings') return 'embeddings';
  if (format === 'completions') return 'text_completion';
  if (format !== null) return 'chat';
  return path.startsWith('/v1/tools/') ? 'execute_tool' : 'call';
}

/** Messages in the conventions' form, as JSON text; undefined without any. */
function messagesText(messages: Readonly<Conversation['messages']> | undefined): string | undefined {
  if (messages === undefined || messages.length === 0) return undefined;
  return JSON.stringify(
    messages.map(({ role, parts }) => ({
      role,
      parts: parts.map(partOf),
    })),
  );
}

type Maybe = Readonly<Record<string, SpanAttributes[string] | null | undefined>>;

const present = (attributes: Maybe): SpanAttributes =>
  Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, SpanAttributes[string]] => entry[1] != null),
  );

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** One part in the conventions' form. */
function partOf(part: Conversation['messages'][number]['parts'][number]): Readonly<Record<string, unknown>> {
  switch (part.kind) {
    case 'text':
    case 'reasoning':
      return { type: part.kind, content: part.text };
    case 'tool_call':
      return { type: 'tool_call', id: part.call_id, name: part.tool, arguments: part.text };
    case 'tool_result':
      return { type: 'tool_call_response', id: part.call_id, result: part.text };
    case 'image':
      return { type: 'uri', modality: 'image', mime_type: part.media_type, uri: part.url };
    case 'other':
      return { type: part.type, content: part.text };
  }
}

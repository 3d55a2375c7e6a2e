import { createHash } from 'node:crypto';
import {
  createSpanBuilder,
  type SpanBuilder,
  type SpanFacts,
  type SpanStep,
  type TraceContext,
  traceOfRun,
} from '../audit/export/otlp-spans.ts';
import type { Bus } from '../bus.ts';
import type { Conversation } from '../contract/conversation.ts';
import type { PublishedEvent } from '../contract/events.ts';
import type { ExchangeRecord, RunRecord, StepRecord } from '../contract/records.ts';
import type { Log } from '../ports.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { Reads } from '../store/reads.ts';

/**
 * Runs as traces while they happen: every announced change of a run is followed by a look at what its trace has gained,
 * and each step leaves as a span once it has ended. The run's own span leaves when the run has ended. What ended
 * before this start of the core is not told again.
 */
export interface LiveTraces {
  /** Take a last look at what has changed, then stop. */
  close(): Promise<void>;
}

export interface LiveTracesPorts {
  readonly bus: Bus;
  readonly reads: Reads;
  readonly log: Log;
  /** Epoch ms of the start: steps from before it are skipped. */
  readonly startedAt: number;
  readonly emit: (span: SpanFacts) => void;
  /** A trace of more steps is continued in another that links to it: backends cut or refuse endless traces. */
  readonly stepsPerTrace: number;
  /** Masks what leaves, whatever is sent. */
  readonly redactor: Redactor;
  /** Whether prompts, answers and arguments are sent. */
  readonly content: boolean;
}

const PAGE = 500;
/** Runs whose place is remembered. One that goes on after so many others have come would be told again. */
const RUNS_FOLLOWED = 20_000;

interface Followed {
  after: number;
  /** The run's own span has been told: it has ended. */
  ended: boolean;
  part: number;
  builder: SpanBuilder | null;
  /** Steps whose end is not known yet: calls under way, gates that wait. */
  readonly open: Map<number, StepRecord>;
  readonly exchanges: Map<string, ExchangeRecord>;
}

export function startLiveTraces(ports: LiveTracesPorts): LiveTraces {
  const followed = new Map<string, Followed>();
  const looking = new Map<string, Promise<void>>();
  const again = new Set<string>();
  let closed = false;

  const look = (runId: string): void => {
    if (closed) return;
    if (looking.has(runId)) {
      again.add(runId);
      return;
    }
    const done = follow(ports, runId, take(followed, runId))
      .catch((error: unknown) => {
        if (!closed) ports.log.warn('telemetry.trace_failed', { run: runId, error: String(error) });
      })
      .finally(() => {
        looking.delete(runId);
        if (again.delete(runId)) look(runId);
      });
    looking.set(runId, done);
  };

  const unsubscribe = ports.bus.subscribe((event) => {
    const runId = changedRun(event);
    if (runId !== null) look(runId);
  });
  return {
    async close() {
      unsubscribe();
      while (looking.size > 0) await Promise.all(looking.values());
      closed = true;
    },
  };
}

function changedRun({ name, body }: PublishedEvent): string | null {
  if (name !== 'run.changed' && name !== 'run.completed' && name !== 'run.started') return null;
  return 'run_id' in body ? body.run_id : null;
}

function take(followed: Map<string, Followed>, runId: string): Followed {
  const known = followed.get(runId) ?? {
    after: 0,
    ended: false,
    part: 0,
    builder: null,
    open: new Map(),
    exchanges: new Map(),
  };
  followed.delete(runId);
  followed.set(runId, known);
  const [oldest] = followed.keys();
  if (followed.size > RUNS_FOLLOWED && oldest !== undefined) followed.delete(oldest);
  return known;
}

/** Emit what has ended since the last look. */
async function follow(ports: LiveTracesPorts, runId: string, state: Followed): Promise<void> {
  const { reads, emit } = ports;
  const run = await reads.query('run', { runId });
  // Removed after its end: there is nothing to tell. A run that was open then may have gone on.
  if (run === null || (run.trace_pruned_at !== null && run.ended_at !== null && run.ended_at <= run.trace_pruned_at))
    return;
  for (;;) {
    const steps = await reads.query('steps', { runId, afterStep: state.after, limit: PAGE });
    await readExchanges(reads, runId, state, steps);
    for (const step of steps) {
      state.after = step.step;
      if (step.at >= ports.startedAt) await tell(ports, run, state, step);
    }
    if (steps.length < PAGE) break;
  }
  await lookAgain(ports, run, state);
  if (run.ended_at === null || state.open.size > 0 || state.ended) return;
  for (const span of state.builder?.end() ?? []) emit(span);
  if (run.ended_at >= ports.startedAt) emit(rootOf(ports, run, state));
  state.ended = true;
  state.builder = null;
  state.exchanges.clear();
}

async function readExchanges(
  reads: Reads,
  runId: string,
  state: Followed,
  steps: readonly StepRecord[],
): Promise<void> {
  const [first] = steps;
  if (first === undefined) return;
  const limit = steps.length;
  for (const exchange of await reads.query('exchanges', { runId, afterStep: first.step - 1, limit }))
    state.exchanges.set(exchange.exchange_id, exchange);
}

/** Steps that had not ended when they were last seen. */
async function lookAgain(ports: LiveTracesPorts, run: RunRecord, state: Followed): Promise<void> {
  // A copy: telling a step takes it out.
  for (const step of Array.from(state.open.keys())) {
    const [fresh] = await ports.reads.query('steps', { runId: run.run_id, afterStep: step - 1, limit: 1 });
    if (fresh?.step !== step) continue;
    await readExchanges(ports.reads, run.run_id, state, [fresh]);
    await tell(ports, run, state, fresh);
  }
}

async function tell(ports: LiveTracesPorts, run: RunRecord, state: Followed, step: StepRecord): Promise<void> {
  const exchange = exchangeOf(state, step);
  if (!hasEnded(step, exchange)) {
    state.open.set(step.step, step);
    return;
  }
  state.open.delete(step.step);
  const builder = builderFor(ports, run, state, step.step);
  for (const span of builder.push(await entryOf(ports, step, exchange))) ports.emit(span);
  if (exchange !== null) state.exchanges.delete(exchange.exchange_id);
}

/** The exchange that a step is; other steps of the same exchange only name it. */
function exchangeOf(state: Followed, step: StepRecord): ExchangeRecord | null {
  const exchange = step.exchange_id === null ? undefined : state.exchanges.get(step.exchange_id);
  return exchange?.step === step.step ? exchange : null;
}

function hasEnded(step: StepRecord, exchange: ExchangeRecord | null): boolean {
  if (step.kind === 'gate') return step.detail['gate_state'] !== 'pending' && step.detail['gate_state'] !== undefined;
  return exchange === null || exchange.state !== 'open';
}

function builderFor(ports: LiveTracesPorts, run: RunRecord, state: Followed, step: number): SpanBuilder {
  const part = Math.floor((step - 1) / ports.stepsPerTrace);
  if (state.builder !== null && part === state.part) return state.builder;
  if (state.builder !== null) {
    for (const span of state.builder.end()) ports.emit(span);
    // The trace that is left gets its root now: nothing more will hang under it.
    ports.emit(rootOf(ports, run, state));
  }
  state.part = part;
  state.builder = createSpanBuilder(masked(run, ports.redactor), traceOf(run, part), sha256);
  return state.builder;
}

/** The run's own span. Agents name runs as they like: its trace comes of the name as it is, what is told of it is masked. */
function rootOf({ redactor }: LiveTracesPorts, run: RunRecord, state: Followed): SpanFacts {
  const trace = traceOf(run, state.part);
  const shown = masked(run, redactor);
  const root = (state.builder ?? createSpanBuilder(shown, trace, sha256)).root(shown);
  if (state.part === 0) return root;
  return { ...root, links: [{ traceId: traceOf(run, state.part - 1).traceId, spanId: root.spanId }] };
}

const traceOf = (run: RunRecord, part: number): TraceContext =>
  part === 0
    ? traceOfRun(run, sha256)
    : traceOfRun({ ...run, run_id: `${run.run_id}\n${part}`, trace_parent: null }, sha256);

async function entryOf(ports: LiveTracesPorts, step: StepRecord, found: ExchangeRecord | null): Promise<SpanStep> {
  const shown = masked(ports.content ? step : withoutContent(step), ports.redactor);
  if (found === null) return { step: shown, call: null };
  const exchange = masked(found, ports.redactor);
  if (!ports.content) return { step: shown, call: { exchange, request: null, response: null } };
  const conversation = await ports.reads.query('conversation', { exchangeId: found.exchange_id });
  return { step: shown, call: { exchange, ...spoken(conversation, ports.redactor) } };
}

/** What a tool was told and has answered is content too, and so are the values that a rule saw. */
function withoutContent(step: StepRecord): StepRecord {
  const { args: _args, result: _result, content: _content, output: _output, ...told } = step.detail;
  const { matched: _matched, explanation: _explanation, sent_text: _sent, ...detail } = told;
  return { ...step, detail };
}

const masked = <T>(value: T, redactor: Redactor): T => redactor.tree(value).value as T;

/** What this call added: the request's messages since the last answer in it, and the answer. */
function spoken(
  conversation: Conversation | null,
  redactor: Redactor,
): Pick<NonNullable<SpanStep['call']>, 'request' | 'response'> {
  if (conversation === null) return { request: null, response: null };
  const asked = conversation.messages.filter(({ side }) => side === 'request');
  const said = conversation.messages.filter(({ side }) => side === 'response');
  const news = asked.slice(asked.findLastIndex(({ role }) => role === 'assistant') + 1);
  return { request: { news: masked(news, redactor) }, response: { said: masked(said, redactor) } };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

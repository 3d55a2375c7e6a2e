import type { Pricing } from '../budget/rates.ts';
import { type Failure, failure } from '../contract/failures.ts';
import { type NanoUsd, nanoToUsd } from '../contract/money.ts';
import { contextOf } from '../policy/call-context.ts';
import { loopSettings, rateLimits } from '../policy/compile.ts';
import { type Decision, type Evaluation, keyRule, STRICTNESS, stops } from '../policy/decision.ts';
import { type DriftFinding, type DriftObservation, driftKinds, driftOf, hostsOf, toolsOf } from '../policy/drift.ts';
import { couldMatch, type EvaluateOptions, evaluateRequest, evaluateToolCall } from '../policy/evaluate.ts';
import { refusalContext, renderReason } from '../policy/explain.ts';
import type { RequestSubject } from '../policy/facts.ts';
import { callSignature, type LoopFinding, loopDecision } from '../policy/loops.ts';
import type { ToolCall } from '../wire/format.ts';
import { addAlertStep } from './alert-step.ts';
import type { Route } from './choose-route.ts';
import type { Core } from './core.ts';
import type { PolicyInForce } from './policy-book.ts';
import { openReadingBudget } from './reading-budget.ts';
import type { ReadRequest } from './request.ts';
import type { LiveRun } from './run-directory.ts';
import { noteCall, runTools } from './run-tools.ts';

/**
 * What the run's policy says of a request and of the tool calls of its answer. The policy domain decides; here its
 * facts are gathered, long regexes are taken to the worker, and loops, rates, drift and grants are brought in.
 */
export interface Judged {
  readonly request: ReadRequest;
  readonly run: LiveRun;
  readonly policy: PolicyInForce;
  readonly subject: RequestSubject;
}

/** The decision on a request. */
export type RequestJudgement =
  | { readonly kind: 'passes'; readonly alerts: readonly Decision[] }
  | { readonly kind: 'gates'; readonly decision: Decision; readonly alerts: readonly Decision[] }
  | { readonly kind: 'refused'; readonly failure: Failure; readonly decision: Decision | null };

/** The facts a request is judged by; the same value serves for the tool calls of its answer. */
export function requestSubject(
  core: Core,
  request: ReadRequest,
  run: LiveRun,
  route: Route,
  priced: { readonly pricing: Pricing | null; readonly amount: NanoUsd },
): RequestSubject {
  const { endpoint, facts, agent } = request;
  const { used, typed } = runTools(run);
  return {
    provider: route.provider.id,
    wireFormat: endpoint.kind === 'model' || endpoint.kind === 'count' ? endpoint.format : null,
    endpoint: endpoint.path,
    model: facts?.model ?? null,
    furtherModels: facts?.furtherModels ?? [],
    unnamedModels: facts?.unnamedModels ?? false,
    stream: facts?.stream ?? false,
    declared: facts?.tools ?? [],
    background: facts?.background ?? false,
    inputTokens: Math.ceil(request.body.length / 3),
    estimatedCostUsd: priced.pricing?.kind === 'unpriced' ? null : nanoToUsd(priced.amount),
    agent: agent.name,
    team: agent.team,
    labels: run.labels,
    run: { spentUsd: nanoToUsd(run.spent), exchanges: run.exchanges, toolCalls: run.toolCalls },
    hour: new Date(core.civil()).getHours(),
    client: request.client,
    usedTools: used,
    typed,
    own: core.own(),
  };
}

/** Judge a request before anything leaves. `resend`: it repeats one that failed, so it counts in no rate or loop. */
export async function judgeRequest(core: Core, judged: Judged, resend: boolean): Promise<RequestJudgement> {
  const { policy, subject, run, request } = judged;
  const silenced = new Set(core.grantsFor(run, null).map((grant) => grant.rule));
  const decision = await decide(core, (options) => evaluateRequest(policy.compiled, subject, options), silenced);
  watchDrift(core, judged, decision);
  if (decision.effect === 'block') return { kind: 'refused', failure: blockedFailure(run, decision), decision };
  const now = core.clock.now();
  const counted = request.endpoint.kind !== 'count' && !resend;
  if (counted) {
    const rate = core.rates.admit(rateLimits(policy.compiled), { runId: run.runId, agentId: run.agentId }, now);
    if (rate.kind === 'limited') return { kind: 'refused', failure: limitedFailure(run, policy, rate), decision: null };
  }
  const loops = loopSettings(policy.compiled);
  const found = counted ? core.loops.observeRequest(loops, run.runId, request.digest, now) : null;
  const looped = found === null ? null : noteLoop(core, judged, found);
  const strictest = stricter(decision, looped);
  const alerts = [decision, looped]
    .filter((one) => one !== null)
    .filter((one) => one.effect === 'alert' || one.alerts.length > 0);
  if (strictest.effect === 'block')
    return { kind: 'refused', failure: loopFailure(run, strictest), decision: strictest };
  if (strictest.effect !== 'gate' || silenced.has(strictest.rule?.name ?? '')) return { kind: 'passes', alerts };
  const full = pendingBound(core, run, policy);
  return full === null
    ? { kind: 'gates', decision: strictest, alerts }
    : { kind: 'refused', failure: blockedFailure(run, full), decision: full };
}

/** The refusal of one more gate, where as many of the agent's wait as may; null where there is room (behaviour §9). */
export function pendingBound(core: Core, run: LiveRun, policy: PolicyInForce): Decision | null {
  const { maxPendingGates: most } = core.options;
  if (core.gates.pendingOf(run.agentId) < most) return null;
  const message = `This agent has ${most} calls waiting for a person, as many as may wait at a time.`;
  const recover = 'Wait until some of them are decided, then send the same request again.';
  const rule = keyRule('max_pending_gates', 'rates', 'block', message, recover);
  const { ref: version } = policy;
  return { effect: 'block', rule, stage: 'request', version, tool: null, explanation: [], alerts: [] };
}

/** Seconds after which a person may have decided some of the gates that wait. */
const PENDING_RETRY_SECONDS = 60;

/** Judge a call of the tool invocation API as the same call in a model's answer would be. */
export async function judgeTool(
  core: Core,
  judged: Judged,
  call: ToolCall,
  resend: boolean,
): Promise<RequestJudgement> {
  const { run } = judged;
  const answer = await judgeAnswer(core, judged, [call], !resend);
  for (const grantId of answer.grantsUsed) {
    const used = { at: core.clock.now(), grantId, runId: run.runId, exchangeId: null };
    core.store.write('useGrant', used).committed.catch(() => undefined);
  }
  if (answer.decision === null) return { kind: 'passes', alerts: answer.alerts };
  const full = answer.effect === 'gate' ? pendingBound(core, run, judged.policy) : null;
  if (full !== null) return { kind: 'refused', failure: blockedFailure(run, full), decision: full };
  return answer.effect === 'block'
    ? { kind: 'refused', failure: blockedFailure(run, answer.decision), decision: answer.decision }
    : { kind: 'gates', decision: answer.decision, alerts: answer.alerts };
}

/** Whether any answer to this request could need withholding, so that its stream must be watched frame by frame. */
export const mayWithhold = (core: Core, { policy, subject, run }: Judged): boolean =>
  couldMatch(policy.compiled, subject) || couldTripLoop(core, policy, run);

/** Whether one of the `coming` next tool calls of the run could be one that a loop limit stops; one that only alerts withholds nothing. */
export const couldTripLoop = (core: Core, policy: PolicyInForce, run: LiveRun, coming = 1): boolean =>
  stops(loopSettings(policy.compiled).action) &&
  core.loops.couldTrip(loopSettings(policy.compiled), run.runId, core.clock.now(), coming);

/** The decision on all tool calls of an answer: the strictest counts for the whole of it. */
export interface AnswerJudgement {
  readonly effect: 'allow' | 'gate' | 'block';
  /** The decision that gates or blocks; null when all may pass. */
  readonly decision: Decision | null;
  /** Every call with the decision on it, in the answer's order. */
  readonly calls: readonly { readonly call: ToolCall; readonly decision: Decision }[];
  readonly alerts: readonly Decision[];
  /** Grants that let a call pass which a rule would have gated. */
  readonly grantsUsed: readonly string[];
}

/** Judge the tool calls of a complete answer. `counted`: they count in loops, which resends do not. */
export async function judgeAnswer(
  core: Core,
  judged: Judged,
  toolCalls: readonly ToolCall[],
  counted = true,
): Promise<AnswerJudgement> {
  const { policy, subject, run } = judged;
  const now = core.clock.now();
  const calls: { call: ToolCall; decision: Decision }[] = [];
  const alerts: Decision[] = [];
  const grantsUsed: string[] = [];
  const context = contextOf(policy.compiled, subject);
  const budget = openReadingBudget(() => performance.now());
  for (const written of toolCalls) {
    if (written.kind === 'server') continue;
    await budget.breathe();
    const call = budget.take(written);
    const covering = core.grantsFor(run, call);
    const silenced = new Set(covering.map((grant) => grant.rule));
    let decision = await decide(core, (options) => evaluateToolCall(policy.compiled, subject, call, options), silenced);
    watchDrift(core, judged, decision, call);
    const loop = !counted
      ? null
      : core.loops.observeCall(loopSettings(policy.compiled), run.runId, callSignature(call, context), now);
    if (loop !== null) decision = stricter(decision, noteLoop(core, judged, loop));
    if (decision.effect === 'alert' || decision.alerts.length > 0) alerts.push(decision);
    if (decision.effect === 'allow')
      grantsUsed.push(...covering.filter(({ rule }) => rule === decision.rule?.name).map(({ grant_id }) => grant_id));
    // What a gate may still release is kept as typed: a line that is joined with too much is only asked about.
    if (counted && decision.effect !== 'block') noteCall(run, call, toolsOf(call, context));
    calls.push({ call: written, decision });
  }
  const strictest = calls.reduce<Decision | null>(
    (best, { decision }) => (best === null ? decision : stricter(best, decision)),
    null,
  );
  const stops = strictest?.effect === 'gate' || strictest?.effect === 'block';
  return {
    effect: strictest?.effect === 'block' ? 'block' : strictest?.effect === 'gate' ? 'gate' : 'allow',
    decision: stops ? strictest : null,
    calls,
    alerts,
    grantsUsed,
  };
}

/** A call with what the rules say of it. */
type JudgedCall = AnswerJudgement['calls'][number];

/**
 * Judge calls that only some client reads in an answer. They are proposed by nobody for certain, so that they count in no loop, are no
 * habit and raise no alert; what is returned are those that must be stopped.
 */
export async function judgeOthers(
  core: Core,
  { policy, subject, run }: Judged,
  calls: readonly ToolCall[],
): Promise<readonly JudgedCall[]> {
  const stopped: JudgedCall[] = [];
  const budget = openReadingBudget(() => performance.now());
  for (const written of calls) {
    if (written.kind === 'server') continue;
    await budget.breathe();
    const call = budget.take(written);
    const silenced = new Set(core.grantsFor(run, call).map((grant) => grant.rule));
    const decision = await decide(
      core,
      (options) => evaluateToolCall(policy.compiled, subject, call, options),
      silenced,
    );
    if (stops(decision.effect)) stopped.push({ call: written, decision });
  }
  return stopped;
}

/** The judgement of an answer with the readings in it that must be stopped. */
export function withOthers(judgement: AnswerJudgement, stopped: readonly JudgedCall[]): AnswerJudgement {
  const strictest = stopped.reduce<Decision | null>(
    (best, { decision }) => (best === null ? decision : stricter(best, decision)),
    judgement.decision,
  );
  if (strictest === null || stopped.length === 0) return judgement;
  const effect = strictest.effect === 'block' ? 'block' : 'gate';
  return { ...judgement, effect, decision: strictest, calls: [...judgement.calls, ...stopped] };
}

/** Evaluate, taking long regexes to the worker until nothing is open. `silenced`: rules that an approval covers. */
export async function decide(
  core: Core,
  evaluate: (options: EvaluateOptions) => Evaluation,
  silenced: ReadonlySet<string>,
): Promise<Decision> {
  let answers: EvaluateOptions['answers'] = [];
  for (;;) {
    const evaluation = evaluate({ answers, silenced });
    if (evaluation.kind === 'decided') return evaluation.decision;
    answers = [...answers, ...(await core.regexJobs.answer(evaluation.jobs))];
  }
}

const stricter = (one: Decision, other: Decision | null): Decision =>
  other !== null && STRICTNESS[other.effect] > STRICTNESS[one.effect] ? other : one;

function noteLoop(core: Core, { run, policy, request }: Judged, found: LoopFinding): Decision {
  const settings = loopSettings(policy.compiled);
  core.bus.publish('loop.detected', {
    run_id: run.runId,
    agent: request.agent.name,
    kind: found.kind,
    count: found.count,
    action: settings.action,
  });
  return loopDecision(found, settings, policy.ref);
}

function watchDrift(core: Core, { run, policy, subject, request }: Judged, decision: Decision, call?: ToolCall): void {
  const observation: DriftObservation =
    call === undefined
      ? { models: [subject.model, ...subject.furtherModels].filter((model) => model !== null) }
      : {
          tools: toolsOf(call, contextOf(policy.compiled, subject)),
          hosts: hostsOf(call, contextOf(policy.compiled, subject)),
        };
  // A title's model is not what its agent works with. In its first run an agent has no habits yet that it could leave.
  const counts = request.session.side === null;
  const alertOn = core.runs.isFirst(run) ? [] : driftKinds(policy.compiled.definition);
  const first = counts ? core.drift.observe(run.agentId, observation, alertOn) : [];
  if (counts) noteSeen(core, run.agentId, observation);
  const attempt = driftOf(decision);
  for (const found of attempt === null ? first : [...first, attempt]) {
    core.bus.publish('policy.drift', {
      run_id: run.runId,
      agent: request.agent.name,
      kind: found.kind,
      value: found.value,
    });
    addAlertStep(core, run, null, driftSentence(found), { alert: 'drift', ...found });
  }
}

const driftSentence = ({ kind, value, why }: DriftFinding): string =>
  why === 'first_seen'
    ? `This agent's first use of the ${kind} ${value.slice(0, SEEN_LENGTH)}`
    : `The ${kind} ${value.slice(0, SEEN_LENGTH)} is not among those the policy allows`;

/** Models and providers choose these words, so neither their number nor their length is theirs to choose too. */
const SEEN_LIMIT = 50_000;
const SEEN_LENGTH = 256;

/** Keep what is new, so that it is habit after a restart too. */
function noteSeen(core: Core, agentId: string, { models = [], tools = [], hosts = [] }: DriftObservation): void {
  if (core.seen.size >= SEEN_LIMIT) return;
  const short = (value: string): string => value.slice(0, SEEN_LENGTH);
  const values = [
    ...models.map((value) => ({ kind: 'model', value: short(value) }) as const),
    ...tools.map((value) => ({ kind: 'tool', value: short(value) }) as const),
    ...hosts.map((value) => ({ kind: 'host', value: short(value) }) as const),
  ].filter(({ kind, value }) => {
    const name = `${agentId}\n${kind}\n${value}`;
    return core.seen.has(name) ? false : core.seen.add(name);
  });
  if (values.length > 0) {
    core.store.write('noteSeen', { at: core.clock.now(), agentId, values }).committed.catch(() => undefined);
  }
}

/** 403 for a request or an answer that a rule blocks. */
export function blockedFailure(run: LiveRun, decision: Decision): Failure {
  if (decision.rule?.source === 'loops') return loopFailure(run, decision);
  if (decision.rule?.source === 'rates') {
    const context = { ...refusalContext(decision), run_id: run.runId };
    return failure('rate_limited', renderReason(decision), context, PENDING_RETRY_SECONDS);
  }
  return failure('policy_blocked', renderReason(decision), { ...refusalContext(decision), run_id: run.runId });
}

const loopFailure = (run: LiveRun, decision: Decision): Failure =>
  failure('loop_detected', renderReason(decision), { ...refusalContext(decision), run_id: run.runId });

type Limited = Extract<ReturnType<Core['rates']['admit']>, { kind: 'limited' }>;

function limitedFailure(
  run: LiveRun,
  policy: PolicyInForce,
  { limit, unit, used, retryAfterSeconds }: Limited,
): Failure {
  const most = limit[unit];
  return failure(
    'rate_limited',
    `Rate limit of policy ${policy.ref}: ${most} ${unit} per ${limit.per} in ${limit.window_seconds} s.`,
    {
      rule: `rates:${limit.per}`,
      matched: [`${unit} ${used} reached ${most}`],
      run_id: run.runId,
      recover: `Send the same request again in ${retryAfterSeconds} s.`,
    },
    retryAfterSeconds,
  );
}

/** The rule of a decision, named even where a list or the default decided. */
export const ruleName = (decision: Decision): string => decision.rule?.name ?? 'default';

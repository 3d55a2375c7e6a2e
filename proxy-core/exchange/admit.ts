import { budgetUnbounded, modelUnpriced } from '../budget/budget-failures.ts';
import { dearestBound } from '../budget/model-prices.ts';
import { type Failure, failure } from '../contract/failures.ts';
import { type NanoUsd, nanoToUsd, ZERO_USD } from '../contract/money.ts';
import type { GateRecord } from '../contract/records.ts';
import { pendingFailure, RETRY_AFTER_SECONDS } from '../gates/bodies.ts';
import { type Decision, keyRule } from '../policy/decision.ts';
import { allowsEndpoint, endpointCost, toolCost } from '../policy/endpoints.ts';
import { StoreUnavailable } from '../store/store.ts';
import type { Admission } from './admission.ts';
import { chooseRoute, type Route } from './choose-route.ts';
import { chooseRun } from './choose-run.ts';
import type { Core } from './core.ts';
import { fingerprintOf, meetGate, requestGatePrint } from './gate-meeting.ts';
import { gateOpening, proposalOf } from './gated-answer.ts';
import { type Judged, judgeRequest, judgeTool, requestSubject, ruleName } from './judge.ts';
import { makeId } from './make-id.ts';
import { noteAlerts } from './notes.ts';
import type { PolicyInForce } from './policy-book.ts';
import { pricesOf } from './price-book.ts';
import type { ReadRequest } from './request.ts';
import { announceStart, type Call, type Charge, refuseRecorded, reserve } from './reserve.ts';
import { findRetried } from './retries.ts';
import type { LiveRun } from './run-directory.ts';
import { storeRefusal } from './store-refusal.ts';

/**
 * Decide whether a call may go out: route, run, gate, price, policy, caps. The provider and its key are found
 * first, because that may wait; from the run's look-up to its beginning nothing waits, so that two first calls of one
 * session find one run. `met` is the gate that this very request has waited at: it stays in that gate's run. `begun`: it has
 * waited in a stream that we have begun.
 */
export async function admit(
  core: Core,
  request: ReadRequest,
  met: GateRecord | null,
  begun: boolean,
): Promise<Admission> {
  const held = heldBack(core) ?? revokedSince(core, request);
  if (held !== null) return refuse(held);
  const route = await chooseRoute(core, request);
  if ('code' in route) {
    const { kind, path } = request.endpoint;
    return refuse(kind === 'other' && !core.policies.anyAllows(request.method, path) ? notGoverned(request) : route);
  }
  const chosen = chooseRun(core, request, met?.run_id ?? null);
  if (chosen.kind === 'refused') return refuse(chosen.failure);
  const { run, policy } = chosen;
  const call: Call = { request, route, chosen, exchangeId: makeId('xch', core), begun };
  if (
    request.endpoint.kind === 'other' &&
    !allowsEndpoint(policy.compiled.definition, request.method, request.endpoint.path)
  ) {
    return unlessUnavailable(() => refuseRecorded(core, call, notGoverned(request)));
  }
  const meeting = meetGate(core, request, run, met);
  // What waits at a gate of a paused run stays there, and a reviewed answer goes out; nothing new does.
  if (run.paused && (meeting.kind === 'approved' || meeting.kind === 'none')) return refusePaused(run);
  switch (meeting.kind) {
    case 'waiting':
      return { ...meeting, fresh: false };
    case 'replay':
      return { kind: 'replayed', gate: meeting.gate, answer: meeting.answer };
    case 'refused':
      return unlessUnavailable(() => refuseAtGate(core, run, meeting.failure));
    case 'approved':
      return unlessUnavailable(() => claimApproved(core, call, meeting.gate));
    case 'none':
      return unlessUnavailable(() => decide(core, call));
  }
}

const refuse = (reason: Failure): Admission => ({
  kind: 'refused',
  refusal: { failure: reason, exchangeId: null, runId: null, policy: null },
});

/** An expiry is in the store before an agent hears of it, so that no clock set back revives the gate (fault E3). */
async function refuseAtGate(core: Core, run: LiveRun, reason: Failure): Promise<Admission> {
  await core.gates.tick();
  return { kind: 'refused', refusal: { failure: reason, exchangeId: null, runId: run.runId, policy: run.policy } };
}

/** A paused run keeps its calls off like a paused core: nothing is recorded, however often the agent asks. */
const refusePaused = (run: LiveRun): Admission => ({
  kind: 'refused',
  refusal: {
    failure: failure(
      'operator_paused',
      `The operator has paused run ${run.runId}.`,
      { run_id: run.runId, recover: 'Wait until it is resumed.' },
      PAUSED_RETRY_SECONDS,
    ),
    exchangeId: null,
    runId: run.runId,
    policy: run.policy,
  },
});

const PAUSED_RETRY_SECONDS = 30;

async function unlessUnavailable(step: () => Promise<Admission>): Promise<Admission> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof StoreUnavailable) return refuse(storeRefusal(error));
    throw error;
  }
}

async function decide(core: Core, call: Call): Promise<Admission> {
  const { request, route, chosen } = call;
  const charge = chargeOf(core, request, route, chosen.policy);
  if ('code' in charge) return refuseRecorded(core, call, charge);
  const judged = judgedBy(core, call, charge);
  const resend = findRetried(request, chosen.run)?.passed === true;
  const judgement =
    request.tool === null
      ? await judgeRequest(core, judged, resend)
      : await judgeTool(core, judged, request.tool.call, resend);
  if (judgement.kind === 'refused') {
    return refuseRecorded(core, call, judgement.failure, judgement.decision);
  }
  noteAlerts(core, request, chosen.run, call.exchangeId, judgement.alerts);
  if (judgement.kind === 'gates') return openRequestGate(core, call, charge, judgement.decision);
  if (charge.pricing?.kind === 'unpriced' && chosen.policy.budget.onUnpriced === 'gate') {
    return openRequestGate(core, call, charge, unpricedDecision(chosen.policy));
  }
  return reserve(
    core,
    call,
    charge,
    request.endpoint.kind === 'model' || request.endpoint.kind === 'count' ? judged : null,
    null,
  );
}

const judgedBy = (core: Core, { request, route, chosen: { run, policy } }: Call, charge: Charge): Judged => ({
  request,
  run,
  policy,
  subject: requestSubject(core, request, run, route, charge),
});

/** An approved request gate: this request carries the call out, or waits for the one that does. */
async function claimApproved(core: Core, call: Call, gate: GateRecord): Promise<Admission> {
  const under = core.claims.under(gate.gate_id);
  if (under !== undefined) return { kind: 'busy', until: under };
  core.claims.take(gate.gate_id, call.exchangeId);
  const release = (): void => core.claims.release(gate.gate_id, call.exchangeId);
  try {
    const at = core.clock.now();
    const { gate_id: gateId } = gate;
    // Claimed before anything is reserved: a crash in between only sends the gate back to its reviewer.
    const { claimed } = await core.store.write('claimGate', { at, gateId, exchangeId: call.exchangeId }).durable;
    if (!claimed) {
      release();
      core.gates.reread(gate.run_id);
      // Revoked a moment ago: the request meets what is there now.
      if (core.gates.byId(gate.gate_id)?.state === 'cancelled') return { kind: 'busy', until: Promise.resolve() };
      return refuse(pendingFailure(gate, RETRY_AFTER_SECONDS));
    }
    const charge = chargeOf(core, call.request, call.route, call.chosen.policy);
    const admission =
      'code' in charge
        ? await refuseRecorded(core, call, charge)
        : await reserve(core, call, charge, judgedBy(core, call, charge), gateId);
    if (admission.kind === 'admitted') return admission;
    await core.store.write('consumeGate', { at: core.clock.now(), gateId, answer: null }).committed;
    release();
    return admission;
  } catch (error) {
    release();
    throw error;
  }
}

async function openRequestGate(core: Core, call: Call, charge: Charge, decision: Decision): Promise<Admission> {
  const { request, chosen } = call;
  const { run } = chosen;
  if (run.start !== null) {
    const by = { actor: `agent:${request.agent.name}`, channel: 'proxy' };
    const { agent_id: agentId, name: agentName } = request.agent;
    await core.store.write('startRun', { at: core.clock.now(), agentId, agentName, start: run.start, by }).committed;
    announceStart(core, run, agentName);
    core.runs.file(
      run,
      chosen.keys,
      core.store.write('fileKeys', { at: core.clock.now(), agentId, runId: run.runId, keys: chosen.keys }).committed,
    );
  }
  const fingerprint = requestGatePrint(fingerprintOf(request, run));
  const args = {
    model: request.facts?.model ?? null,
    endpoint: request.endpoint.path,
    input_bytes: request.body.length,
    estimated_cost_usd: nanoToUsd(charge.amount),
    tools: request.facts?.tools.map((tool) => tool.name) ?? [],
  };
  const actions =
    request.tool === null
      ? [{ tool: 'model_call', args, call_id: null, rule: ruleName(decision) }]
      : [proposalOf(request.tool.call, ruleName(decision))];
  const subject = {
    kind: request.tool === null ? 'request' : 'tool',
    request,
    run,
    fingerprint,
    exchangeId: null,
    decision,
    actions,
  } as const;
  const { gate, opened } = await core.gates.open(gateOpening(core, subject), null, request.asks.newGate);
  return { kind: 'waiting', gate, fresh: opened };
}

const unpricedDecision = (policy: PolicyInForce): Decision => ({
  effect: 'gate',
  rule: keyRule(
    'budget:on_unpriced',
    'models',
    'gate',
    'The model has no price, so its budget cannot be enforced.',
    'Wait for the approval, or use a model that has a price.',
  ),
  stage: 'request',
  version: policy.ref,
  tool: null,
  explanation: [],
  alerts: [],
});

/** Gemini's paths begin with a version of their own, which `parseTarget` sets behind ours. */
const isGemini = (path: string): boolean => path.startsWith('/v1/v1beta/');

const notGoverned = (request: ReadRequest): Failure =>
  failure(
    'endpoint_not_governed',
    isGemini(request.target.path)
      ? 'Rungate does not govern Gemini’s API yet; connect this agent by its OpenAI or Anthropic API.'
      : `${request.method} ${request.target.path.slice(0, 80)} is not a governed endpoint.`,
    {
      endpoint: request.target.path,
      recover:
        'See GET /llms.txt for the endpoints, or ask the operator to list this one under endpoints in the policy.',
    },
  );

/** Why no call at all is let through now, or null. */
export function heldBack(core: Core): Failure | null {
  if (core.draining) {
    return failure('operator_paused', 'Rungate is shutting down.', { recover: 'Send the request again shortly.' }, 5);
  }
  if (!core.paused) return null;
  return failure(
    'operator_paused',
    'The operator has paused all agents.',
    { recover: 'Wait until they are resumed.' },
    PAUSED_RETRY_SECONDS,
  );
}

/** A request that waited at a gate may have lost its agent meanwhile, its approval notwithstanding. */
export const revokedSince = (core: Core, { agent }: ReadRequest): Failure | null =>
  core.agents.byId(agent.agent_id)?.revoked_at == null
    ? null
    : failure('agent_token_invalid', 'The agent token was revoked while the request waited.', {
        recover: 'Ask the operator for a new token: rungate agents rotate NAME.',
      });

/** What to reserve for the call, or why its price does not let it through. */
function chargeOf(core: Core, request: ReadRequest, route: Route, policy: PolicyInForce): Charge | Failure {
  const { endpoint, facts } = request;
  if (endpoint.kind === 'tool') return uncounted(toolCost(policy.compiled.definition, endpoint.name));
  if (endpoint.kind === 'other') return uncounted(endpointCost(policy.compiled.definition, endpoint.path));
  if (endpoint.kind !== 'model' || facts === null) return uncounted(ZERO_USD);
  const prices = pricesOf(core.prices, facts, route.provider, endpoint.format, policy.budget.prices);
  const size = { bodyBytes: request.body.length, wireFormat: endpoint.format, facts };
  const bound = dearestBound(policy.budget.admission, prices, {
    ...size,
    policyMaximum: policy.budget.maxOutputTokens,
  });
  const call = { runId: '', model: facts.model, provider: route.provider.id };
  switch (bound.kind) {
    case 'bounded':
      return { pricing: bound.pricing, amount: bound.amount, prices };
    case 'unbounded':
      return budgetUnbounded(call, bound.features);
    case 'unpriced':
      return policy.budget.onUnpriced === 'block'
        ? modelUnpriced({ ...call, model: bound.model })
        : { pricing: bound.pricing, amount: bound.priced, prices };
  }
}

/** A charge that no model's price decides. */
const uncounted = (amount: NanoUsd): Charge => ({ pricing: null, amount, prices: [] });

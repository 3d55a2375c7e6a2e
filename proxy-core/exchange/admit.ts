import { budgetExceeded, budgetUnbounded, modelUnpriced } from '../budget/budget-failures.ts';
import { estimate } from '../budget/estimate.ts';
import type { Pricing } from '../budget/rates.ts';
import { FAILURES, type Failure, failure } from '../contract/failures.ts';
import { type NanoUsd, ZERO_USD } from '../contract/money.ts';
import { upstreamHeaders } from '../providers/headers.ts';
import { upstreamPath } from '../providers/provider.ts';
import type { UpstreamRequest } from '../providers/upstream.ts';
import { endedFailure } from '../runs/identify.ts';
import { type AdmitInput, type Remaining, type RunKey, StoreUnavailable } from '../store/store.ts';
import { type ChosenRun, chooseRun } from './choose-run.ts';
import { chooseRoute, type Route } from './choose-route.ts';
import type { Core } from './core.ts';
import { makeId } from './make-id.ts';
import type { PolicyInForce } from './policy-book.ts';
import type { ReadRequest } from './request.ts';
import { findRetried } from "./retries.ts";
import { type EditedBody, editBody } from './request-edits.ts';
import type { LiveRun } from './run-directory.ts';

/** A call that may go out: its run, its price, its reservation, and the bytes to send. */
export interface Admitted {
  readonly request: ReadRequest;
  readonly run: LiveRun;
  readonly policy: PolicyInForce;
  readonly exchangeId: string;
  readonly step: number;
  readonly remaining: Remaining;
  readonly pricing: Pricing | null;
  readonly reserved: NanoUsd;
  readonly edited: EditedBody;
  readonly upstream: UpstreamRequest;
  /** Resolves once the admission survives a power cut. */
  readonly durable: Promise<unknown>;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly admitted: Admitted }
  | { readonly kind: 'refused'; readonly refusal: Refused };

/** A refusal and what is known of the call it answers. */
export interface Refused {
  readonly failure: Failure;
  readonly exchangeId: string | null;
  readonly runId: string | null;
  readonly policy: string | null;
}

/**
 * Decide whether a call may go out. The provider and its key are found first, because that may wait; from the
 * run's look-up to the store's write nothing waits, so that two first calls of one session find one run.
 */
export async function admit(core: Core, request: ReadRequest): Promise<Admission> {
  const held = heldBack(core);
  if (held !== null) return refuse(held);
  const route = await chooseRoute(core, request);
  if ('code' in route) return refuse(route);
  const chosen = chooseRun(core, request);
  if (chosen.kind === 'refused') return refuse(chosen.failure);
  const exchangeId = makeId('xch', core);
  try {
    const charge = chargeOf(core, request, route, chosen.policy);
    if ('code' in charge) return await refuseRecorded(core, request, route, chosen, exchangeId, charge);
    return await reserve(core, request, route, chosen, exchangeId, charge);
  } catch (error) {
    if (error instanceof StoreUnavailable) return refuse(storeRefusal(error));
    throw error;
  }
}

const refuse = (reason: Failure): Admission => ({
  kind: 'refused',
  refusal: { failure: reason, exchangeId: null, runId: null, policy: null },
});

function heldBack(core: Core): Failure | null {
  if (core.draining) {
    return failure('operator_paused', 'Rungate is shutting down.', { recover: 'Send the request again shortly.' }, 5);
  }
  if (!core.paused) return null;
  return failure('operator_paused', 'The operator has paused all agents.', { recover: 'Wait until they are resumed.' }, 30);
}

/** The refusal while the store cannot be written: nothing is spent unrecorded. */
export function storeRefusal(error: StoreUnavailable): Failure {
  return failure(
    'store_unavailable',
    'The audit store cannot be written; nothing is let through unrecorded.',
    { reason: error.trouble.reason, recover: 'The operator must free disk space or check the disk.' },
    5,
  );
}

type Chosen = Extract<ChosenRun, { kind: 'chosen' }>;

interface Charge {
  readonly pricing: Pricing | null;
  readonly amount: NanoUsd;
}

/** What to reserve for the call, or why its price does not let it through. */
function chargeOf(core: Core, request: ReadRequest, route: Route, policy: PolicyInForce): Charge | Failure {
  const { endpoint, facts } = request;
  if (endpoint.kind === 'other') return { pricing: null, amount: policy.endpointCost(endpoint.path) };
  if (endpoint.kind !== 'model' || facts === null) return { pricing: null, amount: ZERO_USD };
  const pricing = core.prices.price(facts.model, route.provider, endpoint.format, policy.budget.prices);
  const bound = estimate(policy.budget.admission, pricing, {
    bodyBytes: request.body.length,
    wireFormat: endpoint.format,
    facts,
    policyMaximum: policy.budget.maxOutputTokens,
    samples: core.prices.samples(facts.model),
  });
  const call = { runId: '', model: facts.model, provider: route.provider.id };
  switch (bound.kind) {
    case 'bounded':
      return { pricing, amount: bound.amount };
    case 'unbounded':
      return budgetUnbounded(call, bound.features);
    case 'unpriced':
      return policy.budget.onUnpriced === 'allow' ? { pricing, amount: ZERO_USD } : modelUnpriced(call);
  }
}

type Identity = Omit<AdmitInput, 'reserve' | 'toolResults'>;

function identityOf(core: Core, request: ReadRequest, route: Route, chosen: Chosen, exchangeId: string): Identity {
  const { agent, endpoint, facts } = request;
  return {
    at: core.clock.now(),
    exchangeId,
    agentId: agent.agent_id,
    agentName: agent.name,
    team: agent.team,
    runId: chosen.run.runId,
    start: chosen.run.start,
    keys: newKeys(chosen),
    method: request.method,
    path: request.target.path,
    wireFormat: endpoint.kind === 'model' || endpoint.kind === 'count' ? endpoint.format : null,
    provider: route.provider.id,
    model: facts?.model ?? null,
    stream: facts?.stream ?? false,
    client: request.client,
    subagent: request.session.subagent,
    side: request.session.side,
    retryOf: findRetried(request, chosen.run),
  };
}

/** Sessions are filed once; the conversation's key changes with every turn. */
function newKeys({ run, keys }: Chosen): readonly RunKey[] {
  return keys.filter((key) => {
    const name = `${key.kind}\n${key.key}`;
    if (run.filed.has(name)) return false;
    run.filed.add(name);
    return true;
  });
}

async function refuseRecorded(
  core: Core,
  request: ReadRequest,
  route: Route,
  chosen: Chosen,
  exchangeId: string,
  reason: Failure,
): Promise<Admission> {
  const { run } = chosen;
  const named: Failure = { ...reason, context: { ...reason.context, run_id: run.runId } };
  const identity = identityOf(core, request, route, chosen, exchangeId);
  const receipt = core.store.write('refuse', {
    ...identity,
    failure: named.code,
    status: named.status ?? FAILURES[named.code].status,
    context: named.context,
  });
  core.runs.file(run, identity.keys, receipt.committed);
  void core.store.write('storeRequest', { exchangeId, body: request.body }).committed.catch(() => undefined);
  await receipt.durable;
  run.start = null;
  core.bus.publish('run.blocked', { run_id: run.runId, agent: request.agent.name, reason: named.code });
  return { kind: 'refused', refusal: { failure: named, exchangeId, runId: run.runId, policy: run.policy } };
}

async function reserve(
  core: Core,
  request: ReadRequest,
  route: Route,
  chosen: Chosen,
  exchangeId: string,
  charge: Charge,
): Promise<Admission> {
  const { run, policy } = chosen;
  const identity = identityOf(core, request, route, chosen, exchangeId);
  const results = request.facts?.toolResults.filter(({ callId }) => run.pendingResults.delete(callId)) ?? [];
  const receipt = core.store.write('admit', { ...identity, reserve: charge.amount, toolResults: results });
  core.runs.file(run, identity.keys, receipt.committed);
  const starts = run.start !== null;
  run.lastActivityAt = identity.at;
  // The body follows behind the admission, so that its hashing and compression never delay the forwarding.
  void core.store.write('storeRequest', { exchangeId, body: request.body }).committed.catch(() => undefined);
  const result = await receipt.committed;
  run.start = null;
  if (starts) {
    core.bus.publish('run.started', { run_id: run.runId, agent: request.agent.name, policy: run.policy, client: run.client });
  }
  const refusal = (reason: Failure): Admission => ({
    kind: 'refused',
    refusal: { failure: reason, exchangeId, runId: run.runId, policy: run.policy },
  });
  switch (result.kind) {
    case 'run_ended':
      run.state = result.state;
      return refusal(endedFailure(run.runId, result.state));
    case 'not_found':
      return refuse(failure('not_found', `No run ${run.runId} for this agent.`));
    case 'over_budget':
      await receipt.durable;
      core.bus.publish('budget.exceeded', {
        run_id: run.runId,
        scope: result.crossed.scope,
        name: result.crossed.name,
        cap_nano: result.crossed.cap_nano ?? 0,
        spent_nano: result.crossed.spent_nano,
        step_that_crossed: result.stepThatCrossed,
      });
      return refusal(budgetExceeded(run.runId, result));
    case 'admitted': {
      run.exchanges += 1;
      const edited = editBody(request, policy);
      return {
        kind: 'admitted',
        admitted: {
          request,
          run,
          policy,
          exchangeId,
          step: result.step,
          remaining: result.remaining,
          pricing: charge.pricing,
          reserved: charge.amount,
          edited,
          durable: core.store.durable(),
          upstream: upstreamRequest(request, route, edited),
        },
      };
    }
  }
}

function upstreamRequest(request: ReadRequest, route: Route, edited: EditedBody): UpstreamRequest {
  return {
    provider: route.provider,
    method: request.method,
    path: upstreamPath(route.provider, request.target.path, request.target.query) ?? request.target.path,
    headers: upstreamHeaders(request.rawHeaders, { credential: route.credential, bodyDecoded: request.bodyDecoded }),
    body: request.method === 'GET' || request.method === 'HEAD' ? null : edited.bytes,
  };
}

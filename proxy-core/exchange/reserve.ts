import { budgetExceeded } from '../budget/budget-failures.ts';
import type { ModelPrice } from '../budget/model-prices.ts';
import type { Pricing } from '../budget/rates.ts';
import { FAILURES, type Failure, failure } from '../contract/failures.ts';
import type { NanoUsd } from '../contract/money.ts';
import { loopSettings } from '../policy/compile.ts';
import type { Decision } from '../policy/decision.ts';
import { upstreamHeaders } from '../providers/headers.ts';
import { upstreamPath } from '../providers/provider.ts';
import type { UpstreamRequest } from '../providers/upstream-call.ts';
import { endedFailure } from '../runs/identify.ts';
import type { AdmitInput, NewBlock, NewToolResult, RunKey } from '../store/store.ts';
import { readOutput, startOf } from '../wire/conversation-parts.ts';
import type { ToolResult } from '../wire/format.ts';
import type { Admission } from './admission.ts';
import { blockOf, sentCut, sentRefusal } from './block.ts';
import type { Route } from './choose-route.ts';
import type { ChosenRun } from './choose-run.ts';
import type { Core } from './core.ts';
import type { Judged } from './judge.ts';
import { noteBlock } from './notes.ts';
import type { ReadRequest } from './request.ts';
import { type EditedBody, editBody } from './request-edits.ts';
import { findRetried } from './retries.ts';
import type { LiveRun } from './run-directory.ts';

/** The store's part of an admission: the check and reservation on every cap, or the record of a refusal. */

/** The run that was found or begun for a call, with its policy. */
export type Chosen = Extract<ChosenRun, { kind: 'chosen' }>;

/** What a call will be charged by, and the upper bound to reserve for it. */
export interface Charge {
  readonly pricing: Pricing | null;
  readonly amount: NanoUsd;
  /** Where it may lead to several models, the price of each; `pricing` is the dearest’s. */
  readonly prices: readonly ModelPrice[];
}

/** A call on its way in: what was found out about it so far. */
export interface Call {
  readonly request: ReadRequest;
  readonly route: Route;
  readonly chosen: Chosen;
  readonly exchangeId: string;
  /** It has waited at a gate in a stream that we have begun. */
  readonly begun: boolean;
}

type Identity = Omit<AdmitInput, 'reserve' | 'toolResults'>;

function identityOf(core: Core, { request, route, chosen, exchangeId }: Call): Identity {
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
    subagent: chosen.subagent,
    side: request.session.side,
    retryOf: findRetried(request, chosen.run)?.exchangeId ?? null,
    traceParent: request.traceParent,
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

/** A run's first write is committed: announced once, by whichever of several first calls comes back first. */
export function announceStart(core: Core, run: LiveRun, agent: string): void {
  if (run.start === null) return;
  run.start = null;
  core.bus.publish('run.started', { run_id: run.runId, agent, policy: run.policy, client: run.client });
  for (const write of run.afterStart.splice(0)) write();
}

/**
 * Record a refusal that costs nothing: an exchange, a step and an audit record. Durable when it resolves. `decision`: the
 * rule that blocks it.
 */
export async function refuseRecorded(
  core: Core,
  call: Call,
  reason: Failure,
  decision: Decision | null = null,
): Promise<Admission> {
  const { request, exchangeId } = call;
  const { run } = call.chosen;
  const named: Failure = { ...reason, context: { ...reason.context, run_id: run.runId } };
  const identity = identityOf(core, call);
  const block = decision === null ? null : blockOfRequest(call, named, decision);
  const receipt = core.store.write('refuse', {
    ...identity,
    failure: named.code,
    status: named.status ?? FAILURES[named.code].status,
    context: named.context,
    ...(block === null ? {} : { block }),
  });
  core.runs.file(run, identity.keys, receipt.committed);
  void core.store.write('storeRequest', { exchangeId, body: request.body }).committed.catch(() => undefined);
  await receipt.durable;
  announceStart(core, run, request.agent.name);
  if (block === null)
    core.bus.publish('run.blocked', { run_id: run.runId, agent: request.agent.name, reason: named.code });
  else noteBlock(core, request, run, block);
  return { kind: 'refused', refusal: { failure: named, exchangeId, runId: run.runId, policy: run.policy } };
}

/** A request that a rule blocks: all of it is withheld from the provider, and the agent is given the refusal. */
function blockOfRequest({ request, exchangeId, begun }: Call, reason: Failure, decision: Decision): NewBlock {
  const sent = begun ? sentCut(reason, request, exchangeId, true) : sentRefusal(reason, request, exchangeId);
  const calls = request.tool === null ? [] : [{ call: request.tool.call, decision }];
  const stage = request.tool === null ? 'request' : 'tool';
  const withheld = { of: 'request', from: 0, bytes: request.body } as const;
  return blockOf({ stage, failure: reason, decision, exchangeId, calls, withheld, sent });
}

/** Characters of a tool's answer that its step shows; the whole is in the stored request. */
const OUTPUT_SHOWN = 2_048;

/** A result with the start of what the tool answered. */
function shownResult({ callId, isError, output }: ToolResult): NewToolResult {
  if (output === undefined) return { callId, isError };
  const { text } = readOutput(output);
  return { callId, isError, output: { text: startOf(text, OUTPUT_SHOWN), length: text.length } };
}

/** Admit the call if every cap has room for it, in one indivisible step of the store. */
export async function reserve(
  core: Core,
  call: Call,
  charge: Charge,
  judged: Judged | null,
  gateId: string | null,
): Promise<Admission> {
  const { request, exchangeId } = call;
  const { run, policy } = call.chosen;
  const identity = identityOf(core, call);
  const results = request.facts?.toolResults.filter(({ callId }) => run.pendingResults.delete(callId)) ?? [];
  const toolResults = results.map(shownResult);
  for (const { callId, output } of toolResults)
    core.handedArguments.returned(run.agentId, run.runId, callId, output?.text ?? '');
  const receipt = core.store.write('admit', { ...identity, reserve: charge.amount, toolResults });
  core.runs.file(run, identity.keys, receipt.committed);
  core.runs.touch(run, identity.at);
  // In the admission's own transaction where it is small; a large one follows behind, so that its hashing and compression
  // never delay the forwarding.
  const body = core.store.write('storeRequest', { exchangeId, body: request.body });
  const result = await receipt.committed;
  announceStart(core, run, request.agent.name);
  const refusal = (reason: Failure): Admission => ({
    kind: 'refused',
    refusal: { failure: reason, exchangeId, runId: run.runId, policy: run.policy },
  });
  switch (result.kind) {
    case 'run_ended':
      run.state = result.state;
      return refusal(endedFailure(run.runId, result.state));
    case 'not_found':
      return refusal(failure('not_found', `No run ${run.runId} for this agent.`));
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
      core.news.changed(run.runId);
      const edited = editBody(
        request,
        policy,
        core.gates.concerns(run.runId) ? core.gates.byId : null,
        core.addedUsage.asks(call.route.provider, request.facts?.model ?? null),
      );
      return {
        kind: 'admitted',
        admitted: {
          request,
          run,
          policy,
          loops: loopSettings(policy.compiled),
          judged,
          gateId,
          exchangeId,
          subagent: call.chosen.subagent,
          step: result.step,
          remaining: result.remaining,
          pricing: charge.pricing,
          prices: charge.prices,
          reserved: charge.amount,
          edited,
          durable: receipt.durable,
          bodyDurable: body.durable,
          upstream: upstreamRequest(request, call.route, edited),
          key: call.route.credential.kind === 'inject' ? call.route.credential.key : null,
        },
      };
    }
  }
}

const toolPath = ({ provider: { baseUrl } }: Route): string =>
  baseUrl === null ? '/' : `${baseUrl.pathname}${baseUrl.search}`;

function upstreamRequest(request: ReadRequest, route: Route, edited: EditedBody): UpstreamRequest {
  return {
    provider: route.provider,
    method: request.method,
    path:
      request.endpoint.kind === 'tool'
        ? toolPath(route)
        : (upstreamPath(route.provider, request.target.path, request.target.query) ?? request.target.path),
    headers: upstreamHeaders(request.rawHeaders, { credential: route.credential, bodyDecoded: request.bodyDecoded }),
    body: request.method === 'GET' || request.method === 'HEAD' ? null : edited.bytes,
  };
}

import { type Failure, failure } from '../contract/failures.ts';
import type { GateRecord } from '../contract/records.ts';
import { type KeptAnswer, StoreUnavailable } from '../store/store.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { hostedAmong } from '../wire/hosted-tools.ts';
import type { Admitted, Refused } from './admission.ts';
import { admit } from './admit.ts';
import { type Ruling, ruleOnAnswer, watchAnswer } from './answer-ruling.ts';
import { endClaim } from './claims.ts';
import type { Core } from './core.ts';
import { breakOff, deliverAnswer, deliverRefusal, governedHeaders } from './deliver.ts';
import { forward, type Outcome } from './forward.ts';
import { waitAtGate } from './gate-wait.ts';
import { keepAnswer } from './gated-answer.ts';
import { noteAnswer, noteBlock } from './notes.ts';
import { replay } from './replay.ts';
import type { AgentReply } from './reply.ts';
import { type AgentRequest, type ReadRequest, readRequest } from './request.ts';
import { withoutAddedUsage } from './request-edits.ts';
import { forgetFailed, rememberFailed } from './retries.ts';
import { reportsFailure, settle } from './settle.ts';
import { gateAnswer, refuseAnswer } from './stopped-answer.ts';
import { storeRefusal } from './store-refusal.ts';
import { noteTextCalls, watchTextCalls } from './text-calls.ts';

/**
 * One governed call, as one sentence: admit it, forward it, inspect the answer while it passes, deliver what may
 * leave, and settle exactly once. A call that meets a gate waits there and is then admitted again. Resolves when the
 * agent has its answer and the settlement is recorded.
 */
export async function govern(core: Core, request: AgentRequest, reply: AgentReply): Promise<void> {
  const reading = readRequest(request);
  if (reading.kind === 'refused') {
    return deliverRefusal(reply, request, { failure: reading.failure, exchangeId: null, runId: null, policy: null });
  }
  core.unknownClients.note(reading.request);
  try {
    await carry(core, reading.request, reply);
  } finally {
    core.unanswered.leave(reading.request);
  }
}

async function carry(core: Core, request: ReadRequest, reply: AgentReply): Promise<void> {
  let hold: Hold | null = null;
  let met: GateRecord | null = null;
  for (;;) {
    const admission = await admit(core, request, met, hold !== null);
    switch (admission.kind) {
      case 'refused':
        return refuse(core, request, admission.refusal, reply);
      case 'replayed':
        if (await replay(core, request, admission.gate, admission.answer, hold, reply)) {
          return core.unanswered.released(request, core.clock.now());
        }
        break;
      case 'busy':
        await admission.until;
        break;
      case 'waiting': {
        // The request that opened the gate is not a retry of itself.
        if (!admission.fresh && met === null) core.gates.noteRetry(admission.gate.gate_id);
        met = admission.gate;
        const waited = await waitAtGate(core, request, met, hold, reply);
        if (waited.kind === 'answered') return;
        hold = waited.hold ?? hold;
        break;
      }
      case 'admitted':
        met = await carryOut(core, admission.admitted, hold, reply);
        if (met === null) return;
        break;
    }
  }
}

function refuse(core: Core, request: ReadRequest, refusal: Refused, reply: AgentReply): void {
  rememberFailed(core, request, refusal.runId, refusal.exchangeId, refusal.failure.code);
  deliverRefusal(reply, request, refusal);
}

/** Returns the gate that holds the answer, for the request to meet and wait at; null when the agent has its answer. */
async function carryOut(
  core: Core,
  asked: Admitted,
  begun: Hold | null,
  reply: AgentReply,
): Promise<GateRecord | null> {
  const { request, run } = asked;
  let admitted = asked;
  let attempt = startSending(core, admitted, begun, reply);
  const leave = core.inFlight.enter({
    runId: run.runId,
    agentId: run.agentId,
    abort: (reason) => attempt.sending.abort(reason),
  });
  let outcome: Outcome | null = null;
  let settled = false;
  try {
    outcome = await attempt.sending.outcome;
    if (refusesAddedUsage(core, admitted, outcome) && !reply.gone) {
      admitted = asWritten(admitted);
      attempt = startSending(core, admitted, begun, reply);
      outcome = await attempt.sending.outcome;
      if (outcome.kind === 'completed' && outcome.answer.status < 300)
        core.addedUsage.refused(admitted.upstream.provider, request.facts?.model ?? null);
    }
    const ruling = await ruleOnAnswer(core, admitted, outcome);
    const refusing =
      outcome.kind === 'completed' && ruling.kind === 'blocked'
        ? await refuseAnswer(admitted, ruling, outcome.answer, attempt.watch.hold, reply)
        : null;
    const settlement = settle(core, admitted, outcome, ruling, refusing?.block ?? null);
    settled = true;
    if (ruling.kind !== 'gated') await endClaim(core, admitted, answerToKeep(admitted, outcome, ruling));
    if (outcome.kind !== 'completed' || reportsFailure(outcome.answer)) {
      rememberFailed(core, request, run.runId, admitted.exchangeId, null);
    } else if (ruling.kind === 'free') forgetFailed(request, run);
    noteAnswer(core, admitted, ruling);
    if (outcome.kind === 'completed') void noteTextCalls(core, admitted, attempt.texts.found()).catch(ignored(core));
    if (refusing !== null) {
      await settlement.durable;
      noteBlock(core, request, run, refusing.block);
      if (!reply.gone) refusing.send(reply);
      return null;
    }
    if (outcome.kind === 'completed' && ruling.kind === 'gated') {
      const holding = { hold: attempt.watch.hold, begun: begun !== null };
      return await gateAnswer(core, admitted, ruling, outcome.answer, settlement, holding, reply);
    }
    await deliverAnswer(core, reply, admitted, outcome, settlement, begun);
    noteDelivered(core, admitted, outcome, reply);
    return null;
  } catch (error) {
    const reason = error instanceof StoreUnavailable ? storeRefusal(error) : bugRefusal(core, error);
    if (!settled) settleBroken(core, admitted, outcome, reason);
    breakOff(reply, admitted, outcome?.answer ?? null, reason);
    return null;
  } finally {
    if (admitted.gateId !== null) core.claims.release(admitted.gateId, admitted.exchangeId);
    leave();
  }
}

/** What only tells does not stop the call that it tells of; the log says why it failed. */
const ignored =
  (core: Core) =>
  (error: unknown): void =>
    core.log.warn('text_calls.failed', { error: String(error) });

/** Send a call and watch its answer. */
function startSending(core: Core, admitted: Admitted, begun: Hold | null, reply: AgentReply) {
  const { request } = admitted;
  const watch = watchAnswer(core, admitted, begun);
  const texts = watchTextCalls(admitted);
  const sending = forward(
    {
      request: admitted.upstream,
      passage: {
        format: request.endpoint.kind === 'model' ? request.format : null,
        searched: request.format,
        atProvider: hostedAmong(request.facts?.tools ?? []),
        hear: texts.hear,
        streaming: watch.streaming,
        governedHeaders: governedHeaders(admitted),
        keepBytes: core.options.keepBytes,
        asksStream: request.facts?.stream === true,
        passesUnread: watch.passesUnread,
        passesSpace: watch.passesSpace,
      },
      key: admitted.key?.reveal() ?? null,
      durable: admitted.durable,
      drainMs: core.options.drainMs,
      drainBytes: core.options.drainBytes,
    },
    core.upstreamOf(admitted.upstream.provider),
    reply,
    core.clock.now,
  );
  return { watch, texts, sending };
}

/** Whether the provider has answered an edit of ours with an error, so that the agent's own bytes go out once more. */
function refusesAddedUsage(core: Core, { edited, upstream, request }: Admitted, outcome: Outcome): boolean {
  if (!edited.hidesUsage) return false;
  return core.addedUsage.learn(upstream.provider, request.facts?.model ?? null, outcome) === 'again';
}

/** The same call without the usage chunk that we have asked for. */
function asWritten(admitted: Admitted): Admitted {
  const edited = withoutAddedUsage(admitted.edited);
  return { ...admitted, edited, upstream: { ...admitted.upstream, body: edited.bytes } };
}

/** The agent has its whole answer: the same request sent again is a new one, at once or (from a gate) a little later. */
function noteDelivered(core: Core, { request, gateId }: Admitted, outcome: Outcome, reply: AgentReply): void {
  if (outcome.kind !== 'completed' || reportsFailure(outcome.answer) || outcome.agentGone || reply.gone) return;
  if (gateId === null) core.unanswered.answered(request);
  else core.unanswered.released(request, core.clock.now());
}

/** What could not be judged or recorded must not leave, and must not be free either. */
function settleBroken(core: Core, admitted: Admitted, outcome: Outcome | null, reason: Failure): void {
  const failed: Outcome = { kind: 'failed', failure: reason, sent: true, answer: outcome?.answer ?? null };
  settle(core, admitted, failed, { kind: 'free', judgement: null }, null).recorded.catch(() => undefined);
}

function bugRefusal(core: Core, error: unknown): Failure {
  core.log.error('exchange.failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return failure('internal_error', 'Rungate failed on this call and let nothing through; its log says why.', {}, 5);
}

/** What a call under an approved request gate leaves for its retries: only an answer that the rules let through. */
function answerToKeep({ gateId, request, edited }: Admitted, outcome: Outcome, ruling: Ruling): KeptAnswer | null {
  if (gateId === null) return null;
  const good = outcome.kind === 'completed' && outcome.answer.status < 300 && !reportsFailure(outcome.answer);
  return good && ruling.kind === 'free' ? keepAnswer(outcome.answer, request, edited) : null;
}

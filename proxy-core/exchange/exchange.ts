import { admit, type Admitted, type Refused, storeRefusal } from './admit.ts';
import type { Core } from './core.ts';
import { deliverAnswer, deliverRefusal, governedHeaders } from './deliver.ts';
import { forward } from './forward.ts';
import type { AgentReply } from './reply.ts';
import { type AgentRequest, readRequest } from './request.ts';
import { isAddedUsage } from './request-edits.ts';
import { rememberFailed } from './retries.ts';
import { settle } from './settle.ts';
import { StoreUnavailable } from '../store/store.ts';

/**
 * One governed call, as one sentence: admit it, forward it, inspect the answer while it passes, deliver what may
 * leave, and settle exactly once. Resolves when the agent has its answer and the settlement is recorded.
 */
export async function govern(core: Core, request: AgentRequest, reply: AgentReply): Promise<void> {
  const reading = readRequest(request);
  if (reading.kind === 'refused') {
    return deliverRefusal(reply, request, { failure: reading.failure, exchangeId: null, runId: null, policy: null });
  }
  const admission = await admit(core, reading.request);
  if (admission.kind === 'refused') return refuse(core, reading.request, admission.refusal, reply);
  await carryOut(core, admission.admitted, reply);
}

function refuse(core: Core, request: Parameters<typeof rememberFailed>[1], refusal: Refused, reply: AgentReply): void {
  rememberFailed(core, request, refusal.runId, refusal.exchangeId);
  deliverRefusal(reply, request, refusal);
}

async function carryOut(core: Core, admitted: Admitted, reply: AgentReply): Promise<void> {
  const { request, run, edited } = admitted;
  const sending = forward(
    {
      request: admitted.upstream,
      passage: {
        format: request.endpoint.kind === 'model' ? request.format : null,
        streaming: edited.hidesUsage
          ? { kind: 'frames', holdFrom: () => false, hide: (effect) => isAddedUsage(edited, effect) }
          : { kind: 'pass' },
        governedHeaders: governedHeaders(admitted),
        keepBytes: core.options.keepBytes,
      },
      durable: admitted.durable,
      drainMs: core.options.drainMs,
      drainBytes: core.options.drainBytes,
    },
    core.upstreamOf(admitted.upstream.provider),
    reply,
    core.clock.now,
  );
  const leave = core.inFlight.enter({ runId: run.runId, abort: sending.abort });
  try {
    const outcome = await sending.outcome;
    const settlement = settle(core, admitted, outcome);
    if (outcome.kind !== 'completed' || outcome.answer.status >= 400) {
      rememberFailed(core, request, run.runId, admitted.exchangeId);
    }
    await deliverAnswer(reply, admitted, outcome, settlement);
  } catch (error) {
    // The settlement could not be written: what has not left yet must not leave unrecorded.
    if (!(error instanceof StoreUnavailable)) throw error;
    if (reply.headSent) reply.cut(null);
    else {
      const failure = storeRefusal(error);
      deliverRefusal(reply, request, { failure, exchangeId: admitted.exchangeId, runId: run.runId, policy: run.policy });
    }
  } finally {
    leave();
  }
}

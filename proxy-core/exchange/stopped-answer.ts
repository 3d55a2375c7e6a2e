import type { GateRecord } from '../contract/records.ts';
import { pendingFailure, RETRY_AFTER_SECONDS } from '../gates/bodies.ts';
import { stateAt } from '../gates/states.ts';
import type { NewBlock } from '../store/store.ts';
import type { Hold } from '../wire/hold-stream.ts';
import type { Admitted } from './admission.ts';
import { revokedSince } from './admit.ts';
import type { Ruling } from './answer-ruling.ts';
import { blockOf, blockText, callsOf, SENT_NOTHING, type Sent, sentCut, sentRefusal, sentText } from './block.ts';
import { subagentOf } from './choose-run.ts';
import { endClaim } from './claims.ts';
import { heldConversation } from './conversation-goes-on.ts';
import type { Core } from './core.ts';
import { breakOff, governedHeaders } from './deliver.ts';
import { deliveryOf, patienceOf } from './delivery.ts';
import { fingerprintOf } from './gate-meeting.ts';
import { gateOpening, keepAnswer, proposalOf } from './gated-answer.ts';
import { asksStructure, framesOf, holdStream, verdictText } from './held-stream.ts';
import { blockedFailure, ruleName } from './judge.ts';
import { CANNOT_FOLLOW, readsAlike } from './moved-answer.ts';
import type { Answer } from './passage.ts';
import type { AgentReply } from './reply.ts';
import type { Settlement } from './settle.ts';

/** Delivering an answer that a rule stops: a refusal, or a gate and what its agent is told while it waits. */

/** A refusal of a whole answer, made before it is recorded: what the record says is what is sent. */
export interface AnswerRefusal {
  readonly block: NewBlock;
  /** Sends it. Nothing is sent to an agent that has gone. */
  send(reply: AgentReply): void;
}

/**
 * Refuse the whole answer: one blocked call blocks all of it, because a client acts on calls that are complete. Resolves once
 * it is known whether the stream has begun, which is when the admission is durable.
 */
export async function refuseAnswer(
  admitted: Admitted,
  ruling: Extract<Ruling, { kind: 'blocked' }>,
  answer: Answer,
  hold: Hold | null,
  reply: AgentReply,
): Promise<AnswerRefusal> {
  // A store that cannot be written is met again, and refused, by the settlement.
  await admitted.durable.catch(() => undefined);
  const { request, run, exchangeId } = admitted;
  const { decision, judgement } = ruling;
  const failure = blockedFailure(run, decision);
  const body = answer.body === null ? null : Buffer.concat(answer.body).subarray(answer.passedBytes);
  const withheld = { of: 'answer', from: answer.passedBytes, bytes: body } as const;
  const recorded = (sent: Sent): NewBlock =>
    blockOf({ stage: 'response', failure, decision, exchangeId, calls: callsOf(judgement), withheld, sent });
  if (reply.gone) return { block: recorded(SENT_NOTHING), send: () => undefined };
  // A stream that has begun is ended with a native refusal where the agent's delivery is to hold; otherwise it is cut.
  if (!reply.headSent || hold === null) {
    const said = answer.stream && answer.betweenEvents();
    const sent = reply.headSent
      ? sentCut(failure, request, exchangeId, said)
      : sentRefusal(failure, request, exchangeId);
    return { block: recorded(sent), send: (to) => breakOff(to, admitted, answer, failure) };
  }
  const end = hold.reject(blockText(decision), answer.takeRest());
  return {
    block: recorded(sentText(end)),
    send(to) {
      to.write(end);
      to.end();
    },
  };
}

/**
 * Open the gate of an answer and let its agent wait. Returns the gate that the request is to meet again, or null when the
 * agent has its answer (or has gone).
 */
export async function gateAnswer(
  core: Core,
  admitted: Admitted,
  ruling: Extract<Ruling, { kind: 'gated' }>,
  answer: Answer,
  settlement: Settlement,
  { hold, begun }: { readonly hold: Hold | null; readonly begun: boolean },
  reply: AgentReply,
): Promise<GateRecord | null> {
  const { request, run, exchangeId } = admitted;
  const kept = keepAnswer(answer, request, admitted.edited);
  if (kept === null) throw new Error('a gated answer is larger than what is kept');
  const { calls } = ruling.judgement;
  const { opened, gate } = await core.gates.open(
    gateOpening(core, {
      kind: 'response',
      request,
      run,
      fingerprint: fingerprintOf(request, run),
      exchangeId,
      decision: ruling.decision,
      actions: calls.map(({ call, decision }) =>
        proposalOf(call, decision.effect === 'gate' ? ruleName(decision) : null),
      ),
    }),
    kept,
    request.asks.newGate,
  );
  // From here on the gate answers for the request; the approval that the call went out under stays as it was.
  await endClaim(core, admitted, null);
  await settlement.durable;
  if (reply.gone) {
    core.abandons.arrive(gate.gate_id, heldConversation(request, subagentOf(request)));
    core.abandons.leave(gate.gate_id, patienceOf(request));
    return null;
  }
  const streams = answer.stream && hold !== null && deliveryOf(request, run) === 'hold';
  // Another request with this fingerprint came first: its gate stands, and only its bytes are ever released.
  if (!opened || !streams) {
    if (!reply.headSent) return gate;
    // Part of an answer has gone out that must not go on: a clean end would be taken for all of it (behaviour §4).
    breakOff(reply, admitted, answer, pendingFailure(gate, RETRY_AFTER_SECONDS));
    return null;
  }
  if (!reply.headSent) {
    reply.head(answer.status, [...answer.headers.filter(notLength), ...governedHeaders(admitted)]);
  }
  const passed = framesOf({ ...kept, body: kept.body.subarray(0, answer.passedBytes) });
  const rest = framesOf({ ...kept, body: kept.body.subarray(answer.passedBytes) });
  const alike = (silent: boolean): boolean => readsAlike(core, request, kept, { passed, rest, begun, silent });
  // Without a note the frames stay where they were.
  const silent = asksStructure(request) || (!begun && !alike(false));
  core.abandons.arrive(gate.gate_id, heldConversation(request, subagentOf(request)));
  try {
    if (!(await holdStream(core, gate, hold, begun || silent, reply))) return null;
  } finally {
    core.abandons.leave(gate.gate_id, patienceOf(request));
  }
  const settled = core.gates.byId(gate.gate_id) ?? gate;
  const held = answer.takeRest();
  const revoked = revokedSince(core, request);
  if (revoked !== null) {
    reply.write(hold.reject(`[Rungate] ${revoked.message}`, held));
  } else if (stateAt(settled, core.clock.now()) === 'approved' && !alike(silent)) {
    reply.write(hold.reject(CANNOT_FOLLOW, held));
  } else if (stateAt(settled, core.clock.now()) === 'approved' && (await core.gates.release(gate.gate_id))) {
    for (const frame of held) reply.write(hold.release(frame));
    if (!reply.gone) core.unanswered.released(request, core.clock.now());
  } else {
    reply.write(hold.reject(verdictText(core, core.gates.byId(gate.gate_id) ?? settled), held));
  }
  reply.end();
  return null;
}

const notLength = (text: string, index: number, all: readonly string[]): boolean =>
  (index % 2 === 0 ? text : (all[index - 1] ?? '')).toLowerCase() !== 'content-length';

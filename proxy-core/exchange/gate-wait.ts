import type { GateRecord } from '../contract/records.ts';
import { awaitingApproval, pendingFailure, RETRY_AFTER_SECONDS } from '../gates/bodies.ts';
import { stateAt } from '../gates/states.ts';
import { dialectOf, holdCeilingMs } from '../runs/client-table.ts';
import type { HoldableFormat } from '../wire/hold.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { streamToJson } from '../wire/transcode.ts';
import { subagentOf } from './choose-run.ts';
import { heldConversation } from './conversation-goes-on.ts';
import type { Core } from './core.ts';
import { deliverRefusal, governedHeaders } from './deliver.ts';
import { deliveryOf, patienceOf } from './delivery.ts';
import { asksStructure, holdableFormat, holdStream, KEEP_ALIVE_MS, openHold, verdictText } from './held-stream.ts';
import type { AgentReply } from './reply.ts';
import type { ReadRequest } from './request.ts';

/** Where a wait at a gate led. */
export type Waited =
  /** The agent has its answer (202, 409, a refusal in its stream) or has gone. */
  | { readonly kind: 'answered' }
  /** There is a verdict: meet the gate again. `hold` is the stream that was begun while waiting. */
  | { readonly kind: 'decided'; readonly hold: Hold | null };

/**
 * Wait at a gate in the way the agent can follow: 202 at once, or its connection is held. `begun` is the stream that was
 * begun at an earlier gate of the same request.
 */
export async function waitAtGate(
  core: Core,
  request: ReadRequest,
  gate: GateRecord,
  begun: Hold | null,
  reply: AgentReply,
): Promise<Waited> {
  if (deliveryOf(request, core.runs.find(gate.run_id)) === 'retry') {
    core.abandons.polled(gate.gate_id);
    answerPending(gate, reply);
    return { kind: 'answered' };
  }
  const format = holdableFormat(request);
  core.abandons.arrive(gate.gate_id, heldConversation(request, subagentOf(request)));
  try {
    if (begun !== null) return await waitInStream(core, request, gate, begun, true, reply);
    // Only a request gate has no bytes of the provider yet, so its stream is begun by us.
    if (request.facts?.stream === true && format !== null && gate.kind === 'request') {
      return await waitInStream(core, request, gate, openHold(core, request, format), false, reply);
    }
    return await waitSilently(core, request, gate, reply);
  } finally {
    core.abandons.leave(gate.gate_id, patienceOf(request));
  }
}

async function waitInStream(
  core: Core,
  request: ReadRequest,
  gate: GateRecord,
  hold: Hold,
  noted: boolean,
  reply: AgentReply,
): Promise<Waited> {
  reply.head(200, [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache',
    ...gateHeaders(gate),
  ]);
  if (!(await holdStream(core, gate, hold, noted || asksStructure(request), reply))) return { kind: 'answered' };
  const settled = core.gates.byId(gate.gate_id) ?? gate;
  if (stateAt(settled, core.clock.now()) === 'approved') return { kind: 'decided', hold };
  reply.write(hold.reject(verdictText(core, settled), []));
  reply.end();
  return { kind: 'answered' };
}

/**
 * Nothing is sent, so the status is still open; at the client's ceiling it is sent back for another turn, or kept by white
 * space if it would not come back.
 */
async function waitSilently(core: Core, request: ReadRequest, gate: GateRecord, reply: AgentReply): Promise<Waited> {
  const left = new AbortController();
  reply.onGone(() => left.abort());
  // At a shutdown the agent is told to come back, and finds its gate again after the restart.
  const leave = core.inFlight.enter({ runId: gate.run_id, agentId: null, abort: () => left.abort() });
  const ceiling = core.options.holdCeilingMs ?? holdCeilingMs(request.client, request.headers);
  const timer = setTimeout(() => left.abort(), ceiling);
  await core.gates.whenSettled(gate.gate_id, left.signal);
  clearTimeout(timer);
  leave();
  if (reply.gone) return { kind: 'answered' };
  const settled = core.gates.byId(gate.gate_id) ?? gate;
  if (stateAt(settled, core.clock.now()) !== 'pending') return { kind: 'decided', hold: null };
  const format = holdableFormat(request);
  // White space before an event would spoil it: only a whole answer may begin with some.
  const whole = request.facts?.stream !== true;
  if (whole && format !== null && !core.draining && dialectOf(request.client)?.hold === 'white-space')
    return waitInWhiteSpace(core, request, settled, format, reply);
  const pending = pendingFailure(settled, RETRY_AFTER_SECONDS);
  deliverRefusal(reply, request, {
    failure: pending,
    exchangeId: gate.exchange_id,
    runId: gate.run_id,
    policy: gate.policy,
  });
  return { kind: 'answered' };
}

const SPACE = Buffer.from(' ');

/**
 * Hold a JSON answer by leading white space, which JSON allows (RFC 8259 §2), until verdict or expiry. The status is 200 from
 * then on, so whatever is not approved is told in the words of a whole answer.
 */
async function waitInWhiteSpace(
  core: Core,
  request: ReadRequest,
  gate: GateRecord,
  format: HoldableFormat,
  reply: AgentReply,
): Promise<Waited> {
  reply.head(200, ['content-type', 'application/json', ...gateHeaders(gate)]);
  reply.write(SPACE);
  const beat = setInterval(() => reply.write(SPACE), KEEP_ALIVE_MS);
  const left = new AbortController();
  reply.onGone(() => left.abort());
  const leave = core.inFlight.enter({ runId: gate.run_id, agentId: null, abort: () => reply.cut(null) });
  await core.gates.whenSettled(gate.gate_id, left.signal);
  clearInterval(beat);
  leave();
  if (reply.gone) return { kind: 'answered' };
  const settled = core.gates.byId(gate.gate_id) ?? gate;
  if (stateAt(settled, core.clock.now()) === 'approved') return { kind: 'decided', hold: null };
  const events = openHold(core, request, format).reject(verdictText(core, settled), []);
  const words = asksStructure(request) ? null : streamToJson(format, events);
  // Text in place of the JSON that a schema describes would only break its reader.
  if (words === null) reply.cut(null);
  else {
    reply.write(words);
    reply.end();
  }
  return { kind: 'answered' };
}

/** 202: paused, retry later; the body of the product's documentation. */
export function answerPending(gate: GateRecord, reply: AgentReply): void {
  const bytes = Buffer.from(JSON.stringify(awaitingApproval(gate, 'waiting')));
  reply.head(202, [
    'content-type',
    'application/json',
    'retry-after',
    String(RETRY_AFTER_SECONDS),
    'content-length',
    String(bytes.length),
    ...gateHeaders(gate),
  ]);
  reply.write(bytes);
  reply.end();
}

const gateHeaders = (gate: GateRecord): readonly string[] => [
  ...governedHeaders({
    run: { runId: gate.run_id, policy: gate.policy },
    exchangeId: gate.exchange_id,
    remaining: null,
  }),
  'x-rungate-gate-id',
  gate.gate_id,
];

import { failure } from '../contract/failures.ts';
import type { GateRecord } from '../contract/records.ts';
import { type FoundAnswer, type KeptAnswer, StoreUnavailable } from '../store/store.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { jsonToStream, streamToJson } from '../wire/transcode.ts';
import type { Core } from './core.ts';
import { deliverRefusal, governedHeaders } from './deliver.ts';
import { asksStructure, framesOf, holdableFormat } from './held-stream.ts';
import { CANNOT_FOLLOW, readsAlike } from './moved-answer.ts';
import type { AgentReply } from './reply.ts';
import type { ReadRequest } from './request.ts';
import { storeRefusal } from './store-refusal.ts';
import { holdsNoMore } from './transcoded.ts';

/**
 * Release an approved answer: the very bytes that were reviewed, to every retry, with no second call to the provider and
 * no second charge. A retry that asks for the other form (stream or JSON) gets the same answer transcoded. False, and nothing
 * is sent: the approval was revoked a moment ago, and the request has to meet its gate again.
 */
export async function replay(
  core: Core,
  request: ReadRequest,
  gate: GateRecord,
  answer: FoundAnswer,
  /** The stream that was begun while the request waited: the answer is moved behind what it has been sent. */
  begun: Hold | null,
  reply: AgentReply,
): Promise<boolean> {
  try {
    if (gate.released_at === null && !(await core.gates.release(gate.gate_id))) return false;
    send(core, request, gate, answer, begun, reply);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    const { run_id: runId, policy } = gate;
    deliverRefusal(reply, request, { failure: storeRefusal(error), exchangeId: answer.exchangeId, runId, policy });
  }
  return true;
}

function send(
  core: Core,
  request: ReadRequest,
  gate: GateRecord,
  answer: FoundAnswer,
  begun: Hold | null,
  reply: AgentReply,
): void {
  const wanted = inForm(request, answer);
  if (wanted === null) {
    const reason = failure('invalid_request', 'The approved answer cannot be given in the form this retry asks for.', {
      gate_id: gate.gate_id,
      recover: 'Send the same request with the same stream setting as the first time.',
    });
    const { run_id: runId, policy } = gate;
    deliverRefusal(reply, request, { failure: reason, exchangeId: answer.exchangeId, runId, policy });
    return;
  }
  if (begun !== null) {
    const rest = framesOf(wanted);
    const moved = { passed: [], rest, begun: true, silent: asksStructure(request) };
    if (readsAlike(core, request, wanted, moved)) for (const frame of rest) reply.write(begun.release(frame));
    else reply.write(begun.reject(CANNOT_FOLLOW, rest));
    reply.end();
    return;
  }
  reply.head(wanted.status, [
    ...wanted.headers,
    ...governedHeaders({
      run: { runId: gate.run_id, policy: gate.policy },
      exchangeId: answer.exchangeId,
      remaining: null,
    }),
    'x-rungate-gate-id',
    gate.gate_id,
    'content-length',
    String(wanted.body.length),
  ]);
  reply.write(wanted.body);
  reply.end();
}

function inForm(request: ReadRequest, answer: KeptAnswer): KeptAnswer | null {
  const stream = request.facts?.stream === true;
  const format = holdableFormat(request);
  if (stream === answer.stream) return { ...answer, headers: withoutLength(answer.headers) };
  if (format === null) return null;
  const body = answer.stream
    ? streamToJson(format, answer.body)
    : jsonToStream(format, answer.body, request.facts?.asksUsage === true);
  const type = stream ? 'text/event-stream; charset=utf-8' : 'application/json';
  if (body === null) return null;
  const transcoded = { ...answer, stream, body, headers: withType(withoutLength(answer.headers), type) };
  return holdsNoMore(format, answer, transcoded) ? transcoded : null;
}

const withoutLength = (headers: readonly string[]): readonly string[] => without(headers, 'content-length');

const withType = (headers: readonly string[], type: string): readonly string[] => [
  ...without(headers, 'content-type'),
  'content-type',
  type,
];

function without(headers: readonly string[], name: string): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) kept.push(headers[i] ?? '', headers[i + 1] ?? '');
  }
  return kept;
}

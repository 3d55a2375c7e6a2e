import { type Failure, failure } from '../contract/failures.ts';
import { formatUsd, type NanoUsd } from '../contract/money.ts';
import { spellFailure } from '../contract/program.ts';
import type { Remaining } from '../store/store.ts';
import type { Hold } from '../wire/hold-stream.ts';
import { renderRefusal, renderStreamRefusal } from '../wire/refusal.ts';
import type { Admitted, Refused } from './admission.ts';
import type { Core } from './core.ts';
import type { Outcome } from './forward.ts';
import { followsAlike } from './moved-answer.ts';
import type { Answer } from './passage.ts';
import { type RefusedRequest, refusalTarget } from './refusal-target.ts';
import type { AgentReply } from './reply.ts';
import type { Settlement } from './settle.ts';

/**
 * Give the agent what it may have: the rest of its answer once the settlement is durable, or a refusal in the
 * caller's own shape. An answer that cannot be completed is cut, never ended: two clients take a clean end for a
 * complete answer.
 */
export async function deliverAnswer(
  core: Core,
  reply: AgentReply,
  admitted: Admitted,
  outcome: Outcome,
  settlement: Settlement,
  /** The stream was begun by us while the call waited at its gate, so the answer is moved behind what we sent. */
  begun: Hold | null,
): Promise<void> {
  const settled = await settlement.recorded;
  if (reply.gone) return;
  await settlement.durable;
  switch (outcome.kind) {
    case 'completed': {
      if (begun !== null && !outcome.answer.stream) return breakOff(reply, admitted, null, notStreamed(outcome.answer));
      if (begun !== null && !followsAlike(core, admitted.request, outcome.answer)) {
        return breakOff(reply, admitted, null, cannotFollow());
      }
      const rest = outcome.answer.takeRest();
      if (!reply.headSent) sendHead(reply, admitted, outcome.answer, rest, settlement.cost, settled.remaining);
      const moved = (bytes: Uint8Array): Uint8Array => (begun === null ? bytes : begun.release(bytes));
      for (const bytes of rest) reply.write(moved(bytes));
      await outcome.closed;
      for (const bytes of outcome.answer.takeRest()) reply.write(moved(bytes));
      return reply.end();
    }
    case 'aborted':
      return breakOff(reply, admitted, outcome.answer, outcome.by === 'operator' ? stopped(admitted) : shuttingDown());
    case 'failed':
      return breakOff(reply, admitted, outcome.answer, outcome.failure);
  }
}

function sendHead(
  reply: AgentReply,
  admitted: Admitted,
  answer: Answer,
  body: readonly Uint8Array[],
  cost: NanoUsd,
  remaining: Remaining,
): void {
  const headers = [...answer.headers, ...governedHeaders({ ...admitted, remaining })];
  if (!answer.stream) headers.push('x-rungate-cost-usd', formatUsd(cost));
  if (!hasLength(answer.headers) && !answer.stream) {
    headers.push('content-length', String(body.reduce((sum, bytes) => sum + bytes.length, 0)));
  }
  reply.head(answer.status, headers);
}

const hasLength = (headers: readonly string[]): boolean =>
  headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length');

/** End an answer that cannot go on: a refusal while nothing has been sent, else last words inside the stream and a destroyed
 * socket, because clients take a clean end for a complete answer. */
export function breakOff(reply: AgentReply, admitted: Admitted, answer: Answer | null, reason: Failure): void {
  const { request, exchangeId, run } = admitted;
  if (!reply.headSent) {
    deliverRefusal(reply, request, { failure: reason, exchangeId, runId: run.runId, policy: run.policy });
    return;
  }
  // Without an answer only whole events of ours have gone out.
  const said = answer === null || (answer.stream && answer.betweenEvents());
  reply.cut(Buffer.from(said ? renderStreamRefusal(reason, refusalTarget(request, exchangeId)) : ''));
}

/** Most of what is quoted of a provider's error. */
const QUOTED = 500;

/** The provider answered with one document, mostly an error, where the agent has been sent the head of a stream. */
const notStreamed = ({ status, body }: Answer): Failure =>
  failure(
    'upstream_unreachable',
    `The provider answered with status ${status} and no stream.`,
    {
      status,
      detail: Buffer.concat(body ?? [])
        .toString()
        .slice(0, QUOTED),
      recover: 'Send the same request again: its approval still stands.',
    },
    5,
  );

/** What came behind the note would be read otherwise than it was judged. */
const cannotFollow = (): Failure =>
  failure(
    'upstream_unreachable',
    'The provider’s answer cannot follow what this stream has been sent: a client could read other calls in it.',
    { recover: 'Send the same request again: its approval still stands.' },
    5,
  );

const stopped = (admitted: Admitted): Failure =>
  failure('run_stopped', `Run ${admitted.run.runId} was stopped by the operator.`, {
    run_id: admitted.run.runId,
    recover: 'Ask the person who stopped it.',
  });

const shuttingDown = (): Failure =>
  failure('operator_paused', 'Rungate is shutting down.', { recover: 'Send the request again shortly.' }, 5);

/** Headers of every governed answer (behaviour §2), names and values alternating. */
export function governedHeaders(of: {
  readonly run: { readonly runId: string; readonly policy: string };
  /** Null while a request waits for its approval: there is no exchange yet. */
  readonly exchangeId: string | null;
  readonly remaining: Remaining;
}): readonly string[] {
  const headers = ['x-rungate-run-id', of.run.runId];
  if (of.exchangeId !== null) headers.push('x-rungate-exchange-id', of.exchangeId);
  headers.push('x-rungate-policy', of.run.policy);
  return of.remaining === null ? headers : [...headers, 'x-rungate-budget-remaining-usd', formatUsd(of.remaining)];
}

/**
 * Answer with a refusal in the caller's own shape; `refused` says what is known of the call. In a stream that was begun
 * while the call waited at a gate it is an error event, and the connection is cut.
 */
export function deliverRefusal(reply: AgentReply, request: RefusedRequest, refused: Refused): void {
  const target = refusalTarget(request, refused.exchangeId ?? 'none');
  const reason = spellFailure(refused.failure, reply.program);
  if (reply.headSent) {
    reply.cut(Buffer.from(renderStreamRefusal(reason, target)));
    return;
  }
  const rendered = renderRefusal(reason, target);
  const headers = Object.entries(rendered.headers).flat();
  if (refused.runId !== null) headers.push('x-rungate-run-id', refused.runId);
  if (refused.exchangeId !== null) headers.push('x-rungate-exchange-id', refused.exchangeId);
  if (refused.policy !== null) headers.push('x-rungate-policy', refused.policy);
  const body = Buffer.from(rendered.body);
  headers.push('content-length', String(body.length));
  reply.head(rendered.status, headers);
  reply.write(body);
  reply.end();
}

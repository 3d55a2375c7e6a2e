import { failure } from '../contract/failures.ts';
import type { GateRecord, GrantScope } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import type { Decision } from '../exchange/gate-book.ts';
import { alreadyResolvedFailure } from '../gates/bodies.ts';
import { Refusal } from './call.ts';

/** What operations on gates refuse, in words for the reviewer. */

/** The gate; refuses if there is none. */
export function knownGate(core: Core, gateId: string): GateRecord {
  const gate = core.store.read.gate(gateId);
  if (gate === null) throw unknownGate(gateId);
  return gate;
}

/** How long to remember, as an approval takes it. */
export function memoryOf(scope: GrantScope, seconds: number | undefined): NonNullable<Decision['remember']>;
export function memoryOf(scope: GrantScope | undefined, seconds: number | undefined): Decision['remember'];
export function memoryOf(scope: GrantScope | undefined, seconds: number | undefined): Decision['remember'] {
  if (scope !== undefined) return { scope, forMs: seconds === undefined ? null : seconds * 1000 };
  if (seconds === undefined) return null;
  throw new Refusal(
    failure('invalid_request', 'for_seconds says how long to remember; it needs remember.', { field: 'for_seconds' }),
  );
}

/** There is no such gate. */
export const unknownGate = (gateId: string): Refusal =>
  new Refusal(failure('not_found', `There is no gate ${gateId}.`, { recover: 'See: rungate gates' }));

/** 409 with who was first, when and how (behaviour §6). */
/** Somebody, or the clock, was first: says who, how and when. */
export const alreadyResolved = (gate: GateRecord, now: number): Refusal =>
  new Refusal({ ...alreadyResolvedFailure(gate), message: `Already ${resolution(gate, now)}.` });

/** Why a verdict is not taken back: it has taken effect, is another's, or there is none. */
export function notUndone(gate: GateRecord, now: number): Refusal {
  if (gate.state === 'approved' || gate.state === 'rejected') {
    const message = `Too late to undo, or another's verdict: ${resolution(gate, now)}.`;
    return new Refusal({ ...alreadyResolvedFailure(gate), message });
  }
  const { gate_id, state } = gate;
  return new Refusal(
    failure('invalid_request', `Gate ${gate_id} has no verdict to undo: it is ${state}.`, { gate_id, state }),
  );
}

/** Why an approval is not revoked: its agent has been given it, a call under it is under way, or there is none. */
export function notRevoked(gate: GateRecord, claimed: boolean, now: number): Refusal {
  const { gate_id, state, released_at } = gate;
  if (state === 'pending') {
    return new Refusal(
      failure('invalid_request', `Gate ${gate_id} has no approval to revoke: it is pending.`, {
        gate_id,
        state,
        recover: 'Reject it instead.',
      }),
    );
  }
  if (state !== 'approved') return alreadyResolved(gate, now);
  const { context, ...rest } = alreadyResolvedFailure(gate);
  const message =
    released_at !== null
      ? `Already resumed at ${renderInstant(released_at, now)}: the agent has been given what was approved.`
      : `Already resumed: the approved call is ${claimed ? 'being carried out' : 'over'}.`;
  return new Refusal({
    ...rest,
    message,
    context: {
      ...context,
      released_at: released_at === null ? null : new Date(released_at).toISOString(),
      recover: 'Too late to revoke. Stop or pause the run to keep the agent from going on.',
    },
  });
}

/** `approved by operator via cli at 14:02:11`; an actor or channel is short, so that the sentence stays one. */
function resolution({ state, decided_by, channel, decided_at, expires_at }: GateRecord, now: number): string {
  if (state === 'expired') return `expired at ${renderInstant(expires_at, now)}`;
  const who = decided_by === null ? '' : ` by ${decided_by.slice(0, 80)}`;
  const how = channel === null ? '' : ` via ${channel.slice(0, 40)}`;
  return `${state}${who}${how}${decided_at === null ? '' : ` at ${renderInstant(decided_at, now)}`}`;
}

/** Local time, with the day when it was not today. */
function renderInstant(at: number, now: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const then = new Date(at);
  const time = [then.getHours(), then.getMinutes(), then.getSeconds()].map(two).join(':');
  if (then.toDateString() === new Date(now).toDateString()) return time;
  return `${time} on ${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}

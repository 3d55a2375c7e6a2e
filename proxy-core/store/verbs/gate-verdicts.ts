import type { GateRecord } from '../../contract/records.ts';
import type { Writable } from '../handle.ts';
import type { By, VerbInput } from '../store.ts';
import { changeGate, findStoredGate, type StoredGate } from '../tables/gates.ts';
import { listGrantsOfGate } from '../tables/grants.ts';
import { auditedProposal, expireIfDue, recordGate, waited } from './gate-trace.ts';
import { addGrant, revoke } from './grants.ts';
import type { VerbBody } from './transaction.ts';

/** The compare-and-set of a verdict: the first one counts, and every later reviewer is told which one that was. */
export const decideGate: VerbBody<'decideGate'> = ({ db }, input) => {
  const known = findStoredGate(db, input.gateId);
  if (known === null) return { kind: 'not_found' };
  const stored = expireIfDue(db, known, input.at);
  const { gate } = stored;
  if (gate.state !== 'pending') return { kind: 'already_resolved', gate };
  if (input.actionHash !== null && input.actionHash !== gate.action_hash) return { kind: 'changed', gate };
  return { kind: 'decided', gate: decide(db, stored, input) };
};

/** Take a verdict back before it takes effect; what it remembered is revoked. Nothing that an agent has seen is taken back. */
export const undoGate: VerbBody<'undoGate'> = ({ db }, { at, gateId, by }) => {
  const stored = findStoredGate(db, gateId);
  if (stored === null) return { undone: false, gate: null };
  if (!mayUndo(stored, at, by)) return { undone: false, gate: stored.gate };
  revokeGrantsOf(db, gateId, at, by);
  changeGate(db, gateId, stored.gate.state, { state: 'pending', ...UNDECIDED });
  const fields = { action_hash: stored.gate.action_hash, before: stored.gate.state };
  const gate = recordGate(db, gateId, { at, kind: 'gate.undone', by, fields });
  return { undone: true, gate: expireIfDue(db, { ...stored, gate }, at).gate };
};

/**
 * Withdraw an approval that nothing has come of: the gate is cancelled, so that its request is asked anew, and what the
 * approval remembered is revoked. Whichever comes first counts, this or the release; the kept answer stays, unreachable.
 */
export const revokeGate: VerbBody<'revokeGate'> = ({ db }, { at, gateId, reason, by }) => {
  const known = findStoredGate(db, gateId);
  if (known === null) return { kind: 'not_found' };
  const stored = expireIfDue(db, known, at);
  const { gate } = stored;
  const claimed = stored.claimedBy !== null && stored.consumedAt === null;
  if (gate.state !== 'approved' || isUsed(stored)) return { kind: 'too_late', gate, claimed };
  revokeGrantsOf(db, gateId, at, by);
  // `effective_at` stays: it tells a revoked approval from a gate that was cancelled while it waited.
  changeGate(db, gateId, 'approved', {
    state: 'cancelled',
    current: 0,
    decided_at: at,
    decided_by: by.actor,
    channel: by.channel,
    reason: reason ?? 'approval_revoked',
  });
  const { decided_by, channel, decided_at, reason: given } = gate;
  const fields = { action_hash: gate.action_hash, reason, before: { decided_by, channel, decided_at, reason: given } };
  return { kind: 'revoked', gate: recordGate(db, gateId, { at, kind: 'gate.revoked', by, fields }) };
};

function revokeGrantsOf(db: Writable, gateId: string, at: number, by: By): void {
  for (const grant of listGrantsOfGate(db, gateId)) revoke(db, grant, at, by);
}

/** A gate's columns as nobody has decided it. */
export const UNDECIDED = {
  decided_at: null,
  effective_at: null,
  decided_by: null,
  channel: null,
  reason: null,
  suggested_args: null,
} as const;

function decide(db: Writable, stored: StoredGate, input: VerbInput<'decideGate'>): GateRecord {
  const { at, gateId, verdict, reason, suggestedArgs, grant, by } = input;
  const effectiveAt = Math.max(at, input.effectiveAt);
  const changed = changeGate(db, gateId, 'pending', {
    state: verdict,
    decided_at: at,
    effective_at: effectiveAt,
    decided_by: by.actor,
    channel: by.channel,
    reason,
    suggested_args: suggestedArgs == null ? null : JSON.stringify(suggestedArgs),
  });
  if (!changed) throw new Error(`gate ${gateId} is not pending`);
  const gate = recordGate(db, gateId, {
    at,
    kind: `gate.${verdict}`,
    by,
    fields: {
      action_hash: stored.gate.action_hash,
      ...auditedProposal(db, stored.gate),
      reason,
      suggested_args: suggestedArgs ?? null,
      effective_at: effectiveAt,
      waited_ms: waited(stored, at),
      grant_id: grant?.grant_id ?? null,
    },
  });
  if (grant !== null) addGrant(db, gate, grant, at, by);
  return gate;
}

/** An agent has been given the answer, or a call under the approval is under way or over. */
const isUsed = ({ gate, claimedBy, consumedAt }: StoredGate): boolean =>
  gate.released_at !== null || claimedBy !== null || consumedAt !== null;

function mayUndo(stored: StoredGate, at: number, by: By): boolean {
  const { gate } = stored;
  const decided = gate.state === 'approved' || gate.state === 'rejected';
  const inTime = gate.effective_at !== null && at < gate.effective_at;
  return decided && !isUsed(stored) && inTime && gate.decided_by === by.actor;
}

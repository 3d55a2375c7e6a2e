import type { Writable } from '../handle.ts';
import type { By } from '../store.ts';
import { changeGate, keepAnswer, listClaimedGates, type StoredGate } from '../tables/gates.ts';
import { recordGate, requireGate } from './gate-trace.ts';
import { UNDECIDED } from './gate-verdicts.ts';
import { cancel, reasonNotToWait } from './gates.ts';
import type { VerbBody } from './transaction.ts';

/**
 * Note the first time approved bytes go to the agent; false if the gate was cancelled (its approval revoked) before.
 * Throws unless the gate's approval has taken effect.
 */
export const releaseGate: VerbBody<'releaseGate'> = ({ db }, { at, gateId }) => {
  const stored = requireGate(db, gateId);
  if (stored.gate.released_at !== null) return { released: true };
  if (stored.gate.state === 'cancelled') return { released: false };
  if (!isEffective(stored, at)) throw new Error(`gate ${gateId} is not approved`);
  changeGate(db, gateId, 'approved', { released_at: at });
  const fields = { action_hash: stored.gate.action_hash };
  recordGate(db, gateId, { at, kind: 'gate.released', by: agentOf(stored), fields });
  return { released: true };
};

/** Take an approved request gate for one forward. One exchange at a time holds it, and none once it is consumed. */
export const claimGate: VerbBody<'claimGate'> = ({ db }, { at, gateId, exchangeId }) => {
  const stored = requireGate(db, gateId);
  if (stored.claimedBy === exchangeId && stored.consumedAt === null) return { claimed: true };
  const free = stored.claimedBy === null && stored.consumedAt === null && stored.gate.kind !== 'response';
  if (!free || !isEffective(stored, at)) return { claimed: false };
  changeGate(db, gateId, 'approved', { claimed_by: exchangeId, claimed_at: at });
  recordGate(db, gateId, { at, kind: 'gate.claimed', by: agentOf(stored), fields: { exchange_id: exchangeId } });
  return { claimed: true };
};

/** End a claim: with the answer that is kept from now on, or (null) with the approval as good as before. */
export const consumeGate: VerbBody<'consumeGate'> = ({ db }, { at, gateId, answer }) => {
  const stored = requireGate(db, gateId);
  if (stored.consumedAt !== null) return null;
  if (stored.claimedBy === null) throw new Error(`gate ${gateId} is not claimed`);
  const by = agentOf(stored);
  const fields = { exchange_id: stored.claimedBy };
  if (answer === null) {
    changeGate(db, gateId, 'approved', { claimed_by: null, claimed_at: null });
    recordGate(db, gateId, { at, kind: 'gate.unclaimed', by, fields });
    return null;
  }
  keepAnswer(db, gateId, answer);
  // Its agent has been sent the answer while it arrived: nothing is left to wait for.
  changeGate(db, gateId, 'approved', { consumed_at: at, released_at: at, outcome_unknown: 0 });
  recordGate(db, gateId, { at, kind: 'gate.consumed', by, fields: { ...fields, status: answer.status } });
  return null;
};

/**
 * After a crash: a call that went out and did not come back may have happened. Nobody approved it happening twice,
 * so its gate waits for a person again, for as long as it was opened for. Safe to repeat.
 */
export function reopenClaimed(db: Writable, at: number): void {
  for (const stored of listClaimedGates(db)) {
    const { gate } = stored;
    changeGate(db, gate.gate_id, 'approved', {
      state: 'pending',
      ...UNDECIDED,
      outcome_unknown: 1,
      claimed_by: null,
      claimed_at: null,
      asked_at: at,
      expires_at: at + stored.lastsMs,
    });
    const fields = {
      action_hash: gate.action_hash,
      exchange_id: stored.claimedBy,
      expires_at: at + stored.lastsMs,
      before: { decided_by: gate.decided_by, channel: gate.channel, decided_at: gate.decided_at },
    };
    recordGate(db, gate.gate_id, { at, kind: 'gate.outcome_unknown', by: BY_RECOVERY, fields });
    const why = reasonNotToWait(db, { runId: gate.run_id, agentId: gate.agent_id });
    if (why !== null) cancel(db, requireGate(db, gate.gate_id), at, why, BY_RECOVERY);
  }
}

const BY_RECOVERY: By = { actor: 'system', channel: 'recovery' };

/** Approved, and agents may know it. */
const isEffective = ({ gate }: StoredGate, at: number): boolean =>
  gate.state === 'approved' && gate.effective_at !== null && at >= gate.effective_at;

const agentOf = ({ gate }: StoredGate): By => ({ actor: `agent:${gate.agent}`, channel: 'proxy' });

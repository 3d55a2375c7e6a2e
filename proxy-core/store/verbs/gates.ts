import type { GateRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import type { By, GateOpening } from '../store.ts';
import { findAgent } from '../tables/agents.ts';
import {
  changeGate,
  findCurrentGate,
  findStoredGate,
  insertGate,
  listDueGates,
  listPendingGates,
  noteGateRetries,
  type StoredGate,
} from '../tables/gates.ts';
import { advanceRun, countGate, findRunHead } from '../tables/runs.ts';
import { insertStep } from '../tables/steps.ts';
import { auditedProposal, expireIfDue, recordGate, requireGate } from './gate-trace.ts';
import type { VerbBody } from './transaction.ts';

/**
 * Open a gate, unless one answers for the fingerprint. For a run that has ended or an agent that was revoked
 * meanwhile, the gate is recorded and cancelled at once, and `opened` is false.
 */
export const openGate: VerbBody<'openGate'> = ({ db }, { at, gate: opening, answer, replacesExpired }) => {
  const known = findCurrentGate(db, opening.fingerprint);
  if (known !== null) {
    const { gate } = expireIfDue(db, known, at);
    if (gate.state !== 'expired' || !replacesExpired) return { opened: false, gate };
    changeGate(db, gate.gate_id, 'expired', { current: 0 });
  }
  if (opening.expiresAt <= at) throw new RangeError('a gate has to expire after it is opened');
  const why = reasonNotToWait(db, opening);
  insertGate(db, opening, answer, at, openStep(db, opening, at));
  const gate = recordOpening(db, opening, at);
  if (why === null) return { opened: true, gate };
  return { opened: false, gate: cancel(db, requireGate(db, gate.gate_id), at, why, SYSTEM) };
};

/** More time for a gate that is still pending; time is never taken away. */
export const extendGate: VerbBody<'extendGate'> = ({ db }, { at, gateId, expiresAt, by }) => {
  const stored = findStoredGate(db, gateId);
  if (stored === null) return { extended: false, gate: null };
  const { gate } = expireIfDue(db, stored, at);
  if (gate.state !== 'pending' || expiresAt <= gate.expires_at) return { extended: false, gate };
  changeGate(db, gateId, 'pending', { expires_at: expiresAt });
  const fields = { expires_at: expiresAt, before: gate.expires_at };
  return { extended: true, gate: recordGate(db, gateId, { at, kind: 'gate.extended', by, fields }) };
};

export const expireGates: VerbBody<'expireGates'> = ({ db }, { at }) => ({
  gates: listDueGates(db, at).map((stored) => expireIfDue(db, stored, at).gate),
});

export const cancelGate: VerbBody<'cancelGate'> = ({ db }, { at, gateId, why, by }) => {
  const stored = findStoredGate(db, gateId);
  if (stored === null) return { cancelled: false, gate: null };
  const due = expireIfDue(db, stored, at);
  if (due.gate.state !== 'pending') return { cancelled: false, gate: due.gate };
  return { cancelled: true, gate: cancel(db, due, at, why, by) };
};

export const cancelGates: VerbBody<'cancelGates'> = ({ db }, { at, runId, agentId, why, by }) => {
  const ofRun = runId === null ? [] : cancelPending(db, { column: 'run_id', id: runId }, at, why, by);
  const ofAgent = agentId === null ? [] : cancelPending(db, { column: 'agent_id', id: agentId }, at, why, by);
  return { gates: [...ofRun, ...ofAgent] };
};

export const noteAgentGone: VerbBody<'noteAgentGone'> = ({ db }, { at, gateId, gone, by }) => {
  const stored = findStoredGate(db, gateId);
  if (stored === null) return { changed: false, gate: null };
  const { gate } = expireIfDue(db, stored, at);
  if (gate.state !== 'pending' || (gate.agent_gone_at !== null) === gone) return { changed: false, gate };
  changeGate(db, gateId, 'pending', { agent_gone_at: gone ? at : null });
  const kind = gone ? 'gate.agent_gone' : 'gate.agent_back';
  return { changed: true, gate: recordGate(db, gateId, { at, kind, by, fields: {} }) };
};

export const noteRetries: VerbBody<'noteRetries'> = ({ db }, { gateId, retries, lastRetryAt }) => {
  noteGateRetries(db, gateId, retries, lastRetryAt);
  return null;
};

/** Cancel the pending gates of a run or an agent, inside the caller's transaction; those past their expiry expire. */
export function cancelPending(
  db: Writable,
  of: { readonly column: 'run_id' | 'agent_id'; readonly id: string },
  at: number,
  why: string,
  by: By,
): readonly GateRecord[] {
  return listPendingGates(db, of)
    .map((stored) => expireIfDue(db, stored, at))
    .filter(({ gate }) => gate.state === 'pending')
    .map((stored) => cancel(db, stored, at, why, by));
}

/** Cancel a gate that is pending. Another gate may then be opened for its fingerprint. */
export function cancel(db: Writable, { gate }: StoredGate, at: number, why: string, by: By): GateRecord {
  changeGate(db, gate.gate_id, 'pending', {
    state: 'cancelled',
    current: 0,
    decided_at: at,
    decided_by: by.actor,
    channel: by.channel,
    reason: why,
  });
  const fields = { action_hash: gate.action_hash, why };
  return recordGate(db, gate.gate_id, { at, kind: 'gate.cancelled', by, fields });
}

const SYSTEM: By = { actor: 'system', channel: 'proxy' };

/** Why nobody may be asked for this run and agent any more, or null. Throws if the run is not the agent's. */
export function reasonNotToWait(
  db: Readable,
  { runId, agentId }: { readonly runId: string; readonly agentId: string },
): 'run_ended' | 'token_revoked' | null {
  const run = findRunHead(db, runId);
  if (run?.agent_id !== agentId) throw new Error(`run ${runId} is not this agent's`);
  if (findAgent(db, agentId)?.revoked_at !== null) return 'token_revoked';
  return run.state === 'completed' || run.state === 'stopped' ? 'run_ended' : null;
}

/** The gate's place in the trace; what it says is written with every change of the gate. */
function openStep(db: Writable, opening: GateOpening, at: number): number {
  const { runId, exchangeId, rule } = opening;
  const step = advanceRun(db, runId, { steps: 1, exchanges: 0, at });
  countGate(db, runId);
  insertStep(db, { runId, step, kind: 'gate', at, exchangeId, summary: rule, detail: {} });
  return step;
}

function recordOpening(db: Writable, opening: GateOpening, at: number): GateRecord {
  const { gate } = requireGate(db, opening.gateId);
  return recordGate(db, opening.gateId, {
    at,
    kind: 'gate.opened',
    by: { actor: `agent:${gate.agent}`, channel: 'proxy' },
    fields: {
      kind: gate.kind,
      policy: gate.policy,
      agent_id: gate.agent_id,
      exchange_id: gate.exchange_id,
      fingerprint: gate.fingerprint,
      action_hash: gate.action_hash,
      ...auditedProposal(db, gate),
      approver_channels: gate.approver_channels,
      expires_at: gate.expires_at,
    },
  });
}

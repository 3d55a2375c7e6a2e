import type { GateRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import type { By } from '../store.ts';
import { appendAudit } from '../tables/audit.ts';
import {
  changeGate,
  describeGateStep,
  findProposal,
  findStoredGate,
  type StoredGate,
  showWaiting,
} from '../tables/gates.ts';

/** What every change of a gate leaves behind, in its own transaction: run state, trace and audit always agree with the gate. */

/** An audit record keeps proposed actions up to this size word for word, beyond it their hash; UTF-8 bytes. */
const AUDITED_WHOLE = 64 * 1024;
/** So many tools of a proposal are named in the trace; the gate itself has them all. */
const TOOLS_NAMED = 20;

/** Who does what nobody asked for. */
export const BY_CLOCK: By = { actor: 'system', channel: 'expiry' };

export interface GateFact {
  readonly at: number;
  readonly kind: string;
  readonly by: By;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Record a change that has just been made; returns the gate as it is now. */
export function recordGate(db: Writable, gateId: string, { at, kind, by, fields }: GateFact): GateRecord {
  const stored = requireGate(db, gateId);
  const { gate } = stored;
  describeGateStep(db, stored, gateDetail(stored));
  showWaiting(db, gate.run_id);
  appendAudit(db, { at, kind, by, runId: gate.run_id, fields: { gate_id: gateId, rule: gate.rule, ...fields } });
  return gate;
}

/** The gate, expired first if its time has come: expiry is inclusive, and no verb sees a gate beyond it as pending. */
export function expireIfDue(db: Writable, stored: StoredGate, at: number): StoredGate {
  const { gate } = stored;
  if (gate.state !== 'pending' || at < gate.expires_at) return stored;
  changeGate(db, gate.gate_id, 'pending', {
    state: 'expired',
    decided_at: at,
    decided_by: BY_CLOCK.actor,
    channel: BY_CLOCK.channel,
  });
  const fields = { action_hash: gate.action_hash, expires_at: gate.expires_at };
  return { ...stored, gate: recordGate(db, gate.gate_id, { at, kind: 'gate.expired', by: BY_CLOCK, fields }) };
}

/** What a gate proposes, for the audit: word for word, or the hash and size of the stored text where that is long. */
export function auditedProposal(db: Readable, gate: GateRecord): Readonly<Record<string, unknown>> {
  const { sha256, bytes } = findProposal(db, gate.gate_id);
  return bytes <= AUDITED_WHOLE
    ? { proposed_actions: gate.proposed_actions }
    : { proposed_actions_sha256: sha256, proposed_actions_bytes: bytes };
}

/** How long a person has been waited for until `at`, ms; a clock that went back counts as no time. */
export const waited = ({ askedAt }: StoredGate, at: number): number => Math.max(0, at - askedAt);

/** The gate; throws if there is none. */
export function requireGate(db: Readable, gateId: string): StoredGate {
  const stored = findStoredGate(db, gateId);
  if (stored === null) throw new Error(`no such gate: ${gateId}`);
  return stored;
}

function gateDetail(stored: StoredGate): Readonly<Record<string, unknown>> {
  const { gate } = stored;
  const tools = gate.proposed_actions.map(({ tool }) => tool);
  const judged = gate.state === 'approved' || gate.state === 'rejected';
  return {
    gate_id: gate.gate_id,
    gate_kind: gate.kind,
    gate_state: gate.state,
    rule: gate.rule,
    policy: gate.policy,
    message: gate.message,
    tools: tools.slice(0, TOOLS_NAMED),
    calls: tools.length,
    approver_channels: gate.approver_channels,
    gated_exchange_id: gate.exchange_id,
    expires_at: gate.expires_at,
    decided_at: gate.decided_at,
    effective_at: gate.effective_at,
    decided_by: gate.decided_by,
    channel: gate.channel,
    reason: gate.reason,
    waited_ms: judged && gate.decided_at !== null ? waited(stored, gate.decided_at) : null,
    released_at: gate.released_at,
    outcome_unknown: gate.outcome_unknown,
  };
}

import type { GateRecord, GrantRecord } from '../../contract/records.ts';
import type { Writable } from '../handle.ts';
import type { By } from '../store.ts';
import { appendAudit } from '../tables/audit.ts';
import { findGate } from '../tables/gates.ts';
import { countGrantUse, findGrant, insertGrant, type NewGrant, revokeGrantRow } from '../tables/grants.ts';
import { reasonNotToWait } from './gates.ts';
import type { VerbBody } from './transaction.ts';

/** Add the grant that comes with an approval. Throws if it speaks of anything but the gate it was given for. */
export function addGrant(db: Writable, gate: GateRecord, grant: NewGrant, at: number, by: By): void {
  const own =
    gate.state === 'approved' &&
    grant.gate_id === gate.gate_id &&
    grant.agent_id === gate.agent_id &&
    grant.rule === gate.rule &&
    grant.run_id === (grant.scope === 'rule-agent' ? null : gate.run_id);
  if (!own) throw new Error(`grant ${grant.grant_id} is not for gate ${gate.gate_id}`);
  if (grant.scope === 'rule-agent' && grant.expires_at === null) throw new Error('a grant for an agent has to expire');
  insertGrant(db, grant);
  const { grant_id, scope, agent_id, rule, policy, matcher, shown, expires_at } = grant;
  const fields = { grant_id, scope, agent_id, rule, policy, matcher, shown, gate_id: gate.gate_id, expires_at };
  appendAudit(db, { at, kind: 'grant.added', by, runId: gate.run_id, fields });
}

/** Revoke a grant inside the caller's transaction; one that had been revoked stays as it is. */
export function revoke(db: Writable, grant: GrantRecord, at: number, by: By): void {
  if (!revokeGrantRow(db, grant.grant_id, at)) return;
  const { grant_id, scope, rule, agent_id, used, gate_id } = grant;
  const fields = { grant_id, scope, rule, agent_id, used, gate_id };
  appendAudit(db, { at, kind: 'grant.revoked', by, runId: grant.run_id, fields });
}

/** Remember an approval that was given before. A grant of a run that has ended, or of an agent without access, would be of no use. */
export const addGrantLater: VerbBody<'addGrant'> = ({ db }, { at, grant, by }) => {
  const gate = findGate(db, grant.gate_id);
  if (gate?.state !== 'approved') return { grant: null };
  const why = reasonNotToWait(db, { runId: gate.run_id, agentId: gate.agent_id });
  if (why === 'token_revoked' || (why === 'run_ended' && grant.run_id !== null)) return { grant: null };
  addGrant(db, gate, grant, at, by);
  return { grant: findGrant(db, grant.grant_id) };
};

export const revokeGrant: VerbBody<'revokeGrant'> = ({ db }, { at, grantId, by }) => {
  const grant = findGrant(db, grantId);
  if (grant === null) return { grant: null };
  revoke(db, grant, at, by);
  return { grant: findGrant(db, grantId) };
};

/** Count a use. Throws if the grant does not hold at `at`: whoever passed an action on it has lost a race and must gate it. */
export const useGrant: VerbBody<'useGrant'> = ({ db }, { at, grantId, runId, exchangeId }) => {
  const grant = findGrant(db, grantId);
  if (grant === null) throw new Error(`no such grant: ${grantId}`);
  const expired = grant.expires_at !== null && at >= grant.expires_at;
  const elsewhere = grant.run_id !== null && grant.run_id !== runId;
  if (grant.revoked_at !== null || expired || elsewhere) throw new Error(`grant ${grantId} does not hold`);
  countGrantUse(db, grantId);
  const by = { actor: `agent:${grant.agent}`, channel: 'proxy' };
  const fields = { grant_id: grantId, scope: grant.scope, rule: grant.rule, exchange_id: exchangeId };
  appendAudit(db, { at, kind: 'grant.used', by, runId, fields });
  return null;
};

import { type GrantRecord, grantRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';

/** Grants: approvals with memory. A revoked one keeps its row, since audit and trace name it. */

/** A grant as it is added. */
export type NewGrant = Omit<GrantRecord, 'used' | 'revoked_at'>;

const SELECT_GRANT = `SELECT t.grant_id, t.scope, t.agent_id, a.name AS agent, t.run_id, t.rule, t.policy, t.matcher,
  t.shown, t.gate_id, t.created_at, t.created_by, t.expires_at, t.revoked_at, t.used
  FROM grants t JOIN agents a ON a.agent_id = t.agent_id`;

interface GrantRow extends Omit<GrantRecord, 'matcher'> {
  readonly matcher: string;
}

export function insertGrant(db: Writable, grant: NewGrant): void {
  db.run(
    `INSERT INTO grants (grant_id, scope, agent_id, run_id, rule, policy, matcher, shown, gate_id, created_at,
       created_by, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    grant.grant_id,
    grant.scope,
    grant.agent_id,
    grant.run_id,
    grant.rule,
    grant.policy,
    JSON.stringify(grant.matcher),
    grant.shown,
    grant.gate_id,
    grant.created_at,
    grant.created_by,
    grant.expires_at,
  );
}

/** The grant, or null. */
export function findGrant(db: Readable, grantId: string): GrantRecord | null {
  const row = db.one<GrantRow>(`${SELECT_GRANT} WHERE t.grant_id = +?`, grantId);
  return row === undefined ? null : toRecord(row);
}

/** Grants that are neither revoked nor expired at `now` (epoch ms), newest first. */
export const listGrants = (db: Readable, now: number): readonly GrantRecord[] =>
  db
    .all<GrantRow>(
      `${SELECT_GRANT} WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?)
       ORDER BY t.created_at DESC, t.grant_id DESC`,
      now,
    )
    .map(toRecord);

/** Grants that a gate's verdict gave and nobody has revoked. */
export const listGrantsOfGate = (db: Readable, gateId: string): readonly GrantRecord[] =>
  db.all<GrantRow>(`${SELECT_GRANT} WHERE t.gate_id = +? AND t.revoked_at IS NULL`, gateId).map(toRecord);

/** Grants that gates of a run gave, ended ones too, and those in force at `now` that its agent has beyond it; newest first. */
export const listGrantsOfRun = (db: Readable, runId: string, now: number): readonly GrantRecord[] =>
  db
    .all<GrantRow>(
      `${SELECT_GRANT} WHERE t.gate_id IN (SELECT gate_id FROM gates WHERE run_id = +?) OR (
         t.scope = 'rule-agent' AND t.agent_id = (SELECT agent_id FROM runs WHERE run_id = +?)
         AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?))
       ORDER BY t.created_at DESC, t.grant_id DESC`,
      runId,
      runId,
      now,
    )
    .map(toRecord);

/** Revoke a grant; false if it had been. */
export const revokeGrantRow = (db: Writable, grantId: string, at: number): boolean =>
  db.run('UPDATE grants SET revoked_at = ? WHERE grant_id = +? AND revoked_at IS NULL', at, grantId) === 1;

export function countGrantUse(db: Writable, grantId: string): void {
  db.run('UPDATE grants SET used = used + 1 WHERE grant_id = +?', grantId);
}

const toRecord = (row: GrantRow): GrantRecord => grantRecord.parse({ ...row, matcher: parseColumn(row.matcher) });

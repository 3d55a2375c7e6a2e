import { type AgentRecord, agentRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { VerbInput } from '../store.ts';

/** Agents and teams. A token is here only as its hash; names are unique among agents that are not revoked. */

const COLUMNS = `agent_id, name, team, policy, allowed_policies, run_cap_nano, delivery, patience_seconds, token_prefix, created_at,
  revoked_at, last_seen_at, text_calls_at`;

/** Writing "last seen" more often than this would cost a page per call for nothing anyone can see, ms. */
const SEEN_RESOLUTION = 1_000;

interface AgentRow extends Omit<AgentRecord, 'allowed_policies'> {
  readonly allowed_policies: string;
}

/** The agent, or null. */
export function findAgent(db: Readable, agentId: string): AgentRecord | null {
  const row = db.one<AgentRow>(`SELECT ${COLUMNS} FROM agents WHERE agent_id = +?`, agentId);
  return row === undefined ? null : toRecord(row);
}

/** The agent that holds a name now, or null. */
export function findAgentNamed(db: Readable, name: string): AgentRecord | null {
  const row = db.one<AgentRow>(`SELECT ${COLUMNS} FROM agents WHERE name = +? AND revoked_at IS NULL`, name);
  return row === undefined ? null : toRecord(row);
}

/** All agents by name, revoked ones too. */
export function listAgents(db: Readable): readonly AgentRecord[] {
  return db.all<AgentRow>(`SELECT ${COLUMNS} FROM agents ORDER BY name, created_at`).map(toRecord);
}

/** Hashes that authenticate at `now`, each with the end of its overlap if it is a previous one. */
export function listTokens(
  db: Readable,
  now: number,
): readonly { readonly tokenHash: string; readonly agentId: string; readonly validUntil: number | null }[] {
  return db.all(
    `SELECT token_hash AS tokenHash, agent_id AS agentId, NULL AS validUntil
       FROM agents WHERE token_hash IS NOT NULL AND revoked_at IS NULL
     UNION ALL
     SELECT previous_token_hash, agent_id, previous_until
       FROM agents WHERE previous_token_hash IS NOT NULL AND revoked_at IS NULL AND previous_until > ?`,
    now,
  );
}

/** Add an agent, or change the one that `agentId` names. */
export function saveAgentRow(db: Writable, agentId: string, input: VerbInput<'saveAgent'>): void {
  db.run(
    `INSERT INTO agents (agent_id, name, team, policy, allowed_policies, run_cap_nano, delivery, patience_seconds,
       created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (agent_id) DO UPDATE SET team = excluded.team, policy = excluded.policy,
       allowed_policies = excluded.allowed_policies, run_cap_nano = excluded.run_cap_nano, delivery = excluded.delivery,
       patience_seconds = excluded.patience_seconds`,
    agentId,
    input.name,
    input.team,
    input.policy,
    JSON.stringify(input.allowedPolicies),
    input.runCap,
    input.delivery,
    input.patienceSeconds ?? null,
    input.at,
  );
}

/** Replace the token's hash; the one before stays valid until `previousUntil` (epoch ms). */
export function replaceToken(db: Writable, input: VerbInput<'setToken'>): void {
  db.run(
    `UPDATE agents SET previous_token_hash = token_hash, previous_until = ?, token_hash = ?, token_prefix = ?
     WHERE agent_id = +?`,
    input.previousUntil,
    input.tokenHash,
    input.tokenPrefix,
    input.agentId,
  );
}

/** End an agent and forget its tokens. False if it had been revoked before. */
export function revokeAgentRow(db: Writable, agentId: string, at: number): boolean {
  const changed = db.run(
    `UPDATE agents SET revoked_at = ?, token_hash = NULL, previous_token_hash = NULL, previous_until = NULL
     WHERE agent_id = +? AND revoked_at IS NULL`,
    at,
    agentId,
  );
  return changed === 1;
}

/** Let an agent start runs again after a stop. */
export const resumeAgentRow = (db: Writable, agentId: string, at: number): void => {
  db.run('UPDATE agents SET resumed_at = ? WHERE agent_id = +?', at, agentId);
};

/** Note that calls of an agent were found in the text of an answer. */
export const noteTextCallsRow = (db: Writable, agentId: string, at: number): void => {
  db.run('UPDATE agents SET text_calls_at = ? WHERE agent_id = +?', at, agentId);
};

/** Note that an agent called, to the second. */
export function seeAgent(db: Writable, agentId: string, at: number): void {
  db.run(
    'UPDATE agents SET last_seen_at = ? WHERE agent_id = +? AND (last_seen_at IS NULL OR last_seen_at < ?)',
    at,
    agentId,
    at - SEEN_RESOLUTION,
  );
}

/** Add a team; false if it exists. */
export function insertTeam(db: Writable, name: string, at: number): boolean {
  return db.run('INSERT INTO teams (name, created_at) VALUES (?, ?) ON CONFLICT DO NOTHING', name, at) === 1;
}

export function listTeams(db: Readable): readonly string[] {
  return db.all<{ name: string }>('SELECT name FROM teams ORDER BY name').map((row) => row.name);
}

const toRecord = (row: AgentRow): AgentRecord =>
  agentRecord.parse({ ...row, allowed_policies: parseColumn(row.allowed_policies) });

import type { AgentRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import type { By } from '../store.ts';
import {
  findAgent,
  findAgentNamed,
  insertTeam,
  noteTextCallsRow,
  replaceToken,
  resumeAgentRow,
  revokeAgentRow,
  saveAgentRow,
} from '../tables/agents.ts';
import { appendAudit } from '../tables/audit.ts';
import { openAccount } from '../tables/budgets.ts';
import { cancelPending } from './gates.ts';
import type { VerbBody } from './transaction.ts';

/** Insert or update by name; an agent's account, and its team's, exist from here on and count even without a cap. */
export const saveAgent: VerbBody<'saveAgent'> = ({ db }, input) => {
  const { at, name, team, policy, by } = input;
  if (team !== null) beginTeam(db, team, at, by);
  const agentId = findAgentNamed(db, name)?.agent_id ?? input.agentId;
  saveAgentRow(db, agentId, input);
  openAccount(db, { scope: 'agent', subject: agentId, window: 'day', cap: null, alertAt: [] }, at);
  appendAudit(db, {
    at,
    kind: 'agent.saved',
    by,
    runId: null,
    fields: {
      agent_id: agentId,
      name,
      team,
      policy,
      allowed_policies: input.allowedPolicies,
      run_cap_nano: input.runCap,
      delivery: input.delivery,
      patience_seconds: input.patienceSeconds ?? null,
    },
  });
  return requireAgent(db, agentId);
};

export const saveTeam: VerbBody<'saveTeam'> = ({ db }, { at, name, by }) => {
  beginTeam(db, name, at, by);
  return null;
};

/** A revoked agent gets no token again: its name can be given to a new agent. */
export const setToken: VerbBody<'setToken'> = ({ db }, input) => {
  const { at, agentId, tokenPrefix, by } = input;
  if (requireAgent(db, agentId).revoked_at !== null) throw new Error(`agent ${agentId} is revoked`);
  replaceToken(db, input);
  const fields = { agent_id: agentId, token_prefix: tokenPrefix, previous_until: input.previousUntil };
  appendAudit(db, { at, kind: 'agent.token_set', by, runId: null, fields });
  return requireAgent(db, agentId);
};

export const revokeAgent: VerbBody<'revokeAgent'> = ({ db }, { at, agentId, by }) => {
  const changed = revokeAgentRow(db, agentId, at);
  const agent = requireAgent(db, agentId);
  if (changed) {
    const fields = { agent_id: agentId, name: agent.name };
    appendAudit(db, { at, kind: 'agent.revoked', by, runId: null, fields });
    cancelPending(db, { column: 'agent_id', id: agentId }, at, 'token_revoked', by);
  }
  return agent;
};

/** Let an agent start runs again before the time after a stop is over. */
export const resumeAgent: VerbBody<'resumeAgent'> = ({ db }, { at, agentId, by }) => {
  const agent = requireAgent(db, agentId);
  resumeAgentRow(db, agentId, at);
  const fields = { agent_id: agentId, name: agent.name };
  appendAudit(db, { at, kind: 'agent.resumed', by, runId: null, fields });
  return agent;
};

/** Remember that an agent's calls are written as text. The run's step and its audit record say where. */
export const noteTextCalls: VerbBody<'noteTextCalls'> = ({ db }, { at, agentId }) => {
  noteTextCallsRow(db, agentId, at);
  return null;
};

/** A team and its account; does nothing if there is one. */
export function beginTeam(db: Writable, name: string, at: number, by: By): void {
  if (!insertTeam(db, name, at)) return;
  openAccount(db, { scope: 'team', subject: name, window: 'month', cap: null, alertAt: [] }, at);
  appendAudit(db, { at, kind: 'team.saved', by, runId: null, fields: { name } });
}

function requireAgent(db: Readable, agentId: string): AgentRecord {
  const agent = findAgent(db, agentId);
  if (agent === null) throw new Error(`no such agent: ${agentId}`);
  return agent;
}

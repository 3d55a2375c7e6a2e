import { hash } from 'node:crypto';
import { isAgentToken } from '../contract/ids.ts';
import type { AgentRecord } from '../contract/records.ts';
import type { StoreReader } from '../store/store.ts';

/**
 * Who holds a token? Kept in memory so that a call costs one hash and one look-up. Threat: only SHA-256
 * hashes of tokens are stored or held here (tokens carry at least 96 random bits, so a fast hash is enough);
 * the look-up is by hash, so its timing tells nothing about a token.
 */
export interface AgentDirectory {
  /** The agent a token authenticates at `now`, or null: unknown, malformed, revoked, or its overlap has ended. */
  authenticate(token: string, now: number): AgentRecord | null;
  byId(agentId: string): AgentRecord | null;
  /** The agent that has the name now, else the last revoked one that had it: a revoked agent's name may be given again. */
  byName(name: string): AgentRecord | null;
  list(): readonly AgentRecord[];
  /** Read everything again after a change has been committed. */
  reload(): void;
}

/** SHA-256 of a token, hex: the only form in which tokens are kept. */
export const tokenHash = (token: string): string => hash('sha256', token, 'hex');

/** A directory over the store's agents. */
export function createAgentDirectory(read: StoreReader): AgentDirectory {
  let byId = new Map<string, AgentRecord>();
  let tokens = new Map<string, { readonly agentId: string; readonly validUntil: number | null }>();
  const reload = (): void => {
    byId = new Map(read.agents().map((agent) => [agent.agent_id, agent]));
    tokens = new Map(read.tokens().map((token) => [token.tokenHash, token]));
  };
  reload();
  return {
    reload,
    authenticate(token, now) {
      if (!isAgentToken(token)) return null;
      const held = tokens.get(tokenHash(token));
      if (held === undefined || (held.validUntil !== null && held.validUntil <= now)) return null;
      const agent = byId.get(held.agentId);
      return agent === undefined || agent.revoked_at !== null ? null : agent;
    },
    byId: (agentId) => byId.get(agentId) ?? null,
    byName: (name) => {
      const named = [...byId.values()].filter((agent) => agent.name === name); // oldest first, as the store lists them
      return named.find((agent) => agent.revoked_at === null) ?? named.at(-1) ?? null;
    },
    list: () => [...byId.values()],
  };
}

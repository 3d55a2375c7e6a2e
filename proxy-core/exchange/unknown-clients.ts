import type { UnknownClient } from '../contract/operations/core.ts';
import { visible } from '../contract/visible.ts';
import type { ReadRequest } from './request.ts';

/**
 * Programs that called since the start and that no row of `runs/client-table.ts` knows. They are governed like all others;
 * `rungate doctor` names them, so that a person knows whose refusals nobody has measured.
 */
export interface UnknownClients {
  /** Note the program behind a model call, if it is not known. */
  note(request: ReadRequest): void;
  /** The programs, the latest seen first. */
  list(): readonly UnknownClient[];
}

/** Agents choose their names, so only so many are kept and so much of each. */
const MOST = 32;
const NAME_LENGTH = 80;

/** An empty list. */
export function createUnknownClients(): UnknownClients {
  const known = new Map<string, UnknownClient>();
  return {
    note({ client, endpoint, headers, agent }) {
      if (client !== null || endpoint.kind !== 'model') return;
      const name = visible(headers['user-agent'] ?? '').slice(0, NAME_LENGTH) || 'without a user-agent';
      const key = `${agent.name}\n${name}`;
      const calls = (known.get(key)?.calls ?? 0) + 1;
      known.delete(key);
      known.set(key, { user_agent: name, agent: agent.name, calls });
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
    list: () => [...known.values()].reverse(),
  };
}

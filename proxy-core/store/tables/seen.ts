import type { Readable, Writable } from '../handle.ts';
import type { SeenValue } from '../store.ts';

/** Note values of an agent; one noted before keeps its instant. */
export function insertSeen(db: Writable, agentId: string, values: readonly SeenValue[], at: number): void {
  for (const { kind, value } of values) {
    db.run(
      'INSERT INTO agent_seen (agent_id, kind, value, seen_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      agentId,
      kind,
      value,
      at,
    );
  }
}

/** Everything noted, of all agents. */
export function listSeen(db: Readable): readonly (SeenValue & { readonly agentId: string })[] {
  return db
    .all<{ agent_id: string; kind: SeenValue['kind']; value: string }>('SELECT agent_id, kind, value FROM agent_seen')
    .map(({ agent_id: agentId, kind, value }) => ({ agentId, kind, value }));
}

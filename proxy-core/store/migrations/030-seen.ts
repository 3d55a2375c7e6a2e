/** What each agent has been seen to use, so that drift after a restart is told from habit. */
export const seen = {
  version: 30,
  statements: [
    `CREATE TABLE agent_seen (
      agent_id TEXT NOT NULL REFERENCES agents (agent_id),
      kind TEXT NOT NULL CHECK (kind IN ('model', 'tool', 'host')),
      value TEXT NOT NULL,
      seen_at INTEGER NOT NULL,
      PRIMARY KEY (agent_id, kind, value)
    ) STRICT, WITHOUT ROWID`,
  ],
};

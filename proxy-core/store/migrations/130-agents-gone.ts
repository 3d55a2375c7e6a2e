/** Gates whose agent went away, and how long an agent may be away. Instants are epoch milliseconds. */
export const agentsGone = {
  version: 130,
  statements: [
    // Since when nobody has come for the gate; null while somebody may.
    `ALTER TABLE gates ADD COLUMN agent_gone_at INTEGER`,
    // Null: the default; 0: it is never gone.
    `ALTER TABLE agents ADD COLUMN patience_seconds INTEGER`,
  ],
} as const;

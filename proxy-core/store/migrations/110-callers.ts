/** How calls of clients that name no session find their run again. */
export const callers = {
  version: 110,
  statements: [
    // The subagent whose request or answer a key comes from; null for the main thread.
    `ALTER TABLE run_keys ADD COLUMN subagent TEXT`,
    `CREATE INDEX runs_unended ON runs (agent_id, last_activity_at) WHERE state IN ('open', 'waiting')`,
  ],
} as const;

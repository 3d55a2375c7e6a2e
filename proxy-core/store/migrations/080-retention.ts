/** What retention has removed of runs' traces, and what masking has taken out of stored bodies. Instants are epoch milliseconds, flags 0 or 1. */
export const retention = {
  version: 80,
  statements: [
    // When the trace was removed; null: it is there.
    `ALTER TABLE runs ADD COLUMN trace_pruned_at INTEGER`,
    // 1 while it is being removed, over several transactions and, after a crash, over several starts.
    `ALTER TABLE runs ADD COLUMN pruning INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX runs_ended ON runs (ended_at, run_id) WHERE ended_at IS NOT NULL`,
    `CREATE INDEX runs_pruning ON runs (run_id) WHERE pruning = 1`,
    // Secrets that were masked when its bodies were stored.
    `ALTER TABLE exchanges ADD COLUMN masked INTEGER NOT NULL DEFAULT 0`,
  ],
} as const;

/** What retention needs to remove the traces of open runs that have fallen silent, and may be called again at any time. Flags 0 or 1. */
export const silentRuns = {
  version: 90,
  statements: [
    // Steps up to this one are gone, or going: what comes later stays.
    `ALTER TABLE runs ADD COLUMN pruned_steps INTEGER NOT NULL DEFAULT 0`,
    // 1: its trace was removed while it was open. What it needed to go on was kept, and goes once it has ended.
    `ALTER TABLE runs ADD COLUMN pruned_open INTEGER NOT NULL DEFAULT 0`,
    `UPDATE runs SET pruned_steps = steps WHERE pruning = 1 OR trace_pruned_at >= last_activity_at`,
    `DROP INDEX runs_ended`,
    // Runs of which retention can remove something, those first that ended, or were last active, the longest ago.
    `CREATE INDEX runs_prunable ON runs (coalesce(ended_at, last_activity_at), run_id)
      WHERE trace_pruned_at IS NULL OR steps > pruned_steps OR pruning = 1 OR (pruned_open = 1 AND ended_at IS NOT NULL)`,
  ],
} as const;

/** What the lists, the search and the trace of runs need. Instants are epoch milliseconds, flags 0 or 1. */
export const runs = {
  version: 40,
  statements: [
    `ALTER TABLE runs ADD COLUMN gates INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE runs ADD COLUMN paused INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE runs ADD COLUMN last_refusal TEXT`,
    // 1 once the text is in the index and what tools have made is kept as artifacts.
    `ALTER TABLE runs ADD COLUMN digested INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE exchanges ADD COLUMN digested INTEGER NOT NULL DEFAULT 0`,

    `UPDATE runs SET gates = (SELECT count(*) FROM gates g WHERE g.run_id = runs.run_id)
      WHERE run_id IN (SELECT run_id FROM gates)`,
    // The failure of the latest call, where that call was refused.
    `UPDATE runs SET last_refusal = (
        SELECT iif(s.kind = 'refusal', s.summary, NULL) FROM steps s
          JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
          WHERE s.run_id = runs.run_id ORDER BY s.step DESC LIMIT 1)
      WHERE run_id IN (SELECT run_id FROM steps WHERE kind = 'refusal')`,

    `CREATE INDEX runs_by_policy ON runs (policy, started_at, run_id)`,
    `CREATE INDEX runs_undigested ON runs (run_id) WHERE digested = 0`,
    `CREATE INDEX exchanges_undigested ON exchanges (exchange_id) WHERE digested = 0 AND state <> 'open'`,

    // Which models and tools a run has used.
    `CREATE TABLE run_uses (
      kind TEXT NOT NULL CHECK (kind IN ('model', 'tool')),
      value TEXT NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      PRIMARY KEY (kind, value, run_id)
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO run_uses (kind, value, run_id)
      SELECT DISTINCT 'model', m.value, r.run_id FROM runs r, json_each(r.models) m`,
    `INSERT INTO run_uses (kind, value, run_id)
      SELECT DISTINCT 'tool', iif(summary LIKE '/v1/tools/%', substr(summary, 11), summary), run_id
      FROM steps WHERE kind = 'tool_call'`,

    // A text of a run has the row id run_no * 2^20 + its number, so that a hit leads to its run without a look-up.
    `CREATE TABLE text_runs (
      run_no INTEGER PRIMARY KEY,
      run_id TEXT NOT NULL UNIQUE REFERENCES runs (run_id),
      texts INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
    `CREATE VIRTUAL TABLE run_text USING fts5 (
      text, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
    )`,
  ],
} as const;

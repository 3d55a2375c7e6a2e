/** The first schema. Amounts are nano-USD, instants epoch milliseconds, hashes 32 raw bytes, lists and objects JSON text. */
export const first = {
  version: 10,
  statements: [
    `CREATE TABLE teams (
      name TEXT PRIMARY KEY,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE agents (
      agent_id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      team TEXT REFERENCES teams (name),
      policy TEXT NOT NULL,
      allowed_policies TEXT NOT NULL,
      run_cap_nano INTEGER,
      delivery TEXT NOT NULL,
      token_hash TEXT,
      token_prefix TEXT,
      previous_token_hash TEXT,
      previous_until INTEGER,
      created_at INTEGER NOT NULL,
      revoked_at INTEGER,
      last_seen_at INTEGER
    ) STRICT, WITHOUT ROWID`,
    `CREATE UNIQUE INDEX agents_by_name ON agents (name) WHERE revoked_at IS NULL`,
    `CREATE UNIQUE INDEX agents_by_token ON agents (token_hash) WHERE token_hash IS NOT NULL`,

    `CREATE TABLE runs (
      run_id TEXT PRIMARY KEY,
      agent_id TEXT NOT NULL REFERENCES agents (agent_id),
      state TEXT NOT NULL,
      policy TEXT NOT NULL,
      explicit INTEGER NOT NULL,
      labels TEXT NOT NULL,
      client TEXT,
      started_at INTEGER NOT NULL,
      last_activity_at INTEGER NOT NULL,
      ended_at INTEGER,
      spent_nano INTEGER NOT NULL DEFAULT 0,
      exchanges INTEGER NOT NULL DEFAULT 0,
      tool_calls INTEGER NOT NULL DEFAULT 0,
      steps INTEGER NOT NULL DEFAULT 0,
      input_tokens INTEGER NOT NULL DEFAULT 0,
      output_tokens INTEGER NOT NULL DEFAULT 0,
      models TEXT NOT NULL DEFAULT '[]',
      last_request_body INTEGER
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX runs_by_start ON runs (started_at, run_id)`,
    `CREATE INDEX runs_by_state ON runs (state, started_at, run_id)`,
    `CREATE INDEX runs_by_agent ON runs (agent_id, started_at, run_id)`,
    `CREATE INDEX runs_idle ON runs (agent_id, last_activity_at) WHERE explicit = 0 AND state IN ('open', 'waiting')`,
    `CREATE INDEX runs_stopped ON runs (agent_id, ended_at) WHERE state = 'stopped'`,

    `CREATE TABLE run_keys (
      agent_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      filed_at INTEGER NOT NULL,
      PRIMARY KEY (agent_id, kind, key, run_id)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE exchanges (
      exchange_id TEXT PRIMARY KEY,
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      agent_id TEXT NOT NULL,
      team TEXT,
      step INTEGER NOT NULL,
      state TEXT NOT NULL,
      method TEXT NOT NULL,
      path TEXT NOT NULL,
      wire_format TEXT,
      provider TEXT,
      model TEXT,
      answered_model TEXT,
      stream INTEGER NOT NULL,
      status INTEGER,
      failure TEXT,
      client TEXT,
      subagent TEXT,
      side TEXT,
      started_at INTEGER NOT NULL,
      first_byte_at INTEGER,
      ended_at INTEGER,
      reserved_nano INTEGER NOT NULL,
      cost_nano INTEGER,
      estimated INTEGER NOT NULL DEFAULT 0,
      usage TEXT,
      output_tokens INTEGER,
      finish_reason TEXT,
      retry_of TEXT,
      response_content_type TEXT,
      request_body INTEGER REFERENCES bodies (body_id),
      response_body INTEGER REFERENCES bodies (body_id)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX exchanges_open ON exchanges (exchange_id) WHERE state = 'open'`,
    `CREATE INDEX exchanges_output ON exchanges (model, ended_at, output_tokens) WHERE state = 'completed' AND output_tokens IS NOT NULL`,

    `CREATE TABLE steps (
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      step INTEGER NOT NULL,
      kind TEXT NOT NULL,
      at INTEGER NOT NULL,
      exchange_id TEXT,
      summary TEXT NOT NULL,
      detail TEXT NOT NULL,
      PRIMARY KEY (run_id, step)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE tool_calls (
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      call_id TEXT NOT NULL,
      proposed_step INTEGER,
      result_step INTEGER,
      PRIMARY KEY (run_id, call_id)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE budgets (
      scope TEXT NOT NULL,
      subject TEXT NOT NULL,
      budget_window TEXT NOT NULL,
      cap_nano INTEGER,
      spent_nano INTEGER NOT NULL,
      reserved_nano INTEGER NOT NULL,
      window_start INTEGER NOT NULL,
      alert_at TEXT NOT NULL,
      alerted TEXT NOT NULL,
      crossed_run TEXT,
      crossed_step INTEGER,
      listed INTEGER NOT NULL,
      PRIMARY KEY (scope, subject)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX budgets_listed ON budgets (scope, subject) WHERE listed = 1`,

    `CREATE TABLE policies (
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      document TEXT NOT NULL,
      note TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE blobs (
      blob_id INTEGER PRIMARY KEY,
      sha256 BLOB NOT NULL,
      size INTEGER NOT NULL,
      codec INTEGER NOT NULL,
      content BLOB NOT NULL
    ) STRICT`,
    // Eight bytes find the row and the whole hash decides: a full unique index would store every hash twice.
    `CREATE INDEX blobs_by_hash ON blobs (substr(sha256, 1, 8))`,

    `CREATE TABLE bodies (
      body_id INTEGER PRIMARY KEY,
      size INTEGER NOT NULL,
      base_body INTEGER REFERENCES bodies (body_id),
      keep_head INTEGER NOT NULL,
      keep_tail INTEGER NOT NULL,
      depth INTEGER NOT NULL,
      middle BLOB NOT NULL
    ) STRICT`,

    `CREATE TABLE artifacts (
      artifact_id TEXT PRIMARY KEY,
      run_id TEXT NOT NULL REFERENCES runs (run_id),
      name TEXT NOT NULL,
      content_type TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      sha256 TEXT NOT NULL,
      blob_id INTEGER NOT NULL REFERENCES blobs (blob_id),
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX artifacts_by_run ON artifacts (run_id, created_at)`,

    `CREATE TABLE audit (
      seq INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      kind TEXT NOT NULL,
      actor TEXT NOT NULL,
      channel TEXT NOT NULL,
      run_id TEXT,
      fields TEXT NOT NULL,
      prev BLOB NOT NULL,
      run_prev BLOB,
      hash BLOB NOT NULL
    ) STRICT`,
    `CREATE INDEX audit_by_run ON audit (run_id, seq) WHERE run_id IS NOT NULL`,
    `CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit
      WHEN NEW.seq <> OLD.seq OR NEW.hash <> OLD.hash OR NEW.prev <> OLD.prev
      BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END`,
    `CREATE TRIGGER audit_keeps_records BEFORE DELETE ON audit
      BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END`,

    `CREATE TABLE settings (
      name TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  ],
} as const;

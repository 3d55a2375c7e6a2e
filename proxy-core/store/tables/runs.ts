import { type RunRecord, type RunState, runRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { RunKey, RunStart } from '../store.ts';

/** Runs and the keys they are found by. A run's cap and reservations are its account's (`budgets`); its totals are here. */

/** Runs as `toRunRecord` wants them. CROSS JOIN keeps the runs outermost, so that a list follows an index of theirs and stops at its limit. */
export const SELECT_RUN = `SELECT r.run_id, r.agent_id, a.name AS agent, r.state, r.policy, r.explicit, r.labels, r.client,
  r.started_at, r.last_activity_at, r.ended_at, r.spent_nano, b.reserved_nano, b.cap_nano, r.exchanges, r.tool_calls,
  r.steps, r.input_tokens, r.output_tokens, r.models, r.gates, r.paused, r.last_refusal, r.trace_parent,
  r.trace_pruned_at, CASE WHEN r.last_refusal IN ('policy_blocked', 'loop_detected') THEN (
    SELECT s.detail ->> 'rule' FROM steps s WHERE s.run_id = r.run_id AND s.kind = 'refusal' ORDER BY s.step DESC LIMIT 1
  ) END AS last_refusal_rule
  FROM runs r CROSS JOIN agents a ON a.agent_id = r.agent_id CROSS JOIN budgets b ON b.scope = 'run' AND b.subject = r.run_id`;

export interface RunRow extends Omit<RunRecord, 'explicit' | 'labels' | 'models' | 'paused'> {
  readonly explicit: number;
  readonly paused: number;
  readonly labels: string;
  readonly models: string;
}

/** What a verb needs to know of a run before it changes it. */
export interface RunHead {
  readonly run_id: string;
  readonly agent_id: string;
  readonly state: RunState;
}

export function findRunHead(db: Readable, runId: string): RunHead | null {
  return db.one<RunHead>('SELECT run_id, agent_id, state FROM runs WHERE run_id = +?', runId) ?? null;
}

/** The run's full record, or null. */
export function findRun(db: Readable, runId: string): RunRecord | null {
  const row = db.one<RunRow>(`${SELECT_RUN} WHERE r.run_id = +?`, runId);
  return row === undefined ? null : toRunRecord(row);
}

export const countRuns = (db: Readable): number =>
  db.one<{ runs: number }>('SELECT count(*) AS runs FROM runs')?.runs ?? 0;

export function insertRun(db: Writable, agentId: string, start: RunStart, at: number): RunHead {
  db.run(
    `INSERT INTO runs (run_id, agent_id, state, policy, explicit, labels, client, started_at, last_activity_at,
       trace_parent)
     VALUES (?, ?, 'open', ?, ?, ?, ?, ?, ?, ?)`,
    start.runId,
    agentId,
    start.policy,
    start.explicit ? 1 : 0,
    JSON.stringify(start.labels),
    start.client,
    at,
    at,
    start.traceParent,
  );
  return { run_id: start.runId, agent_id: agentId, state: 'open' };
}

/** Count an exchange and `steps` more steps; returns the number of the last of them. */
export function advanceRun(
  db: Writable,
  runId: string,
  change: { steps: number; exchanges: number; at: number },
): number {
  const row = db.change<{ steps: number }>(
    `UPDATE runs SET steps = steps + ?, exchanges = exchanges + ?, last_activity_at = max(last_activity_at, ?)
     WHERE run_id = +? RETURNING steps`,
    change.steps,
    change.exchanges,
    change.at,
    runId,
  );
  if (row === undefined) throw new Error(`no such run: ${runId}`);
  return row.steps;
}

/** Note a model the run has used. */
export function addRunModel(db: Writable, runId: string, model: string): void {
  const added = db.run(
    `UPDATE runs SET models = json_insert(models, '$[#]', ?)
     WHERE run_id = +? AND NOT EXISTS (SELECT 1 FROM json_each(runs.models) WHERE value = +?)`,
    model,
    runId,
    model,
  );
  if (added > 0) noteRunUse(db, runId, 'model', model);
}

/** Note a tool the run has called. */
export const addRunTool = (db: Writable, runId: string, tool: string): void => noteRunUse(db, runId, 'tool', tool);

function noteRunUse(db: Writable, runId: string, kind: 'model' | 'tool', value: string): void {
  db.run('INSERT INTO run_uses (kind, value, run_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', kind, value, runId);
}

/** Note why the run's latest call was refused. */
export function setLastRefusal(db: Writable, runId: string, failure: string): void {
  db.run('UPDATE runs SET last_refusal = ? WHERE run_id = +?', failure, runId);
}

/** Count a gate that was opened. */
export function countGate(db: Writable, runId: string): void {
  db.run('UPDATE runs SET gates = gates + 1 WHERE run_id = +?', runId);
}

/** Pause or resume a run; false if it was so before. */
export const setRunPaused = (db: Writable, runId: string, paused: boolean): boolean =>
  db.run('UPDATE runs SET paused = ? WHERE run_id = +? AND paused <> ?', paused ? 1 : 0, runId, paused ? 1 : 0) === 1;

/** Add what a settled exchange cost and used to the run's totals; `refusal` is why its answer was not let through, or null. */
export function chargeRun(
  db: Writable,
  runId: string,
  charge: {
    cost: number;
    toolCalls: number;
    inputTokens: number;
    outputTokens: number;
    refusal: string | null;
    at: number;
  },
): void {
  db.run(
    `UPDATE runs SET spent_nano = spent_nano + ?, tool_calls = tool_calls + ?, input_tokens = input_tokens + ?,
       output_tokens = output_tokens + ?, last_refusal = ?, last_activity_at = max(last_activity_at, ?) WHERE run_id = +?`,
    charge.cost,
    charge.toolCalls,
    charge.inputTokens,
    charge.outputTokens,
    charge.refusal,
    charge.at,
    runId,
  );
}

/** End a run that has not ended. False if it had. */
export function closeRun(db: Writable, runId: string, state: 'completed' | 'stopped', at: number): boolean {
  return (
    db.run(
      `UPDATE runs SET state = ?, ended_at = ? WHERE run_id = +? AND state IN ('open', 'waiting')`,
      state,
      at,
      runId,
    ) === 1
  );
}

/** File keys under a run; a key filed before is left as it is. */
export function fileKeys(db: Writable, agentId: string, runId: string, keys: readonly RunKey[], at: number): void {
  for (const { kind, key, subagent, replaces } of keys) {
    if (replaces === true)
      db.run('DELETE FROM run_keys WHERE agent_id = +? AND kind = +? AND key = +?', agentId, kind, key);
    db.run(
      'INSERT INTO run_keys (agent_id, kind, key, run_id, filed_at, subagent) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      agentId,
      kind,
      key,
      runId,
      at,
      subagent ?? null,
    );
  }
}

/** Up to two runs of an agent filed under a key, newest first. */
export function findRunsByKey(
  db: Readable,
  agentId: string,
  { kind, key }: RunKey,
): readonly { readonly runId: string; readonly subagent: string | null }[] {
  return db.all(
    `SELECT run_id AS runId, subagent FROM run_keys WHERE agent_id = +? AND kind = +? AND key = +? ORDER BY filed_at DESC, run_id DESC LIMIT 2`,
    agentId,
    kind,
    key,
  );
}

/** A few of an agent's runs that were not named, have not ended and were active since `since`, latest first. */
export function findIdleRuns(db: Readable, agentId: string, since: number): readonly string[] {
  return runIds(
    db.all(
      `SELECT run_id FROM runs WHERE agent_id = +? AND explicit = 0 AND state IN ('open', 'waiting')
         AND last_activity_at >= ? ORDER BY last_activity_at DESC LIMIT 8`,
      agentId,
      since,
    ),
  );
}

/** The agent's first run, or null. */
export const findFirstRun = (db: Readable, agentId: string): string | null =>
  db.one<{ run_id: string }>('SELECT run_id FROM runs WHERE agent_id = +? ORDER BY started_at, run_id LIMIT 1', agentId)
    ?.run_id ?? null;

/** The agent's most recently stopped run, unless the agent was let start runs again after it. */
export function findLastStopped(db: Readable, agentId: string): { readonly runId: string; readonly at: number } | null {
  const row = db.one<{ runId: string; at: number }>(
    `SELECT run_id AS runId, ended_at AS at FROM runs WHERE agent_id = +? AND state = 'stopped'
       AND ended_at > coalesce((SELECT a.resumed_at FROM agents a WHERE a.agent_id = runs.agent_id), 0)
     ORDER BY ended_at DESC LIMIT 1`,
    agentId,
  );
  return row ?? null;
}

const runIds = (rows: readonly { readonly run_id: string }[]): readonly string[] => rows.map((row) => row.run_id);

/** Runs whose id and labels are not in the index; not those whose trace is going. */
export const listUndigestedRuns = (
  db: Readable,
  limit: number,
): readonly { readonly run_id: string; readonly labels: string }[] =>
  db.all('SELECT run_id, labels FROM runs WHERE digested = 0 AND pruning = 0 ORDER BY run_id LIMIT ?', limit);

export function setRunDigested(db: Writable, runId: string): void {
  db.run('UPDATE runs SET digested = 1 WHERE run_id = +?', runId);
}

/** A row of `SELECT_RUN`. */
export const toRunRecord = (row: RunRow): RunRecord =>
  runRecord.parse({
    ...row,
    explicit: row.explicit === 1,
    paused: row.paused === 1,
    labels: parseColumn(row.labels),
    models: parseColumn(row.models),
  });

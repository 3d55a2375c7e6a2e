import { type GateRecord, type GateState, gateRecord } from '../../contract/records.ts';
import type { Readable, SqlValue, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { FoundAnswer, GateOpening, KeptAnswer, Page } from '../store.ts';
import { putBlob, readBlob } from './blobs.ts';

/**
 * Gates. What a gate proposes and why it was opened are blobs, so that arguments of any size never make the rows
 * that are searched longer; both are written once and a trigger keeps them.
 */

/** A gate with what only the store's own verbs need to know of it. */
export interface StoredGate {
  readonly gate: GateRecord;
  /** The gate's step in its run's trace. */
  readonly step: number;
  /** Since when a person is being waited for: its opening, or the crash after which it was asked again. */
  readonly askedAt: number;
  /** How long it was opened for, ms. */
  readonly lastsMs: number;
  readonly claimedBy: string | null;
  readonly consumedAt: number | null;
}

interface GateRow {
  readonly gate_id: string;
  readonly run_id: string;
  readonly agent_id: string;
  readonly agent: string;
  readonly kind: GateRecord['kind'];
  readonly state: GateState;
  readonly rule: string;
  readonly policy: string;
  readonly message: string | null;
  readonly fingerprint: string;
  readonly action_hash: string;
  readonly actions_blob: number;
  readonly explanation_blob: number;
  readonly approver_channels: string;
  readonly exchange_id: string | null;
  readonly step: number;
  readonly created_at: number;
  readonly asked_at: number;
  readonly lasts_ms: number;
  readonly expires_at: number;
  readonly decided_at: number | null;
  readonly effective_at: number | null;
  readonly decided_by: string | null;
  readonly channel: string | null;
  readonly reason: string | null;
  readonly suggested_args: string | null;
  readonly released_at: number | null;
  readonly outcome_unknown: number;
  readonly claimed_by: string | null;
  readonly consumed_at: number | null;
  readonly retries: number;
  readonly last_retry_at: number | null;
  readonly agent_gone_at: number | null;
}

const SELECT_GATE = `SELECT g.gate_id, g.run_id, g.agent_id, a.name AS agent, g.kind, g.state, g.rule, g.policy, g.message,
  g.fingerprint, g.action_hash, g.actions_blob, g.explanation_blob, g.approver_channels, g.exchange_id, g.step,
  g.created_at, g.asked_at, g.lasts_ms, g.expires_at, g.decided_at, g.effective_at, g.decided_by, g.channel, g.reason,
  g.suggested_args, g.released_at, g.outcome_unknown, g.claimed_by, g.consumed_at, g.retries, g.last_retry_at,
  g.agent_gone_at
  FROM gates g JOIN agents a ON a.agent_id = g.agent_id`;

/** Add a pending gate. Throws if another gate answers for the fingerprint. */
export function insertGate(db: Writable, gate: GateOpening, answer: KeptAnswer | null, at: number, step: number): void {
  db.run(
    `INSERT INTO gates (gate_id, run_id, agent_id, kind, state, rule, policy, message, fingerprint, action_hash,
       actions_blob, explanation_blob, approver_channels, exchange_id, step, created_at, asked_at, lasts_ms, expires_at)
     VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    gate.gateId,
    gate.runId,
    gate.agentId,
    gate.kind,
    gate.rule,
    gate.policy,
    gate.message,
    gate.fingerprint,
    gate.actionHash,
    putJson(db, gate.proposedActions),
    putJson(db, gate.explanation),
    JSON.stringify(gate.approverChannels),
    gate.exchangeId,
    step,
    at,
    at,
    gate.expiresAt - at,
    gate.expiresAt,
  );
  if (answer !== null) keepAnswer(db, gate.gateId, answer);
}

/** What may change of a gate, by column. */
export interface GateChange {
  readonly state?: GateState;
  /** 0: another gate may be opened for the fingerprint. */
  readonly current?: 0 | 1;
  readonly asked_at?: number;
  readonly expires_at?: number;
  readonly decided_at?: number | null;
  readonly effective_at?: number | null;
  readonly decided_by?: string | null;
  readonly channel?: string | null;
  readonly reason?: string | null;
  readonly suggested_args?: string | null;
  readonly released_at?: number;
  readonly outcome_unknown?: 0 | 1;
  readonly claimed_by?: string | null;
  readonly claimed_at?: number | null;
  readonly consumed_at?: number;
  readonly agent_gone_at?: number | null;
}

/** The compare-and-set: change a gate that is in state `from`. False, and nothing is changed, if it is in another. */
export function changeGate(db: Writable, gateId: string, from: GateState, change: GateChange): boolean {
  const columns = Object.keys(change).map((column) => `${column} = ?`);
  const values: readonly SqlValue[] = Object.values(change);
  const sql = `UPDATE gates SET ${columns.join(', ')} WHERE gate_id = +? AND state = +?`;
  return db.run(sql, ...values, gateId, from) === 1;
}

/** Note retries seen so far; counters never go back. */
export function noteGateRetries(db: Writable, gateId: string, retries: number, lastRetryAt: number): void {
  db.run(
    `UPDATE gates SET retries = max(retries, ?), last_retry_at = max(coalesce(last_retry_at, 0), ?) WHERE gate_id = +?`,
    retries,
    lastRetryAt,
    gateId,
  );
}

/** Keep an answer's exact bytes with its gate. */
export function keepAnswer(db: Writable, gateId: string, answer: KeptAnswer): void {
  db.run(
    'UPDATE gates SET kept_status = ?, kept_headers = ?, kept_stream = ?, kept_blob = ? WHERE gate_id = +?',
    answer.status,
    JSON.stringify(answer.headers),
    answer.stream ? 1 : 0,
    putBlob(db, answer.body).blobId,
    gateId,
  );
}

/** The answer kept with a gate, or null. Throws if its bytes are damaged. */
export function findKeptAnswer(db: Readable, gateId: string): FoundAnswer | null {
  const row = db.one<{
    readonly kept_status: number;
    readonly kept_headers: string;
    readonly kept_stream: number;
    readonly kept_blob: number | null;
    readonly answered: string | null;
  }>(
    // Under a request gate the call that claimed it was answered; a response gate was opened by its own call.
    `SELECT kept_status, kept_headers, kept_stream, kept_blob,
       CASE WHEN kind = 'response' THEN exchange_id ELSE claimed_by END AS answered FROM gates WHERE gate_id = +?`,
    gateId,
  );
  if (row === undefined || row.kept_blob === null) return null;
  const headers = parseColumn(row.kept_headers) as readonly string[];
  const body = readBlob(db, row.kept_blob);
  return { status: row.kept_status, headers, stream: row.kept_stream === 1, body, exchangeId: row.answered };
}

/** The gate with the store's own part, or null. */
export function findStoredGate(db: Readable, gateId: string): StoredGate | null {
  return storedOrNull(db, db.one<GateRow>(`${SELECT_GATE} WHERE g.gate_id = +?`, gateId));
}

/** The gate, or null. */
export const findGate = (db: Readable, gateId: string): GateRecord | null => findStoredGate(db, gateId)?.gate ?? null;

/** The gate, with no proposed actions where their text is longer than `maxBytes`; null if there is none. */
export function findGateWithin(db: Readable, gateId: string, maxBytes: number): GateRecord | null {
  const row = db.one<GateRow>(`${SELECT_GATE} WHERE g.gate_id = +?`, gateId);
  if (row === undefined) return null;
  const size = db.one<{ size: number }>('SELECT size FROM blobs WHERE blob_id = +?', row.actions_blob)?.size ?? 0;
  return (size <= maxBytes ? toStored(db, row) : toStored(db, row, [])).gate;
}

/** The gate that answers for a fingerprint, or null. */
export function findCurrentGate(db: Readable, fingerprint: string): StoredGate | null {
  return storedOrNull(db, db.one<GateRow>(`${SELECT_GATE} WHERE g.fingerprint = +? AND g.current = 1`, fingerprint));
}

/** Pending gates whose expiry is `at` or earlier, first expiry first. */
export const listDueGates = (db: Readable, at: number): readonly StoredGate[] =>
  db
    .all<GateRow>(`${SELECT_GATE} WHERE g.state = 'pending' AND g.expires_at <= ? ORDER BY g.expires_at, g.gate_id`, at)
    .map((row) => toStored(db, row));

/** Pending gates of a run or an agent, oldest first. */
export const listPendingGates = (
  db: Readable,
  of: { readonly column: 'run_id' | 'agent_id'; readonly id: string },
): readonly StoredGate[] =>
  db
    .all<GateRow>(`${SELECT_GATE} WHERE g.state = 'pending' AND g.${of.column} = +? ORDER BY g.created_at`, of.id)
    .map((row) => toStored(db, row));

/** A run's gates, oldest first. */
export const listGatesOfRun = (db: Readable, runId: string): readonly GateRecord[] =>
  db
    .all<GateRow>(`${SELECT_GATE} WHERE g.run_id = +? ORDER BY g.created_at, g.gate_id`, runId)
    .map((row) => toStored(db, row).gate);

/** Gates whose call went out and whose end is not known. */
export const listClaimedGates = (db: Readable): readonly StoredGate[] =>
  db
    .all<GateRow>(`${SELECT_GATE} WHERE g.claimed_by IS NOT NULL AND g.consumed_at IS NULL ORDER BY g.gate_id`)
    .map((row) => toStored(db, row));

/** Every gate of runs that have not ended; the one that answers for a fingerprint comes after those it replaced. */
export const listLiveGates = (db: Readable): readonly GateRecord[] =>
  db
    .all<GateRow>(
      `${SELECT_GATE} JOIN runs r ON r.run_id = g.run_id WHERE r.state IN ('open', 'waiting') ORDER BY g.current, g.created_at, g.gate_id`,
    )
    .map((row) => toStored(db, row).gate);

export interface GateFilter {
  /** At least one. */
  readonly states?: readonly GateState[];
  readonly runId?: string;
  /** Part of the rule's or the agent's name, in any case. */
  readonly find?: string;
  readonly cursor?: string;
  readonly limit: number;
}

/** A page of gates, newest first. Throws RangeError for a cursor that no page has returned. */
export function listGates(db: Readable, filter: GateFilter): Page<GateRecord> {
  const parts: (readonly [string, ...SqlValue[]])[] = [];
  const [state, ...others] = filter.states ?? [];
  if (state !== undefined && others.length === 0) parts.push(['g.state = +?', state]);
  // A gate whose agent has gone waits for nobody: it stands with those that are over.
  if (state === 'pending' && others.length === 0) parts.push(['g.agent_gone_at IS NULL']);
  // Several states are most of all gates: found in the order of creation, they need not be sorted.
  else if (state !== undefined)
    parts.push([
      `(+g.state IN (?${', ?'.repeat(others.length)}) OR (+g.state = 'pending' AND g.agent_gone_at IS NOT NULL))`,
      state,
      ...others,
    ]);
  if (filter.find !== undefined) {
    const part = filter.find.toLowerCase();
    parts.push(['(instr(lower(g.rule), ?) > 0 OR instr(lower(a.name), ?) > 0)', part, part]);
  }
  if (filter.runId !== undefined) parts.push(['g.run_id = +?', filter.runId]);
  if (filter.cursor !== undefined) parts.push(['(g.created_at, g.gate_id) < (?, ?)', ...parseCursor(filter.cursor)]);
  const where = parts.length === 0 ? '' : `WHERE ${parts.map(([sql]) => sql).join(' AND ')}`;
  const rows = db.all<GateRow>(
    `${SELECT_GATE} ${where} ORDER BY g.created_at DESC, g.gate_id DESC LIMIT ?`,
    ...parts.flatMap(([, ...values]) => values),
    filter.limit + 1,
  );
  const items = rows.slice(0, filter.limit).map((row) => toStored(db, row).gate);
  const last = items.at(-1);
  const more = rows.length > filter.limit && last !== undefined;
  return { items, next: more ? `${last.created_at}:${last.gate_id}` : null };
}

function parseCursor(cursor: string): readonly [number, string] {
  const [, at, gateId] = /^(\d{1,15}):(.+)$/.exec(cursor) ?? [];
  if (at === undefined || gateId === undefined) throw new RangeError(`not a cursor: ${cursor}`);
  return [Number(at), gateId];
}

const putJson = (db: Writable, value: unknown): number => putBlob(db, Buffer.from(JSON.stringify(value))).blobId;

const readJson = (db: Readable, blobId: number): unknown => JSON.parse(Buffer.from(readBlob(db, blobId)).toString());

const storedOrNull = (db: Readable, row: GateRow | undefined): StoredGate | null =>
  row === undefined ? null : toStored(db, row);

function toStored(db: Readable, row: GateRow, actions: unknown = readJson(db, row.actions_blob)): StoredGate {
  const gate = gateRecord.parse({
    ...row,
    proposed_actions: actions,
    explanation: readJson(db, row.explanation_blob),
    approver_channels: parseColumn(row.approver_channels),
    suggested_args: row.suggested_args === null ? null : parseColumn(row.suggested_args),
    outcome_unknown: row.outcome_unknown === 1,
  });
  return {
    gate,
    step: row.step,
    askedAt: row.asked_at,
    lastsMs: row.lasts_ms,
    claimedBy: row.claimed_by,
    consumedAt: row.consumed_at,
  };
}

/** The SHA-256 (lower-case hex) and size of what a gate proposes, as it is stored. */
export function findProposal(db: Readable, gateId: string): { readonly sha256: string; readonly bytes: number } {
  const row = db.one<{ sha256: Buffer; size: number }>(
    'SELECT b.sha256, b.size FROM gates g JOIN blobs b ON b.blob_id = g.actions_blob WHERE g.gate_id = +?',
    gateId,
  );
  if (row === undefined) throw new Error(`no such gate: ${gateId}`);
  return { sha256: row.sha256.toString('hex'), bytes: row.size };
}

/** A run that has not ended is `waiting` while one of its gates is pending for an agent that is there, and `open` otherwise. */
export function showWaiting(db: Writable, runId: string): void {
  db.run(
    `UPDATE runs SET state = iif(EXISTS (SELECT 1 FROM gates g WHERE g.run_id = runs.run_id AND g.state = 'pending'
         AND g.agent_gone_at IS NULL), 'waiting', 'open') WHERE run_id = +? AND state IN ('open', 'waiting')`,
    runId,
  );
}

/** Say anew what has become of a gate in its run's trace. */
export function describeGateStep(db: Writable, stored: StoredGate, detail: Readonly<Record<string, unknown>>): void {
  db.run(
    'UPDATE steps SET detail = ? WHERE run_id = +? AND step = +?',
    JSON.stringify(detail),
    stored.gate.run_id,
    stored.step,
  );
}

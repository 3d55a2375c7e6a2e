import type { Readable, Writable } from '../handle.ts';
import { unpackIds } from '../id-list.ts';
import { TEXTS_PER_RUN } from './texts.ts';

/**
 * Removing traces. Every function that removes takes away a little and says whether it found something, so that a
 * transaction can end between any two; foreign keys are off then (`writer.ts`), so the order is this file's business: what
 * refers goes before what it refers to.
 */

/** Rows that one step of the work takes. */
const FEW = 32;

/** An open run is silent when nothing has happened in it for so long, ms: its client may be back sooner. */
export const SILENT_MS = 86_400_000;

/** A run as retention sees it. */
export interface PrunableRun {
  readonly run_id: string;
  readonly ended_at: number | null;
  readonly last_activity_at: number;
  readonly steps: number;
  readonly pruning: number;
  readonly pruned_steps: number;
  /** 1: it was open when its trace began to go, so what it needs to go on stays. */
  readonly pruned_open: number;
}

/** The condition that something of a run can be removed: word for word that of the index `runs_prunable`. */
const HAS_TRACE = `(trace_pruned_at IS NULL OR steps > pruned_steps OR pruning = 1 OR (pruned_open = 1 AND ended_at IS NOT NULL))`;

/** Since when nothing has happened in a run: the expression of `runs_prunable`. */
const QUIET_SINCE = 'coalesce(ended_at, last_activity_at)';

/** The condition that no gate of a run waits for a person, and no approved answer for its agent. */
const NOTHING_WAITS = `NOT EXISTS (SELECT 1 FROM gates g WHERE g.run_id = runs.run_id
  AND (g.state = 'pending' OR (g.state = 'approved' AND g.released_at IS NULL)))`;

/**
 * The run, if its trace is going already, or may go: it has ended, or was last active by `silentBy` (epoch ms) with
 * nothing that waits; and none of its calls is under way.
 */
export const findPrunable = (db: Readable, runId: string, silentBy: number): PrunableRun | null =>
  db.one<PrunableRun>(
    `SELECT run_id, ended_at, last_activity_at, steps, pruning, pruned_steps, pruned_open FROM runs WHERE run_id = +?
       AND (pruning = 1
         OR ((ended_at IS NOT NULL OR (last_activity_at <= ? AND ${NOTHING_WAITS}))
           AND NOT EXISTS (SELECT 1 FROM exchanges e WHERE e.state = 'open' AND e.run_id = runs.run_id)))`,
    runId,
    silentBy,
  ) ?? null;

/** A place in the list of runs in which nothing happens: they ended, or were last active, at `since` (epoch ms). */
export interface QuietRun {
  readonly runId: string;
  readonly since: number;
}

/**
 * Runs that have a trace which may go, behind `after`, the longest quiet first: those that ended by `endedBy` (epoch ms),
 * and open ones that were last active by then and by `silentBy`, where nothing waits. A run whose trace was removed has
 * one again when it was called after that.
 */
export const listPrunable = (
  db: Readable,
  {
    endedBy,
    silentBy,
    after,
    limit,
  }: {
    readonly endedBy: number;
    readonly silentBy: number;
    readonly after: QuietRun | null;
    readonly limit: number;
  },
): readonly QuietRun[] =>
  db.all<QuietRun>(
    // The first bound on QUIET_SINCE says nothing new; it is the one that the index can use.
    `SELECT run_id AS runId, ${QUIET_SINCE} AS since FROM runs
     WHERE ${HAS_TRACE} AND ${QUIET_SINCE} >= ? AND (${QUIET_SINCE}, run_id) > (?, ?) AND ${QUIET_SINCE} <= ?
       AND (pruning = 1
         OR (ended_at IS NOT NULL AND (trace_pruned_at IS NULL OR last_activity_at <= ?))
         OR (ended_at IS NULL AND last_activity_at <= ? AND ${NOTHING_WAITS}
           AND run_id NOT IN (SELECT e.run_id FROM exchanges e WHERE e.state = 'open')))
     ORDER BY ${QUIET_SINCE}, run_id LIMIT ?`,
    after?.since ?? Number.MIN_SAFE_INTEGER,
    after?.since ?? Number.MIN_SAFE_INTEGER,
    after?.runId ?? '',
    endedBy,
    endedBy,
    silentBy,
    limit,
  );

/** Runs whose trace a purge that did not end has begun to remove. */
export const listHalfPruned = (db: Readable): readonly string[] =>
  db.all<{ run_id: string }>('SELECT run_id FROM runs WHERE pruning = 1 ORDER BY run_id').map((row) => row.run_id);

/** When the earliest run that still has a trace began, or null. */
export const findOldestTrace = (db: Readable): number | null =>
  db.one<{ at: number }>(
    'SELECT started_at AS at FROM runs WHERE trace_pruned_at IS NULL ORDER BY started_at, run_id LIMIT 1',
  )?.at ?? null;

/**
 * From now on the trace up to here is gone: no body builds on it any more, and what a call that comes meanwhile adds is a
 * new trace behind it.
 */
export function markPruning(db: Writable, runId: string, at: number): void {
  db.run(
    `UPDATE runs SET pruning = 1, trace_pruned_at = max(?, last_activity_at), last_request_body = NULL,
       pruned_steps = steps, pruned_open = iif(ended_at IS NULL, 1, 0) WHERE run_id = +?`,
    at,
    runId,
  );
}

/** The trace is gone. Its id and labels are to be found by search again: they were in the index with its texts. */
export function markPruned(db: Writable, runId: string): void {
  db.run('UPDATE runs SET pruning = 0, digested = 0 WHERE run_id = +?', runId);
}

/** Whether a call's part of its run's trace is gone, or going: nothing more of it is kept. */
export const isCallPruned = (db: Readable, exchangeId: string): boolean =>
  db.one(
    `SELECT 1 FROM exchanges e JOIN runs r ON r.run_id = e.run_id
     WHERE e.exchange_id = +? AND e.step <= r.pruned_steps`,
    exchangeId,
  ) !== undefined;

/** Steps and the bodies of their calls, the latest first: a body goes before the one it builds on. */
export function dropSteps(db: Writable, { run_id: runId, pruned_steps: upTo }: PrunableRun): boolean {
  const rows = db.all<{ step: number; exchange_id: string | null }>(
    'SELECT step, exchange_id FROM steps WHERE run_id = +? AND step <= ? ORDER BY step DESC LIMIT ?',
    runId,
    upTo,
    FEW,
  );
  for (const exchangeId of new Set(rows.map((row) => row.exchange_id)))
    if (exchangeId !== null) dropBodies(db, exchangeId);
  for (const { step } of rows) db.run('DELETE FROM steps WHERE run_id = +? AND step = +?', runId, step);
  return rows.length > 0;
}

function dropBodies(db: Writable, exchangeId: string): void {
  const row = db.one<{ asked: number | null; answered: number | null }>(
    'SELECT request_body AS asked, response_body AS answered FROM exchanges WHERE exchange_id = +?',
    exchangeId,
  );
  const bodies = [row?.asked, row?.answered].filter((bodyId) => bodyId != null);
  if (bodies.length === 0) return;
  db.run('UPDATE exchanges SET request_body = NULL, response_body = NULL WHERE exchange_id = +?', exchangeId);
  for (const bodyId of bodies) db.run('DELETE FROM bodies WHERE body_id = +?', bodyId);
}

/** Tool calls, with the keys under which their ids found the run; not an open run's, whose client may answer them. */
export function dropToolCalls(db: Writable, { run_id: runId, pruned_open: open }: PrunableRun): boolean {
  if (open === 1) return false;
  const rows = db.all<{ call_id: string; agent_id: string }>(
    `SELECT t.call_id, r.agent_id FROM tool_calls t JOIN runs r ON r.run_id = t.run_id WHERE t.run_id = +? LIMIT ?`,
    runId,
    FEW,
  );
  for (const { call_id: callId, agent_id: agentId } of rows) {
    db.run(
      `DELETE FROM run_keys WHERE agent_id = +? AND kind = 'tool_call' AND key = +? AND run_id = +?`,
      agentId,
      callId,
      runId,
    );
    db.run('DELETE FROM tool_calls WHERE run_id = +? AND call_id = +?', runId, callId);
  }
  return rows.length > 0;
}

/** Artifacts, but none whose step is of the trace that has begun since. */
export function dropArtifacts(db: Writable, { run_id: runId, pruned_steps: upTo }: PrunableRun): boolean {
  const rows = db.all<{ artifact_id: string }>(
    `SELECT artifact_id FROM artifacts WHERE run_id = +? AND artifact_id NOT IN (
       SELECT detail ->> 'artifact_id' FROM steps WHERE run_id = +? AND step > ? AND kind = 'artifact') LIMIT ?`,
    runId,
    runId,
    upTo,
    FEW,
  );
  for (const row of rows) db.run('DELETE FROM artifacts WHERE artifact_id = +?', row.artifact_id);
  return rows.length > 0;
}

/** The answers that gates kept: until the run ends (behaviour §6). What they proposed, and what became of it, stays. */
export function dropKeptAnswers(db: Writable, { run_id: runId, pruned_open: open }: PrunableRun): boolean {
  if (open === 1) return false;
  const dropped = db.run(
    `UPDATE gates SET kept_status = NULL, kept_headers = NULL, kept_stream = NULL, kept_blob = NULL
     WHERE gate_id IN (SELECT gate_id FROM gates WHERE run_id = +? AND kept_blob IS NOT NULL LIMIT ?)`,
    runId,
    FEW,
  );
  return dropped > 0;
}

/** The latest texts in the index: none is added meanwhile (`listUndigested`). Its count goes down with them, so that a crash leaves it right. */
export function dropTexts(db: Writable, { run_id: runId }: Pick<PrunableRun, 'run_id'>): boolean {
  const row = db.one<{ run_no: number; texts: number }>('SELECT run_no, texts FROM text_runs WHERE run_id = +?', runId);
  if (row === undefined) return false;
  const first = row.run_no * TEXTS_PER_RUN;
  const left = Math.max(0, row.texts - FEW);
  db.run('DELETE FROM run_text WHERE rowid BETWEEN ? AND ?', first + left + 1, first + row.texts);
  if (left > 0) db.run('UPDATE text_runs SET texts = ? WHERE run_no = +?', left, row.run_no);
  else db.run('DELETE FROM text_runs WHERE run_no = +?', row.run_no);
  return true;
}

/** Where blobs are used, by what uses them. Bodies name only what they do not share with the body they build on. */
export type BlobUser = 'bodies' | 'artifacts' | 'gates';

/** Blob ids in use by rows behind `after` (a body's, artifact's or gate's id), at most `limit` rows; `next` null: those were the last. */
export function listBlobUses(
  db: Readable,
  user: BlobUser,
  after: string | number | null,
  limit: number,
): { readonly ids: Float64Array; readonly next: string | number | null } {
  switch (user) {
    case 'bodies': {
      const rows = db.all<{ id: number; middle: Buffer }>(
        'SELECT body_id AS id, middle FROM bodies WHERE body_id > ? ORDER BY body_id LIMIT ?',
        after ?? 0,
        limit,
      );
      return pageOf(rows, limit, ({ middle }) => unpackIds(middle));
    }
    case 'artifacts': {
      const rows = db.all<{ id: string; blob: number }>(
        'SELECT artifact_id AS id, blob_id AS blob FROM artifacts WHERE artifact_id > ? ORDER BY artifact_id LIMIT ?',
        after ?? '',
        limit,
      );
      return pageOf(rows, limit, ({ blob }) => [blob]);
    }
    case 'gates': {
      const rows = db.all<{ id: string; actions: number; why: number; kept: number | null }>(
        `SELECT gate_id AS id, actions_blob AS actions, explanation_blob AS why, kept_blob AS kept FROM gates
         WHERE gate_id > ? ORDER BY gate_id LIMIT ?`,
        after ?? '',
        limit,
      );
      return pageOf(rows, limit, ({ actions, why, kept }) => (kept === null ? [actions, why] : [actions, why, kept]));
    }
  }
}

function pageOf<Row extends { readonly id: string | number }>(
  rows: readonly Row[],
  limit: number,
  uses: (row: Row) => readonly number[],
): { readonly ids: Float64Array; readonly next: string | number | null } {
  const ids = Float64Array.from(rows.flatMap((row) => [...uses(row)]));
  return { ids, next: rows.length < limit ? null : (rows.at(-1)?.id ?? null) };
}

/** What runs' traces take, about: bytes of their rows, and their blobs with their stored sizes (a blob may come twice). */
export interface TraceSizes {
  readonly rows: number;
  readonly blobs: Float64Array;
  readonly sizes: Float64Array;
}

/** About what a row costs beside its content: its header, its place in an index. */
const ROW = 40;

/**
 * What a row takes that is too long for a page: its start stays in the table's page, the rest fills pages of its own, the
 * last of them in part (https://sqlite.org/fileformat2.html#cell_payload_overflow_pages, for pages of 4 KiB).
 */
function onPages(bytes: number): number {
  if (bytes <= 4_061) return bytes;
  const start = 489 + ((bytes - 489) % 4_092);
  const kept = start <= 4_061 ? start : 489;
  return kept + Math.ceil((bytes - kept) / 4_092) * 4_096;
}

export function measureTraces(db: Readable, runIds: readonly string[]): TraceSizes {
  let rows = 0;
  const sizes = new Map<number, number>();
  const note = (blobId: number): void => {
    if (sizes.has(blobId)) return;
    const row = db.one<{ bytes: number }>('SELECT length(content) AS bytes FROM blobs WHERE blob_id = +?', blobId);
    // Its hash and its index beside it.
    sizes.set(blobId, onPages((row?.bytes ?? 0) + ROW + 32));
  };
  for (const runId of runIds) {
    const steps = db.one<{ bytes: number }>(
      `SELECT coalesce(sum(length(run_id) + length(summary) + length(detail) + ${ROW}), 0) AS bytes FROM steps WHERE run_id = +?`,
      runId,
    );
    rows += steps?.bytes ?? 0;
    const bodies = db.all<{ middle: Buffer }>(
      `SELECT b.middle FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
         JOIN bodies b ON b.body_id IN (e.request_body, e.response_body) WHERE s.run_id = +?`,
      runId,
    );
    for (const { middle } of bodies) {
      rows += middle.length + ROW;
      unpackIds(middle).forEach(note);
    }
    for (const { blob } of db.all<{ blob: number }>('SELECT blob_id AS blob FROM artifacts WHERE run_id = +?', runId))
      note(blob);
    for (const { blob } of db.all<{ blob: number }>(
      `SELECT g.kept_blob AS blob FROM gates g JOIN runs r ON r.run_id = g.run_id
       WHERE g.run_id = +? AND g.kept_blob IS NOT NULL AND r.ended_at IS NOT NULL`,
      runId,
    ))
      note(blob);
  }
  return { rows, blobs: Float64Array.from(sizes.keys()), sizes: Float64Array.from(sizes.values()) };
}

/** The file in pages: all of them, those that hold nothing, and whether free ones can be given back. */
export interface FilePages {
  readonly pageSize: number;
  readonly pages: number;
  readonly free: number;
  readonly shrinks: boolean;
}

export function measureFile(db: Readable): FilePages {
  const read = (name: string): number => Object.values(db.one<Record<string, number>>(`PRAGMA ${name}`) ?? {})[0] ?? 0;
  return {
    pageSize: read('page_size'),
    pages: read('page_count'),
    free: read('freelist_count'),
    shrinks: read('auto_vacuum') === INCREMENTAL,
  };
}

const INCREMENTAL = 2;

/** Tables that retention leaves alone, the audit's first. */
export const KEPT_TABLES = [
  'audit',
  'audit_heads',
  'runs',
  'run_keys',
  'run_uses',
  'exchanges',
  'budgets',
  'gates',
  'grants',
  'notices',
  'agents',
  'agent_seen',
  'teams',
  'policies',
  'settings',
] as const;

/** Bytes of a table with its indexes: whole pages. Walks all of it. */
export const measureTable = (db: Readable, table: string): number =>
  db
    .all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE tbl_name = +? AND rootpage > 0`, table)
    .reduce(
      (sum, { name }) =>
        sum +
        (db.one<{ bytes: number }>('SELECT pgsize AS bytes FROM dbstat WHERE name = +? AND aggregate = 1', name)
          ?.bytes ?? 0),
      0,
    );

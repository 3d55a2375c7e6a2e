import { renderId } from '../../contract/ids.ts';
import { type ExchangeRecord, exchangeRecord, type WireFormat } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { AdmitInput, SettleInput } from '../store.ts';

/** Exchanges: one row from admission to settlement. `state = 'open'` is what makes settling exactly-once. */

/** What a verb needs to know of an exchange before it settles it. */
export interface ExchangeHead {
  readonly exchange_id: string;
  readonly run_id: string;
  readonly agent_id: string;
  readonly agent: string;
  readonly team: string | null;
  readonly step: number;
  readonly state: ExchangeRecord['state'];
  readonly model: string | null;
  readonly reserved_nano: number;
}

const SELECT_HEAD = `SELECT e.exchange_id, e.run_id, e.agent_id, a.name AS agent, e.team, e.step, e.state, e.model,
  e.reserved_nano FROM exchanges e JOIN agents a ON a.agent_id = e.agent_id`;

interface ExchangeRow extends Omit<ExchangeRecord, 'stream' | 'estimated' | 'usage'> {
  readonly stream: number;
  readonly estimated: number;
  readonly usage: string | null;
}

const SELECT_EXCHANGE = `SELECT e.exchange_id, e.run_id, e.agent_id, e.step, e.state, e.method, e.path, e.wire_format,
  e.provider, coalesce(e.model, e.answered_model) AS model, e.stream, e.status, e.failure, e.client, e.subagent, e.side,
  e.started_at, e.first_byte_at, e.ended_at, e.reserved_nano, e.cost_nano, e.estimated, e.usage, e.finish_reason,
  e.retry_of, e.trace_parent, e.masked FROM exchanges e`;

/** How an exchange begins: open with its reservation, or refused at once. */
export type ExchangeStart =
  | { readonly state: 'open'; readonly reserved: number }
  | { readonly state: 'refused'; readonly status: number; readonly failure: string };

export type ExchangeFacts = Omit<AdmitInput, 'reserve' | 'toolResults'>;

export function insertExchange(db: Writable, input: ExchangeFacts, step: number, start: ExchangeStart): void {
  const refused = start.state === 'refused';
  db.run(
    `INSERT INTO exchanges (exchange_id, run_id, agent_id, team, step, state, method, path, wire_format, provider,
       model, stream, status, failure, client, subagent, side, started_at, ended_at, reserved_nano, retry_of,
       trace_parent)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    input.exchangeId,
    input.runId,
    input.agentId,
    input.team,
    step,
    start.state,
    input.method,
    input.path,
    input.wireFormat,
    input.provider,
    input.model,
    input.stream ? 1 : 0,
    refused ? start.status : null,
    refused ? start.failure : null,
    input.client,
    input.subagent,
    input.side,
    input.at,
    refused ? input.at : null,
    refused ? 0 : start.reserved,
    input.retryOf,
    input.traceParent,
  );
}

export function findExchangeHead(db: Readable, exchangeId: string): ExchangeHead | null {
  return db.one<ExchangeHead>(`${SELECT_HEAD} WHERE e.exchange_id = +?`, exchangeId) ?? null;
}

/** The run an exchange belongs to, or null. */
export function findExchangeRun(db: Readable, exchangeId: string): string | null {
  return db.one<{ run_id: string }>('SELECT run_id FROM exchanges WHERE exchange_id = +?', exchangeId)?.run_id ?? null;
}

/** Every exchange that has not been settled. */
export function listOpenExchanges(db: Readable): readonly ExchangeHead[] {
  return db.all<ExchangeHead>(`${SELECT_HEAD} WHERE e.state = 'open' ORDER BY e.exchange_id`);
}

/** Write what became of an open exchange. */
export function closeExchange(db: Writable, input: Omit<SettleInput, 'toolCalls' | 'keys'>): void {
  db.run(
    `UPDATE exchanges SET state = ?, status = ?, failure = ?, cost_nano = ?, estimated = ?, usage = ?,
       output_tokens = ?, answered_model = ?, finish_reason = ?, first_byte_at = ?, ended_at = ?,
       response_content_type = ? WHERE exchange_id = +? AND state = 'open'`,
    input.state,
    input.status,
    input.failure,
    input.cost,
    input.estimated ? 1 : 0,
    input.usage === null ? null : JSON.stringify(input.usage),
    input.usage?.output_tokens ?? null,
    input.model,
    input.finishReason,
    input.firstByteAt,
    input.at,
    input.responseContentType,
    input.exchangeId,
  );
}

export function findExchange(db: Readable, exchangeId: string): ExchangeRecord | null {
  const row = db.one<ExchangeRow>(`${SELECT_EXCHANGE} WHERE e.exchange_id = +?`, exchangeId);
  return row === undefined ? null : toRecord(row);
}

/** How many exchanges begun since an instant (epoch ms) were answered. Their ids begin with the time, which makes this a range. */
export function countPassed(db: Readable, since: number): number {
  const time = new Uint8Array(16);
  new DataView(time.buffer).setBigUint64(0, BigInt(Math.max(0, since)) << 16n);
  const row = db.one<{ calls: number }>(
    `SELECT count(*) AS calls FROM exchanges WHERE exchange_id >= ? AND state = 'completed'`,
    renderId('xch', time),
  );
  return row?.calls ?? 0;
}

/** A run's exchanges in the order of their steps: found through the steps, which are kept in that order. */
export function listExchanges(db: Readable, runId: string): readonly ExchangeRecord[] {
  const rows = db.all<ExchangeRow>(
    `${SELECT_EXCHANGE} JOIN steps s ON e.exchange_id = s.exchange_id AND e.step = s.step
     WHERE s.run_id = +? ORDER BY s.step`,
    runId,
  );
  return rows.map(toRecord);
}

/** A run's exchanges whose step is behind `afterStep`, in order, at most `limit`. */
export function listExchangePage(
  db: Readable,
  page: { readonly runId: string; readonly afterStep: number; readonly limit: number },
): readonly ExchangeRecord[] {
  const rows = db.all<ExchangeRow>(
    `${SELECT_EXCHANGE} JOIN steps s ON e.exchange_id = s.exchange_id AND e.step = s.step
     WHERE s.run_id = +? AND s.step > ? ORDER BY s.step LIMIT ?`,
    page.runId,
    page.afterStep,
    page.limit,
  );
  return rows.map(toRecord);
}

/** The content type of an exchange's answer, or null. */
export const findAnswerType = (db: Readable, exchangeId: string): string | null =>
  db.one<{ type: string | null }>(
    'SELECT response_content_type AS type FROM exchanges WHERE exchange_id = +?',
    exchangeId,
  )?.type ?? null;

/** A settled call that nobody has looked at. */
export interface UndigestedExchange {
  readonly exchange_id: string;
  readonly run_id: string;
  readonly step: number;
  readonly path: string;
  readonly wire_format: WireFormat | null;
  readonly request_body: number | null;
  readonly response_body: number | null;
  readonly response_content_type: string | null;
}

/**
 * Settled calls that are to be looked at, oldest first: with their bodies, or ended before `endedBefore` (epoch ms). Those
 * of a run whose trace is going wait: its texts go by their number.
 */
export const listUndigested = (db: Readable, endedBefore: number, limit: number): readonly UndigestedExchange[] =>
  db.all(
    `SELECT exchange_id, run_id, step, path, wire_format, request_body, response_body, response_content_type
     FROM exchanges WHERE digested = 0 AND state <> 'open'
       AND ((request_body IS NOT NULL AND (response_body IS NOT NULL OR status IS NULL OR state = 'refused'))
         OR ended_at < ?)
       AND run_id NOT IN (SELECT r.run_id FROM runs r WHERE r.pruning = 1)
     ORDER BY exchange_id LIMIT ?`,
    endedBefore,
    limit,
  );

export function setExchangeDigested(db: Writable, exchangeId: string): void {
  db.run('UPDATE exchanges SET digested = 1 WHERE exchange_id = +?', exchangeId);
}

/** The request bodies of the four calls of a run before a step, the latest first. */
export const listEarlierBodies = (db: Readable, runId: string, step: number): readonly number[] =>
  db
    .all<{ body: number }>(
      `SELECT e.request_body AS body FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
       WHERE s.run_id = +? AND s.step < ? AND e.request_body IS NOT NULL ORDER BY s.step DESC LIMIT 4`,
      runId,
      step,
    )
    .map(({ body }) => body);

/** Where an exchange's answer is and how to read it; null if it is not stored or of no wire format. */
export function findAnswer(
  db: Readable,
  exchangeId: string,
): { readonly format: WireFormat; readonly bodyId: number; readonly stream: boolean } | null {
  const row = db.one<Pick<UndigestedExchange, 'wire_format' | 'response_body' | 'response_content_type'>>(
    'SELECT wire_format, response_body, response_content_type FROM exchanges WHERE exchange_id = +?',
    exchangeId,
  );
  if (row === undefined || row.wire_format === null || row.response_body === null) return null;
  const stream = row.response_content_type?.startsWith('text/event-stream') ?? false;
  return { format: row.wire_format, bodyId: row.response_body, stream };
}

/** Output tokens of the latest completed calls that asked for a model, at most 200. */
export function listOutputSamples(db: Readable, model: string): readonly number[] {
  return db
    .all<{ output_tokens: number }>(
      `SELECT output_tokens FROM exchanges WHERE model = +? AND state = 'completed' AND output_tokens IS NOT NULL
       ORDER BY ended_at DESC LIMIT 200`,
      model,
    )
    .map((row) => row.output_tokens);
}

/** Where one side's body is kept, or null. */
export function findExchangeBody(db: Readable, exchangeId: string, side: 'request' | 'response'): number | null {
  const row = db.one<{ body: number | null }>(
    `SELECT ${side}_body AS body FROM exchanges WHERE exchange_id = +?`,
    exchangeId,
  );
  return row?.body ?? null;
}

/** File a stored body; `masked`: secrets that were taken out of it. */
export function setExchangeBody(
  db: Writable,
  exchangeId: string,
  side: 'request' | 'response',
  bodyId: number,
  masked = 0,
): void {
  db.run(
    `UPDATE exchanges SET ${side}_body = ?, masked = masked + ? WHERE exchange_id = +?`,
    bodyId,
    masked,
    exchangeId,
  );
}

const toRecord = (row: ExchangeRow): ExchangeRecord =>
  exchangeRecord.parse({
    ...row,
    stream: row.stream === 1,
    estimated: row.estimated === 1,
    usage: row.usage === null ? null : parseColumn(row.usage),
  });

import { z } from 'zod';
import { STEP_KINDS } from '../../contract/records.ts';
import type { Readable } from '../handle.ts';
import { unpackIds } from '../id-list.ts';

/** Reads that only exports need: what a run consists of in numbers, and which blobs its bodies are made of. */

const tallyStep = z.object({ kind: z.enum(STEP_KINDS), count: z.int() });
const tallyRefusal = z.object({ failure: z.string(), count: z.int(), firstStep: z.int() });
const tallyBlock = z.object({
  rule: z.string(),
  message: z.string().nullable(),
  tool: z.string().nullable(),
  count: z.int(),
  firstStep: z.int(),
});
const tallyModel = z.object({
  model: z.string().nullable(),
  calls: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cost_nano: z.int(),
  estimated: z.int(),
});

/** How many steps of each kind a run has, why its calls were refused, what rules blocked, and what each model cost. */
export function tallyRun(db: Readable, runId: string) {
  const steps = db.all('SELECT kind, count(*) AS count FROM steps WHERE run_id = +? GROUP BY kind', runId);
  const refusals = db.all(
    `SELECT summary AS failure, count(*) AS count, min(step) AS firstStep FROM steps
     WHERE run_id = +? AND kind = 'refusal' AND detail ->> 'blocked_exchange_id' IS NULL GROUP BY 1 ORDER BY firstStep`,
    runId,
  );
  const blocks = db.all(
    `SELECT detail ->> 'rule' AS rule, detail ->> 'message' AS message, detail ->> 'tool' AS tool, count(*) AS count,
       min(step) AS firstStep FROM steps
     WHERE run_id = +? AND kind = 'refusal' AND detail ->> 'blocked_exchange_id' IS NOT NULL GROUP BY 1, 2, 3 ORDER BY firstStep`,
    runId,
  );
  const models = db.all(
    `SELECT coalesce(e.answered_model, e.model) AS model, count(*) AS calls,
       coalesce(sum(e.usage ->> '$.input_tokens'), 0) AS input_tokens,
       coalesce(sum(e.usage ->> '$.output_tokens'), 0) AS output_tokens,
       coalesce(sum(e.cost_nano), 0) AS cost_nano, sum(e.estimated) AS estimated
     FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
     WHERE s.run_id = +? AND e.state <> 'refused' GROUP BY 1 ORDER BY cost_nano DESC, model`,
    runId,
  );
  const counts = steps.map((row) => tallyStep.parse(row));
  return {
    steps: Object.fromEntries(counts.map(({ kind, count }) => [kind, count])),
    refusals: refusals.map((row) => tallyRefusal.parse(row)),
    blocks: blocks.map((row) => tallyBlock.parse(row)),
    models: models.map((row) => tallyModel.parse(row)),
  };
}

/** Where an exchange's bytes are. */
export interface ExchangeBytes {
  readonly requestBody: number | null;
  readonly responseBody: number | null;
  readonly contentType: string | null;
}

export const findExchangeBytes = (db: Readable, exchangeId: string): ExchangeBytes =>
  db.one<ExchangeBytes>(
    `SELECT request_body AS requestBody, response_body AS responseBody, response_content_type AS contentType
     FROM exchanges WHERE exchange_id = +?`,
    exchangeId,
  ) ?? { requestBody: null, responseBody: null, contentType: null };

interface BodyRow {
  readonly size: number;
  readonly base_body: number | null;
  readonly keep_head: number;
  readonly keep_tail: number;
  readonly middle: Buffer;
}

/** A body's size and the blobs it consists of, in order. */
export interface BodyBlobs {
  readonly size: number;
  readonly blobs: readonly number[];
}

/** So many lists are remembered: a run's conversations take turns, and each body builds on one of the latest. */
const REMEMBERED = 8;

/** Finds bodies' blobs, given in the order in which they were stored; null where retention has removed one. */
export function createBodyLists(db: Readable): (bodyId: number) => BodyBlobs | null {
  const recent = new Map<number, BodyBlobs>();
  const find = (bodyId: number): BodyBlobs | null => {
    const known = recent.get(bodyId);
    if (known !== undefined) return known;
    const row = db.one<BodyRow>(
      'SELECT size, base_body, keep_head, keep_tail, middle FROM bodies WHERE body_id = +?',
      bodyId,
    );
    if (row === undefined) return null;
    const base = row.base_body === null ? [] : find(row.base_body)?.blobs;
    if (base === undefined) return null;
    const tail = row.keep_tail === 0 ? [] : base.slice(-row.keep_tail);
    const list = { size: row.size, blobs: [...base.slice(0, row.keep_head), ...unpackIds(row.middle), ...tail] };
    recent.set(bodyId, list);
    const [oldest] = recent.keys();
    if (recent.size > REMEMBERED && oldest !== undefined) recent.delete(oldest);
    return list;
  };
  return find;
}

/** A blob's SHA-256 (lower-case hex) and size; its content is not read. Null if it is gone. */
export function describeBlob(db: Readable, blobId: number): { readonly sha256: string; readonly bytes: number } | null {
  const row = db.one<{ sha256: Buffer; size: number }>('SELECT sha256, size FROM blobs WHERE blob_id = +?', blobId);
  return row === undefined ? null : { sha256: row.sha256.toString('hex'), bytes: row.size };
}

/** Ids of the runs that began in a time range (both ends inclusive, epoch ms), oldest first. */
export const listRunIds = (db: Readable, since: number, until: number): readonly string[] =>
  db
    .all<{ run_id: string }>(
      'SELECT run_id FROM runs WHERE started_at >= ? AND started_at <= ? ORDER BY started_at, run_id',
      since,
      until,
    )
    .map((row) => row.run_id);

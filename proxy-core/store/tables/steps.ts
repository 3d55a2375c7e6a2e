import { z } from 'zod';
import { type StepRecord, stepRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { AdmitInput, SettleInput } from '../store.ts';

/**
 * A run's trace. The step of a call carries no copy of what the exchange knows: its cost and detail are read from
 * the exchange, so a trace can never disagree with what was charged.
 */

/** Longest start of a tool call's arguments that a step keeps, characters; the whole is in the stored answer. */
const ARGS_SHOWN = 4_096;

interface StepRow {
  readonly run_id: string;
  readonly step: number;
  readonly kind: StepRecord['kind'];
  readonly at: number;
  readonly exchange_id: string | null;
  readonly summary: string;
  readonly detail: string;
  readonly cost_nano: number | null;
  readonly call: string | null;
}

export interface NewStep {
  readonly runId: string;
  readonly step: number;
  readonly kind: StepRecord['kind'];
  readonly at: number;
  readonly exchangeId: string | null;
  readonly summary: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export function insertStep(db: Writable, step: NewStep): void {
  db.run(
    'INSERT INTO steps (run_id, step, kind, at, exchange_id, summary, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
    step.runId,
    step.step,
    step.kind,
    step.at,
    step.exchangeId,
    step.summary,
    JSON.stringify(step.detail),
  );
}

/** A run's steps in order, from behind `afterStep`. */
export function listSteps(
  db: Readable,
  runId: string,
  filter: { readonly afterStep?: number; readonly limit: number },
): readonly StepRecord[] {
  const rows = db.all<StepRow>(
    `SELECT s.run_id, s.step, s.kind, s.at, s.exchange_id, s.summary, s.detail, e.cost_nano,
       CASE WHEN e.exchange_id IS NULL THEN NULL ELSE json_object(
         'state', e.state, 'model', coalesce(e.model, e.answered_model), 'answered_model', e.answered_model,
         'provider', e.provider, 'status', e.status, 'failure', e.failure, 'ended_at', e.ended_at,
         'estimated', json(iif(e.estimated = 1, 'true', 'false')), 'usage', json(e.usage),
         'finish_reason', e.finish_reason, 'retry_of', e.retry_of, 'subagent', e.subagent, 'side', e.side) END AS call
     FROM steps s LEFT JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
     WHERE s.run_id = +? AND s.step > ? ORDER BY s.step LIMIT ?`,
    runId,
    filter.afterStep ?? 0,
    filter.limit,
  );
  return rows.map(toRecord);
}

/** The results of earlier tool calls in a request that no request has brought before. */
export function unseenResults(
  db: Readable,
  runId: string,
  results: AdmitInput['toolResults'],
): AdmitInput['toolResults'] {
  const seen = new Set<string>();
  return results.filter(({ callId }) => {
    if (seen.has(callId)) return false;
    seen.add(callId);
    const row = db.one<{ result_step: number | null }>(
      'SELECT result_step FROM tool_calls WHERE run_id = +? AND call_id = +?',
      runId,
      callId,
    );
    return row === undefined || row.result_step === null;
  });
}

/** Record tool results as the steps from `firstStep` on. */
export function insertResults(
  db: Writable,
  input: Pick<AdmitInput, 'runId' | 'exchangeId' | 'at'>,
  results: AdmitInput['toolResults'],
  firstStep: number,
): void {
  results.forEach(({ callId, isError }, index) => {
    const step = firstStep + index;
    insertStep(db, {
      runId: input.runId,
      step,
      kind: 'tool_result',
      at: input.at,
      exchangeId: input.exchangeId,
      summary: isError ? 'tool failed' : 'tool answered',
      detail: { call_id: callId, is_error: isError },
    });
    db.run(
      `INSERT INTO tool_calls (run_id, call_id, result_step) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET result_step = excluded.result_step`,
      input.runId,
      callId,
      step,
    );
  });
}

/** Record the tool calls of an answer as the steps from `firstStep` on; those the client runs await their result. */
export function insertToolCalls(
  db: Writable,
  runId: string,
  input: Pick<SettleInput, 'exchangeId' | 'at' | 'toolCalls'>,
  firstStep: number,
): void {
  input.toolCalls.forEach((call, index) => {
    const step = firstStep + index;
    insertStep(db, {
      runId,
      step,
      kind: 'tool_call',
      at: input.at,
      exchangeId: input.exchangeId,
      summary: call.name,
      detail: {
        call_id: call.callId,
        name: call.name,
        server: call.server,
        args: call.argsText.slice(0, ARGS_SHOWN),
        args_length: call.argsText.length,
      },
    });
    if (call.callId === null || call.server) return;
    db.run(
      'INSERT INTO tool_calls (run_id, call_id, proposed_step) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      runId,
      call.callId,
      step,
    );
  });
}

/** Call ids of proposed tool calls whose result has not been seen, oldest first. */
export function listPendingCalls(db: Readable, runId: string): readonly string[] {
  return db
    .all<{ call_id: string }>(
      `SELECT call_id FROM tool_calls WHERE run_id = +? AND proposed_step IS NOT NULL AND result_step IS NULL
       ORDER BY proposed_step`,
      runId,
    )
    .map((row) => row.call_id);
}

const toRecord = ({ call, detail, ...row }: StepRow): StepRecord =>
  stepRecord.parse({ ...row, detail: { ...(call === null ? {} : parseObject(call)), ...parseObject(detail) } });

const object = z.record(z.string(), z.unknown());
const parseObject = (text: string): object => object.parse(parseColumn(text));

import { z } from 'zod';
import { type StepRecord, stepRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';
import type { AdmitInput, NewToolResult, SettleInput } from '../store.ts';

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

/** A result that no request has brought before, with the step of the call that it answers. */
export interface UnseenResult extends NewToolResult {
  readonly proposedStep: number | null;
}

/** The results of earlier tool calls in a request that no request has brought before. */
export function unseenResults(
  db: Readable,
  runId: string,
  results: AdmitInput['toolResults'],
): readonly UnseenResult[] {
  const seen = new Set<string>();
  return results.flatMap((result) => {
    if (seen.has(result.callId)) return [];
    seen.add(result.callId);
    const row = db.one<{ proposed_step: number | null; result_step: number | null }>(
      'SELECT proposed_step, result_step FROM tool_calls WHERE run_id = +? AND call_id = +?',
      runId,
      result.callId,
    );
    const known = row !== undefined && row.result_step !== null;
    return known ? [] : [{ ...result, proposedStep: row?.proposed_step ?? null }];
  });
}

/** Record tool results as the steps from `firstStep` on. */
export function insertResults(
  db: Writable,
  input: Pick<AdmitInput, 'runId' | 'exchangeId' | 'at'>,
  results: readonly UnseenResult[],
  firstStep: number,
): void {
  results.forEach(({ callId, isError, output, proposedStep }, index) => {
    const step = firstStep + index;
    insertStep(db, {
      runId: input.runId,
      step,
      kind: 'tool_result',
      at: input.at,
      exchangeId: input.exchangeId,
      summary: isError ? 'tool failed' : 'tool answered',
      detail: {
        call_id: callId,
        is_error: isError,
        proposed_step: proposedStep,
        ...(output === undefined ? {} : { output: output.text, output_length: output.length }),
      },
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

/** The results that a call brought for the first time. Their steps stand directly before the call's own. */
export const listResultsOf = (
  db: Readable,
  runId: string,
  exchangeId: string,
  step: number,
): readonly { readonly callId: string; readonly isError: boolean }[] =>
  db
    .all<{ call_id: string; is_error: number }>(
      `SELECT detail ->> 'call_id' AS call_id, detail ->> 'is_error' AS is_error FROM steps
       WHERE run_id = +? AND step < ? AND step > ? AND exchange_id = +? AND kind = 'tool_result' ORDER BY step`,
      runId,
      step,
      step - MOST_RESULTS,
      exchangeId,
    )
    .map(({ call_id: callId, is_error: isError }) => ({ callId, isError: isError === 1 }));

/** More results than this of one request are not looked at for what they made. */
const MOST_RESULTS = 1_000;

/** A tool call as its step describes it. */
export interface ProposedCall {
  readonly step: number;
  /** The exchange in whose answer it stands. */
  readonly exchangeId: string;
  readonly name: string;
  /** The start of the arguments, and how long they are. */
  readonly args: string;
  readonly argsLength: number;
}

/** The call that a result answers, or null if no answer in this run proposed it. */
export function findProposedCall(db: Readable, runId: string, callId: string): ProposedCall | null {
  const row = db.one<{ step: number; exchange_id: string | null; name: string; args: string; args_length: number }>(
    `SELECT s.step, s.exchange_id, s.summary AS name, s.detail ->> 'args' AS args, s.detail ->> 'args_length' AS args_length
     FROM tool_calls t JOIN steps s ON s.run_id = t.run_id AND s.step = t.proposed_step
     WHERE t.run_id = +? AND t.call_id = +?`,
    runId,
    callId,
  );
  if (row === undefined || row.exchange_id === null) return null;
  const { step, exchange_id: exchangeId, name, args, args_length: argsLength } = row;
  return { step, exchangeId, name, args, argsLength };
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

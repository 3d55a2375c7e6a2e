import type { WireFormat } from '../../contract/records.ts';
import type { Readable } from '../handle.ts';
import type { PassedExchange, UnansweredExchange } from '../store.ts';

/** What an agent's open runs had under way when the core was last closed, by which its next calls find their runs. */

const MOST_RUNS = 32;
/** Latest calls of one run that are looked at. */
const MOST_CALLS = 16;

const OPEN_RUNS = `SELECT run_id, explicit FROM runs WHERE agent_id = +? AND state IN ('open', 'waiting')
  ORDER BY last_activity_at DESC LIMIT ?`;

const openRuns = (db: Readable, agentId: string, most: number): readonly { run_id: string; explicit: number }[] =>
  db.all(OPEN_RUNS, agentId, most);

interface CallRow extends UnansweredExchange {
  readonly state: string;
  readonly retryOf: string | null;
}

/** Calls without a complete answer among the latest of open runs that nobody named, oldest first. */
export const listUnanswered = (db: Readable, agentId: string): readonly UnansweredExchange[] =>
  openRuns(db, agentId, MOST_RUNS)
    .filter(({ explicit }) => explicit === 0)
    .flatMap(({ run_id: runId }) => unansweredOf(db, runId))
    .toReversed();

function unansweredOf(db: Readable, runId: string): readonly UnansweredExchange[] {
  const calls = db.all<CallRow>(
    `SELECT e.exchange_id AS exchangeId, e.run_id AS runId, e.subagent, e.method, e.path, e.model, b.size AS bytes,
       e.state, e.retry_of AS retryOf
     FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
       JOIN bodies b ON b.body_id = e.request_body
     WHERE s.run_id = +? AND s.kind IN ('model_call', 'retry', 'refusal') AND e.wire_format IS NOT NULL
     ORDER BY s.step DESC LIMIT ?`,
    runId,
    MOST_CALLS,
  );
  // What a gate holds is found by its gate; a call that failed is answered once a retry of it has been.
  const answered = new Set(calls.filter(({ state }) => state === 'completed').map(({ retryOf }) => retryOf));
  return calls.filter(
    ({ state, exchangeId, retryOf }) =>
      state !== 'completed' && state !== 'gated' && !answered.has(exchangeId) && !answered.has(retryOf ?? ''),
  );
}

/** Tool calls that await their result, or whose result is the handle of work that goes on (it names its call), of the agent's most recently active open runs, oldest first. */
export function listOpenCalls(
  db: Readable,
  agentId: string,
  mostRuns: number,
  mostCalls: number,
): readonly { readonly runId: string; readonly callId: string; readonly argsText: string }[] {
  const rows: { runId: string; callId: string; argsText: string }[] = [];
  for (const { run_id: runId } of openRuns(db, agentId, mostRuns)) {
    rows.push(
      ...db.all<(typeof rows)[number]>(
        `SELECT t.run_id AS runId, t.call_id AS callId, s.detail ->> 'args' AS argsText
         FROM tool_calls t JOIN steps s ON s.run_id = t.run_id AND s.step = t.proposed_step
         WHERE t.run_id = +? AND t.proposed_step IS NOT NULL AND (t.result_step IS NULL OR EXISTS (
           SELECT 1 FROM steps r WHERE r.run_id = t.run_id AND r.step = t.result_step
             AND instr(r.detail ->> 'output', t.call_id) > 0))
         ORDER BY t.proposed_step DESC LIMIT ?`,
        runId,
        mostCalls - rows.length,
      ),
    );
    if (rows.length >= mostCalls) break;
  }
  return rows.reverse();
}

/** The latest answers that passed in the agent's open runs since an instant, oldest first. */
export function listPassedAnswers(
  db: Readable,
  agentId: string,
  since: number,
  most: number,
): readonly PassedExchange[] {
  const found = openRuns(db, agentId, MOST_RUNS).flatMap(({ run_id: runId }) =>
    db.all<{ exchangeId: string; runId: string; at: number; format: WireFormat; type: string | null }>(
      `SELECT e.exchange_id AS exchangeId, e.run_id AS runId, e.ended_at AS at, e.wire_format AS format,
         e.response_content_type AS type
       FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
       WHERE s.run_id = +? AND s.kind IN ('model_call', 'retry') AND e.wire_format IS NOT NULL
         AND e.state IN ('completed', 'gated') AND e.ended_at >= ?
       ORDER BY s.step DESC LIMIT ?`,
      runId,
      since,
      MOST_CALLS,
    ),
  );
  return found
    .sort((one, other) => one.at - other.at)
    .slice(-most)
    .map(({ type, ...one }) => ({ ...one, stream: type?.startsWith('text/event-stream') ?? false }));
}

import type { GateRecord } from '../../contract/records.ts';
import type { Readable } from '../handle.ts';
import type { GateContextReader, SeenValue } from '../store.ts';
import { findGateWithin } from './gates.ts';

/** What a reviewer is shown around a gate. Every read is bounded: it runs while agents wait. */

/** Gates looked through for similar ones, newest first. */
const LOOKED_AT = 2_000;
/** Proposed actions longer than this are left out of similar gates, bytes. */
const ACTIONS_SHOWN = 64 * 1024;

/** The reads around a gate, over a reading handle. */
export const gateContextReader = (db: Readable): GateContextReader => ({
  gateStep: (gateId) => db.one<{ step: number }>('SELECT step FROM gates WHERE gate_id = +?', gateId)?.step ?? null,
  similarGates: (to) => listSimilar(db, to),
  agentCalls: (agentId, limit) => listAgentCalls(db, agentId, limit),
  firstSeenAt: (agentId, kind, value) => findFirstSeen(db, agentId, kind, value),
  firstExchange: (runId) => findFirstExchange(db, runId),
  requestBytes: (exchangeId) => findRequestBytes(db, exchangeId),
});

function listSimilar(db: Readable, to: Parameters<GateContextReader['similarGates']>[0]): readonly GateRecord[] {
  const rows = db.all<{ gate_id: string }>(
    `SELECT g.gate_id FROM (SELECT * FROM gates ORDER BY created_at DESC, gate_id DESC LIMIT ?) g
       JOIN steps s ON s.run_id = g.run_id AND s.step = g.step
     WHERE g.rule = +? AND g.gate_id <> +? AND g.state IN ('approved', 'rejected') AND g.decided_at < ?
       AND EXISTS (SELECT 1 FROM json_each(s.detail, '$.tools') t WHERE t.value = ?)
     ORDER BY g.decided_at DESC, g.gate_id DESC LIMIT ?`,
    LOOKED_AT,
    to.rule,
    to.gateId,
    to.before,
    to.tool,
    to.limit,
  );
  return rows.flatMap(({ gate_id: gateId }) => findGateWithin(db, gateId, ACTIONS_SHOWN) ?? []);
}

function listAgentCalls(db: Readable, agentId: string, limit: number): ReturnType<GateContextReader['agentCalls']> {
  const rows = db.all<{ run_id: string; tool: string; args: string | null; args_length: number | null }>(
    `SELECT s.run_id, s.summary AS tool, s.detail ->> '$.args' AS args, s.detail ->> '$.args_length' AS args_length
     FROM runs r JOIN steps s ON s.run_id = r.run_id
     WHERE r.agent_id = +? AND r.tool_calls > 0 AND s.kind = 'tool_call'
     ORDER BY r.started_at DESC, r.run_id DESC, s.step DESC LIMIT ?`,
    agentId,
    limit,
  );
  return rows.map(({ run_id: runId, tool, args, args_length: length }) => ({
    runId,
    tool,
    argsText: args ?? '',
    cut: length !== null && length > (args ?? '').length,
  }));
}

const findFirstSeen = (db: Readable, agentId: string, kind: SeenValue['kind'], value: string): number | null =>
  db.one<{ seen_at: number }>(
    'SELECT seen_at FROM agent_seen WHERE agent_id = +? AND kind = +? AND value = +?',
    agentId,
    kind,
    value,
  )?.seen_at ?? null;

const findFirstExchange = (db: Readable, runId: string): string | null =>
  db.one<{ exchange_id: string }>(
    `SELECT e.exchange_id FROM steps s JOIN exchanges e ON e.exchange_id = s.exchange_id AND e.step = s.step
     WHERE s.run_id = +? AND e.request_body IS NOT NULL AND e.side IS NULL AND e.subagent IS NULL
     ORDER BY s.step LIMIT 1`,
    runId,
  )?.exchange_id ?? null;

const findRequestBytes = (db: Readable, exchangeId: string): number | null =>
  db.one<{ size: number }>(
    'SELECT b.size FROM exchanges e JOIN bodies b ON b.body_id = e.request_body WHERE e.exchange_id = +?',
    exchangeId,
  )?.size ?? null;

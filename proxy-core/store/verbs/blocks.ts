import { hash } from 'node:crypto';
import type { Writable } from '../handle.ts';
import type { By, NewBlock } from '../store.ts';
import { appendAudit } from '../tables/audit.ts';
import { advanceRun } from '../tables/runs.ts';
import { insertStep } from '../tables/steps.ts';

/** A block by a rule, recorded like a gate: where it stands in the trace, and for good in the audit. */
export interface BlockFact {
  readonly at: number;
  readonly runId: string;
  readonly exchangeId: string;
  readonly by: By;
  readonly block: NewBlock;
}

/** An audit record keeps stopped actions up to this size word for word, beyond it their hash; UTF-8 bytes. */
const AUDITED_WHOLE = 64 * 1024;

/** Record a block of an answer: its step behind those of the calls in it, and its audit record. */
export function recordBlock(db: Writable, fact: BlockFact): void {
  const { at, runId, exchangeId, block } = fact;
  const step = advanceRun(db, runId, { steps: 1, exchanges: 0, at });
  const { detail } = block;
  insertStep(db, { runId, step, kind: 'refusal', at, exchangeId, summary: detail.failure, detail });
  auditBlock(db, fact);
}

/** The audit record of a block whose step is another's (a call that was refused as it came). */
export function auditBlock(db: Writable, { at, runId, exchangeId, by, block }: BlockFact): void {
  const fields = { exchange_id: exchangeId, ...block.detail, ...auditedActions(block) };
  appendAudit(db, { at, kind: 'policy.blocked', by, runId, fields });
}

function auditedActions({ actions }: NewBlock): Readonly<Record<string, unknown>> {
  if (actions.length === 0) return {};
  const text = JSON.stringify(actions);
  const bytes = Buffer.byteLength(text);
  return bytes <= AUDITED_WHOLE
    ? { blocked_actions: actions }
    : { blocked_actions_sha256: hash('sha256', text, 'hex'), blocked_actions_bytes: bytes };
}

import { createHash } from 'node:crypto';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';

/** Gates that differ only in what a test is about. */

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const CREATED = Date.parse('2026-04-26T14:48:12.000Z');
export const EXPIRES = Date.parse('2026-04-26T15:48:12.000Z');

/** The gate of the product's documentation. */
export const gateRecord = (over: Partial<GateRecord> = {}): GateRecord => ({
  gate_id: 'gate_8xk2m',
  run_id: 'run_customer_refund_2026_04_26',
  agent_id: 'agt_1',
  agent: 'support-bot',
  kind: 'response',
  state: 'pending',
  rule: 'refund:over-$500',
  policy: 'refunds@7',
  message: 'Refunds over $500 need a second pair of eyes.',
  fingerprint: 'f'.repeat(64),
  action_hash: 'a'.repeat(64),
  proposed_actions: [
    {
      tool: 'issue_refund',
      args: { order: 'ord_2H4p', amount_usd: 1240 },
      call_id: 'call_1',
      rule: 'refund:over-$500',
    },
  ],
  explanation: [
    { path: 'tool', operator: '$eq', seen: 'issue_refund', decisive: true },
    { path: 'args.note', operator: '$exists', seen: null, decisive: false },
  ],
  approver_channels: ['slack://#customer-ops', 'desktop://'],
  exchange_id: 'xch_1',
  created_at: CREATED,
  expires_at: EXPIRES,
  decided_at: null,
  effective_at: null,
  decided_by: null,
  channel: null,
  reason: null,
  suggested_args: null,
  released_at: null,
  outcome_unknown: false,
  retries: 0,
  last_retry_at: null,
  agent_gone_at: null,
  ...over,
});

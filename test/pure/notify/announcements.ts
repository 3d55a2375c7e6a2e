import { createHash } from 'node:crypto';
import type { EventBody } from '../../../proxy-core/contract/events.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import type { NoticeSettings, Route } from '../../../proxy-core/notify/notice.ts';
import type { Announced, NoticeEvent } from '../../../proxy-core/notify/subject.ts';
import { BUILT_IN } from '../../../proxy-core/redaction/redactor.ts';

/** Events and gates that differ only in what a test is about. */

export const AT = Date.UTC(2026, 3, 26, 14, 48, 12);

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const gate = (over: Partial<GateRecord> = {}): GateRecord => ({
  gate_id: 'gate_8xk2m',
  run_id: 'run_customer_refund',
  agent_id: 'agt_1',
  agent: 'refund-bot',
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
  explanation: [{ path: 'args.amount_usd', operator: '$gte', expected: '500', seen: '1240' }],
  approver_channels: ['webhook://oncall'],
  exchange_id: 'xch_1',
  created_at: AT,
  expires_at: AT + 3_600_000,
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

export const decided = (state: 'approved' | 'rejected', over: Partial<GateRecord> = {}): GateRecord =>
  gate({
    state,
    decided_at: AT + 60_000,
    effective_at: AT + 65_000,
    decided_by: 'operator',
    channel: 'console',
    reason: 'Route to manager.',
    ...over,
  });

export function event<N extends NoticeEvent>(name: N, body: EventBody<N>, at = AT): Announced {
  return { seq: 1, at, name, body } as unknown as Announced;
}

const run = { run_id: 'run_1', agent: 'bot' };

/** One event of every name. */
export const EXAMPLES: { readonly [N in NoticeEvent]: EventBody<N> } = {
  'run.started': { ...run, policy: 'refunds@7', client: 'codex' },
  'run.completed': { ...run, spent_nano: 1_250_000_000 },
  'run.blocked': { ...run, reason: 'policy_blocked' },
  'approval.pending': { gate: gate() },
  'approval.approved': { gate: decided('approved') },
  'approval.rejected': { gate: decided('rejected', { suggested_args: { amount_usd: 400 } }) },
  'approval.expired': { gate: gate({ state: 'expired' }) },
  'budget.alert': {
    scope: 'agent',
    subject: 'agt_1',
    threshold: 0.8,
    spent_nano: 4_000_000_000,
    cap_nano: 5_000_000_000,
    run_id: 'run_1',
  },
  'budget.exceeded': {
    run_id: 'run_1',
    scope: 'run',
    name: 'run_1',
    cap_nano: 5_000_000_000,
    spent_nano: 5_020_000_000,
    step_that_crossed: 41,
  },
  'policy.drift': { ...run, kind: 'host', value: 'example.net' },
  'policy.blocked': {
    ...run,
    policy: 'refunds@7',
    rule: 'no-browser',
    subject: 'browser_open',
    stage: 'response',
    message: 'No browsers.',
    matched: ['tool "browser_open" = "browser_open"'],
    exchange_id: 'xch_1',
    sent: 'a refusal (403)',
  },
  'loop.detected': { ...run, kind: 'identical_tool_calls', count: 5, action: 'gate' },
};

export const webhook = (channel: string, events: readonly string[] = ['*']): Route => ({
  channel,
  kind: 'webhook',
  events,
});
export const desktop: Route = { channel: 'desktop://', kind: 'desktop', events: [] };

export const settings = (...routes: readonly Route[]): NoticeSettings => ({
  routes,
  consoleUrl: 'http://127.0.0.1:4142',
  sha256,
  redactor: BUILT_IN,
});

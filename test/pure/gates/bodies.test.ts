import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../../proxy-core/contract/failures.ts';
import {
  agentGate,
  alreadyResolvedFailure,
  answerGoneFailure,
  awaitingApproval,
  changedFailure,
  expiredFailure,
  gateRow,
  pendingFailure,
  RETRY_AFTER_SECONDS,
  rejectedFailure,
  suggestedPause,
} from '../../../proxy-core/gates/bodies.ts';
import { CREATED, EXPIRES, gateRecord } from './gate-fixtures.ts';

const rejected = (over = {}) =>
  gateRecord({
    state: 'rejected',
    decided_at: Date.parse('2026-04-26T15:30:00.000Z'),
    effective_at: Date.parse('2026-04-26T15:30:00.000Z'),
    decided_by: 'ann@example.com',
    channel: 'slack',
    reason: 'Amount exceeds standard limit; route to manager.',
    ...over,
  });

describe('the body of a 202', () => {
  const body = awaitingApproval(gateRecord(), 'waiting');
  const context = body['context'] as Record<string, unknown>;

  it('has the documented keys, first and with the documented values', () => {
    expect(body['status']).toBe('awaiting_approval');
    expect(Object.entries(context).slice(0, 6)).toEqual([
      ['gate_id', 'gate_8xk2m'],
      ['run_id', 'run_customer_refund_2026_04_26'],
      ['rule', 'refund:over-$500'],
      ['proposed_action', { tool: 'issue_refund', args: { order: 'ord_2H4p', amount_usd: 1240 } }],
      ['approver_channel', 'slack://#customer-ops'],
      ['expires_at', '2026-04-26T15:48:12.000Z'],
    ]);
    expect(Object.keys(body)).toEqual(['status', 'context']);
  });

  it('adds every call, every channel, the fingerprint, the pause, the message and the state of the run', () => {
    expect(context).toMatchObject({
      proposed_actions: [{ tool: 'issue_refund', rule: 'refund:over-$500', call_id: 'call_1' }],
      approver_channels: ['slack://#customer-ops', 'desktop://'],
      fingerprint: 'f'.repeat(64),
      retry_after_seconds: 5,
      message: 'Refunds over $500 need a second pair of eyes.',
      run_state: 'waiting',
      policy: 'refunds@7',
      matched: [{ path: 'tool' }],
    });
    expect(RETRY_AFTER_SECONDS).toBe(5);
  });

  it('proposes the first gated call, and lists ungated ones without a rule', () => {
    const free = { tool: 'read_order', args: {}, call_id: 'call_0', rule: null };
    const gate = gateRecord({ proposed_actions: [free, ...gateRecord().proposed_actions] });
    const mixed = awaitingApproval(gate, 'waiting')['context'] as Record<string, unknown>;
    expect(mixed['proposed_action']).toMatchObject({ tool: 'issue_refund' });
    expect(mixed['proposed_actions']).toMatchObject([{ tool: 'read_order', rule: null }, { tool: 'issue_refund' }]);
  });

  it('names the desktop for a rule without channels', () => {
    const bare = awaitingApproval(gateRecord({ approver_channels: [] }), 'waiting')['context'];
    expect(bare).toMatchObject({ approver_channel: 'desktop://' });
  });
});

describe('the suggested pauses', () => {
  it('are 5 s, 10 s, 30 s, 60 s, then 5 min', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 99].map((retries) => suggestedPause(retries, CREATED, EXPIRES));
    expect(pauses).toEqual([5, 10, 30, 60, 300, 300, 300]);
  });

  it('end with the gate, and are at least a second', () => {
    expect(suggestedPause(9, EXPIRES - 90_500, EXPIRES)).toBe(91);
    expect(suggestedPause(9, EXPIRES, EXPIRES)).toBe(1);
  });
});

describe('a rejection', () => {
  it('is 403 with the documented message and context', () => {
    const failure = rejectedFailure(rejected(), false);
    expect(failure).toMatchObject({ code: 'approval_rejected', message: 'Approval gate rejected by reviewer.' });
    expect(FAILURES[failure.code].status).toBe(403);
    expect(Object.entries(failure.context).slice(0, 5)).toEqual([
      ['gate_id', 'gate_8xk2m'],
      ['rule', 'refund:over-$500'],
      ['rejected_by', 'ann@example.com'],
      ['rejected_at', '2026-04-26T15:30:00.000Z'],
      ['reason', 'Amount exceeds standard limit; route to manager.'],
    ]);
    expect(failure.context).toMatchObject({
      run_id: 'run_customer_refund_2026_04_26',
      matched: [{ path: 'tool' }],
      recover: expect.any(String),
    });
    expect('suggested_args' in failure.context).toBe(false);
  });

  it('carries suggested arguments, and says that they may be used', () => {
    const { context } = rejectedFailure(rejected({ suggested_args: { amount_usd: 400 } }), false);
    expect(context).toMatchObject({
      suggested_args: { amount_usd: 400 },
      recover: expect.stringContaining('suggested_args'),
    });
  });

  it('goes on with rule and reason for clients that print the sentence and nothing else', () => {
    expect(rejectedFailure(rejected(), true).message).toBe(
      'Approval gate rejected by reviewer. Rule refund:over-$500: Amount exceeds standard limit; route to manager.',
    );
    expect(rejectedFailure(rejected({ reason: null }), true).message).toBe(
      'Approval gate rejected by reviewer. Rule refund:over-$500; no reason was given.',
    );
  });

  it('without a reason says null', () => {
    expect(rejectedFailure(rejected({ reason: null }), false).context).toMatchObject({ reason: null });
  });
});

describe('the other refusals', () => {
  it('an expiry is 410 with the documented message and context, and the way to ask anew', () => {
    const failure = expiredFailure(gateRecord({ state: 'expired' }));
    expect(failure).toMatchObject({ code: 'gate_expired', message: 'Approval gate expired without resolution.' });
    expect(FAILURES[failure.code].status).toBe(410);
    expect(Object.entries(failure.context).slice(0, 2)).toEqual([
      ['gate_id', 'gate_8xk2m'],
      ['expired_at', '2026-04-26T15:48:12.000Z'],
    ]);
    expect(failure.context).toMatchObject({
      rule: 'refund:over-$500',
      recover: expect.stringContaining('x-rungate-new-gate'),
    });
  });

  it('an answer that is gone is 410, never a second call', () => {
    const failure = answerGoneFailure(gateRecord({ state: 'approved' }));
    expect(failure).toMatchObject({
      code: 'gate_expired',
      context: { gate_id: 'gate_8xk2m', expired_at: '2026-04-26T15:48:12.000Z' },
    });
  });

  it('a held connection at its ceiling is 409 that is worth resending within a minute', () => {
    const failure = pendingFailure(gateRecord(), 300);
    expect(FAILURES[failure.code]).toMatchObject({ status: 409, retry: 'later' });
    expect(failure.retryAfterSeconds).toBe(60);
    expect(pendingFailure(gateRecord(), 1).retryAfterSeconds).toBe(1);
    expect(pendingFailure(gateRecord(), 0).retryAfterSeconds).toBe(1);
    expect(failure.context).toMatchObject({
      gate_id: 'gate_8xk2m',
      rule: 'refund:over-$500',
      expires_at: '2026-04-26T15:48:12.000Z',
    });
  });

  it('says nothing of the tool or its arguments where the agent only waits', () => {
    const secret = { tool: 'secret_tool', args: { x: 'secret_arg' }, call_id: 'c', rule: 'refund:over-$500' };
    expect(JSON.stringify(pendingFailure(gateRecord({ proposed_actions: [secret], explanation: [] }), 5))).not.toMatch(
      /secret/,
    );
  });

  it('a reviewer who comes too late is told who, when and how', () => {
    const failure = alreadyResolvedFailure(rejected());
    expect(FAILURES[failure.code].status).toBe(409);
    expect(failure.message).toBe(
      'Gate gate_8xk2m is already rejected by ann@example.com at 2026-04-26T15:30:00.000Z (slack).',
    );
    expect(failure.context).toMatchObject({
      state: 'rejected',
      decided_by: 'ann@example.com',
      decided_at: '2026-04-26T15:30:00.000Z',
      channel: 'slack',
    });
  });

  it('E4: a reviewer whose screen shows something else gets 409 and the hash that is stored', () => {
    const failure = changedFailure(gateRecord());
    expect(FAILURES[failure.code].status).toBe(409);
    expect(failure.context).toMatchObject({ action_hash: 'a'.repeat(64) });
  });
});

describe('a gate as rows and to its agent', () => {
  it('has the documented keys', () => {
    expect(gateRow(gateRecord())).toMatchObject({
      gate_id: 'gate_8xk2m',
      state: 'pending',
      run_id: 'run_customer_refund_2026_04_26',
      agent: 'support-bot',
      rule: 'refund:over-$500',
      proposed_action: { tool: 'issue_refund' },
      proposed_actions: [{}],
      expires_at: '2026-04-26T15:48:12.000Z',
      decided_at: null,
      reason: null,
    });
  });

  it('hides a verdict that has not taken effect from its agent only', () => {
    const gate = rejected({ effective_at: Date.parse('2026-04-26T15:30:05.000Z'), suggested_args: { a: 1 } });
    const before = agentGate(gate, Date.parse('2026-04-26T15:30:04.999Z'));
    expect(before).toMatchObject({
      state: 'pending',
      decided_at: null,
      decided_by: null,
      channel: null,
      reason: null,
      suggested_args: null,
    });
    expect(agentGate(gate, Date.parse('2026-04-26T15:30:05.000Z'))).toMatchObject({
      state: 'rejected',
      decided_by: 'ann@example.com',
    });
    expect(gateRow(gate)).toMatchObject({ state: 'rejected', reason: expect.any(String) });
  });

  it('shows its agent the expiry before the store has noted it', () => {
    expect(agentGate(gateRecord(), EXPIRES)).toMatchObject({ state: 'expired' });
  });

  it('has the same keys for both', () => {
    expect(Object.keys(agentGate(gateRecord(), EXPIRES))).toEqual(Object.keys(gateRow(gateRecord())));
  });
});

it('every message of a failure fits on a line of 200 characters', () => {
  const long = rejected({ rule: 'r'.repeat(500), decided_by: 'd'.repeat(500), channel: 'c'.repeat(500) });
  for (const failure of [
    rejectedFailure(long, true),
    expiredFailure(long),
    pendingFailure(long, 5),
    alreadyResolvedFailure(long),
    changedFailure(long),
  ])
    expect(failure.message.length).toBeLessThanOrEqual(200);
});

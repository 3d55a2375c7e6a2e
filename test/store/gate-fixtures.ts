import type { GateOpening, KeptAnswer, Store, VerbInput } from '../../proxy-core/store/store.ts';
import { admitInput, agentInput, NOON, OPERATOR } from './fixture-store.ts';

/** Gates of agent `agt_1` in `run_1` that differ only in what a test is about. */

export const MINUTE = 60_000;
export const EXPIRES = NOON + 60 * MINUTE;

export const REFUND = {
  tool: 'issue_refund',
  args: { order: 'ord_2H4p', amount_usd: 1240 },
  call_id: 'toolu_1',
  rule: 'refund:over-$500',
};

/** A response gate that expires an hour after NOON. */
export const gateOpening = (gateId: string, over: Partial<GateOpening> = {}): GateOpening => ({
  gateId,
  kind: 'response',
  runId: 'run_1',
  agentId: 'agt_1',
  agentName: 'bot',
  rule: 'refund:over-$500',
  policy: 'refunds@7',
  message: 'Refunds over $500 need a second pair of eyes.',
  fingerprint: `print_${gateId}`,
  actionHash: `hash_${gateId}`,
  proposedActions: [REFUND, { tool: 'note', args: 'free text', call_id: null, rule: null }],
  explanation: [{ path: 'args.amount_usd', operator: '$gte', expected: '500', seen: '1240' }],
  approverChannels: ['slack://#customer-ops', 'desktop://'],
  exchangeId: 'xch_1',
  expiresAt: EXPIRES,
  ...over,
});

export const openInput = (
  gateId: string,
  over: Partial<GateOpening> = {},
  at: number = NOON,
): VerbInput<'openGate'> => ({ at, gate: gateOpening(gateId, over), answer: null, replacesExpired: false });

/** An approval by the operator at the command line, effective at once. */
export const decision = (
  gateId: string,
  at: number,
  over: Partial<VerbInput<'decideGate'>> = {},
): VerbInput<'decideGate'> => ({
  at,
  gateId,
  verdict: 'approved',
  effectiveAt: at,
  reason: null,
  suggestedArgs: null,
  actionHash: null,
  grant: null,
  by: OPERATOR,
  ...over,
});

/** A rule-run grant that comes with the approval of a gate. */
export const grant = (gateId: string, over: Partial<NonNullable<VerbInput<'decideGate'>['grant']>> = {}) => ({
  grant_id: 'grant_1',
  scope: 'rule-run' as const,
  agent_id: 'agt_1',
  agent: 'bot',
  run_id: 'run_1',
  rule: 'refund:over-$500',
  policy: 'refunds@7',
  matcher: { tool: 'issue_refund', args_sha256: null },
  shown: 'any call of issue_refund that rule "refund:over-$500" gates, in run run_1',
  gate_id: gateId,
  created_at: NOON,
  created_by: 'operator',
  expires_at: null,
  ...over,
});

export const keptAnswer = (text: string): KeptAnswer => ({
  status: 200,
  headers: ['content-type', 'application/json', 'x-request-id', 'req_1'],
  stream: false,
  body: Buffer.from(text),
});

/** An agent with one open run. */
export async function beginRun(store: Store): Promise<void> {
  await store.write('saveAgent', agentInput()).committed;
  await store.write('admit', admitInput('xch_1')).committed;
}

import { describe, expect, it } from 'vitest';
import type { GrantRecord, GrantScope } from '../../../proxy-core/contract/records.ts';
import { visible } from '../../../proxy-core/contract/visible.ts';
import { argsHash } from '../../../proxy-core/gates/action-hash.ts';
import {
  coveringGrants,
  covers,
  type GrantCall,
  type GrantContext,
  grantOf,
  offerGrant,
  offerGrants,
} from '../../../proxy-core/gates/grants.ts';
import { CREATED, gateRecord, sha256 } from './gate-fixtures.ts';

const ports = { sha256, visible };
const HARMLESS = { notGrantable: null };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const [REFUND] = gateRecord().proposed_actions;
if (REFUND === undefined) throw new Error('the gate proposes nothing');

const offer = (scope: GrantScope, over: Parameters<typeof gateRecord>[0] = {}, forMs: number | null = null) =>
  offerGrant(gateRecord(over), HARMLESS, { scope, forMs }, ports);
const scopes = (over: Parameters<typeof gateRecord>[0], risk: Parameters<typeof offerGrants>[1] = HARMLESS) =>
  offerGrants(gateRecord(over), risk, ports).map(({ scope }) => scope);

function granted(scope: GrantScope, over: Partial<GrantRecord> = {}, forMs: number | null = null): GrantRecord {
  const answer = offer(scope, {}, forMs);
  if (answer.kind !== 'offered') throw new Error(answer.reason);
  const grant = grantOf(answer, gateRecord(), { grantId: 'grant_1', actor: 'ann', at: CREATED });
  return { ...grant, used: 0, revoked_at: null, ...over };
}
const call = (over: Partial<GrantCall> = {}): GrantCall => ({
  tool: 'issue_refund',
  argsSha256: argsHash(REFUND.args, sha256),
  risk: HARMLESS,
  ...over,
});
const context = (over: Partial<GrantContext> = {}): GrantContext => ({
  agentId: 'agt_1',
  runId: 'run_customer_refund_2026_04_26',
  policy: 'refunds@7',
  now: CREATED + 1,
  ...over,
});

describe('which grants are offered', () => {
  it('all three for one harmless call, narrowest first', () => {
    expect(scopes({})).toEqual(['exact-run', 'rule-run', 'rule-agent']);
  });

  it.each(['critical', 'compound', 'unreadable'] as const)('none for what is %s', (notGrantable) => {
    expect(scopes({}, { notGrantable })).toEqual([]);
    expect(offerGrant(gateRecord(), { notGrantable }, { scope: 'exact-run', forMs: null }, ports)).toMatchObject({
      kind: 'not_offered',
      reason: expect.stringContaining('once at a time'),
    });
  });

  it('none when another rule gates a call of the same answer', () => {
    expect(scopes({ proposed_actions: [REFUND, { ...REFUND, rule: 'other' }] })).toEqual([]);
  });

  it('none when gated calls are of several tools', () => {
    expect(scopes({ proposed_actions: [REFUND, { ...REFUND, tool: 'wire_money' }] })).toEqual([]);
  });

  it('the wide ones only, when gated calls of one tool differ; calls that no rule gates do not count', () => {
    expect(scopes({ proposed_actions: [REFUND, { ...REFUND, args: { order: 'x' } }] })).toEqual([
      'rule-run',
      'rule-agent',
    ]);
    expect(scopes({ proposed_actions: [{ ...REFUND, tool: 'read', rule: null }, REFUND, REFUND] })).toEqual([
      'exact-run',
      'rule-run',
      'rule-agent',
    ]);
  });

  it('none for a gate without a gated action', () => {
    expect(scopes({ proposed_actions: [{ ...REFUND, rule: null }] })).toEqual([]);
  });

  it('the rule only for a whole request, and for requests only', () => {
    expect(scopes({ kind: 'request' })).toEqual(['rule-run', 'rule-agent']);
    expect(offer('rule-run', { kind: 'request' })).toMatchObject({
      matcher: { tool: null, args_sha256: null },
      shown: expect.stringContaining('any request'),
    });
  });

  it('for an agent an hour unless asked otherwise, a day at most, never for no time', () => {
    expect(offer('rule-agent')).toMatchObject({ kind: 'offered', lastsMs: HOUR });
    expect(offer('rule-agent', {}, DAY)).toMatchObject({ kind: 'offered', lastsMs: DAY });
    expect(offer('rule-agent', {}, DAY + 1)).toMatchObject({ kind: 'not_offered' });
    expect(offer('rule-run', {}, 0)).toMatchObject({ kind: 'not_offered' });
    expect(offer('rule-run', {}, Number.NaN)).toMatchObject({ kind: 'not_offered' });
    expect(offer('rule-run')).toMatchObject({ kind: 'offered', lastsMs: null });
  });
});

describe('what is shown is what is stored', () => {
  it('for the exact action its arguments word for word', () => {
    expect(offer('exact-run')).toMatchObject({
      shown:
        'exactly issue_refund {"order":"ord_2H4p","amount_usd":1240} that rule "refund:over-$500" of refunds@7 gates, in run run_customer_refund_2026_04_26, until the run ends',
      matcher: { tool: 'issue_refund', args_sha256: argsHash(REFUND.args, sha256) },
    });
  });

  it('for the rule the tool, the run or agent, and the time', () => {
    expect(offer('rule-run', {}, 90 * 60_000)).toMatchObject({
      shown: expect.stringMatching(
        /^any call of issue_refund that .* in run run_customer_refund_2026_04_26, for 90 min$/,
      ),
    });
    expect(offer('rule-agent')).toMatchObject({
      shown: expect.stringMatching(/by agent support-bot in any run, for 1 h$/),
      matcher: { tool: 'issue_refund', args_sha256: null },
    });
  });

  it('E10: hidden characters in a tool or its arguments are shown', () => {
    const answer = offer('exact-run', {
      proposed_actions: [{ ...REFUND, tool: 'a\u202eb', args: { x: 'c\u200bd\u{e0041}' } }],
    });
    expect(answer).toMatchObject({ shown: expect.stringContaining('a\\u{202e}b {"x":"c\\u{200b}d\\u{e0041}"}') });
  });

  it('very long arguments are named by their length, and matched by their hash', () => {
    const answer = offer('exact-run', { proposed_actions: [{ ...REFUND, args: { x: 'y'.repeat(9_000) } }] });
    expect(answer).toMatchObject({
      shown: expect.stringContaining('exactly these 9008 characters'),
      matcher: { args_sha256: expect.stringMatching(/^[\da-f]{64}$/) },
    });
  });

  it('the grant names agent, rule and gate, a run unless it is for the agent, and ends as offered', () => {
    expect(granted('exact-run')).toMatchObject({
      scope: 'exact-run',
      agent_id: 'agt_1',
      run_id: 'run_customer_refund_2026_04_26',
      rule: 'refund:over-$500',
      policy: 'refunds@7',
      gate_id: 'gate_8xk2m',
      created_at: CREATED,
      created_by: 'ann',
      expires_at: null,
    });
    expect(granted('rule-agent')).toMatchObject({ run_id: null, expires_at: CREATED + HOUR });
  });
});

describe('what a grant covers', () => {
  it.each(['exact-run', 'rule-run', 'rule-agent'] as const)('%s covers the call it was given for', (scope) => {
    expect(covers(granted(scope), 'refund:over-$500', call(), context())).toBe(true);
  });

  it('an exact one covers other arguments nowhere, a rule one does', () => {
    const other = call({ argsSha256: argsHash({ order: 'other' }, sha256) });
    expect(covers(granted('exact-run'), 'refund:over-$500', other, context())).toBe(false);
    expect(covers(granted('rule-run'), 'refund:over-$500', other, context())).toBe(true);
    expect(covers(granted('exact-run'), 'refund:over-$500', call({ argsSha256: null }), context())).toBe(false);
  });

  it('one of a run covers no other run, one of an agent does', () => {
    const elsewhere = context({ runId: 'run_2' });
    expect(covers(granted('exact-run'), 'refund:over-$500', call(), elsewhere)).toBe(false);
    expect(covers(granted('rule-run'), 'refund:over-$500', call(), elsewhere)).toBe(false);
    expect(covers(granted('rule-agent'), 'refund:over-$500', call(), elsewhere)).toBe(true);
  });

  describe.each(['exact-run', 'rule-run', 'rule-agent'] as const)('%s never covers', (scope) => {
    it.each([
      ['another rule', granted(scope), 'other', {}, {}],
      ['another tool', granted(scope), null, { tool: 'wire_money' }, {}],
      ['a request', granted(scope), null, { tool: null }, {}],
      ['another agent', granted(scope), null, {}, { agentId: 'agt_2' }],
      ['another version of the policy', granted(scope), null, {}, { policy: 'refunds@8' }],
      ['a critical call', granted(scope), null, { risk: { notGrantable: 'critical' } }, {}],
      ['a compound command', granted(scope), null, { risk: { notGrantable: 'compound' } }, {}],
      ['what cannot be read', granted(scope), null, { risk: { notGrantable: 'unreadable' } }, {}],
      ['anything once revoked', granted(scope, { revoked_at: CREATED }), null, {}, {}],
      ['anything from its expiry on', granted(scope, { expires_at: CREATED + 1 }), null, {}, {}],
      [
        'anything before its approval takes effect',
        granted(scope, { created_at: CREATED + 2, expires_at: CREATED + HOUR }),
        null,
        {},
        {},
      ],
    ] as const)('%s', (_, grant, rule, callOver, contextOver) => {
      expect(covers(grant, rule ?? 'refund:over-$500', call(callOver), context(contextOver))).toBe(false);
    });
  });

  it('for an agent, nothing when it has no end or one beyond a day, however it came to be stored', () => {
    expect(covers(granted('rule-agent', { expires_at: null }), 'refund:over-$500', call(), context())).toBe(false);
    expect(
      covers(granted('rule-agent', { expires_at: CREATED + DAY + 1 }), 'refund:over-$500', call(), context()),
    ).toBe(false);
  });

  it('an exact grant without a hash covers nothing', () => {
    const broken = granted('exact-run', { matcher: { tool: 'issue_refund', args_sha256: null } });
    expect(covers(broken, 'refund:over-$500', call({ argsSha256: null }), context())).toBe(false);
  });

  it('the covering grants of a call are those that cover it for their own rule', () => {
    const grants = [
      granted('exact-run', { grant_id: 'a' }),
      granted('rule-run', { grant_id: 'b', run_id: 'run_2' }),
      granted('rule-agent', { grant_id: 'c', rule: 'other' }),
    ];
    expect(coveringGrants(grants, call(), context()).map(({ grant_id }) => grant_id)).toEqual(['a', 'c']);
  });
});

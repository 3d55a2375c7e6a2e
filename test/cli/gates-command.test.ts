import { describe, expect, it } from 'vitest';
import { addRefundAgent, askRefund, openRefundGate } from '../harness/refunds.ts';
import { startOperatorCore, writeFile } from './operator-core.ts';

async function startWithGate(args?: unknown) {
  const operator = await startOperatorCore();
  const token = await addRefundAgent(operator.core);
  const gateId = await openRefundGate(operator.core, token, args);
  return { ...operator, token, gateId };
}

describe('rungate gates', () => {
  it('lists gates as the agent API gives them, without an envelope', async () => {
    const { json, gateId } = await startWithGate();
    const document = await json<{ gates: Record<string, unknown>[]; next: null }>('gates', '--state', 'pending');
    expect(Object.keys(document)).toEqual(['gates', 'next']);
    expect(document.gates).toEqual([
      expect.objectContaining({
        gate_id: gateId,
        state: 'pending',
        run_id: 'refund-run',
        agent: 'refund-bot',
        rule: 'refund:over-$500',
        proposed_action: { tool: 'issue_refund', args: { order: 'ord_1', amount_usd: 1240 } },
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      }),
    ]);
    expect(await json('gates', '--state', 'approved')).toEqual({ gates: [], next: null });
  });

  it('never changes what stands in the arguments', async () => {
    const args = { amount_usd: 700, created_at: 1_700_000_000_000, price_nano: 5 };
    const { json } = await startWithGate(args);
    const { gates } = await json<{ gates: { proposed_action: unknown; proposed_actions: unknown[] }[] }>('gates');
    expect(gates[0]?.proposed_action).toEqual({ tool: 'issue_refund', args });
    expect(gates[0]?.proposed_actions).toEqual([expect.objectContaining({ args })]);
  });

  it('shows for people one line for each, hidden characters visible', async () => {
    const { rungate, gateId } = await startWithGate({ order: 'a\u202eb\u200bc\u001b[2J\n', amount_usd: 900 });
    const { out, code } = await rungate('gates');
    expect(code).toBe(0);
    const [header, row, end] = out.split('\n');
    expect(header).toMatch(/^GATE +STATE +AGENT +RULE +ACTION +EXPIRES$/);
    expect(row).toContain(gateId);
    expect(row).toContain('issue_refund {"order":"a\\u{202e}b\\u{200b}c\\u001b[2J\\n","amount_usd":900}');
    expect(end).toBe('');
  });

  it('says how much of long arguments the list leaves out, and show gives them whole', async () => {
    const order = 'x'.repeat(500);
    const { rungate, gateId, core } = await startWithGate({ order, amount_usd: 900 });
    expect((await rungate('gates')).out).toMatch(/… \(\d+ more characters\)/);
    const shown = (await rungate('gates', 'show', gateId)).out;
    expect(shown).toContain(order);
    expect(shown).toContain('1. issue_refund (gated by refund:over-$500)');
    expect(shown).toContain('args.amount_usd 900, compared $gte 500');
    expect(shown).toContain(`npx rungate --home ${core.home} approve ${gateId}`);
  });

  it('does not know a gate that is not there', async () => {
    const { error, core } = await startWithGate();
    const hint = `See: npx rungate --home ${core.home} gates`;
    expect(await error('gates', 'show', 'gate_x')).toMatchObject({ code: 'not_found', hint });
  });
});

describe('rungate approve', () => {
  it('lets the agent go on at once', async () => {
    const { core, json, token, gateId } = await startWithGate();
    const { gate, grant } = await json<{ gate: Record<string, unknown>; grant: null }>(
      'approve',
      gateId,
      '--reason',
      'checked with the customer',
    );
    expect(gate).toMatchObject({
      state: 'approved',
      decided_by: 'operator',
      channel: 'cli',
      reason: 'checked with the customer',
    });
    expect(gate['effective_at']).toBe(gate['decided_at']);
    expect(grant).toBeNull();
    expect((await askRefund(core, token)).status).toBe(200);
  });

  it('that comes second exits 1 and says who decided', async () => {
    const { rungate, error, gateId } = await startWithGate();
    expect((await rungate('approve', gateId)).code).toBe(0);
    const late = await rungate('reject', gateId);
    expect(late).toMatchObject({ code: 1, out: '' });
    expect(late.err).toMatch(/^rungate: Already approved by operator via cli at \d\d:\d\d:\d\d\.\n/);
    expect(await error('approve', gateId)).toMatchObject({
      code: 'gate_already_resolved',
      context: { gate_id: gateId, state: 'approved', decided_by: 'operator', channel: 'cli' },
    });
  });

  it('of two at once lets one win', async () => {
    const { rungate, gateId } = await startWithGate();
    const ended = await Promise.all([
      rungate('approve', gateId),
      rungate('reject', gateId),
      rungate('approve', gateId),
    ]);
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
  });

  it('remembers, lists what it remembers, and forgets it again', async () => {
    const { core, rungate, json, token, gateId } = await startWithGate();
    const approved = await rungate('approve', gateId, '--remember', 'rule-agent', '--for', '30m');
    expect(approved.out).toMatch(/Remembered: any call of issue_refund .*refund-bot.* for 30 min/);
    expect((await askRefund(core, token, { amount_usd: 901 })).status).toBe(200);
    const { grants } = await json<{ grants: { grant_id: string; expires_at: string; used: number }[] }>(
      'grants',
      'list',
    );
    expect(grants).toEqual([
      expect.objectContaining({
        scope: 'rule-agent',
        rule: 'refund:over-$500',
        used: 1,
        expires_at: expect.stringContaining('T'),
      }),
    ]);
    const grantId = grants[0]?.grant_id ?? '';
    expect((await rungate('grants', 'list')).out).toContain(grantId);
    expect((await rungate('grants', 'revoke', grantId)).out).toMatch(/^Revoked \(uses: 1\): /);
    expect(await json('grants', 'list')).toEqual({ grants: [] });
    expect((await askRefund(core, token, { amount_usd: 902 })).status).toBe(202);
  });

  it.each([
    [['--for', '1h'], '`--for` needs `--remember`'],
    [['--remember', 'rule-agent', '--for', '25h'], 'between 1s and 24h'],
    [['--remember', 'rule-agent', '--for', '0m'], 'between 1s and 24h'],
    [['--remember', 'rule-agent', '--for', 'soon'], 'a time such as 30m, 12h or 7d'],
    [['--remember', 'always'], 'must be one of exact-run, rule-run, rule-agent'],
  ])('is a usage error with %j, and nothing is decided', async (options, message) => {
    const { core, rungate, gateId } = await startWithGate();
    const ended = await rungate('approve', gateId, ...options);
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(ended.err).toContain(message);
    expect((await core.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });
});

describe('rungate reject', () => {
  it('gives the agent the reason and what to do instead', async () => {
    const { core, rungate, token, gateId } = await startWithGate();
    const file = writeFile('instead.json', '{"order":"ord_1","amount_usd":400}');
    const ended = await rungate('reject', gateId, '--reason', 'over the limit', '--suggest', file);
    expect(ended).toMatchObject({ code: 0, out: expect.stringMatching(/^Rejected for refund-bot: issue_refund /) });
    expect((await askRefund(core, token)).refusal.context).toMatchObject({
      reason: 'over the limit',
      suggested_args: { order: 'ord_1', amount_usd: 400 },
    });
  });

  it('decides nothing when the suggestion cannot be read', async () => {
    const { core, error, gateId } = await startWithGate();
    expect(await error('reject', gateId, '--suggest', writeFile('bad.json', '{'))).toMatchObject({
      code: 'file_invalid',
    });
    expect(await error('reject', gateId, '--suggest', '/nowhere.json')).toMatchObject({ code: 'file_unreadable' });
    expect((await core.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });
});

describe('where the command line may not decide', () => {
  it('looking works, deciding exits 1 and says where to decide', async () => {
    const operator = await startOperatorCore({ limits: { cliDecisions: false } });
    const gateId = await openRefundGate(operator.core, await addRefundAgent(operator.core));
    expect((await operator.rungate('gates')).code).toBe(0);
    expect(await operator.error('approve', gateId)).toMatchObject({
      code: 'decision_not_allowed',
      hint: expect.stringContaining('cli_decisions'),
    });
    expect((await operator.core.call('gates.show', { gate_id: gateId })).gate.state).toBe('pending');
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import type { OperationInput } from '../../proxy-core/contract/operations.ts';
import { addRefundAgent, askRefund, REFUNDS } from '../harness/refunds.ts';
import { startTestRungate, type TestRungate } from '../harness/rungate.ts';

/** With a provider for every model of these tests, so that each has a price; nothing is ever sent to it. */
async function start(): Promise<TestRungate> {
  const rungate = await startTestRungate({ upstreamUrl: 'http://127.0.0.1:9' });
  onTestFinished(() => rungate.close());
  return rungate;
}

const apply = (rungate: TestRungate, document: string, file_name = 'refunds.yaml') =>
  rungate.tryCall('policies.apply', { document, file_name, note: 'test' });

describe('policies.apply', () => {
  it('makes the first version, then another only when the content differs', async () => {
    const rungate = await start();
    expect(await apply(rungate, REFUNDS)).toEqual({
      ok: true,
      value: { policy: 'refunds', version: 1, created: true },
    });
    expect(await apply(rungate, REFUNDS)).toEqual({
      ok: true,
      value: { policy: 'refunds', version: 1, created: false },
    });
    const stricter = REFUNDS.replace('500 }', '100 }');
    expect(await apply(rungate, stricter)).toEqual({
      ok: true,
      value: { policy: 'refunds', version: 2, created: true },
    });
    expect(rungate.events.filter(({ name }) => name === 'policies.changed')).toHaveLength(2);
  });

  it('is in force for runs that start afterwards; those that run keep their version', async () => {
    const rungate = await start();
    const token = await addRefundAgent(rungate);
    expect((await askRefund(rungate, token, { amount_usd: 200 }, 'before')).status).toBe(200);
    await apply(rungate, REFUNDS.replace('500 }', '100 }'));
    expect((await askRefund(rungate, token, { amount_usd: 201 }, 'before')).status).toBe(200);
    const after = await askRefund(rungate, token, { amount_usd: 202 }, 'after');
    expect(after.status).toBe(202);
    expect(after.headers['x-rungate-policy']).toBe('refunds@2');
  });

  it('refuses a document with problems, names the first with its place and all in the context', async () => {
    const rungate = await start();
    const document = 'policy: p\nrulez: []\nrules:\n  - rule: a\n    match: { tool: x }\n    action: gat\n';
    const reply = await apply(rungate, document, '/somewhere/p.yaml');
    expect(reply).toMatchObject({
      ok: false,
      failure: {
        code: 'invalid_request',
        message: expect.stringMatching(
          /^p\.yaml:2:1: rulez: unknown key "rulez"; did you mean rules\? \(and 1 more\)$/,
        ),
        context: {
          problems: [
            { line: 2, column: 1, path: 'rulez' },
            { line: 6, path: 'rules[0].action', fix: 'did you mean gate?' },
          ],
        },
      },
    });
    expect(await rungate.tryCall('policies.show', { policy: 'p' })).toMatchObject({ failure: { code: 'not_found' } });
  });
});

describe('policies.list and policies.show', () => {
  it('give every version, newest first, with the agents whose next run would use it', async () => {
    const rungate = await start();
    await apply(rungate, REFUNDS);
    await apply(rungate, REFUNDS.replace('500 }', '100 }'));
    await rungate.addAgent('newest', { policy: 'refunds' });
    await rungate.addAgent('pinned', { policy: 'refunds@1' });
    await rungate.addAgent('gone', { policy: 'refunds' });
    await rungate.call('agents.revoke', { name: 'gone' });
    const { policies } = await rungate.call('policies.list', {});
    const refunds = policies.filter(({ policy }) => policy === 'refunds');
    expect(refunds.map(({ version, agents }) => ({ version, agents }))).toEqual([
      { version: 2, agents: ['newest'] },
      { version: 1, agents: ['pinned'] },
    ]);
    const { policy } = await rungate.call('policies.show', { policy: 'refunds@1' });
    expect(policy).toEqual(refunds[1]);
    expect(policy.document).toBe(REFUNDS);
    expect((await rungate.call('policies.show', { policy: 'refunds' })).policy.version).toBe(2);
  });

  it.each(['nothing', 'refunds@3', 'refunds@'])('do not know %s', async (policy) => {
    const rungate = await start();
    await apply(rungate, REFUNDS);
    expect(await rungate.tryCall('policies.show', { policy })).toMatchObject({ failure: { code: 'not_found' } });
  });
});

describe('policies.diff', () => {
  it('says what changed from one version to the other', async () => {
    const rungate = await start();
    await apply(rungate, REFUNDS);
    await apply(rungate, `${REFUNDS.replace('500 }', '100 }')}  - { rule: b, match: { tool: x }, action: block }\n`);
    const diff = await rungate.call('policies.diff', { a: 'refunds@1', b: 'refunds' });
    expect([diff.a, diff.b]).toEqual(['refunds@1', 'refunds@2']);
    expect(diff.changes).toHaveLength(2);
    expect(diff.text.split('\n')).toEqual([
      expect.stringMatching(/refund:over-\$500.*500.*100/),
      expect.stringMatching(/rule "b" added/),
    ]);
    expect(await rungate.call('policies.diff', { a: 'refunds@2', b: 'refunds@2' })).toMatchObject({
      changes: [],
      text: '',
    });
  });
});

const BENCH = `policy: bench
models: { allow: ["claude-*"] }
tools: { block: ["browser_*"] }
rules:
  - { rule: "bot-may", match: { tool: issue_refund, args.amount_usd: { $lt: 10 } }, action: allow }
  - { rule: "refunds", match: { tool: issue_refund }, action: gate }
  - { rule: "dear", match: { estimated_cost_usd: { $gte: 1 } }, action: block }
  - { rule: "by-bot", match: { agent: bench-bot }, action: alert }
  - { rule: "searches", match: { tool: web_search, args.query: secret }, action: block }
`;

describe('policies.test', () => {
  const startBench = async () => {
    const rungate = await start();
    await apply(rungate, BENCH);
    const test = (input: Partial<OperationInput<'policies.test'>>) =>
      rungate.call('policies.test', { policy: 'bench', body: { model: 'claude-opus-4-1', messages: [] }, ...input });
    return { rungate, test };
  };
  const outcomes = (explanation: readonly Record<string, unknown>[]) =>
    Object.fromEntries(explanation.map(({ rule, outcome }) => [rule, outcome]));

  it('traces every request rule on the request and every tool-call rule on each call', async () => {
    const { test } = await startBench();
    const result = await test({
      tool_calls: [
        { name: 'issue_refund', args: { amount_usd: 700 } },
        { name: 'issue_refund', args: { amount_usd: 5 } },
      ],
    });
    expect(result).toMatchObject({ policy: 'bench@1', effect: 'gate', rule: 'refunds' });
    const [request, dear, cheap] = result.decisions;
    expect(request).toMatchObject({ subject: 'request', effect: 'allow', rule: null });
    expect(outcomes(request?.explanation ?? [])).toEqual({ dear: 'unmatched', 'by-bot': 'unmatched' });
    expect(dear).toMatchObject({ subject: 'issue_refund', effect: 'gate', rule: 'refunds' });
    expect(outcomes(dear?.explanation ?? [])).toEqual({
      'bot-may': 'unmatched',
      refunds: 'matched',
      searches: 'unmatched',
    });
    expect(cheap).toMatchObject({ effect: 'allow', rule: 'bot-may' });
  });

  it('gives for each condition the value seen, in words', async () => {
    const { test } = await startBench();
    const { decisions } = await test({ tool_calls: [{ name: 'issue_refund', args: { amount_usd: 700 } }] });
    const [trace] = decisions[1]?.explanation ?? [];
    expect(trace).toMatchObject({
      rule: 'bot-may',
      conditions: [
        { text: expect.any(String) },
        { path: 'args.amount_usd', seen: '700', text: 'args.amount_usd 700 < 10' },
      ],
    });
  });

  it('counts arguments that cannot be parsed against the call', async () => {
    const { test } = await startBench();
    const { decisions } = await test({
      body: { model: 'claude-opus-4-1', messages: [], tools: [{ name: 'issue_refund', input_schema: {} }] },
      tool_calls: [{ name: 'issue_refund', args: '{"amount_usd": 5' }],
    });
    expect(decisions[1]).toMatchObject({ effect: 'gate', rule: 'refunds' });
    expect(outcomes(decisions[1]?.explanation ?? [])).toMatchObject({ 'bot-may': 'ambiguous' });
  });

  it('shows the list that decided where no rule did', async () => {
    const { test } = await startBench();
    const blocked = await test({ tool_calls: [{ name: 'browser_click', args: {} }] });
    expect(blocked).toMatchObject({ effect: 'block' });
    expect(blocked.decisions[1]?.explanation[0]).toMatchObject({
      rule: blocked.rule,
      effect: 'block',
      outcome: 'matched',
    });
    const model = await test({ path: '/v1/chat/completions', body: { model: 'gpt-5', messages: [] } });
    expect(model.decisions[0]).toMatchObject({ effect: 'block' });
    expect(model.decisions[0]?.explanation[0]).toMatchObject({ effect: 'block', outcome: 'matched' });
  });

  it('shows the tool-call rule that decides on a tool which the provider would run', async () => {
    const { test } = await startBench();
    const { decisions } = await test({
      body: {
        model: 'claude-opus-4-1',
        messages: [],
        tools: [{ type: 'web_search_20250305', name: 'web_search' }],
      },
    });
    expect(decisions[0]).toMatchObject({ effect: 'block', rule: 'searches' });
    expect(decisions[0]?.explanation[0]).toMatchObject({ rule: 'searches', effect: 'block' });
  });

  it('evaluates as if a given agent had sent it', async () => {
    const { rungate, test } = await startBench();
    await rungate.addAgent('bench-bot');
    expect(await test({ agent: 'bench-bot' })).toMatchObject({ effect: 'alert', rule: 'by-bot' });
    const unknown = { policy: 'bench', agent: 'nobody', body: {} };
    expect(await rungate.tryCall('policies.test', unknown)).toMatchObject({ failure: { code: 'not_found' } });
  });

  it('answers long regex work like short work', async () => {
    const rungate = await start();
    await apply(rungate, `policy: long\nrules: [{ rule: r, match: { args: { $regex: 'needle$' } }, action: block }]\n`);
    const test = (args: string) =>
      rungate.call('policies.test', { policy: 'long', body: {}, tool_calls: [{ name: 'exec_it', args }] });
    expect(await test(`${'x'.repeat(200_000)}needle`)).toMatchObject({ effect: 'block', rule: 'r' });
    expect(await test('x'.repeat(200_000))).toMatchObject({ effect: 'allow', rule: null });
  });

  it('records and counts nothing', async () => {
    const { rungate, test } = await startBench();
    await test({ tool_calls: [{ name: 'issue_refund', args: { amount_usd: 700 } }] });
    expect((await rungate.call('gates.list', {})).gates).toEqual([]);
    expect((await rungate.call('runs.list', {})).runs).toEqual([]);
  });

  it.each([null, [], 'text', 7])('refuses %j as a body', async (body) => {
    const { rungate } = await startBench();
    const reply = await rungate.tryCall('policies.test', { policy: 'bench', body });
    expect(reply).toMatchObject({ failure: { code: 'invalid_request', context: { field: 'body' } } });
  });
});

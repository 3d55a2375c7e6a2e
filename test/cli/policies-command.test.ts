import { describe, expect, it } from 'vitest';
import { REFUNDS } from '../harness/refunds.ts';
import { startOperatorCore, writeFile } from './operator-core.ts';

const STRICTER = REFUNDS.replace('500 }', '100 }');

describe('rungate policies apply', () => {
  it('makes a version, and none for the same content', async () => {
    const { rungate, json } = await startOperatorCore();
    const file = writeFile('refunds.yaml', REFUNDS);
    expect((await rungate('policies', 'apply', file, '--note', 'first')).out).toContain('Applied refunds@1');
    const again = { policy: 'refunds', version: 1, created: false };
    expect(await json('policies', 'apply', file, '--note', 'again')).toEqual(again);
  });

  it('prints every problem with its place and exits 1', async () => {
    const { rungate, error, core } = await startOperatorCore();
    const file = writeFile(
      'p.yaml',
      'policy: p\nrulez: []\nrules:\n  - { rule: a, match: { tool: x }, action: gat }\n',
    );
    const ended = await rungate('policies', 'apply', file, '--note', 'n');
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toContain(`\n${file}:2:1: rulez: unknown key "rulez"; did you mean rules?\n`);
    expect(ended.err).toMatch(/\n\S+:4:\d+: rules\[0\]\.action: .*; did you mean gate\?\n/);
    expect(await error('policies', 'apply', file, '--note', 'n')).toMatchObject({
      code: 'invalid_request',
      context: { problems: [{ line: 2, column: 1 }, { line: 4 }] },
    });
    expect(await core.tryCall('policies.show', { policy: 'p' })).toMatchObject({ failure: { code: 'not_found' } });
  });

  it('needs a note, and a file that can be read', async () => {
    const { rungate, error } = await startOperatorCore();
    expect((await rungate('policies', 'apply', writeFile('p.yaml', REFUNDS))).code).toBe(2);
    expect(await error('policies', 'apply', '/nowhere.yaml', '--note', 'n')).toMatchObject({ code: 'file_unreadable' });
  });
});

describe('rungate policies list, show and diff', () => {
  it('give versions, the document as it was applied, and the changes in words', async () => {
    const { rungate, json } = await startOperatorCore();
    await rungate('policies', 'apply', writeFile('a.yaml', REFUNDS), '--note', 'first');
    await rungate('policies', 'apply', writeFile('b.yaml', STRICTER), '--note', 'stricter');
    const { policies } = await json<{ policies: { policy: string; version: number; created_at: string }[] }>(
      'policies',
      'list',
    );
    expect(policies.filter(({ policy }) => policy === 'refunds').map(({ version }) => version)).toEqual([2, 1]);
    expect((await rungate('policies', 'list')).out).toMatch(/refunds@2 .*stricter\nrefunds@1 .*first\n/);
    expect((await rungate('policies', 'show', 'refunds@1')).out).toBe(REFUNDS);
    const { policy } = await json<{ policy: { document: string } }>('policies', 'show', 'refunds');
    expect(policy.document).toBe(STRICTER);
    expect((await rungate('policies', 'diff', 'refunds@1', 'refunds@2')).out).toMatch(/refund:over-\$500.*500.*100/);
    expect((await rungate('policies', 'diff', 'refunds', 'refunds')).out).toContain('say the same');
  });
});

const BODY = { model: 'demo-model', max_tokens: 100, messages: [] };

describe('rungate policies test', () => {
  const start = async () => {
    const operator = await startOperatorCore();
    await operator.rungate('policies', 'apply', writeFile('refunds.yaml', REFUNDS), '--note', 'n');
    const test = (content: unknown, ...options: string[]) =>
      operator.rungate(
        'policies',
        'test',
        'refunds',
        '--request',
        writeFile('r.json', JSON.stringify(content)),
        ...options,
      );
    return { ...operator, test };
  };

  it('says for each tool call which rules matched and why', async () => {
    const { test } = await start();
    const calls = [
      { name: 'issue_refund', args: { amount_usd: 700 } },
      { name: 'issue_refund', args: { amount_usd: 7 } },
    ];
    const { out, code } = await test({ path: '/v1/messages', body: BODY, tool_calls: calls });
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'GATE by rule "refund:over-$500" of refunds@1',
      '',
      'Request to /v1/messages: allow by the default',
      '  no rule looks at this',
      '',
      'Tool call issue_refund: gate by rule "refund:over-$500"',
      '  ✓ matched: refund:over-$500 (gate)',
      '      ✓ tool issue_refund = "issue_refund"',
      '      ✓ args.amount_usd 700 ≥ 500',
      '',
      'Tool call issue_refund: allow by the default',
      '  ✗ not matched: refund:over-$500 (gate)',
      '      ✓ tool issue_refund = "issue_refund"',
      '      ✗ args.amount_usd 7 ≥ 500',
      '',
    ]);
  });

  it.each([
    [{ model: 'claude-opus-4-1', messages: [] }, '/v1/messages'],
    [{ model: 'gpt-5', messages: [] }, '/v1/chat/completions'],
    [{ model: 'gpt-5', input: 'hi' }, '/v1/responses'],
    [{ model: 'text-embedding-3-small', input: 'hi' }, '/v1/embeddings'],
    [{ model: 'davinci-002', prompt: 'hi' }, '/v1/completions'],
  ])('takes a bare body %j for one of %s', async (body, path) => {
    const { test } = await start();
    expect((await test(body)).out).toContain(`Request to ${path}: allow`);
  });

  it('gives the whole trace as JSON', async () => {
    const { test } = await start();
    const { out } = await test({ body: BODY, tool_calls: [{ name: 'issue_refund' }] }, '--json');
    expect(JSON.parse(out)).toMatchObject({
      policy: 'refunds@1',
      effect: 'allow',
      decisions: [{ subject: 'request' }, { subject: 'issue_refund', explanation: [{ outcome: 'unmatched' }] }],
    });
  });

  it.each([
    [[], 'expected a JSON object'],
    [{ body: [] }, 'body must be an object'],
    [{ body: {}, tools: [] }, 'unknown key "tools"'],
    [{ body: {}, tool_calls: [{ tool: 'x' }] }, 'tool_calls must be a list'],
    [{ body: {}, path: 7 }, 'path must be a text'],
  ])('does not take %j', async (content, message) => {
    const { test } = await start();
    const ended = await test(content);
    expect(ended).toMatchObject({ code: 1, out: '' });
    expect(ended.err).toContain(message);
  });

  it('needs a request, and a policy that exists', async () => {
    const { rungate, error } = await start();
    expect((await rungate('policies', 'test', 'refunds')).code).toBe(2);
    const file = writeFile('r.json', '{}');
    expect(await error('policies', 'test', 'nope', '--request', file)).toMatchObject({ code: 'not_found' });
  });
});

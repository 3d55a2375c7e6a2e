import { describe, expect, it } from 'vitest';
import { send } from '../harness/agent-client.ts';
import { startOperatorCore } from './operator-core.ts';

const DAY = 86_400_000;

/** A core with one run that ended ten days ago. */
async function startWithOldRun() {
  const operator = await startOperatorCore();
  const { core } = operator;
  const token = await core.addAgent('bot');
  const headers = { 'x-rungate-run-id': 'old' };
  const body = { model: 'demo-model', max_tokens: 50, messages: [{ role: 'user', content: 'hello '.repeat(2_000) }] };
  await send(core.url, { path: '/v1/chat/completions', token, headers, body });
  await send(core.url, { path: '/v1/runs/old/complete', token, body: {} });
  core.advance(10 * DAY);
  return operator;
}

interface Purged {
  readonly runs: number;
  readonly bytes_before: number;
  readonly bytes_after: number;
  readonly dry_run: boolean;
}

describe('rungate retention', () => {
  it('shows the sizes and what is configured', async () => {
    const { json, rungate } = await startWithOldRun();
    for (const argv of [['retention'], ['retention', 'status']])
      expect(await json(...argv)).toMatchObject({ days: null, max_gb: null, store_bytes: expect.any(Number) });
    const { out } = await rungate('retention');
    expect(out).toMatch(
      /^Store +\d.* [kM]B\nTraces +.*\nAudit +.*, always kept\nOldest trace +\d{4}-.*\nKept for +ever\n/,
    );
  });

  it('does not know another word', async () => {
    const { rungate } = await startOperatorCore();
    const ended = await rungate('retention', 'prune');
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('status and purge');
  });
});

describe('rungate retention purge', () => {
  it('only says what it would do with --dry-run, and how to export first', async () => {
    const { json, rungate } = await startWithOldRun();
    const plan = await json<Purged>('retention', 'purge', '--days', '9', '--dry-run');
    expect(plan).toMatchObject({ runs: 1, dry_run: true });
    expect(plan.bytes_after).toBeLessThan(plan.bytes_before);
    const { out } = await rungate('retention', 'purge', '--days', '9', '--dry-run');
    expect(out).toMatch(
      /^The traces of 1 run: .* now, about .* without them\.\n.*npx rungate --home \S+ export --since .*\n$/,
    );
    expect(await json<{ steps: unknown[] }>('run', 'old')).toMatchObject({ run: { trace_pruned_at: null } });
  });

  it('removes, offers the export on standard error first, and shows the sizes before and after', async () => {
    const { json, rungate } = await startWithOldRun();
    const ended = await rungate('retention', 'purge', '--days', '9');
    expect(ended).toMatchObject({ code: 0, err: expect.stringMatching(/npx rungate --home \S+ export/) });
    expect(ended.out).toMatch(/^Removed the traces of 1 run: .*B before, .*B after\.\n$/);
    expect(await json('run', 'old')).toMatchObject({ steps: [], run: { trace_pruned_at: expect.any(String) } });
    expect((await rungate('run', 'old')).out).toMatch(/\nTrace +removed \d{4}-/);
    expect(await json<Purged>('retention', 'purge', '--max-gb', '5')).toMatchObject({ runs: 0 });
  });

  it('needs to be told which', async () => {
    const { rungate } = await startOperatorCore();
    for (const argv of [[], ['--days', 'all'], ['--max-gb', '-1']]) {
      const ended = await rungate('retention', 'purge', ...argv);
      expect({ argv, code: ended.code }).toEqual({ argv, code: 2 });
    }
  });

  it('is a decision: refused where the command line may not decide', async () => {
    const { error } = await startOperatorCore({ limits: { cliDecisions: false } });
    expect(await error('retention', 'purge', '--days', '0')).toMatchObject({ code: 'decision_not_allowed' });
  });
});

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { unzipSync } from 'fflate';
import { expect, test } from './fixtures.ts';
import { answerWith, say } from './run-traffic.ts';

const POLICY = `policy: gated
budget: { run_usd: 5 }
rules:
  - rule: "drop:any"
    match: { tool: run_sql, args.sql: { $contains: "DROP TABLE" } }
    action: block
    message: "Never drop tables."
    recover: "Archive the table instead."
`;
const TOOLS = [{ name: 'run_sql', input_schema: { type: 'object' } }];
const RUNGATE = fileURLToPath(new URL('../../electron/cli/rungate.js', import.meta.url));

test.describe('a run with a block', () => {
  test.use({ policy: POLICY, delivery: 'retry' });

  test('shows its rule in trace, audit, command line, every export and the console', async ({
    page,
    target,
    agent,
    upstream,
    targetKind,
  }) => {
    test.skip(targetKind === 'desktop', 'told once: the desktop app shows the same pages');
    answerWith(upstream, {
      text: 'I will drop it.',
      tool: { id: 'call_1', name: 'run_sql', input: { sql: 'DROP TABLE users' } },
    });
    const told = await say(agent, 'dropper', 'clean up the database', { tools: TOOLS });
    expect(told.status).toBe(403);

    const { steps } = await target.call('runs.show', { run_id: 'dropper' });
    expect(steps.find(({ kind }) => kind === 'refusal')?.detail).toMatchObject({ rule: 'drop:any', sent_status: 403 });
    const { records } = await target.call('runs.audit', { run_id: 'dropper', after_seq: 0, limit: 100 });
    expect(JSON.stringify(records.find(({ kind }) => kind === 'policy.blocked'))).toContain('drop:any');

    const rungate = (...argv: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [RUNGATE, ...argv, '--home', target.home], {
        encoding: 'utf8',
      });
      expect(status, `${argv.join(' ')}: ${stderr}`).toBe(0);
      return stdout;
    };
    expect(rungate('runs')).toContain('policy_blocked by drop:any');
    const shown = rungate('run', 'dropper');
    for (const part of ['by rule drop:any of gated@1', 'Never drop tables.', 'DROP TABLE users', 'a refusal (403)'])
      expect(shown).toContain(part);
    expect(rungate('run', 'dropper', '--json')).toContain('"rule":"drop:any"');

    for (const format of ['json', 'html', 'csv', 'otlp', 'bundle']) {
      const out = join(target.home, `block.${format}`);
      rungate('export', 'dropper', '--format', format, '--out', out);
      const files = format === 'bundle' ? Object.values(unzipSync(readFileSync(out))) : [readFileSync(out)];
      const holding = files.filter((file) => Buffer.from(file).includes('drop:any'));
      expect([format, holding.length > 0]).toEqual([format, true]);
    }

    await page.evaluate(() => {
      location.hash = '#/runs/dropper';
    });
    const banner = page.getByTestId('run.block-banner');
    await expect(banner).toContainText('Blocked by drop:any: Never drop tables.');
    await expect(banner).toContainText('DROP TABLE users');
    await expect(banner).toContainText('a refusal (403)');
    await page.getByTestId('run.block-step').click();
    await expect(page.locator('[data-testid="run.step"][data-active=true]')).toContainText('drop:any');
    await expect(page.getByTestId('run.block')).toContainText('Archive the table instead.');

    await page.getByTestId('run.tab-response').click();
    await expect(page.getByTestId('run.sent-text')).toContainText('policy_blocked');
    await page.getByTestId('run.response-withheld').click();
    await expect(page.getByTestId('run.body-text')).toContainText('call_1');
    await page.getByTestId('run.tab-audit').click();
    await expect(page.getByTestId('run.audit')).toContainText('policy.blocked');
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

    await banner.getByRole('button', { name: 'Dismiss' }).click();
    await expect(banner).toHaveCount(0);
  });
});

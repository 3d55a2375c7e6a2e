import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { answerWith, handIn, say } from './run-traffic.ts';

const OPEN = 'policy: gated\nbudget: { run_usd: 5 }\n';
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function openRun(page: Page, runId: string, search = ''): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/runs/${runId}${search}`);
  await expect(page.getByTestId('run.id')).toHaveText(runId);
}

/** Dollars as written, in whole nano-USD. */
function nanoOf(text: string): bigint {
  const [, whole = '0', fraction = ''] = /\$(\d+)\.(\d+)/.exec(text) ?? [];
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

test.describe('a run', () => {
  test.use({ policy: OPEN });

  test('shows costs of steps that add up exactly to the cost in its header', async ({
    page,
    target,
    agent,
    upstream,
  }) => {
    for (const output_tokens of [1, 7, 333]) {
      answerWith(upstream, { usage: { input_tokens: 123 + output_tokens, output_tokens } });
      await say(agent, 'sums', `say ${output_tokens}`);
    }
    await openRun(page, 'sums');
    await expect(page.getByTestId('run.step')).toHaveCount(3);
    const costs = await page.getByTestId('run.step-cost').allTextContents();
    const header = (await page.getByTestId('run.cost').textContent()) ?? '';
    const { run } = await target.call('runs.show', { run_id: 'sums' });
    expect(costs.reduce((sum, text) => sum + nanoOf(text), 0n)).toBe(nanoOf(header));
    expect(nanoOf(header)).toBe(BigInt(run.spent_nano));
    expect(nanoOf((await page.getByTestId('run.cost-sum').textContent()) ?? '')).toBe(BigInt(run.spent_nano));
  });

  test('pairs a tool call with its result, and is stepped through by keys', async ({ page, agent, upstream }) => {
    const tool = { id: 'call_1', name: 'read_file', input: { path: 'src/a.ts' } };
    answerWith(upstream, { tool });
    const first = { role: 'user', content: 'read it' };
    const tools = [{ name: 'read_file', input_schema: { type: 'object' } }];
    await say(agent, 'pairs', [first], { tools });
    answerWith(upstream, { text: 'read' });
    const call = {
      role: 'assistant',
      content: [{ type: 'tool_use', id: tool.id, name: tool.name, input: tool.input }],
    };
    const result = {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'export const a = 1;' }],
    };
    await say(agent, 'pairs', [first, call, result], { tools });
    await openRun(page, 'pairs');
    await expect(page.locator('[data-testid="run.step"][data-kind=tool]')).toHaveCount(1);
    await page.keyboard.press(']');
    await page.keyboard.press(']');
    await expect(page.locator('[data-testid="run.step"][data-active=true]')).toContainText('read_file');
    await expect(page.getByTestId('run.tool-args')).toContainText('src/a.ts');
    await expect(page.getByTestId('run.tool-result')).toContainText('export const a = 1;');
    await page.keyboard.press('[');
    await expect(page.getByTestId('run.call')).toContainText('claude-opus-4-8');
    await page.getByTestId('run.kind-tool').click();
    await page.getByTestId('run.kind-model').click();
    await page.getByTestId('run.kind-tool').click();
    await expect(page.locator('[data-testid="run.step"][data-kind=tool]')).toHaveCount(0);
  });

  test('shows requests and answers as inert text with hidden characters visible', async ({ page, agent, upstream }) => {
    const hostile =
      '<script>document.title="owned"</script>\u202egnp.exe [click](javascript:alert(1)) https://evil.example/';
    answerWith(upstream, { text: hostile });
    await say(agent, 'hostile', hostile);
    await openRun(page, 'hostile', '?step=1&tab=messages');
    await expect(page.getByTestId('run.messages')).toContainText(
      '<script>document.title="owned"</script>\\u{202e}gnp.exe',
    );
    await page.getByTestId('run.tab-response').click();
    await expect(page.getByTestId('run.body-text')).toContainText('\\u{202e}gnp.exe');
    await page.getByTestId('run.tab-request').click();
    await expect(page.getByTestId('run.body-text')).toContainText('\\u{202e}gnp.exe');
    await expect(page.getByTestId('run.screen').locator('a[href*="evil"], a[href^="javascript"], script')).toHaveCount(
      0,
    );
    expect(await page.title()).not.toBe('owned');
  });

  test('shows a picture of the conversation from its own bytes and never fetches one', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, {});
    const remote: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('pictures.example')) remote.push(request.url());
    });
    await say(agent, 'pictures', [
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
          { type: 'image', source: { type: 'url', url: 'https://pictures.example/a.png' } },
          { type: 'image', source: { type: 'base64', media_type: 'image/svg+xml', data: PIXEL } },
        ],
      },
    ]);
    await openRun(page, 'pictures', '?step=1&tab=messages');
    await expect(page.getByTestId('run.picture')).toHaveCount(1);
    await expect(page.getByTestId('run.picture')).toHaveAttribute('src', `data:image/png;base64,${PIXEL}`);
    await expect(page.getByTestId('run.messages')).toContainText('https://pictures.example/a.png');
    await expect
      .poll(() => page.getByTestId('run.picture').evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBe(1);
    expect(remote).toEqual([]);
  });

  test('shows the first 64 KB of a long body, the rest on demand', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'long', `${'x'.repeat(200_000)}THE-END`);
    await openRun(page, 'long', '?step=1&tab=request');
    await expect(page.getByTestId('run.body-text')).toBeVisible();
    expect((await page.getByTestId('run.body-text').textContent())?.length).toBeLessThanOrEqual(65_536);
    await expect(page.getByTestId('run.body-text')).not.toContainText('THE-END');
    await page.getByTestId('run.body-rest').click();
    await expect(page.getByTestId('run.body-text')).toContainText('THE-END');
  });

  test('groups resends ×n and tells two of them apart by their changed fields only', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, { status: 529 });
    await say(agent, 'resends', 'hi');
    await say(agent, 'resends', 'hi');
    await say(agent, 'resends', 'hi');
    answerWith(upstream, {});
    await say(agent, 'resends', 'something else', { temperature: 0.5 });
    await openRun(page, 'resends');
    await expect(page.locator('[data-testid="run.step"][data-kind=retries]')).toContainText('retried ×2');
    await page.locator('[data-testid="run.step"][data-kind=retry]').first().click();
    await page.getByTestId('run.tab-diff').click();
    await expect(page.getByTestId('run.diff')).toHaveText('No field differs.');
    await page.locator('[data-testid="run.step"][data-kind=model]').last().click();
    await expect(page.getByTestId('run.diff').locator('dt')).toHaveText(['messages[0].content', 'temperature']);
  });

  test('previews and hands out artifacts', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'files', 'hi');
    await handIn(agent, 'files', { name: 'report.json', type: 'application/json', body: '{"files":14}' });
    await openRun(page, 'files');
    const artifact = page.getByTestId('run.artifacts');
    await expect(artifact).toContainText('report.json');
    await artifact.getByTestId('run.artifact-preview').click();
    await expect(page.getByTestId('run.artifact-text')).toContainText('"files": 14');
    const download = page.waitForEvent('download');
    await artifact.getByTestId('run.artifact-download').click();
    expect((await download).suggestedFilename()).toBe('report.json');
  });

  test('shows its audit as a chain: each record with its hash and the one before it', async ({
    page,
    target,
    agent,
    upstream,
  }) => {
    answerWith(upstream, {});
    await say(agent, 'audited', 'hi');
    await openRun(page, 'audited', '?tab=audit');
    const { records } = await target.call('runs.audit', { run_id: 'audited' });
    expect(records.length).toBeGreaterThan(2);
    const list = page.getByTestId('run.audit');
    await expect(list.locator('summary')).toHaveCount(records.length);
    for (const { hash, prev, kind } of records) {
      await expect(list).toContainText(kind);
      await expect(list).toContainText(`hash ${hash.slice(0, 12)}`);
      await expect(list).toContainText(`prev ${prev.slice(0, 12)}`);
    }
  });

  test('takes in what happens while it is read, without moving what is read', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    for (let call = 0; call < 60; call += 1) await say(agent, 'live', `call ${call}`);
    await openRun(page, 'live', '?step=10');
    const steps = page.getByTestId('run.steps');
    await expect(steps).toHaveAttribute('aria-rowcount', '60');
    await steps.evaluate((element) => element.scrollTo({ top: 400 }));
    const before = await steps.evaluate((element) => element.scrollTop);
    await say(agent, 'live', 'one more');
    await expect(steps).toHaveAttribute('aria-rowcount', '61');
    expect(await steps.evaluate((element) => element.scrollTop)).toBe(before);
    await expect(page.locator('[data-testid="run.step"][data-active=true]')).toHaveAttribute('aria-rowindex', '10');
  });

  test('is exported as a page in three actions, with its size, hash and masked secrets', async ({
    page,
    target,
    agent,
    upstream,
  }) => {
    test.skip(target.kind === 'desktop', 'the host’s dialog saves there');
    answerWith(upstream, {});
    await say(agent, 'exported', 'my key is AKIAIOSFODNN7EXAMPLE, keep it');
    await openRun(page, 'exported');
    await page.getByTestId('run.export').click();
    await page.getByTestId('run.export-html').click();
    await expect(page.getByTestId('exports.facts')).toContainText('secrets masked:');
    const download = page.waitForEvent('download');
    await page.getByTestId('exports.save').click();
    expect((await download).suggestedFilename()).toMatch(/\.html$/);
  });

  test('that does not exist is said not to', async ({ page }) => {
    await page.evaluate(() => {
      location.hash = '#/runs/nowhere';
    });
    await expect(page.getByTestId('run.not-found')).toContainText('nowhere');
  });
});

test.describe('a run that a budget has stopped', () => {
  test.use({ policy: 'policy: gated\nbudget: { run_usd: 0.01 }\n', delivery: 'retry' });

  test('names the cap, is raised in one action, and resumes when the client asks again', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, { usage: { input_tokens: 1_000, output_tokens: 600 } });
    expect((await say(agent, 'capped', 'hi')).status).toBe(200);
    const refused = await say(agent, 'capped', 'more');
    expect(refused.status).toBe(402);
    await openRun(page, 'capped');
    const banner = page.getByTestId('run.stop-banner');
    await expect(banner).toContainText('Run cap $0.01 crossed at step 1 ($0.012); next call got 402');
    await page.getByTestId('run.raise').click();
    await expect(banner).toContainText('Waiting for the client');
    await expect(banner).toContainText('x-rungate-run-id: capped');
    expect((await say(agent, 'capped', 'more')).status).toBe(200);
    await expect(banner).toContainText('Resumed');
    await page.getByTestId('run.resumed-step').click();
    await expect(page.locator('[data-testid="run.step"][data-active=true]')).toContainText('claude-opus-4-8');
  });

  test('goes on after its spend was reset', async ({ page, agent, upstream }) => {
    answerWith(upstream, { usage: { input_tokens: 1_000, output_tokens: 600 } });
    await say(agent, 'capped', 'hi');
    expect((await say(agent, 'capped', 'more')).status).toBe(402);
    await openRun(page, 'capped');
    await page.getByTestId('run.reset').click();
    await expect(page.getByTestId('run.stop-banner')).toContainText('Waiting for the client');
    expect((await say(agent, 'capped', 'more')).status).toBe(200);
    await expect(page.getByTestId('run.stop-banner')).toContainText('Resumed');
  });
});

test.describe('a run with a gate', () => {
  test('shows who decided, by which channel, and how long a person was waited for', async ({
    page,
    target,
    openGate,
  }) => {
    const opened = await openGate({ runId: 'gated-run', args: { command: 'ls' } });
    await openRun(page, 'gated-run');
    await expect(page.locator('[data-testid="run.step"][data-kind=gate]')).toContainText('Pending');
    await target.call('gates.approve', { gate_id: opened.gate.gate_id, remember: 'exact-run' });
    await opened.expectResumed();
    const gate = page.locator('[data-testid="run.step"][data-kind=gate]');
    await expect(gate).toContainText('Approved');
    await expect(gate).toContainText('wait');
    await gate.click();
    await expect(page.getByTestId('run.summary')).toContainText('operator');
    const grant = page.getByTestId('run.grant').first();
    await grant.getByTestId('run.revoke-grant').click();
    await expect(page.getByTestId('run.grant')).toHaveCount(0);
    expect((await target.call('grants.list', {})).grants.filter(({ revoked_at }) => revoked_at === null)).toEqual([]);
  });
});

test.describe('a run for everybody', () => {
  test.use({ policy: OPEN });

  for (const theme of ['light', 'dark'] as const) {
    test(`has no serious accessibility problem on any tab (${theme})`, async ({ page, agent, upstream }) => {
      answerWith(upstream, {});
      await say(agent, 'seen', 'hi');
      await say(agent, 'seen', 'hi there');
      await page.emulateMedia({ colorScheme: theme });
      for (const tab of ['summary', 'messages', 'request', 'response', 'diff', 'audit']) {
        await openRun(page, 'seen', `?step=2&tab=${tab}`);
        await expect(page.getByTestId(`run.tab-${tab}`)).toHaveAttribute('aria-selected', 'true');
        const { violations } = await new AxeBuilder({ page }).include('[data-testid="run.screen"]').analyze();
        expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
      }
    });
  }

  test('fits 960×600; at twice the size steps and detail take turns', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'small', 'hi');
    await page.setViewportSize({ width: 960, height: 600 });
    await openRun(page, 'small');
    const overflow = () =>
      page.getByTestId('run.screen').evaluate((element) => element.scrollWidth - element.clientWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 480, height: 300 });
    await page.getByTestId('run.step').first().click();
    await expect(page.getByTestId('run.call')).toBeVisible();
    await page.getByTestId('run.close-step').click();
    await expect(page.getByTestId('run.steps')).toBeVisible();
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
});

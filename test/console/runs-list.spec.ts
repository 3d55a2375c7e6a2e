import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { answerWith, beginRun, say } from './run-traffic.ts';

const OPEN = 'policy: gated\nbudget: { run_usd: 5 }\n';
const GATE_REFUNDS = `${OPEN}rules:\n  - { rule: "refund", match: { tool: issue_refund }, action: gate }\n`;

const toRuns = (page: Page): Promise<unknown> =>
  page.evaluate(() => {
    location.hash = '#/runs';
  });
const runNames = (page: Page): Promise<readonly string[]> =>
  page
    .getByTestId('runs.row')
    .evaluateAll((rows) =>
      rows
        .toSorted((a, b) => Number(a.getAttribute('aria-rowindex')) - Number(b.getAttribute('aria-rowindex')))
        .map((row) => row.querySelector('a')?.textContent ?? ''),
    );

test.describe('the list of runs', () => {
  test.use({ policy: OPEN });

  test('without any run it says how to connect; the first call of the new agent appears by itself', async ({
    page,
    target,
    upstream,
  }) => {
    answerWith(upstream, {});
    await toRuns(page);
    await expect(page.getByTestId('runs.empty')).toContainText(target.agentUrl);
    await page.getByTestId('runs.empty-connect').click();
    await page.getByTestId('connect.name').fill('my-first-bot');
    await page.keyboard.press('Enter');
    const token = (await page.getByTestId('connect.token').textContent()) ?? '';
    expect(token).toMatch(/^rg_agt_/);
    await expect(page.getByTestId('connect.snippet').first()).toContainText(`ANTHROPIC_BASE_URL="${target.agentUrl}"`);
    await page.getByTestId('connect.done').click();
    await expect(page.getByText(token)).toHaveCount(0);
    expect((await say({ agentUrl: target.agentUrl, token }, 'first-run', 'hi')).status).toBe(200);
    await expect(page.getByTestId('runs.row')).toHaveCount(1);
    await expect(page.getByTestId('runs.row')).toContainText('first-run');
  });

  test('is moved in and opened by keys alone, and the way back leads to the same row', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, {});
    for (const run of ['alpha', 'beta', 'gamma']) await say(agent, run, 'hi');
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toHaveCount(3);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('run.id')).toHaveText('beta');
    await page.getByTestId('run.back').click();
    await expect(page.locator('[data-testid="runs.row"][data-active=true]')).toContainText('beta');
    await page.keyboard.press('/');
    await expect(page.getByTestId('runs.query')).toBeFocused();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('runs.grid')).toBeFocused();
  });

  test('is filtered by chips, suggestions and words; what matches nothing can be cleared', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, { text: 'the pineapple is ripe' });
    await say(agent, 'cheap', 'hi');
    answerWith(upstream, { text: 'hello', usage: { input_tokens: 200_000, output_tokens: 50_000 } });
    await say(agent, 'dear', 'hi');
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toHaveCount(2);
    await page.getByTestId('runs.query').fill('cost:>1 ');
    await expect(page.getByTestId('runs.chip')).toHaveText(['cost:>1']);
    await expect(page.getByTestId('runs.row')).toHaveCount(1);
    await expect(page.getByTestId('runs.row')).toContainText('dear');
    expect(decodeURIComponent(page.url())).toContain('cost:>1');
    await page.getByTestId('runs.query').press('Backspace');
    await page.getByTestId('runs.query').fill('agent:refac');
    await page.getByTestId('runs.suggestion').getByText('agent:refactor-bot').click();
    await expect(page.getByTestId('runs.chip')).toHaveText(['agent:refactor-bot']);
    await expect(page.getByTestId('runs.row')).toHaveCount(2);
    await page.getByTestId('runs.query').fill('pineapple');
    await expect(page.getByTestId('runs.row')).toHaveCount(1);
    await expect(page.getByTestId('runs.row')).toContainText('cheap');
    await page.getByTestId('runs.query').fill('nothing-has-this-word');
    await expect(page.getByTestId('runs.filtered-empty')).toBeVisible();
    await page.getByTestId('runs.clear').click();
    await expect(page.getByTestId('runs.row')).toHaveCount(2);
    await expect(page.getByTestId('runs.chip')).toHaveCount(0);
  });

  test('keeps a view for later', async ({ page, target, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'alpha', 'hi');
    await toRuns(page);
    await page.getByTestId('runs.query').fill('status:stopped ');
    await page.getByTestId('runs.views').click();
    await page.getByTestId('runs.save-view').click();
    await page.getByTestId('runs.view-name').fill('Stopped ones');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('runs.save-view-dialog')).toHaveCount(0);
    await target.reload();
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toHaveCount(1);
    await page.getByTestId('runs.views').click();
    await page.getByTestId('runs.saved-view').getByText('Stopped ones').click();
    await expect(page.getByTestId('runs.chip')).toHaveText(['status:stopped']);
    await expect(page.getByTestId('runs.filtered-empty')).toBeVisible();
  });

  test('pauses, resumes and stops a run from its menu; stopping asks first', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'alpha', 'hi');
    await toRuns(page);
    const row = page.getByTestId('runs.row');
    await row.getByTestId('runs.row-menu').click();
    await page.getByTestId('runs.menu-pause').click();
    await expect(row).toContainText('Paused');
    expect((await say(agent, 'alpha', 'again')).status).toBe(503);
    await row.click({ button: 'right' });
    await page.getByTestId('runs.menu-resume').click();
    await expect(row).not.toContainText('Paused');
    expect((await say(agent, 'alpha', 'again')).status).toBe(200);
    await row.getByTestId('runs.row-menu').click();
    await page.getByTestId('runs.menu-stop').click();
    await expect(page.getByTestId('runs.stop-cancel')).toBeFocused();
    await page.keyboard.press('Enter');
    expect((await say(agent, 'alpha', 'third')).status).toBe(200);
    await row.getByTestId('runs.row-menu').click();
    await page.getByTestId('runs.menu-stop').click();
    await page.getByTestId('runs.stop-confirm').click();
    await expect(row).toContainText('Stopped');
    expect((await say(agent, 'alpha', 'fourth')).status).toBe(403);
  });

  test('compares two runs: their figures, and what differs between their first requests', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, {});
    await say(agent, 'alpha', 'translate this', { temperature: 0 });
    await say(agent, 'beta', 'translate that', { temperature: 1 });
    await say(agent, 'beta', 'and more');
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toHaveCount(2);
    await page.getByTestId('runs.grid').focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    await expect(page.getByTestId('runs.chosen')).toContainText('alpha');
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    const dialog = page.getByTestId('runs.compare');
    await expect(dialog).toContainText('+100 %');
    await expect(page.getByTestId('runs.compare-diff').locator('dt')).toHaveText([
      'messages[0].content',
      'temperature',
    ]);
  });

  test('holds hundreds of runs in few rows; scrolling loses neither the active row nor the focus', async ({
    page,
    agent,
  }) => {
    for (let from = 0; from < 320; from += 40)
      await Promise.all(
        Array.from({ length: 40 }, (_, at) => beginRun(agent, `run-${String(from + at).padStart(4, '0')}`)),
      );
    await toRuns(page);
    const grid = page.getByTestId('runs.grid');
    await expect(grid).toHaveAttribute('aria-rowcount', '321');
    await grid.focus();
    await page.keyboard.press('ArrowDown');
    await grid.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await expect(page.locator('[aria-rowindex="321"]')).toContainText('run-');
    expect(await page.getByRole('row').count()).toBeLessThanOrEqual(100);
    await expect(grid).toBeFocused();
    const active = await grid.getAttribute('aria-activedescendant');
    await expect(page.locator(`[id="${active}"]`)).toHaveAttribute('aria-rowindex', '3');
    await page.keyboard.press('End');
    await expect(page.locator('[data-testid="runs.row"][data-active=true]')).toHaveAttribute('aria-rowindex', '321');
  });

  test('shows text of agents as text, hidden characters included', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'alpha', 'hi', {}, { 'x-rungate-label-goal': '<img src=x onerror="document.title=1">' });
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toContainText('<img src=x onerror=');
    await expect(page.getByTestId('runs.row').locator('img')).toHaveCount(0);
    expect(await page.title()).not.toBe('1');
  });
});

test.describe('the list of runs that cannot be loaded', () => {
  test.use({ policy: OPEN });

  test('says why, and loads when it is tried again', async ({ page, target, agent, upstream }) => {
    test.skip(target.kind === 'desktop', 'there is no request to answer in place of the core');
    answerWith(upstream, {});
    await say(agent, 'alpha', 'hi');
    const failure = { code: 'store_unavailable', message: 'The store cannot be read.', context: {} };
    await page.route('**/api/runs.list', (route) => route.fulfill({ status: 503, json: { ok: false, failure } }));
    await toRuns(page);
    await expect(page.getByTestId('runs.failure')).toContainText('The store cannot be read.');
    await page.unroute('**/api/runs.list');
    await page.getByTestId('runs.failure').getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByTestId('runs.row')).toContainText('alpha');
    await expect(page.getByTestId('runs.failure')).toHaveCount(0);
  });
});

test.describe('the list of runs while it is looked at', () => {
  test.use({ policy: GATE_REFUNDS, delivery: 'retry' });

  test('changes rows where they stand; new runs wait behind a pill until they are wanted', async ({
    page,
    agent,
    upstream,
  }) => {
    answerWith(upstream, {});
    for (const run of ['alpha', 'beta', 'gamma']) await say(agent, run, 'hi');
    await toRuns(page);
    await expect(page.getByTestId('runs.row')).toHaveCount(3);
    answerWith(upstream, { tool: { id: 'call_1', name: 'issue_refund', input: { amount_usd: 9 } } });
    await say(agent, 'alpha', 'refund it', { tools: [{ name: 'issue_refund', input_schema: { type: 'object' } }] });
    await expect(page.getByTestId('runs.row').filter({ hasText: 'alpha' })).toContainText('Waiting');
    expect(await runNames(page)).toEqual(['gamma', 'beta', 'alpha']);
    answerWith(upstream, {});
    await say(agent, 'delta', 'hi');
    await say(agent, 'epsilon', 'hi');
    await expect(page.getByTestId('runs.new')).toHaveText('2 new');
    expect(await runNames(page)).toEqual(['gamma', 'beta', 'alpha']);
    await page.getByTestId('runs.new').click();
    await expect.poll(() => runNames(page)).toEqual(['epsilon', 'delta', 'gamma', 'beta', 'alpha']);
    await expect(page.getByTestId('runs.new')).toHaveCount(0);
  });
});

test.describe('the list of runs for everybody', () => {
  test.use({ policy: OPEN });

  for (const theme of ['light', 'dark'] as const) {
    test(`has no serious accessibility problem (${theme})`, async ({ page, agent, upstream }) => {
      answerWith(upstream, {});
      await say(agent, 'alpha', 'hi');
      await page.emulateMedia({ colorScheme: theme });
      await toRuns(page);
      await expect(page.getByTestId('runs.row')).toHaveCount(1);
      const screen = new AxeBuilder({ page }).include('[data-testid="runs.screen"]');
      const { violations } = await screen.analyze();
      expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    });
  }

  test('fits 960×600, and is usable at twice the size', async ({ page, agent, upstream }) => {
    answerWith(upstream, {});
    await say(agent, 'alpha', 'hi');
    await toRuns(page);
    for (const size of [
      { width: 960, height: 600 },
      { width: 480, height: 300 },
    ]) {
      await page.setViewportSize(size);
      await expect(page.getByTestId('runs.row')).toContainText('alpha');
      const grid = page.getByTestId('runs.grid');
      expect(await grid.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(0);
      await page.getByTestId('runs.row-menu').click();
      await expect(page.getByTestId('runs.menu-open')).toBeInViewport();
      await page.keyboard.press('Escape');
    }
  });
});

import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import type { ConsoleTarget } from '../harness/console-target.ts';
import { expect, test } from './fixtures.ts';

const goTo = (page: Page, fragment: string): Promise<void> =>
  page.evaluate((to) => {
    location.hash = to;
  }, fragment);

async function wear(target: ConsoleTarget, theme: 'light' | 'dark'): Promise<void> {
  const { preferences } = await target.call('preferences.show', {});
  const appearance = { ...preferences.appearance, theme };
  await target.call('preferences.set', { preferences: { ...preferences, appearance } });
  await expect(target.page.locator('html')).toHaveAttribute('data-theme', theme);
}

async function seriousFindings(page: Page): Promise<readonly unknown[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }));
}

test.describe('the shell', () => {
  test('pauses all agents with one press, refuses the next call, and asks before it resumes', async ({
    page,
    agent,
    target,
    openGate,
  }) => {
    await page.getByTestId('shell.pause').click();
    await expect(page.getByTestId('shell.paused')).toBeVisible();
    await expect(page.getByTestId('shell.state')).toHaveText('Paused');
    const refused = await fetch(`${agent.agentUrl}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${agent.token}` },
      body: '{"model":"claude-opus-4-8","max_tokens":1,"messages":[]}',
    });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'operator_paused' } });
    await page.getByTestId('shell.resume').click();
    await expect(page.getByRole('button', { name: 'Cancel' })).toBeFocused();
    await page.keyboard.press('Enter');
    expect((await target.call('core.status', {})).paused).toBe(true);
    await page.getByTestId('shell.resume').click();
    await page.getByTestId('shell.resume-now').click();
    await expect(page.getByTestId('shell.paused')).toBeHidden();
    await openGate();
  });

  test('goes anywhere by keyboard, and shows its keys', async ({ page }) => {
    await page.getByTestId('shell.inbox').focus();
    await expect(async () => {
      await page.keyboard.press('g');
      await page.keyboard.press('r');
      await expect(page.getByTestId('shell.runs')).toHaveAttribute('aria-current', 'page', { timeout: 500 });
    }).toPass();
    await page.keyboard.press('?');
    await expect(page.getByTestId('shell.help')).toContainText('Approve once');
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('shell.help')).toBeHidden();
    await page.keyboard.press('Control+Shift+>');
    await expect(page.getByTestId('shell.paused')).toBeVisible();
  });

  test('finds commands, gates and runs in the palette, the field ready for typing', async ({ page, openGate }) => {
    const opened = await openGate({ runId: 'palette-run' });
    await page.keyboard.press('Control+K');
    await expect(page.getByTestId('shell.palette-input')).toBeFocused();
    await page.keyboard.type('settings');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('settings.content')).toBeVisible();
    await page.keyboard.press('Control+K');
    await page.keyboard.type('palette-run');
    await page.getByRole('option', { name: 'palette-run' }).click();
    await expect(page).toHaveURL(/#\/runs\/palette-run/);
    await page.keyboard.press('Control+K');
    await page.getByRole('option', { name: opened.gate.rule }).click();
    await expect(page.getByTestId('inbox.gate')).toContainText('ls -la');
  });

  test('counts what waits in the title and the rail', async ({ page, target, openGate }) => {
    const opened = await openGate();
    await expect(page).toHaveTitle('(1) Rungate');
    await expect(page.getByTestId('shell.inbox')).toContainText('1');
    await target.call('gates.approve', { gate_id: opened.gate.gate_id });
    await expect(page).toHaveTitle('Rungate');
  });

  test('keeps the screen a person left when it is loaded anew', async ({ page, target }) => {
    await goTo(page, '#/settings/keys');
    await expect(page.getByTestId('settings.keys')).toBeVisible();
    await target.reload();
    await expect(page.getByTestId('shell.state')).toHaveText('Running');
  });
});

test.describe('settings', () => {
  test('a theme, a remapped key and turned-off keys hold at once and after loading anew', async ({ page, target }) => {
    await goTo(page, '#/settings');
    await page.getByTestId('settings.theme').selectOption('dark');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await page.getByTestId('settings.key.go.runs').click();
    await page.keyboard.press('y');
    await expect(page.getByTestId('settings.key.go.runs')).toHaveText('y');
    await target.reload();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(async () => {
      await page.keyboard.press('y');
      await expect(page.getByTestId('shell.runs')).toHaveAttribute('aria-current', 'page', { timeout: 500 });
    }).toPass();
    await goTo(page, '#/settings');
    // The box follows the core, so it changes a moment after it was clicked.
    await page.getByTestId('settings.single-keys').click();
    await expect(page.getByTestId('settings.single-keys')).not.toBeChecked();
    await expect
      .poll(async () => (await target.call('preferences.show', {})).preferences.keyboard.single_keys)
      .toBe(false);
    await page.keyboard.press('y');
    await expect(page.getByTestId('shell.settings')).toHaveAttribute('aria-current', 'page');
  });

  test('refuses a key that another command has', async ({ page }) => {
    await goTo(page, '#/settings');
    await page.getByTestId('settings.key.gate.approve').click();
    await page.keyboard.press('r');
    await expect(page.getByTestId('settings.keyboard')).toContainText('r is “Reject”');
  });

  test('verifies the audit, previews a redaction and shows what a purge would remove', async ({ page, openGate }) => {
    await openGate();
    await goTo(page, '#/settings');
    // The head is signed some seconds after the audit has grown; until then nothing confirms it.
    await expect(async () => {
      await page.getByTestId('settings.verify').click();
      await expect(page.getByTestId('settings.verdict')).toContainText('records are intact', { timeout: 1000 });
    }).toPass();
    await page.getByTestId('settings.redaction-text').fill('staff EMP-123456 has sk-abcdefghijklmnop');
    await page.getByTestId('settings.redaction-patterns').fill('EMP-\\d{6}');
    await expect(page.getByTestId('settings.redaction-result')).toHaveText('staff [masked] has [masked]');
    await page.getByTestId('settings.redaction-patterns').fill('(');
    await expect(page.getByTestId('settings.redaction')).toContainText(/cannot be used|pattern/);
    await page.getByTestId('settings.purge').click();
    await expect(page.getByTestId('settings.purge-confirm')).toContainText('Their audit records stay');
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('settings.purge-confirm')).toBeHidden();
  });

  test('says where keys are kept, and quiet hours need two times', async ({ page, target }) => {
    await goTo(page, '#/settings');
    await expect(page.getByTestId('settings.key-row.openai')).toContainText('set (env:TEST_KEY)');
    await expect(page.getByTestId('settings.quiet-save')).toBeDisabled();
    await page.getByTestId('settings.quiet-from').fill('22:00');
    await page.getByTestId('settings.quiet-to').fill('07:00');
    await page.getByTestId('settings.quiet-save').click();
    await expect
      .poll(async () => (await target.call('preferences.show', {})).preferences.notifications)
      .toMatchObject({ quiet_from: '22:00', quiet_to: '07:00' });
  });
});

test.describe('for everybody', () => {
  const SCREENS = [
    '#/inbox/pending',
    '#/inbox/snoozed',
    '#/inbox/history',
    '#/runs',
    '#/runs/seen-by-all',
    '#/settings',
  ];

  for (const theme of ['light', 'dark'] as const) {
    test(`axe finds nothing serious on any screen, ${theme}`, async ({ page, target, openGate }) => {
      await openGate({ runId: 'seen-by-all' });
      await wear(target, theme);
      for (const screen of SCREENS) {
        await goTo(page, screen);
        await page.waitForFunction(() => !/Loading /.test(document.body.innerText));
        expect(await seriousFindings(page), screen).toEqual([]);
      }
      await page.keyboard.press('Control+K');
      await expect(page.getByTestId('shell.palette')).toBeVisible();
      expect(await seriousFindings(page), 'palette').toEqual([]);
    });
  }

  test('no screen is wider than the window, at 960×600 and at twice the size', async ({ page, openGate }) => {
    await openGate({ runId: 'seen-by-all' });
    for (const size of [
      { width: 960, height: 600 },
      { width: 480, height: 300 },
    ]) {
      await page.setViewportSize(size);
      for (const screen of SCREENS) {
        await goTo(page, screen);
        await page.waitForFunction(() => !/Loading /.test(document.body.innerText));
        const wider = await page.evaluate(() => [
          document.documentElement.scrollWidth - innerWidth,
          (document.querySelector('main')?.getBoundingClientRect().right ?? 0) - innerWidth,
          (document.querySelector('[data-testid="shell.pause"]')?.getBoundingClientRect().right ?? 0) - innerWidth,
        ]);
        expect(Math.max(...wider), `${screen} at ${size.width}`).toBeLessThanOrEqual(0);
      }
    }
  });
});

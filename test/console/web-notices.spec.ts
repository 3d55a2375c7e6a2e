import { expect, test } from './fixtures.ts';

interface Shown {
  readonly title: string;
  readonly body: string;
  closed: boolean;
  onclick: (() => void) | null;
}

/** The page's record of what it has asked the browser to show: no browser shows notices to a test. */
const shownIn = (): readonly Shown[] => (globalThis as unknown as { readonly shownNotices: Shown[] }).shownNotices;

test.describe('notices in a browser', () => {
  test.beforeEach(async ({ page, target }) => {
    test.skip(target.kind === 'desktop', 'the host shows them natively');
    await page.addInitScript(() => {
      const shown: Shown[] = [];
      class Recorded implements Shown {
        static permission = 'granted';
        readonly title: string;
        readonly body: string;
        closed = false;
        onclick: (() => void) | null = null;
        constructor(title: string, { body }: { readonly body: string }) {
          this.title = title;
          this.body = body;
          shown.push(this);
        }
        close(): void {
          this.closed = true;
        }
      }
      Object.assign(globalThis, { shownNotices: shown, Notification: Recorded });
    });
    await target.reload();
    await expect(page.getByTestId('shell.state')).toHaveText('Running');
  });

  test('say who asks for what, and a click lands on that gate', async ({ page, openGate }) => {
    await page.getByTestId('shell.runs').click();
    const opened = await openGate({ args: { command: 'git push' } });
    await expect
      .poll(async () => (await page.evaluate(shownIn)).map(({ title }) => title))
      .toEqual(['refactor-bot: approve shell command?']);
    expect((await page.evaluate(shownIn))[0]?.body).toContain('git push');
    await page.evaluate(() => (globalThis as unknown as { shownNotices: Shown[] }).shownNotices[0]?.onclick?.());
    await expect(page.locator(`[data-gate-id="${opened.gate.gate_id}"]`)).toBeVisible();
  });

  test('are taken back when the gate is decided elsewhere', async ({ page, target, openGate }) => {
    const opened = await openGate();
    await expect.poll(async () => (await page.evaluate(shownIn)).length).toBe(1);
    await target.call('gates.reject', { gate_id: opened.gate.gate_id });
    await expect.poll(async () => (await page.evaluate(shownIn))[0]?.closed).toBe(true);
  });
});

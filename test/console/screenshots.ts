import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { chromiumOptions } from '../harness/browser.ts';
import { BLOCKED_RUN, playShowcase, type Showcase } from '../harness/showcase.ts';

/**
 * Pictures of every screen in both themes and both sizes, of a real console on a real core: `npm run screenshots`
 * [-- FOLDER]. Also says where a screen is wider than its window, and fails if one is.
 */
const SIZES = [
  [960, 600],
  [1440, 900],
] as const;
const THEMES = ['light', 'dark'] as const;

interface Picture {
  readonly name: string;
  /** Brings the page, which shows the console, to what is pictured. */
  readonly arrange: (page: Page, showcase: Showcase) => Promise<unknown>;
}

const open =
  (fragment: string) =>
  (page: Page): Promise<unknown> =>
    page.evaluate((to) => {
      location.hash = to;
    }, fragment);

const gate =
  (view: keyof Showcase['waiting']): Picture['arrange'] =>
  async (page, { waiting }) => {
    await open(`#/gates/${waiting[view]}`)(page);
    await page.getByTestId('inbox.gate').waitFor();
  };

const runTab =
  (tab: string): Picture['arrange'] =>
  async (page, { runId }) => {
    await open(`#/runs/${runId}`)(page);
    await page.getByRole('tab', { name: tab }).click();
  };

/** The run that a rule has stopped; with a tab, its refusal step. */
const blocked =
  (tab: string | null): Picture['arrange'] =>
  async (page) => {
    await open(`#/runs/${BLOCKED_RUN}`)(page);
    await page.getByTestId('run.block-banner').waitFor();
    if (tab === null) return;
    await page.getByTestId('run.block-step').click();
    await page.getByRole('tab', { name: tab }).click();
  };

const PICTURES: readonly Picture[] = [
  { name: 'inbox-shell', arrange: gate('shell') },
  { name: 'inbox-diff', arrange: gate('diff') },
  { name: 'inbox-sql', arrange: gate('sql') },
  { name: 'inbox-http', arrange: gate('http') },
  { name: 'inbox-json', arrange: gate('json') },
  { name: 'inbox-snoozed', arrange: open('#/inbox/snoozed') },
  { name: 'inbox-history', arrange: open('#/inbox/history') },
  { name: 'runs', arrange: open('#/runs') },
  { name: 'runs-filtered', arrange: open('#/runs?q=agent%3Arefactor-bot%20status%3Awaiting') },
  { name: 'run-summary', arrange: runTab('Summary') },
  { name: 'run-messages', arrange: runTab('Messages') },
  { name: 'run-audit', arrange: runTab('Audit') },
  { name: 'run-blocked', arrange: blocked(null) },
  { name: 'run-blocked-step', arrange: blocked('Summary') },
  { name: 'run-blocked-response', arrange: blocked('Response') },
  { name: 'settings', arrange: open('#/settings') },
  {
    name: 'export',
    arrange: async (page, showcase) => {
      await runTab('Summary')(page, showcase);
      await page.getByTestId('run.export').click();
      await page.getByTestId('run.export-html').click();
      await page.getByTestId('exports.facts').waitFor();
    },
  },
  {
    name: 'keyboard',
    arrange: async (page) => {
      await open('#/settings')(page);
      await page.getByTestId('settings.content').waitFor();
      await page.getByTestId('settings.content').focus();
      await page.keyboard.press('?');
      await page.getByTestId('shell.help').waitFor();
    },
  },
  {
    name: 'palette',
    arrange: async (page) => {
      await open('#/runs')(page);
      await page.keyboard.press('Control+K');
    },
  },
];

async function takeAll(browser: Browser, showcase: Showcase, folder: string): Promise<readonly string[]> {
  const problems: string[] = [];
  const operator = showcase.rungate.core.operator;
  if (operator === null) throw new Error('the showcase has no console');
  for (const theme of THEMES) {
    for (const [width, height] of SIZES) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(`${theme} ${width}: ${error.message}`));
      await page.goto(operator.launchUrl());
      await page.getByTestId('shell.inbox').waitFor();
      for (const { name, arrange } of PICTURES) {
        await arrange(page, showcase);
        await settle(page);
        await page.screenshot({ path: join(folder, `${name}-${theme}-${width}x${height}.png`) });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) problems.push(`${name} ${theme} ${width}: ${overflow} px wider than the window`);
        await page.keyboard.press('Escape');
      }
      await context.close();
    }
  }
  return problems;
}

/** Everything that was being loaded is there and drawn. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => !/Loading /.test(document.body.innerText));
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

const folder = resolve(process.argv[2] ?? 'test-results/screenshots');
mkdirSync(folder, { recursive: true });
const showcase = await playShowcase({
  operatorPort: 0,
  consoleFolder: fileURLToPath(new URL('../../dist/renderer', import.meta.url)),
});
const browser = await chromium.launch(await chromiumOptions());
const problems = await takeAll(browser, showcase, folder);
await browser.close();
await showcase.close();
process.stdout.write(`${PICTURES.length * THEMES.length * SIZES.length} pictures in ${folder}\n`);
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
}

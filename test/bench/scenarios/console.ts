import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { chromiumOptions } from '../../harness/browser.ts';
import { median, pause, quantile } from '../measure.ts';
import { startNode } from '../peers/program.ts';
import { context, judged, type Row, type Section } from '../report.ts';
import type { Settings } from '../settings.ts';
import { goAndWait, startSampling, startWaiting, stopSampling, waited } from './console-page.ts';
import { fillConsoleStore } from './console-store.ts';
import type { Scenario } from './scenario.ts';

const BUNDLE = fileURLToPath(new URL('../../../dist/rungate.js', import.meta.url));
const RUNS = 10_000;
const LONG_RUN = 'run-long';
const STEPS = 5_000;
const WINDOW = { width: 1440, height: 900 };
/** A hand on the wheel: a notch of so many px, so many ms apart. */
const NOTCH_PX = 240;
const NOTCH_MS = 16;
const WHEEL_MS = 4_000;

/** The console before a person with many runs, in a real Chromium on a real core. */
export const console: Scenario = {
  name: 'console',
  behaviours: [],
  async run(_peers, settings) {
    const home = mkdtempSync(join(tmpdir(), 'rungate-bench-console-'));
    try {
      await fillConsoleStore(home, {
        runs: RUNS,
        longRunId: LONG_RUN,
        longRunSteps: STEPS,
        until: Date.now() - 3_600_000,
      });
      const core = startNode([BUNDLE, 'serve', '--json', '--port', '0', '--console-port', '0', '--home', home]);
      try {
        const { launch_url } = JSON.parse(await core.firstLine) as { readonly launch_url: string };
        return [await measure(launch_url, settings)];
      } finally {
        await core.stop();
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
};

async function measure(launchUrl: string, settings: Settings): Promise<Section> {
  const browser = await chromium.launch(await chromiumOptions());
  try {
    const page = await (await browser.newContext({ viewport: WINDOW })).newPage();
    await page.goto(launchUrl);
    await page.getByTestId('shell.runs').click();
    await page.locator('[data-testid="runs.row"] a').first().waitFor();
    const total = await page.getByTestId('runs.total').textContent();
    // The first round warms the code up, as the first seconds of use do.
    await wheel(page);
    const scrolled = await repeat(Math.min(3, settings.rounds), () => wheel(page));
    const byChip = await repeat(settings.rounds, (round) =>
      filter(page, `agent:${round % 2 === 0 ? 'refactor-bot' : 'sql-analyst'} `),
    );
    const byText = await repeat(settings.rounds, (round) =>
      filter(page, round % 2 === 0 ? 'run-000123' : 'run-000456'),
    );
    const opened = await repeat(settings.rounds, () => openLongRun(page));
    return {
      title: `Console with ${total} runs, ${STEPS} steps in one`,
      rows: [
        ...scrollRows(scrolled),
        within('runs: filtered by a condition', byChip, 150),
        within('runs: filtered by a word', byText, 150),
        within(`a ${STEPS}-step run opens`, opened, 1_000),
      ],
    };
  } finally {
    await browser.close();
  }
}

async function repeat<T>(rounds: number, work: (round: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await work(round));
  return results;
}

interface Scrolled {
  /** What the page's main thread works per frame, ms of CPU: independent of what else the machine does. */
  readonly work: number;
  /** Times between frames, ms. */
  readonly frames: readonly number[];
  readonly domRows: number;
  readonly passedRows: number;
}

/** Wheel down the list while every frame is timed from within the page. */
async function wheel(page: Page): Promise<Scrolled> {
  const grid = page.getByTestId('runs.grid');
  await grid.hover();
  const cpu = await watchThread(page);
  await page.evaluate(startSampling);
  const from = await grid.evaluate((element) => element.scrollTop);
  for (const end = performance.now() + WHEEL_MS; performance.now() < end; ) {
    await page.mouse.wheel(0, NOTCH_PX);
    await pause(NOTCH_MS);
  }
  const { frames, domRows } = await page.evaluate(stopSampling);
  const to = await grid.evaluate((element) => element.scrollTop);
  return { frames, domRows, passedRows: Math.round((to - from) / 40), work: (await cpu()) / frames.length };
}

/** CPU time of the page's main thread from now on: returns how to read it, ms. */
async function watchThread(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const worked = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await worked();
  return async () => (await worked()) - before;
}

function scrollRows(rounds: readonly Scrolled[]): readonly Row[] {
  const p95 = median(rounds.map(({ frames }) => quantile(frames, 0.95)));
  const worst = median(rounds.map(({ frames }) => Math.max(...frames)));
  const domRows = Math.max(...rounds.map((round) => round.domRows));
  const perSecond = median(
    rounds.map(({ frames }) => (frames.length * 1000) / frames.reduce((sum, each) => sum + each, 0)),
  );
  const passed = median(rounds.map(({ passedRows }) => passedRows));
  return [
    context('runs: while wheeling', `${perSecond.toFixed(0)} frames/s, ${passed} rows passed in ${WHEEL_MS / 1000} s`),
    context('runs: work of the page per frame', `${median(rounds.map(({ work }) => work)).toFixed(1)} ms of CPU`),
    judged('runs: frame while wheeling, p95', `${p95.toFixed(1)} ms`, '<= 18 ms', p95 <= 18),
    judged('runs: longest frame while wheeling', `${worst.toFixed(1)} ms`, '<= 50 ms', worst <= 50),
    judged('runs: rows in the document', String(domRows), '<= 100', domRows <= 100),
  ];
}

/** Milliseconds from the last key of a filter until the rows of its answer are drawn; then the filter is cleared. */
async function filter(page: Page, text: string): Promise<number> {
  const input = page.getByTestId('runs.query');
  const shownTotal = async (): Promise<string> => (await page.getByTestId('runs.total').textContent()) ?? '';
  const all = await shownTotal();
  // The part of a word that is there so far may find runs of its own.
  await input.fill(text.slice(0, -1));
  await pause(400);
  await page.evaluate(startWaiting, await shownTotal());
  await input.press(text.at(-1) === ' ' ? 'Space' : (text.at(-1) ?? ''));
  const took = await page.evaluate(waited);
  await page.getByTestId('runs.clear-query').click();
  while ((await shownTotal()) !== all) await pause(20);
  return took;
}

/** Milliseconds from going to the long run until its steps are drawn; then back. Results stand on the rows of their calls. */
async function openLongRun(page: Page): Promise<number> {
  const took = await page.evaluate(goAndWait, { hash: `#/runs/${LONG_RUN}`, rows: Math.floor((STEPS * 2) / 3) });
  await page.getByTestId('run.back').click();
  await page.locator('[data-testid="runs.row"] a').first().waitFor();
  return took;
}

function within(figure: string, times: readonly number[], most: number): Row {
  const took = median(times);
  return judged(figure, `${took.toFixed(0)} ms`, `<= ${most} ms`, took <= most);
}

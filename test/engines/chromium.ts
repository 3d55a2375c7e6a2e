import { chromium as launcher } from '@playwright/test';
import { chromiumOptions } from '../harness/browser.ts';
import type { Engine } from './browser.ts';

/** Chromium by Playwright, as the other specs of the console use it. */
export const chromium: Engine = {
  name: 'Chromium',
  // Where none can be found, starting says how to get one: the other suites need it, too.
  missing: () => null,
  async start() {
    const browser = await launcher.launch(await chromiumOptions());
    const page = await browser.newPage({ viewport: { width: 1280, height: 820 } });
    return {
      open: async (url) => void (await page.goto(url)),
      click: (selector) => page.click(selector),
      evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
      screenshot: () => page.screenshot(),
      close: () => browser.close(),
    };
  },
};

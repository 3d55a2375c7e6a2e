import { defineConfig, type ReporterDescription } from '@playwright/test';
import type { ConsoleOptions } from '../test/console/fixtures.ts';
import { chromiumOptions } from '../test/harness/browser.ts';
import { BLOCK_POPUPS } from '../test/harness/electron/host/harness-app.ts';

const chromium = await chromiumOptions();
const reporters: ReporterDescription[] = [['list'], ['./playwright-closing-line.ts']];

/**
 * Specs of the console run twice: in a browser on a headless core, and in the desktop app (on the stand-in for
 * Electron, or with RG_LAUNCHER=electron on the real one). Specs of the app itself run in the desktop app only.
 */
export default defineConfig<ConsoleOptions>({
  testDir: '../test',
  outputDir: '../test-results',
  testMatch: '{console,app}/**/*.spec.ts',
  fullyParallel: true,
  workers: 2,
  // Generous: a busy machine is slow, and nothing here is measured.
  timeout: 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  reporter: reporters,
  use: { trace: 'retain-on-failure', screenshot: 'only-on-failure', actionTimeout: 10_000 },
  projects: [
    {
      name: 'browser',
      testMatch: 'console/**/*.spec.ts',
      use: { targetKind: 'headless', launchOptions: chromium },
    },
    {
      name: 'desktop',
      use: { targetKind: 'desktop', launchOptions: { ...chromium, args: [BLOCK_POPUPS] } },
    },
  ],
});

/* oxlint-disable no-empty-pattern -- Playwright wants a pattern where a fixture needs nothing, too */
import { test as base } from '../console/fixtures.ts';
import type { Driver } from '../harness/driver.ts';
import { type ProbeServer, startProbeServer } from './probe-server.ts';

interface AppFixtures {
  /** The desktop app, its window showing the console. */
  readonly driver: Driver;
  /** A place outside the app. */
  readonly outside: ProbeServer;
}

/** The console's test with the desktop app around it. */
export const test = base.extend<AppFixtures>({
  driver: async ({ target }, use) => {
    if (target.driver === null) throw new Error('specs of the app need the project "desktop"');
    await use(target.driver);
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern where a fixture needs nothing, too
  outside: async ({}, use) => {
    const outside = await startProbeServer();
    await use(outside);
    await outside.close();
  },
});

export { expect } from '../console/fixtures.ts';

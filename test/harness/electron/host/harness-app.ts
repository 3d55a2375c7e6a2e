import type { Browser, BrowserContext, Page, Request } from '@playwright/test';
import type { PlayedPlatform } from '../launch.ts';
import type { MainLink } from './main-process.ts';
import { routeRequests } from './requests.ts';
import { openWindowPage, type WindowPage } from './window-page.ts';

/** The windows of one app, as pages of a browser that several apps may share. */
export interface HarnessApp {
  /** The windows' pages, oldest first. */
  pages(): readonly Page[];
  /** Resolves with the first window once it has loaded something. */
  firstWindow(): Promise<Page>;
  /** The schemes that the app has declared as its own. */
  schemes(): readonly string[];
  /** Close what Chromium still holds of the app. */
  close(): Promise<void>;
}

/**
 * Chromium must be started with this for the harness: `window.open` then fails in the page, as it does when an app
 * denies it, while the attempt is still reported.
 */
export const BLOCK_POPUPS = '--block-new-web-contents';

/** Serve the main process with pages of this browser. */
export function serveWindows(browser: Browser, main: MainLink, platform: PlayedPlatform): HarnessApp {
  const contexts = new Map<string, Promise<BrowserContext>>();
  const windows = new Map<number, Promise<WindowPage>>();
  const byPage = new Map<Page, WindowPage>();
  const first = Promise.withResolvers<Page>();
  let schemes: readonly string[] = [];
  let colorScheme: 'light' | 'dark' = 'light';

  const openContext = async (partition: string): Promise<BrowserContext> => {
    const context = await browser.newContext({ colorScheme, serviceWorkers: 'block' });
    const windowOf = (request: Request): WindowPage | null => byPage.get(request.frame().page()) ?? null;
    await routeRequests(context, partition, main, () => schemes, windowOf);
    return context;
  };
  const contextOf = (partition: string): Promise<BrowserContext> => {
    const found = contexts.get(partition) ?? openContext(partition);
    contexts.set(partition, found);
    return found;
  };
  const windowFor = async (id: number): Promise<WindowPage> => {
    const found = windows.get(id);
    if (found === undefined) throw new Error(`window ${id} has no page`);
    return found;
  };

  main.serve('schemes.register', (registered) => {
    schemes = registered.schemes;
  });
  main.serve('window.create', async (facts) => {
    const opening = contextOf(facts.partition).then((context) =>
      openWindowPage(context, facts, main, platform, () => schemes),
    );
    // Whoever loads the window is told; a page that cannot be opened must not end the test process besides.
    opening.catch((error: unknown) => first.reject(error));
    windows.set(facts.window, opening);
    const opened = await opening;
    byPage.set(opened.page, opened);
    opened.page.on('close', () => byPage.delete(opened.page));
    opened.page.on('load', () => first.resolve(opened.page));
  });
  main.serve('window.load', async ({ window, url }) => (await windowFor(window)).load(url));
  main.serve('window.reload', async ({ window }) => {
    await (await windowFor(window)).reload();
  });
  main.serve('window.resize', async ({ window, width, height }) => {
    const { page } = await windowFor(window);
    await page.setViewportSize({ width, height });
  });
  main.serve('window.close', async ({ window }) => {
    const { page } = await windowFor(window);
    windows.delete(window);
    await page.close();
  });
  main.serve('window.send', async ({ window, channel, args }) => {
    await (await windows.get(window))?.send(channel, args);
  });
  main.serve('window.script', async ({ window, code }) => (await windowFor(window)).page.evaluate(code));
  main.serve('window.capture', async ({ window }) => (await windowFor(window)).page.screenshot());
  main.serve('window.pdf', async ({ window, options }) => (await windowFor(window)).page.pdf(options));
  main.serve('theme.choose', async ({ source }) => {
    colorScheme = source === 'dark' ? 'dark' : 'light';
    for (const page of byPage.keys()) await page.emulateMedia({ colorScheme });
  });
  first.promise.catch(() => undefined);
  return {
    pages: () => [...byPage.keys()],
    firstWindow: () => first.promise,
    schemes: () => schemes,
    async close() {
      for (const context of contexts.values()) await (await context).close();
    },
  };
}

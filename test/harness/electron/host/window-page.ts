import type { BrowserContext, CDPSession, Download, Page } from '@playwright/test';
import type { PlayedPlatform } from '../launch.ts';
import type { WindowEvent, WindowFacts } from '../messages.ts';
import { notImplemented } from '../not-implemented.ts';
import { toApp, toWeb } from '../scheme-urls.ts';
import type { MainLink } from './main-process.ts';
import { applyPermissions } from './permissions.ts';
import { openPreloadWorld, type PreloadWorld } from './preload-world.ts';

/** A window of the app: one page of Chromium. */
export interface WindowPage {
  readonly facts: WindowFacts;
  readonly page: Page;
  readonly session: CDPSession;
  /** The address the app itself asked for, until it has been reached; every other navigation is the page's own. */
  loading: string | null;
  load(url: string): Promise<void>;
  reload(): Promise<void>;
  send(channel: string, args: readonly unknown[]): Promise<void>;
}

/** Open a page for a window and report to the main process what happens in it. */
export async function openWindowPage(
  context: BrowserContext,
  facts: WindowFacts,
  main: MainLink,
  platform: PlayedPlatform,
  schemes: () => readonly string[],
): Promise<WindowPage> {
  const { window } = facts;
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  const note = (event: WindowEvent): void => main.tell('window.event', { window, event });
  await page.setViewportSize({ width: facts.width, height: facts.height });
  if (!facts.scripts) await session.send('Emulation.setScriptExecutionDisabled', { value: true });
  const world = await openWorld(page, session, facts, main, platform);
  page.on('framenavigated', (frame) => {
    if (frame === page.mainFrame()) note({ kind: 'navigated', url: toApp(frame.url()) });
  });
  page.on('domcontentloaded', () => note({ kind: 'dom-ready' }));
  page.on('load', () => {
    note({ kind: 'loaded' });
    page.title().then(
      (title) => note({ kind: 'titled', title }),
      () => undefined,
    );
  });
  page.on('crash', () => note({ kind: 'crashed' }));
  page.on('download', (download) => void judgeDownload(main, window, download));
  page.on('close', () => note({ kind: 'gone' }));
  session.on('Page.windowOpen', ({ url, windowName }) => void judgePopup(main, window, url, windowName));
  await session.send('Page.enable');
  /** Go somewhere by the app's wish, which nothing of the app prevents. */
  const byApp = async (target: string, go: () => Promise<unknown>): Promise<void> => {
    opened.loading = target.replace(/#.*$/s, '');
    try {
      await go();
    } finally {
      opened.loading = null;
    }
  };
  const opened: WindowPage = {
    facts,
    page,
    session,
    loading: null,
    async load(url) {
      const target = toWeb(url, schemes());
      try {
        await applyPermissions(page, session, window, main, target);
        await byApp(target, () => page.goto(target));
      } catch (error) {
        note({ kind: 'failed', url, message: (error as Error).message });
        throw new Error(`ERR_FAILED (-2) loading '${url}'`);
      }
    },
    reload: () => byApp(page.url(), () => page.reload()),
    send: async (channel, args) => world?.send(channel, args),
  };
  return opened;
}

/** Chromium has refused the popup already; the app is asked because it may hand the address to the system's browser. */
async function judgePopup(main: MainLink, window: number, url: string, frameName: string): Promise<void> {
  const { allowed } = await main.ask('popup.judge', { window, url: toApp(url), frameName });
  if (allowed) throw notImplemented(`a popup that the app allows (${url})`);
}

async function judgeDownload(main: MainLink, window: number, download: Download): Promise<void> {
  // Where the app has just been closed there is nobody to ask: nothing is downloaded then.
  const judged = main.ask('download.judge', { window, url: toApp(download.url()) });
  const { prevented } = await judged.catch(() => ({ prevented: true }));
  if (prevented) await download.cancel().catch(() => undefined);
}

function openWorld(
  page: Page,
  session: CDPSession,
  { window, preload, preloadArguments }: WindowFacts,
  main: MainLink,
  platform: PlayedPlatform,
): Promise<PreloadWorld | null> {
  if (preload === null) return Promise.resolve(null);
  return openPreloadWorld(page, session, preload, { platform, argv: preloadArguments }, async (message, frame) => {
    const { channel, args } = message;
    if (message.kind === 'invoke') return main.ask('ipc.invoke', { window, frame, channel, args });
    return main.tell('ipc.send', { window, frame, channel, args });
  });
}

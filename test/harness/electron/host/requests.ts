import type { BrowserContext, Request, Route } from '@playwright/test';
import type { RequestFacts } from '../messages.ts';
import { headerToWeb, originOf, SCHEME_PATTERN, toApp } from '../scheme-urls.ts';
import type { MainLink } from './main-process.ts';
import type { WindowPage } from './window-page.ts';

/**
 * Decide every request of a session's pages as Electron would: the app's own scheme goes to its protocol handler,
 * navigations by the page and requests to the network are put before the app first.
 */
export async function routeRequests(
  context: BrowserContext,
  partition: string,
  main: MainLink,
  schemes: () => readonly string[],
  windowOf: (request: Request) => WindowPage | null,
): Promise<void> {
  const judged = async (route: Route, onwards: (facts: RequestFacts) => Promise<void>): Promise<void> => {
    const request = route.request();
    try {
      const window = windowOf(request);
      // A page that is no window of the app is a popup whose fate is still open.
      const byApp = request.isNavigationRequest() && request.url() === window?.loading;
      if (window === null || !(byApp || (await mayNavigate(request, window, main))))
        return await route.abort('aborted');
      await onwards(factsOf(request, partition, byApp));
    } catch {
      // The page or the app went while this was under way.
      await route.abort('failed').catch(() => undefined);
    }
  };
  await context.route('**/*', (route) =>
    judged(route, async (facts) => {
      const { cancel } = await main.ask('request.judge', facts);
      await (cancel ? route.abort('blockedbyclient') : route.continue());
    }),
  );
  await context.route(SCHEME_PATTERN, (route) =>
    judged(route, async (facts) => {
      const { status, headers, body } = await main.ask('request.serve', facts);
      const rewritten = Object.entries(headers).map(([name, value]) => [name, headerToWeb(value, schemes())] as const);
      await route.fulfill({ status, headers: Object.fromEntries(rewritten), body: Buffer.from(body) });
    }),
  );
}

async function mayNavigate(request: Request, { facts, page }: WindowPage, main: MainLink): Promise<boolean> {
  if (!request.isNavigationRequest()) return true;
  const frame = request.frame();
  const isMain = frame === page.mainFrame();
  const url = toApp(request.url());
  const facing = { id: isMain ? 'main' : `frame:${frame.name()}`, url: toApp(frame.url()), isMain };
  return !(await main.ask('navigation.judge', { window: facts.window, url, frame: facing })).prevented;
}

function factsOf(request: Request, partition: string, byApp: boolean): RequestFacts {
  const frame = request.frame();
  const behind = request.isNavigationRequest() ? (frame.parentFrame() ?? frame) : frame;
  return {
    partition,
    url: toApp(request.url()),
    method: request.method(),
    headers: request.headers(),
    body: request.postDataBuffer(),
    resourceType: request.resourceType(),
    initiator: byApp ? null : originOf(toApp(behind.url())),
  };
}

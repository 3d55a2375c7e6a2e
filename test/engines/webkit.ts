import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineBrowser } from './browser.ts';
import { findProgram, freePort, lineOf, startProgram } from './program.ts';

/** WebKitGTK, the engine of Safari's family that Linux has, over WebDriver (W3C); on a display of its own. */
export const webkit: Engine = {
  name: 'WebKit',
  missing() {
    if (findProgram('WebKitWebDriver') === null || miniBrowser() === null) return 'webkit2gtk-driver is not installed';
    return findProgram('Xvfb') === null ? 'xvfb is not installed' : null;
  },
  async start() {
    const home = mkdtempSync(join(tmpdir(), 'rungate-webkit-'));
    const display = startProgram(
      findProgram('Xvfb') ?? '',
      ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'],
      {},
    );
    const [, number = ''] = await lineOf(display.child.stdio[3] as NodeJS.ReadableStream, /^(\d+)\n/);
    const port = await freePort();
    const driver = startProgram(findProgram('WebKitWebDriver') ?? '', [`--port=${port}`, '--host=127.0.0.1'], {
      DISPLAY: `:${number}`,
      HOME: home,
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CACHE_HOME: join(home, 'cache'),
      GDK_BACKEND: 'x11',
      // There is no graphics card in a container, and root has no sandbox.
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      NO_AT_BRIDGE: '1',
    });
    const base = `http://127.0.0.1:${port}`;
    await answers(base);
    const options = { binary: miniBrowser(), args: ['--automation', '--geometry=1280x820'] };
    const timeouts = { script: SCRIPT_MS };
    const capabilities = { alwaysMatch: { timeouts, 'webkitgtk:browserOptions': options } };
    const { sessionId } = await send<{ sessionId: string }>(`${base}/session`, 'POST', { capabilities });
    return browserOver(`${base}/session/${sessionId}`, async () => {
      await driver.stop();
      await display.stop();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    });
  },
};

const miniBrowser = (): string | null => globSync('/usr/lib/*/webkit2gtk-4*/MiniBrowser')[0] ?? null;

const SCRIPT_MS = 2_000;

/** How WebDriver names an element in JSON. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

function browserOver(session: string, close: () => Promise<void>): EngineBrowser {
  return {
    open: async (url) => void (await send(`${session}/url`, 'POST', { url })),
    async click(value) {
      const found = await send<Record<string, string>>(`${session}/element`, 'POST', { using: 'css selector', value });
      await send(`${session}/element/${found[ELEMENT]}/click`, 'POST', {});
    },
    async evaluate<T>(expression: string) {
      const script = `const done = arguments[0]; Promise.resolve(${expression}).then((value) => done(JSON.stringify(value ?? null)), (error) => done(JSON.stringify({ thrown: String(error) })));`;
      // A script whose document goes away is never answered (seen in 2.50): it is given up, and may be asked again.
      const signal = AbortSignal.timeout(SCRIPT_MS);
      return JSON.parse(await send<string>(`${session}/execute/async`, 'POST', { script, args: [] }, signal)) as T;
    },
    // Of a page that has just changed a picture is never given (seen in 2.50): only for looking on by hand.
    screenshot: async () => Buffer.from(await send<string>(`${session}/screenshot`, 'GET'), 'base64'),
    async close() {
      await send(session, 'DELETE').catch(() => undefined);
      await close();
    },
  };
}

async function send<T>(url: string, method: string, body?: object, signal?: AbortSignal): Promise<T> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (response.ok) return value as T;
  throw new Error(`${method} ${url}: ${JSON.stringify(value).slice(0, 500)}`);
}

/** Resolves once the driver listens. */
async function answers(base: string): Promise<void> {
  for (;;) {
    const listening = await fetch(`${base}/status`).then(
      () => true,
      () => false,
    );
    if (listening) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

import { startHeadlessCore } from '../harness/console.ts';
import { expect, test } from './fixtures.ts';
import { startProbeServer } from './probe-server.ts';

test.describe('B5 the window stays where the app put it', () => {
  test('for every way a page has to go elsewhere', async ({ page, driver, outside }) => {
    const before = page.url();
    await driver.evaluate(({ BrowserWindow }) => {
      const asked: string[] = [];
      Object.assign(globalThis, { navigationsAsked: asked });
      BrowserWindow.getAllWindows()[0]?.webContents.on('will-navigate', ({ url }) => asked.push(url));
    }, null);
    const asked = (): Promise<readonly string[]> =>
      driver.evaluate(() => (globalThis as unknown as { readonly navigationsAsked: string[] }).navigationsAsked, null);
    const ways: readonly ((url: string) => unknown)[] = [
      (url) => {
        location.href = url;
      },
      (url) => location.assign(url),
      (url) => {
        const link = Object.assign(document.createElement('a'), { href: url, textContent: 'go' });
        document.body.append(link);
        link.click();
      },
      (url) => {
        const meta = document.createElement('meta');
        meta.httpEquiv = 'refresh';
        meta.content = `0;url=${url}`;
        document.head.append(meta);
      },
    ];
    const expected: string[] = [];
    for (const go of ways) {
      // Chromium itself lets no page go to these.
      for (const url of ['file:///etc/passwd', 'data:text/html,<h1>x']) await page.evaluate(go, url);
      // These the app is asked about, and refuses.
      for (const url of [`${outside.url}/gone`, 'app://elsewhere/']) {
        await page.evaluate(go, driver.addressOf(url));
        expected.push(url);
        await expect.poll(asked).toEqual(expected);
      }
    }
    await page.evaluate(() => location.reload());
    await expect.poll(async () => (await asked()).length).toBe(expected.length + 1);
    expect(page.url()).toBe(before);
    expect(await page.evaluate(() => document.querySelector('[data-testid="shell.inbox"]') !== null)).toBe(true);
    expect(outside.reached).toEqual([]);
    expect((await driver.desk()).windows).toHaveLength(1);
  });

  test('when a form is sent', async ({ page, outside }) => {
    const before = page.url();
    const refused = await page.evaluate(async (url) => {
      const violated = new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
          once: true,
        });
      });
      const form = Object.assign(document.createElement('form'), { action: url, method: 'post' });
      document.body.append(form);
      form.submit();
      return violated;
    }, `${outside.url}/form`);
    expect(refused).toBe('form-action');
    expect(page.url()).toBe(before);
    expect(outside.reached).toEqual([]);
  });

  test('and opens no other: no popup, no webview, no frame', async ({ page, driver, outside }) => {
    const opened = await page.evaluate((url) => {
      const popups = [url, 'file:///etc/passwd', 'javascript:alert(1)', 'about:blank', '/'].map(
        (address) => window.open(address) !== null,
      );
      const blank = Object.assign(document.createElement('a'), { href: url, target: '_blank' });
      const webview = document.createElement('webview');
      webview.setAttribute('src', url);
      const frame = Object.assign(document.createElement('iframe'), { src: url });
      document.body.append(blank, webview, frame);
      blank.click();
      return { popups, webview: 'loadURL' in webview };
    }, `${outside.url}/popup`);
    expect(opened).toEqual({ popups: [false, false, false, false, false], webview: false });
    await expect(page.getByTestId('shell.inbox')).toBeVisible();
    expect((await driver.desk()).windows).toHaveLength(1);
    expect(outside.reached).toEqual([]);
  });

  test('hands no address of a page to the system', async ({ page, driver }) => {
    await page.evaluate(() => {
      for (const url of [
        'file:///etc/passwd',
        'javascript:alert(1)',
        'smb://host/share',
        'ms-msdt:/id',
        'https://evil.example/',
      ]) {
        window.open(url);
        const link = Object.assign(document.createElement('a'), { href: url, target: '_blank' });
        document.body.append(link);
        link.click();
      }
    });
    await expect(page.getByTestId('shell.inbox')).toBeVisible();
    expect((await driver.desk()).opened).toEqual([]);
  });

  test('whatever is dropped on it', async ({ page, driver, outside }) => {
    const before = page.url();
    const session = await page.context().newCDPSession(page);
    for (const dropped of [`${outside.url}/dropped`, 'file:///etc/passwd']) {
      const items = [{ mimeType: 'text/uri-list', data: dropped }];
      for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
        await session.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data: { items, dragOperationsMask: 1 } });
      }
    }
    await expect(page.getByTestId('shell.inbox')).toBeVisible();
    expect(page.url()).toBe(before);
    expect((await driver.desk()).windows).toHaveLength(1);
    expect(outside.reached).toEqual([]);
  });
});

test.describe('B6 the app’s own scheme', () => {
  const traversals = [
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/..%5cpackage.json',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets/..%2f..%2fpackage.json',
    '/%00',
    '/index.html%00',
    '/index.html%00.js',
    '//etc/passwd',
    '/etc/passwd',
    '/index.html/',
    '/main.js',
    '/preload/preload.cjs',
  ];

  test('serves the console’s files and nothing else, from the page', async ({ page }) => {
    const statuses = await page.evaluate(
      (paths) => Promise.all(paths.map(async (path) => (await fetch(`.${path}`)).status)),
      traversals.filter((path) => !path.startsWith('//')),
    );
    expect(new Set(statuses)).toEqual(new Set([404]));
    expect(await page.evaluate(async () => (await fetch('/index.html')).status)).toBe(200);
  });

  test('and from the main process, where no page has tidied the path', async ({ driver }) => {
    const statuses = await driver.evaluate(
      ({ session }, paths) =>
        Promise.all(paths.map(async (path) => (await session.defaultSession.fetch(`app://console${path}`)).status)),
      traversals,
    );
    expect(new Set(statuses)).toEqual(new Set([404]));
    const others = await driver.evaluate(
      ({ session }, urls) => Promise.all(urls.map(async (url) => (await session.defaultSession.fetch(url)).status)),
      ['app://other/index.html', 'app://console.evil/index.html', 'app://console:1/index.html'],
    );
    expect(others).not.toContain(200);
  });

  test('is not answered to a page of another origin', async ({ driver }) => {
    const address = driver.addressOf('app://console/index.html');
    const outcome = await driver.evaluate(async ({ BrowserWindow }, url) => {
      const foreign = new BrowserWindow({ show: false, webPreferences: { sandbox: true, contextIsolation: true } });
      try {
        await foreign.loadURL('data:text/html,<title>foreign</title>');
        const code = `fetch(${JSON.stringify(url)}).then((answer) => answer.status, (error) => error.name)`;
        return await foreign.webContents.executeJavaScript(code);
      } finally {
        foreign.destroy();
      }
    }, address);
    expect(outcome).not.toBe(200);
  });

  test('takes nothing but GET and HEAD', async ({ page }) => {
    expect(await page.evaluate(async () => (await fetch('/', { method: 'POST', body: 'x' })).status)).toBe(405);
    expect(await page.evaluate(async () => (await fetch('/', { method: 'HEAD' })).status)).toBe(200);
  });
});

test('A9 the console cannot be framed: not by a page, not by itself', async ({ page, browser }) => {
  const core = await startHeadlessCore();
  const context = await browser.newContext();
  const framing = await startProbeServer(`<iframe id="f" src="${core.console_url}/"></iframe>`);
  try {
    const outer = await context.newPage();
    const blocked = outer.waitForEvent('console', { predicate: (message) => /frame/i.test(message.text()) });
    await outer.goto(framing.url);
    expect((await blocked).text()).toMatch(/frame-ancestors|X-Frame-Options/);
    const inner = outer.frames().find((frame) => frame !== outer.mainFrame());
    expect(inner?.url()).not.toContain(core.console_url);
  } finally {
    await context.close();
    await framing.close();
    await core.close();
  }
  const itself = await page.evaluate(async () => {
    const violated = new Promise<string>((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
        once: true,
      });
    });
    document.body.append(Object.assign(document.createElement('iframe'), { src: '/' }));
    return violated;
  });
  expect(itself).toBe('frame-src');
});

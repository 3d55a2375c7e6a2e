import { auditOf } from './audit-records.ts';
import { expect, test } from './fixtures.ts';

test.describe('B2 the page', () => {
  test('has no Node, nothing of Electron, and only the bridge', async ({ page }) => {
    const found = await page.evaluate(() => ({
      globals: ['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer', '__postToMain'].filter(
        (name) => name in globalThis,
      ),
      bridge: Object.keys((globalThis as unknown as { readonly rungate: object }).rungate).length,
      frozen: Object.isFrozen((globalThis as unknown as { readonly rungate: object }).rungate),
    }));
    expect(found).toEqual({ globals: [], bridge: 2, frozen: true });
  });

  test('is sandboxed and isolated, and keeps the web’s own security', async ({ driver, page }) => {
    await expect(page.getByTestId('shell.inbox')).toBeVisible();
    const preferences = await driver.evaluate(({ BrowserWindow }) => {
      type Readable = { getLastWebPreferences(): Record<string, unknown> };
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as Readable;
      return contents.getLastWebPreferences();
    }, null);
    expect(preferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
  });

  test('runs no text as code, and loads nothing from elsewhere', async ({ page, outside }) => {
    const attempts = await page.evaluate(async (elsewhere) => {
      const outcome: Record<string, string> = {};
      const attempt = async (name: string, run: () => unknown): Promise<void> => {
        try {
          await run();
          outcome[name] = 'ran';
        } catch (error) {
          outcome[name] = (error as Error).name;
        }
      };
      // From a task of the page's own: DevTools may evaluate text where a page may not.
      await new Promise<void>((resolve) => {
        const run = async (): Promise<void> => {
          await attempt('eval', () => Reflect.apply(Reflect.get(globalThis, 'eval'), null, ['1']));
          await attempt('Function', () => Reflect.construct(Reflect.get(globalThis, 'Function'), ['return 1'])());
          await attempt('innerHTML', () => {
            document.createElement('div').innerHTML = '<img src=x onerror=1>';
          });
          await attempt('inline script', () => {
            const script = document.createElement('script');
            script.textContent = 'globalThis.inlineRan = true';
            document.head.append(script);
          });
          await attempt('inline handler', () => document.body.setAttribute('onclick', 'globalThis.inlineRan = true'));
          await attempt('fetch', () => fetch(`${elsewhere}/fetch`));
          await attempt('image', () => {
            const image = new Image();
            image.src = `${elsewhere}/image`;
            return image.decode();
          });
          await attempt('remote script', () => {
            const script = document.createElement('script');
            script.src = `${elsewhere}/script.js`;
            document.head.append(script);
          });
          resolve();
        };
        setTimeout(() => void run(), 0);
      });
      return { outcome, ran: 'inlineRan' in globalThis };
    }, outside.url);
    expect(attempts).toEqual({
      outcome: {
        eval: 'EvalError',
        Function: 'EvalError',
        innerHTML: 'TypeError',
        'inline script': 'TypeError',
        'inline handler': 'TypeError',
        fetch: 'TypeError',
        image: 'EncodingError',
        'remote script': 'TypeError',
      },
      ran: false,
    });
    expect(outside.reached).toEqual([]);
  });

  test('is given no permission of the system but to copy', async ({ page }) => {
    const states = await page.evaluate(async () => {
      const names = ['notifications', 'geolocation', 'camera', 'microphone', 'clipboard-read', 'clipboard-write'];
      const states: Record<string, string> = {};
      for (const name of names) {
        states[name] = (await navigator.permissions.query({ name: name as PermissionName })).state;
      }
      return states;
    });
    expect(states).toEqual({
      notifications: 'denied',
      geolocation: 'denied',
      camera: 'denied',
      microphone: 'denied',
      'clipboard-read': 'denied',
      'clipboard-write': 'granted',
    });
  });
});

test('B4 a page that replaces what the language gives it gains nothing of Electron', async ({ target, page }) => {
  await page.addInitScript(() => {
    const seen: unknown[] = [];
    Object.assign(globalThis, { seenByThief: seen });
    const steal = (owner: object, name: string): void => {
      const original = (owner as Record<string, unknown>)[name] as (...args: unknown[]) => unknown;
      Object.defineProperty(owner, name, {
        configurable: true,
        writable: true,
        value(this: unknown, ...args: unknown[]) {
          seen.push(this, ...args);
          return Reflect.apply(original, this, args);
        },
      });
    };
    for (const name of ['bind', 'call', 'apply']) steal(Function.prototype, name);
    // Not `then` of the whole page's promises alone: whatever crosses the bridge would pass here.
    for (const name of ['then', 'catch', 'finally']) steal(Promise.prototype, name);
    for (const name of ['addEventListener', 'dispatchEvent']) steal(EventTarget.prototype, name);
    for (const name of ['sender', 'ports']) {
      Object.defineProperty(Object.prototype, name, {
        configurable: true,
        set(value) {
          seen.push(value);
        },
      });
    }
  });
  await target.reload();
  const stolen = await page.evaluate(async () => {
    type Bridge = {
      invoke(message: unknown): Promise<unknown>;
      listen(listener: (message: unknown) => void): () => void;
    };
    const { rungate, seenByThief } = globalThis as unknown as {
      readonly rungate: Bridge;
      readonly seenByThief: unknown[];
    };
    rungate.listen(() => undefined)();
    const reply = await rungate.invoke({ kind: 'call', name: 'core.status', input: {} });
    const marks = ['ipcRenderer', 'contextBridge', 'senderId', 'senderFrame', 'exposeInMainWorld', 'sendSync'];
    const loot = seenByThief.filter((item) => {
      if ((typeof item !== 'object' && typeof item !== 'function') || item === null) return false;
      return (
        marks.some((mark) => mark in item) || (typeof item === 'function' && String(item).includes('ipcRenderer.'))
      );
    });
    return { answered: (reply as { readonly ok: boolean }).ok, loot: loot.length, watched: seenByThief.length > 0 };
  });
  expect(stolen).toEqual({ answered: true, loot: 0, watched: true });
  // The bridge itself cannot be replaced either, so a later script finds the real one.
  const replaced = await page.evaluate(() => {
    const before = (globalThis as unknown as { readonly rungate: object }).rungate;
    Reflect.set(globalThis, 'rungate', { invoke: () => 'mine' });
    Reflect.deleteProperty(globalThis, 'rungate');
    return (globalThis as unknown as { readonly rungate: object }).rungate !== before;
  });
  expect(replaced).toBe(false);
});

test('B3 messages from anything but the console’s own frame are refused and put into the audit', async ({
  target,
  driver,
}) => {
  const message = { kind: 'call', name: 'core.pause', input: {} };
  const channel = 'rungate:invoke';
  const forged = [
    { url: 'https://evil.example/', isMain: true },
    { url: 'app://console/', isMain: false },
    { url: 'app://console.evil/', isMain: true },
    { url: 'data:text/html,x', isMain: true },
  ];
  for (const frame of forged) {
    expect(await driver.invokeAs(frame, channel, message), frame.url).toMatchObject({
      kind: 'answered',
      value: { ok: false, failure: { code: 'origin_refused' } },
    });
  }
  expect(await target.call('core.status', {})).toMatchObject({ paused: false });
  expect(await driver.invokeAs({ url: 'app://console/', isMain: true }, channel, message)).toMatchObject({
    value: { ok: true },
  });
  await driver.quit();
  const reasons = auditOf(target.home).filter(({ kind }) => kind === 'host.ipc_refused');
  expect(reasons).toHaveLength(forged.length);
});

test('B3 a message that is none of the bridge’s is answered with a failure', async ({ page }) => {
  const replies = await page.evaluate(async () => {
    const { rungate } = globalThis as unknown as { readonly rungate: { invoke(message: unknown): Promise<unknown> } };
    const bad = [
      null,
      'core.pause',
      { kind: 'call' },
      { kind: 'eval', code: '1' },
      { kind: 'call', name: '__proto__', input: {} },
    ];
    return Promise.all(bad.map((message) => rungate.invoke(message)));
  });
  for (const reply of replies) expect(reply).toMatchObject({ ok: false });
});

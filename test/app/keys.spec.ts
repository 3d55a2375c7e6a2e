import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import type { ConsoleTarget } from '../harness/console-target.ts';
import { openDesktopConsole } from '../harness/desktop.ts';
import type { DriverOptions } from '../harness/driver.ts';
import { expect, test } from './fixtures.ts';

const KEY = 'sk-canary-5f2b0c77a1e94d';

/** An app whose one provider's key is kept by the host. */
const openWithKeychain = (browser: Browser, url: string, options: DriverOptions): Promise<ConsoleTarget> =>
  openDesktopConsole(browser, {
    ...options,
    configuration: {
      providers: [
        { id: 'openai', base_url: `${url}/v1`, formats: ['chat'], models: ['gpt-*'], key: 'keychain:openai' },
      ],
    },
  });

/** Files under a folder that hold this text. */
const filesHolding = (folder: string, text: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));

const keptOf = async (target: ConsoleTarget): Promise<unknown> =>
  (await target.call('keys.list', {})).keys.find(({ provider }) => provider === 'openai');

test.describe('B9 a provider’s key', () => {
  test('is kept where the system protects it, and is there after a restart', async ({ browser, upstream }) => {
    const target = await openWithKeychain(browser, upstream.url, { keyring: 'gnome_libsecret' });
    const { profile } = target.driver ?? { profile: '' };
    await target.call('keys.set', { provider: 'openai', key: KEY });
    expect(await keptOf(target)).toMatchObject({ state: 'set', kept: 'protected' });
    await target.driver?.quit();
    expect(filesHolding(profile, KEY)).toEqual([]);
    const again = await openWithKeychain(browser, upstream.url, { keyring: 'gnome_libsecret', profile });
    try {
      expect(await keptOf(again)).toMatchObject({ state: 'set', kept: 'protected' });
    } finally {
      await again.close();
    }
  });

  test('is not written where nothing protects it, and the person is told', async ({ browser, upstream }) => {
    const target = await openWithKeychain(browser, upstream.url, { keyring: 'basic_text' });
    const { profile } = target.driver ?? { profile: '' };
    const { host } = await target.call('core.snapshot', {});
    expect(host).toMatchObject({ key_storage: 'session', key_storage_note: expect.stringContaining('keyring') });
    await target.call('keys.set', { provider: 'openai', key: KEY });
    expect(await keptOf(target)).toMatchObject({ state: 'set', kept: 'session' });
    await target.driver?.quit();
    expect(filesHolding(profile, KEY)).toEqual([]);
    expect(filesHolding(profile, Buffer.from(KEY).toString('base64').slice(0, 20))).toEqual([]);
    const again = await openWithKeychain(browser, upstream.url, { keyring: 'basic_text', profile });
    try {
      expect(await keptOf(again)).toMatchObject({ state: 'missing' });
    } finally {
      await again.close();
    }
  });
});

import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { answerDialog, launchDesktop, shownNotifications } from '../harness/driver.ts';
import { expect, test } from './fixtures.ts';

test.describe('closing the window', () => {
  test('leaves the app in the tray, and says so once', async ({ driver, target, agent }) => {
    await driver.closeWindow();
    expect((await driver.desk()).windows[0]).toMatchObject({ visible: false });
    await expect.poll(async () => (await shownNotifications(driver))[0]?.title).toMatch(/still running in the tray/);
    expect((await fetch(`${agent.agentUrl}/v1/models`, { headers: { 'x-api-key': agent.token } })).status).toBe(200);
    await driver.act({ kind: 'tray-click', tray: 0 });
    expect((await driver.desk()).windows[0]).toMatchObject({ visible: true, focused: true });
    await driver.closeWindow();
    expect(await shownNotifications(driver)).toHaveLength(1);
    expect(await target.call('core.status', {})).toMatchObject({ paused: false });
  });

  test('asks where the preferences say so', async ({ driver, target }) => {
    const { preferences } = await target.call('preferences.show', {});
    await target.call('preferences.set', {
      preferences: { ...preferences, desktop: { ...preferences.desktop, close: 'ask' } },
    });
    await driver.closeWindow();
    await expect.poll(async () => (await driver.desk()).dialogs[0]?.buttons).toContain('Keep running in the tray');
    await answerDialog(driver, { button: 'Cancel' });
    expect((await driver.desk()).windows[0]).toMatchObject({ visible: true });
  });

  test.describe('where there is no tray', () => {
    test.use({ desktop: { tray: false } });

    test('asks, and minimises', async ({ driver }) => {
      await driver.closeWindow();
      await expect.poll(async () => (await driver.desk()).dialogs[0]?.buttons).toContain('Minimise');
      await answerDialog(driver, { button: 'Minimise' });
      await expect.poll(async () => (await driver.desk()).windows[0]?.minimized).toBe(true);
    });
  });
});

test.describe('quitting', () => {
  test('warns of runs that would fail to connect, and can be taken back', async ({ driver, target, openGate }) => {
    await openGate();
    await driver.act({ kind: 'menu', menu: 'tray', labels: ['Quit'] });
    await expect.poll(async () => (await driver.desk()).dialogs[0]?.message).toBe('1 run will fail to connect.');
    await answerDialog(driver, { button: 'Cancel' });
    expect(await target.call('core.status', {})).toMatchObject({ pid: expect.any(Number) });
  });

  test('with nothing open ends at once and cleanly', async ({ driver }) => {
    await driver.act({ kind: 'menu', menu: 'tray', labels: ['Quit'] });
    expect(await driver.quit()).toBe(0);
  });

  test.describe('with an agent waiting', () => {
    test.use({ limits: { shutdown_seconds: 0.1 } });

    test('keeps its gate: after a restart it waits still', async ({ driver, openGate }) => {
      await openGate({ args: { command: 'make release' } });
      const again = await driver.relaunch();
      try {
        const page = await again.firstWindow();
        await expect(page.getByText('make release').first()).toBeVisible();
        await expect.poll(async () => (await again.desk()).badge).toBe(1);
      } finally {
        await again.close();
      }
    });
  });
});

test('A11 a second start focuses the first and ends; one core owns the store', async ({ driver, target }) => {
  const before = await target.call('core.status', {});
  await driver.closeWindow();
  expect(await driver.startSecond()).toBe(0);
  expect((await driver.desk()).windows).toHaveLength(1);
  expect((await driver.desk()).windows[0]).toMatchObject({ visible: true, focused: true });
  expect(await target.call('core.status', {})).toMatchObject({ pid: before.pid, agent_url: before.agent_url });
});

test.describe('starting with the session', () => {
  test('on Linux is an autostart entry that waits in the tray', async ({ driver, target }) => {
    const file = join(driver.profile, 'user', '.config', 'autostart', 'rungate.desktop');
    const set = async (launch_at_login: boolean): Promise<void> => {
      const { preferences } = await target.call('preferences.show', {});
      const desktop = { ...preferences.desktop, launch_at_login };
      await target.call('preferences.set', { preferences: { ...preferences, desktop } });
    };
    expect(existsSync(file)).toBe(false);
    await set(true);
    await expect.poll(() => existsSync(file)).toBe(true);
    expect(readFileSync(file, 'utf8')).toMatch(/^Exec=.* --hidden$/m);
    await set(false);
    await expect.poll(() => existsSync(file)).toBe(false);
  });

  test.describe('on macOS', () => {
    test.use({ desktop: { platform: 'darwin' } });

    test('is a login item', async ({ driver, target }) => {
      const { preferences } = await target.call('preferences.show', {});
      const desktop = { ...preferences.desktop, launch_at_login: true };
      await target.call('preferences.set', { preferences: { ...preferences, desktop } });
      await expect.poll(async () => (await driver.desk()).loginItem.openAtLogin).toBe(true);
    });
  });

  test('waits hidden when it is started so', async ({ browser }) => {
    const driver = await launchDesktop(browser, { args: ['--hidden'] });
    try {
      await driver.firstWindow();
      expect((await driver.desk()).windows[0]).toMatchObject({ visible: false, raised: 0 });
    } finally {
      await driver.close();
    }
  });
});

test('A10 a port in use is said, never moved unasked', async ({ browser }) => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { readonly port: number };
  const driver = await launchDesktop(browser, { configuration: { agent_port: port } });
  try {
    await expect.poll(async () => (await driver.desk()).dialogs[0]?.message).toContain(`${port} is used by`);
    const [asked] = (await driver.desk()).dialogs;
    expect(asked?.buttons).toEqual([expect.stringMatching(/^Use \d+$/), 'Retry', 'Quit']);
    expect((await driver.desk()).windows).toEqual([]);
    await answerDialog(driver, { button: 'Retry' });
    await expect.poll(async () => (await driver.desk()).dialogs.length).toBe(1);
    squatter.close();
    await once(squatter, 'close');
    await answerDialog(driver, { button: 'Retry' });
    const page = await driver.firstWindow();
    await expect(page.getByTestId('shell.address')).toContainText(String(port));
  } finally {
    squatter.close();
    await driver.close();
  }
});

test.describe('B8 a packaged app', () => {
  const openings = [
    '--remote-debugging-port=9222',
    '--inspect',
    '--inspect-brk=0',
    '--js-flags=--allow-natives-syntax',
  ];
  for (const opening of openings) {
    test(`does not start with ${opening}`, async ({ browser }) => {
      const driver = await launchDesktop(browser, { packaged: true, args: [opening] });
      try {
        await expect(driver.firstWindow()).rejects.toThrow(/ended \(1\)[\s\S]*does not start with/);
      } finally {
        await driver.close();
      }
    });
  }

  test('does not start as a Node shell', async ({ browser }) => {
    const driver = await launchDesktop(browser, { packaged: true, env: { ELECTRON_RUN_AS_NODE: '1' } });
    try {
      await expect(driver.firstWindow()).rejects.toThrow(/does not start with ELECTRON_RUN_AS_NODE/);
    } finally {
      await driver.close();
    }
  });
});

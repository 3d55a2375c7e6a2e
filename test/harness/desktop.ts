import type { Browser } from '@playwright/test';
import { type ConsoleTarget, callFrom, unwrapReply } from './console-target.ts';
import { type DriverOptions, launchDesktop } from './driver.ts';

/** Start the desktop app and wait until its window shows the console. */
export async function openDesktopConsole(browser: Browser, options: DriverOptions = {}): Promise<ConsoleTarget> {
  const driver = await launchDesktop(browser, options);
  try {
    const page = await driver.firstWindow();
    const status = unwrapReply('core.status', await callFrom(page, 'core.status', {}));
    return {
      kind: 'desktop',
      page,
      agentUrl: status.agent_url,
      home: status.home,
      driver,
      tryCall: (name, input) => callFrom(page, name, input),
      call: async (name, input) => unwrapReply(name, await callFrom(page, name, input)),
      async reload() {
        const loaded = page.waitForEvent('load');
        await driver.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.reload(), null);
        await loaded;
      },
      output: driver.output,
      close: driver.close,
    };
  } catch (error) {
    const output = driver.output();
    await driver.close();
    throw new Error(`${(error as Error).message}\n${output}`);
  }
}

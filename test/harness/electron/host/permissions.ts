import type { Browser, CDPSession, Page } from '@playwright/test';
import { toApp } from '../scheme-urls.ts';
import type { MainLink } from './main-process.ts';

/** Electron's names of permissions and what DevTools calls the same. */
const PERMISSIONS = [
  { permission: 'notifications', descriptors: [{ name: 'notifications' }] },
  { permission: 'geolocation', descriptors: [{ name: 'geolocation' }] },
  { permission: 'clipboard-read', descriptors: [{ name: 'clipboard-read' }] },
  { permission: 'clipboard-sanitized-write', descriptors: [{ name: 'clipboard-write' }] },
  { permission: 'media', descriptors: [{ name: 'camera' }, { name: 'microphone' }] },
] as const;

/** Chromium takes back what a session has set when the session ends, so each browser keeps one. */
const admins = new WeakMap<Browser, Promise<CDPSession>>();

function adminOf(browser: Browser): Promise<CDPSession> {
  const admin = admins.get(browser) ?? browser.newBrowserCDPSession();
  admins.set(browser, admin);
  return admin;
}

/** Grant a page's origin what the app's permission handlers would, and deny the rest, before the page is loaded. */
export async function applyPermissions(page: Page, session: CDPSession, window: number, main: MainLink, url: string) {
  const { origin } = new URL(url);
  const browser = page.context().browser();
  if (origin === 'null' || browser === null) return;
  const { targetInfo } = await session.send('Target.getTargetInfo');
  const { browserContextId } = targetInfo;
  const admin = await adminOf(browser);
  for (const { permission, descriptors } of PERMISSIONS) {
    const { granted } = await main.ask('permission.judge', { window, permission, origin: toApp(origin) });
    for (const descriptor of descriptors) {
      await admin.send('Browser.setPermission', {
        permission: descriptor,
        setting: granted ? 'granted' : 'denied',
        origin,
        ...(browserContextId === undefined ? {} : { browserContextId }),
      });
    }
  }
}

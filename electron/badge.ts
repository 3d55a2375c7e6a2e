import { app, type BrowserWindow, nativeImage } from 'electron';

/** Show how many gates wait: on the dock or the launcher, on Windows over the taskbar's icon. */
export function showBadge(
  count: number,
  { platform, window, icon }: { platform: NodeJS.Platform; window: BrowserWindow | null; icon: string },
): void {
  if (platform !== 'win32') {
    app.setBadgeCount(count);
    return;
  }
  if (window === null || window.isDestroyed()) return;
  if (count === 0) window.setOverlayIcon(null, '');
  else window.setOverlayIcon(nativeImage.createFromPath(icon), `${count} waiting`);
}

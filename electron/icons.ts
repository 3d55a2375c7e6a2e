import { join } from 'node:path';
import { app, type NativeImage, nativeImage } from 'electron';

/** Pictures that the app shows itself; they lie beside its code, also in the package. */
export const iconFile = (name: 'icon.png' | 'tray.png' | 'trayTemplate.png' | 'overlay.png'): string =>
  join(app.getAppPath(), 'build', 'icons', name);

/** The tray's picture. macOS draws a template in the menu bar's own colour; `@2x` is found by itself. */
export function trayIcon(platform: NodeJS.Platform): NativeImage {
  const image = nativeImage.createFromPath(iconFile(platform === 'darwin' ? 'trayTemplate.png' : 'tray.png'));
  if (platform === 'darwin') image.setTemplateImage(true);
  return image;
}

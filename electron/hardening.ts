/**
 * Threat: content that gets a page to go elsewhere takes the bridge along with it. So no page of this app navigates,
 * opens a window, embeds another, downloads a file, or is given a permission of the system; and nothing it asks for
 * leaves this machine (faults B2, B5).
 */
import type { Session, WebContents } from 'electron';
import { CONSOLE_ORIGIN } from './console-origin.ts';

/** What pages could reach besides the app's own scheme. */
const OUTSIDE = ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'ftp://*/*', 'file:///*'];

/** Copying to the clipboard by a button is all that the console may do with the system. */
const GRANTED = 'clipboard-sanitized-write';

/** Take everything from the pages of a session that they do not need. */
export function hardenSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, decide, { requestingUrl }) =>
    decide(permission === GRANTED && (requestingUrl ?? '').startsWith(`${CONSOLE_ORIGIN}/`)),
  );
  session.setPermissionCheckHandler(
    (_contents, permission, origin) => permission === GRANTED && origin.replace(/\/$/, '') === CONSOLE_ORIGIN,
  );
  session.setDevicePermissionHandler(() => false);
  session.webRequest.onBeforeRequest({ urls: OUTSIDE }, (_request, decide) => decide({ cancel: true }));
  // What the console itself made, such as a run's artifact, is saved where the person says; nothing else is downloaded.
  session.on('will-download', (event, item) => {
    if (!item.getURL().startsWith(`blob:${CONSOLE_ORIGIN}/`)) event.preventDefault();
  });
}

/** Keep a page where the app put it. */
export function hardenContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
}

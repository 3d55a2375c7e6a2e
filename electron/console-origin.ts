/** Where the console lives in the desktop app: a scheme of its own, never `file://`. */
export const CONSOLE_SCHEME = 'app';
export const CONSOLE_HOST = 'console';
export const CONSOLE_ORIGIN = `${CONSOLE_SCHEME}://${CONSOLE_HOST}`;

/** The console's address, opened on a gate, or on the inbox for null. */
export const consoleUrl = (gateId: string | null): string =>
  `${CONSOLE_ORIGIN}/${gateId === null ? '' : `#/gates/${encodeURIComponent(gateId)}`}`;

/** The two channels of the desktop app's bridge. Alone in this file, so that the preload brings no schema with it. */
export const INVOKE_CHANNEL = 'rungate:invoke';
export const EVENT_CHANNEL = 'rungate:event';

import { z } from 'zod';
import { eventCursor } from './operations/core.ts';

/**
 * What passes between the desktop app's window and its main process: one invoke channel, one event channel. The
 * preload exposes `window.rungate` with exactly `DesktopBridge`; nothing else of Electron reaches the page.
 */
export { EVENT_CHANNEL, INVOKE_CHANNEL } from './bridge-channels.ts';

/** A request on the invoke channel. A window follows the events once; following anew replaces the earlier following. */
export const invokeMessage = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('call'), name: z.string().max(80), input: z.unknown() }),
  z.strictObject({ kind: z.literal('follow'), from: eventCursor }),
]);
export type InvokeMessage = z.infer<typeof invokeMessage>;

/** Where the host asks the console to go: a click on a notification, the tray, a menu entry. `gate_id: null` is the inbox. */
export const openMessage = z.strictObject({
  kind: z.literal('open'),
  screen: z.enum(['inbox', 'runs', 'settings']),
  gate_id: z.string().nullable(),
});
export type OpenMessage = z.infer<typeof openMessage>;

/** On the event channel: items of the feed (`parseFeedItem`) and `openMessage`. */
export interface DesktopBridge {
  invoke(message: InvokeMessage): Promise<unknown>;
  /** Everything on the event channel; returns how to stop. */
  listen(listener: (message: unknown) => void): () => void;
}

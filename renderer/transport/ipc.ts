import type { DesktopBridge } from '../../proxy-core/contract/bridge.ts';
import type { Reply, Transport } from '../../proxy-core/contract/client.ts';
import { type FeedListener, type Follow, parseFeedItem } from '../../proxy-core/contract/feed.ts';
import type { EventCursor } from '../../proxy-core/contract/operations/core.ts';
import { parseReply, unreachableReply } from '../../proxy-core/contract/reply.ts';
import { waitBefore } from './backoff.ts';

/** The console's way to the core within the desktop app. `random` is in [0, 1). */
export function createIpcTransport(
  bridge: DesktopBridge,
  random: () => number,
): Transport & { readonly follow: Follow } {
  return {
    call: (name, input) => invoke(bridge, { kind: 'call', name, input }),
    follow: (from, listener) => followBridge(bridge, from, listener, random),
  };
}

/** A main process that is gone, or throws, is a failure like any other. */
async function invoke(bridge: DesktopBridge, message: Parameters<DesktopBridge['invoke']>[0]): Promise<Reply<unknown>> {
  try {
    return parseReply(await bridge.invoke(message));
  } catch {
    return unreachableReply();
  }
}

/**
 * Follow over the event channel. A window has one following at a time, and what an earlier one has sent may still
 * arrive: so only the event that comes next is taken. One from before is known; at one from beyond a hole, the
 * following begins anew where it was.
 */
function followBridge(
  bridge: DesktopBridge,
  from: EventCursor,
  listener: FeedListener,
  random: () => number,
): () => void {
  let at = from;
  let stopped = false;
  let beginning = false;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const begin = async (failures: number): Promise<void> => {
    beginning = true;
    const reply = await invoke(bridge, { kind: 'follow', from: at });
    if (stopped) return;
    beginning = !reply.ok;
    listener.state(reply.ok ? 'live' : 'reconnecting');
    if (!reply.ok) retry = setTimeout(() => void begin(failures + 1), waitBefore(failures, random()));
  };
  const take = (message: unknown): void => {
    const seq = sequenceOf(message);
    if (stopped || (seq !== null && seq <= at.seq)) return;
    if (seq !== null && seq > at.seq + 1) {
      if (!beginning) void begin(0);
      return;
    }
    const item = parseFeedItem(message);
    if (item?.kind === 'gap') at = item.cursor;
    else if (seq !== null) at = { epoch: at.epoch, seq };
    if (item !== null) listener.item(item);
  };
  const stopListening = bridge.listen(take);
  void begin(0);
  return () => {
    stopped = true;
    clearTimeout(retry);
    stopListening();
  };
}

/** The sequence of an event on the channel, whether or not this version knows the event; null for what is none. */
function sequenceOf(message: unknown): number | null {
  const { kind, event } = (message ?? {}) as { readonly kind?: unknown; readonly event?: { readonly seq?: unknown } };
  return kind === 'event' && typeof event?.seq === 'number' ? event.seq : null;
}

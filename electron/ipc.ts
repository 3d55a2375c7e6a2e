/**
 * Threat: a message on this channel can approve gates. It is taken only from the main frame of the app's own window,
 * and only while that frame shows the console; a frame within it, another page or another window is refused and put into
 * the audit (fault B3). What it says is parsed before anything looks at it.
 */
import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { EVENT_CHANNEL, INVOKE_CHANNEL, invokeMessage, type OpenMessage } from '../proxy-core/contract/bridge.ts';
import type { Reply } from '../proxy-core/contract/client.ts';
import { type Failure, failure } from '../proxy-core/contract/failures.ts';
import type { Rungate } from '../proxy-core/index.ts';
import { CONSOLE_ORIGIN } from './console-origin.ts';

/** What a message came from, as far as it matters. */
export interface Sender {
  readonly contents: unknown;
  /** Null when the frame is gone. */
  readonly frame: { readonly origin: string; readonly parent: unknown } | null;
}

/** Why a message is not taken, or null. `own` is the contents of the app's window, null while there is none. */
export function refuseSender({ contents, frame }: Sender, own: unknown): string | null {
  if (own === null || contents !== own) return 'it comes from another window';
  if (frame === null) return 'its frame is gone';
  if (frame.parent !== null) return 'it comes from a frame within the page';
  return frame.origin === CONSOLE_ORIGIN ? null : 'its page is not the console';
}

export interface Ipc {
  /** Ask the console to go somewhere; lost if its page is not loaded. */
  open(message: OpenMessage): void;
  /** The window is gone, or shows another page: nothing more is sent to it. */
  release(): void;
}

interface IpcPorts {
  readonly ipcMain: Pick<IpcMain, 'handle'>;
  readonly rungate: Pick<Rungate, 'call' | 'follow' | 'recordRefusal'>;
  /** The contents of the app's window, null while there is none. */
  readonly contents: () => WebContents | null;
  readonly warn: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

const BY = { actor: 'operator', channel: 'desktop' };

/** Answer the bridge. */
export function attachIpc({ ipcMain, rungate, contents, warn }: IpcPorts): Ipc {
  let stopFollowing = (): void => undefined;
  const audit = createRefusalAudit(rungate, warn);

  const send = (message: unknown): void => {
    const own = contents();
    if (own !== null && !own.isDestroyed()) own.send(EVENT_CHANNEL, message);
  };

  const perform = async (given: unknown): Promise<Reply<unknown>> => {
    const parsed = invokeMessage.safeParse(given);
    if (!parsed.success) return refuse(failure('invalid_request', 'The message is not one of the bridge’s.'));
    const message = parsed.data;
    switch (message.kind) {
      case 'call':
        return rungate.call(message.name, message.input, BY);
      case 'follow':
        stopFollowing();
        stopFollowing = rungate.follow(message.from, send);
        return { ok: true, value: {} };
    }
  };

  ipcMain.handle(INVOKE_CHANNEL, async (event: IpcMainInvokeEvent, message: unknown): Promise<Reply<unknown>> => {
    const { sender, senderFrame: frame } = event;
    const reason = refuseSender({ contents: sender, frame }, contents());
    if (reason === null) return perform(message);
    audit(reason, frame?.origin ?? null);
    return refuse(failure('origin_refused', `A message to the core was refused: ${reason}.`));
  });

  return {
    open: send,
    release() {
      stopFollowing();
      stopFollowing = () => undefined;
    },
  };
}

const refuse = (reason: Failure): Reply<never> => ({ ok: false, failure: reason });

/** Of one kind of refusal one record is enough: a frame that repeats itself must not fill the audit. */
const MOST_RECORDS = 100;

function createRefusalAudit(rungate: Pick<Rungate, 'recordRefusal'>, warn: IpcPorts['warn']) {
  const recorded = new Set<string>();
  return (reason: string, origin: string | null): void => {
    const shown = origin?.slice(0, 200) ?? null;
    warn('ipc.refused', { reason, origin: shown });
    const kind = JSON.stringify([reason, shown]);
    if (recorded.has(kind) || recorded.size >= MOST_RECORDS) return;
    recorded.add(kind);
    rungate
      .recordRefusal('ipc_refused', { reason, origin: shown })
      .catch((error: unknown) => warn('ipc.refusal_not_recorded', { error: String(error) }));
  };
}

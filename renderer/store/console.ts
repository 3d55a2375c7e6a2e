import { create } from 'zustand';
import { type Client, createClient, type Transport } from '../../proxy-core/contract/client.ts';
import type { PublishedEvent } from '../../proxy-core/contract/events.ts';
import type { Follow } from '../../proxy-core/contract/feed.ts';
import type { OperationInput, OperationName, OperationOutput } from '../../proxy-core/contract/operations.ts';
import type { FileDoor } from '../transport/http.ts';
import { type ConsoleState, loaded, STARTING, signInOf } from './console-state.ts';
import { reduce } from './reduce.ts';

/** A transport that also carries the feed: IPC in the desktop app, HTTP in a browser. */
export type Connection = Transport & { readonly follow: Follow; readonly files: FileDoor | null };

/** The one store of the console. Components select from it; only `startConsole` and `dismissNotice` write to it. */
export const useConsole = create<ConsoleState>(() => STARTING);

const listeners = new Set<(event: PublishedEvent) => void>();

/** Hear every event after it has been applied, for what is no state: notices, sounds. */
export function onEvent(listener: (event: PublishedEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let client: Client | null = null;
let files: FileDoor | null = null;
let stopFollowing: (() => void) | null = null;

/** Call an operation. The reply says what happened; it never throws. */
export function call<N extends OperationName>(name: N, input: OperationInput<N>) {
  if (client === null) throw new Error('the console has not been started');
  return client.call(name, input);
}

/** The way to prepared files, where the page downloads them itself; null in the desktop app. */
export const fileDoor = (): FileDoor | null => files;

export type { OperationInput, OperationName, OperationOutput };

/** Load the snapshot and follow the events from there on; after a gap, both again. */
export async function startConsole(connection: Connection): Promise<void> {
  client = createClient(connection);
  files = connection.files;
  await loadAndFollow(connection);
}

const RETRY_MS = 2000;
let loading = 0;

async function loadAndFollow(connection: Connection): Promise<void> {
  stopFollowing?.();
  stopFollowing = null;
  loading += 1;
  const turn = loading;
  const reply = await call('core.snapshot', {});
  // A newer load has begun: only one may follow the events.
  if (turn !== loading) return;
  if (!reply.ok) {
    const signedOut = reply.failure.code === 'operator_session_required';
    const signIn = signInOf(reply.failure);
    const { message: problem } = reply.failure;
    useConsole.setState({ connection: signedOut ? 'signed_out' : 'failed', problem, signIn });
    if (!signedOut) setTimeout(() => void loadAndFollow(connection), RETRY_MS);
    return;
  }
  useConsole.setState((state) => loaded(state, reply.value, Date.now()));
  stopFollowing = connection.follow(reply.value.cursor, {
    item: (item) => {
      if (item.kind === 'gap') void loadAndFollow(connection);
      else apply(item.event);
    },
    state: (state) =>
      useConsole.setState((before) => (before.connection === 'signed_out' ? before : { connection: state })),
  });
}

function apply(event: PublishedEvent): void {
  useConsole.setState((state) => reduce(state, event));
  for (const listener of listeners) listener(event);
}

/** A launch address did not sign this browser in: said where people are told how to get another. */
export const noteSignInProblem = (signInProblem: string): void => useConsole.setState({ signInProblem });

/** Take a banner off the screen. */
export const dismissNotice = (noticeId: string): void =>
  useConsole.setState(({ notices }) => ({ notices: notices.filter(({ notice_id }) => notice_id !== noticeId) }));

/** What time it is at the core, epoch ms. */
export const coreNow = (): number => Date.now() + useConsole.getState().clockOffset;

/** Whether commands can be sent now: decisions are disabled while the connection is down. */
export const useConnected = (): boolean => useConsole(({ connection }) => connection === 'live');

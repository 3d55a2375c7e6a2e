import type { DesktopBridge } from '../../proxy-core/contract/bridge.ts';
import type { Transport } from '../../proxy-core/contract/client.ts';
import { type Follow, HEARTBEAT_MS } from '../../proxy-core/contract/feed.ts';
import { createHttpTransport, type FileDoor } from './http.ts';
import { createIpcTransport } from './ipc.ts';
import { indexedDbVault } from './key-vault.ts';
import { createProver } from './proof.ts';
import { type SignInEvents, startSignIn } from './sign-in.ts';

declare global {
  interface Window {
    /** Present in the desktop app only: what its preload exposes. */
    readonly rungate?: DesktopBridge;
  }
}

/** The way to the core. `files` is null in the desktop app, which saves them by a dialog. */
export interface Line extends Transport {
  readonly follow: Follow;
  readonly files: FileDoor | null;
}

/** Within the desktop app over its bridge, else over the port that served this page. */
export async function connect(events: SignInEvents): Promise<Line> {
  if (window.rungate !== undefined) return { ...createIpcTransport(window.rungate, Math.random), files: null };
  const transport = createHttpTransport({
    base: '',
    fetch: (input, init) => fetch(input, init),
    // Undefined where the page is not in a secure context.
    prover: createProver(indexedDbVault, crypto.subtle as typeof crypto.subtle | undefined),
    random: Math.random,
    silenceMs: 2.5 * HEARTBEAT_MS,
    report: reportError,
  });
  await startSignIn(transport, events);
  return transport;
}

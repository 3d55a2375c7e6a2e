import type { DesktopBridge } from '../../proxy-core/contract/bridge.ts';
import type { Transport } from '../../proxy-core/contract/client.ts';
import { type Follow, HEARTBEAT_MS } from '../../proxy-core/contract/feed.ts';
import { createHttpTransport, type HttpTransport } from './http.ts';
import { createIpcTransport } from './ipc.ts';

declare global {
  interface Window {
    /** Present in the desktop app only: what its preload exposes. */
    readonly rungate?: DesktopBridge;
  }
}

/** The way to the core: within the desktop app over its bridge, else over the port that served this page. */
export async function connect(): Promise<Transport & { readonly follow: Follow }> {
  if (window.rungate !== undefined) return createIpcTransport(window.rungate, Math.random);
  const transport = createHttpTransport({
    base: '',
    fetch: (input, init) => fetch(input, init),
    random: Math.random,
    silenceMs: 2.5 * HEARTBEAT_MS,
  });
  await signIn(transport);
  // A launch URL opened while this page stands in the tab changes the fragment only.
  window.addEventListener('hashchange', () => void signInAnew(transport));
  return transport;
}

const LAUNCH = /^#launch=([A-Za-z0-9_-]{1,100})$/;

/**
 * Redeem the launch code in the address, if there is one, and take it out of the address before anything else. Returns
 * whether that began a session; if it did not, the first call says that one is needed.
 */
async function signIn(transport: Pick<HttpTransport, 'redeem'>): Promise<boolean> {
  const code = LAUNCH.exec(location.hash)?.[1];
  if (code === undefined) return false;
  history.replaceState(null, '', location.pathname);
  return (await transport.redeem(code)).ok;
}

async function signInAnew(transport: HttpTransport): Promise<void> {
  if (await signIn(transport)) location.reload();
}

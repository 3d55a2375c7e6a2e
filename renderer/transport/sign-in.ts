import type { HttpTransport } from './http.ts';

/** Signing this browser in by a launch address, without losing the place that a tab was at. */

/** What the page does about it. */
export interface SignInEvents {
  /** The launch address did not sign this browser in: why, and what to do, in words. */
  failed(problem: string): void;
  /** The address's fragment was changed by this file. */
  addressed(): void;
  /** Another tab has signed this browser in. */
  elsewhere(): void;
}

const LAUNCH = /^#launch=([A-Za-z0-9_-]{1,100})$/;
const CHANNEL = 'rungate-console';

/** Redeem the launch code in the address, if there is one; from then on also those that are opened in this tab. */
export async function startSignIn(transport: Pick<HttpTransport, 'redeem'>, events: SignInEvents): Promise<void> {
  // A launch address opened while this page stands in the tab changes the fragment only.
  window.addEventListener('hashchange', ({ oldURL }) => void signInAnew(transport, new URL(oldURL).hash, events));
  new BroadcastChannel(CHANNEL).addEventListener('message', () => events.elsewhere());
  await signIn(transport, wantedPlace(), events);
}

/**
 * Take the code out of the address before anything else, and put the place there. Whether that began a session; where it
 * did not, the first call says that one is needed.
 */
async function signIn(transport: Pick<HttpTransport, 'redeem'>, place: string, events: SignInEvents): Promise<boolean> {
  const code = LAUNCH.exec(location.hash)?.[1];
  if (code === undefined) return false;
  history.replaceState(null, '', `${location.pathname}${place}`);
  events.addressed();
  const reply = await transport.redeem(code);
  if (!reply.ok) {
    const { recover } = reply.failure.context;
    events.failed([reply.failure.message, ...(typeof recover === 'string' ? [recover] : [])].join(' '));
    return false;
  }
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage('signed-in');
  channel.close();
  return true;
}

async function signInAnew(
  transport: Pick<HttpTransport, 'redeem'>,
  place: string,
  events: SignInEvents,
): Promise<void> {
  if (await signIn(transport, place, events)) location.reload();
}

/** The place that a signed-out tab was asked for, for whichever tab signs in next. */
const WANTED = 'rungate.wanted';
const WANTED_MS = 10 * 60_000;

/** Remember where a tab would have gone, so that a launch address opened in another tab leads there. */
export function rememberPlace(hash: string, now: number): void {
  try {
    if (hash.startsWith('#/')) localStorage.setItem(WANTED, JSON.stringify({ hash, at: now }));
  } catch {
    // A browser that keeps nothing leads to the inbox.
  }
}

/** The remembered place, once; empty for none or an old one. */
function wantedPlace(): string {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(WANTED) ?? 'null');
    if (!LAUNCH.test(location.hash)) return '';
    localStorage.removeItem(WANTED);
    const { hash, at } = (kept ?? {}) as { readonly hash?: unknown; readonly at?: unknown };
    const fresh = typeof at === 'number' && Math.abs(Date.now() - at) < WANTED_MS;
    return fresh && typeof hash === 'string' && hash.startsWith('#/') ? hash : '';
  } catch {
    return '';
  }
}

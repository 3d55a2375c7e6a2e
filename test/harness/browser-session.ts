import type { HttpPorts } from '../../renderer/transport/http.ts';
import { createProver, type KeyVault, type SessionKey } from '../../renderer/transport/proof.ts';
import { type ProvenRequest, provenFetch } from '../../renderer/transport/proven-fetch.ts';

/**
 * A browser's side of the operator port without a browser: `fetch` with a cookie jar of one cookie and the headers that
 * browsers add for a page of the console, and the page's own prover over a key in memory.
 */
export interface BrowserSession extends HttpPorts {
  /** The session's cookie, empty before the sign-in. */
  cookie(): string;
  /** Ask as the page does, with a proof. */
  ask(request: ProvenRequest): Promise<Response>;
  /** What the transport has reported as bugs. */
  readonly reported: readonly unknown[];
}

/** What a page's key is kept in: one vault for all tabs of a browser. */
export function memoryVault(): KeyVault {
  let kept: SessionKey | null = null;
  return {
    load: async () => kept,
    stage: async () => undefined,
    keep: async (key) => {
      kept = key;
    },
  };
}

/** A signed-out session against an origin; redeeming a launch code signs it in. */
export function openSession(base: string, silenceMs = 60_000, vault: KeyVault = memoryVault()): BrowserSession {
  let cookie = '';
  const reported: unknown[] = [];
  const session: BrowserSession = {
    base,
    silenceMs,
    prover: createProver(vault, crypto.subtle),
    random: () => 0.5,
    cookie: () => cookie,
    ask: (request) => provenFetch(session, request),
    report: (error) => reported.push(error),
    reported,
    async fetch(input, init) {
      const headers = new Headers(init?.headers);
      if (cookie !== '') headers.set('cookie', cookie);
      for (const [name, value] of Object.entries(pageHeaders(base, init?.method ?? 'GET'))) headers.set(name, value);
      const response = await fetch(input, { ...init, headers });
      const [given] = response.headers.getSetCookie();
      if (given !== undefined) cookie = given.split(';')[0] ?? '';
      return response;
    },
  };
  return session;
}

/** What a browser adds to a request of a page to its own origin. */
export const pageHeaders = (origin: string, method: string): Readonly<Record<string, string>> => ({
  'sec-fetch-site': 'same-origin',
  ...(method === 'GET' || method === 'HEAD' ? {} : { origin }),
});

/** The code in a launch URL's fragment. */
export const launchCode = (launchUrl: string): string => new URL(launchUrl).hash.slice('#launch='.length);

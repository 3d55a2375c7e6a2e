import type { HttpPorts } from '../../renderer/transport/http.ts';

/** A browser's side of the operator port without a browser: `fetch` with a cookie jar of one cookie. */
export interface BrowserSession extends HttpPorts {
  /** The session's cookie, empty before the sign-in. */
  cookie(): string;
}

/** A signed-out session against an origin; redeeming a launch code signs it in. */
export function openSession(base: string, silenceMs = 60_000): BrowserSession {
  let cookie = '';
  return {
    base,
    silenceMs,
    random: () => 0.5,
    cookie: () => cookie,
    async fetch(input, init) {
      const headers = new Headers(init?.headers);
      if (cookie !== '') headers.set('cookie', cookie);
      const response = await fetch(input, { ...init, headers });
      const [given] = response.headers.getSetCookie();
      if (given !== undefined) cookie = given.split(';')[0] ?? '';
      return response;
    },
  };
}

/** The code in a launch URL's fragment. */
export const launchCode = (launchUrl: string): string => new URL(launchUrl).hash.slice('#launch='.length);

import { hash, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';

/**
 * Sessions of the operator port.
 *
 * Threat: whoever holds a session decides gates and budgets. A launch code is printed once, works once and for
 * 60 seconds, and travels in a URL fragment and a POST body, so it stands in no request line, log or Referer.
 * It is exchanged for an HttpOnly, SameSite=Strict cookie; only hashes are kept, in memory, so a restart ends all
 * sessions. Agent tokens are never looked at here.
 */
export interface OperatorSessions {
  /** A new launch code; any earlier unused one stops working. */
  issueCode(): string;
  /** Exchange a code for a session token, or null: unknown, used or too old. */
  redeem(code: string): string | null;
  holds(session: string): boolean;
}

const CODE_LIFE_MS = 60_000;
const SESSION_LIFE_MS = 12 * 3_600_000;

/** No session and no launch code yet; both live in memory only, so a restart ends them. */
export function createOperatorSessions(clock: Clock, random: Random): OperatorSessions {
  let launch: { readonly digest: Buffer; readonly until: number } | null = null;
  const sessions = new Map<string, number>();
  const secret = (): string => Buffer.from(random.bytes(32)).toString('base64url');
  return {
    issueCode() {
      const code = secret();
      launch = { digest: digestOf(code), until: clock.now() + CODE_LIFE_MS };
      return code;
    },
    redeem(code) {
      const held = launch;
      if (held === null || clock.now() >= held.until || !timingSafeEqual(held.digest, digestOf(code))) return null;
      launch = null;
      for (const [old, until] of sessions) if (clock.now() >= until) sessions.delete(old);
      const session = secret();
      sessions.set(digestOf(session).toString('hex'), clock.now() + SESSION_LIFE_MS);
      return session;
    },
    holds(session) {
      const until = sessions.get(digestOf(session).toString('hex'));
      return until !== undefined && clock.now() < until;
    },
  };
}

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');

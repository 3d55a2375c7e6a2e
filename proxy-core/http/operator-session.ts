import { createPublicKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../ports.ts';
import type { KeptSession, SessionKeep } from './session-file.ts';

/**
 * Sessions of the operator port.
 *
 * Threat: whoever holds a session decides gates and budgets. A launch code is printed once, works once and for
 * 60 seconds, and travels in a URL fragment and a POST body, so it stands in no request line, log or Referer.
 * It is exchanged for an HttpOnly, SameSite=Strict cookie, which alone opens nothing: the browser registers a public key
 * with it, and `console-door.ts` asks for that key's proof with every request. Only hashes of cookies are kept. A
 * session ends when no proof came for twelve hours. Agent tokens are never looked at here.
 */
export interface OperatorSessions {
  /** A new launch code: works once, for a minute. Any earlier unused one stops working. */
  issueCode(): string;
  /**
   * Exchange a code for the cookie of a session that is bound to a public key (an uncompressed P-256 point, base64url).
   * Null: the code is unknown, used or too old, or the key is none. The code is taken before anything is awaited, so of
   * several that race for it one wins. Resolves once the session is kept.
   */
  redeem(code: string, publicKey: string): Promise<OpenedSession | null>;
  /** The session of a cookie; null if there is none or it has ended. */
  find(cookie: string): OperatorSession | null;
  /** A proof was accepted: the session lasts on. True now and then: the browser is to be told to keep the cookie on. */
  used(session: OperatorSession): boolean;
  /** Resolves once what is known is kept. */
  close(): Promise<void>;
}

/** A session that stands. */
export interface OperatorSession {
  /** The hash of its cookie, hex. */
  readonly id: string;
  readonly key: KeyObject;
}

/** What a code was exchanged for. */
export interface OpenedSession {
  readonly cookie: string;
  readonly session: OperatorSession;
}

/** How long a session lasts without a request, ms. */
export const IDLE_MS = 12 * 3_600_000;

const CODE_LIFE_MS = 60_000;
/** Uses are written down so often at most, ms. A crash loses that much of a session's life. */
const NOTE_EVERY_MS = 10 * 60_000;
const SESSIONS_AT_MOST = 64;

interface Held extends OperatorSession {
  readonly publicKey: string;
  usedAt: number;
  notedAt: number;
}

/** The sessions that an earlier start has kept, and no launch code yet: those live in memory only. */
export function createOperatorSessions(clock: Clock, random: Random, keep: SessionKeep): OperatorSessions {
  let launch: { readonly digest: Buffer; readonly until: number } | null = null;
  const sessions = new Map(keep.load().flatMap((kept) => restore(kept, clock.now())));
  const secret = (): string => Buffer.from(random.bytes(32)).toString('base64url');
  const stands = ({ usedAt }: Held): boolean => clock.now() - usedAt < IDLE_MS;
  const save = (): Promise<void> => {
    for (const [id, held] of sessions) if (!stands(held)) sessions.delete(id);
    return keep.save([...sessions.values()].map(toKept));
  };
  const take = (code: string): boolean => {
    if (launch === null || clock.now() >= launch.until || !timingSafeEqual(launch.digest, digestOf(code))) return false;
    launch = null;
    return true;
  };
  return {
    issueCode() {
      const code = secret();
      launch = { digest: digestOf(code), until: clock.now() + CODE_LIFE_MS };
      return code;
    },
    async redeem(code, publicKey) {
      const key = importKey(publicKey);
      if (key === null || !take(code)) return null;
      const cookie = secret();
      const now = clock.now();
      const session: Held = { id: idOf(cookie), key, publicKey, usedAt: now, notedAt: now };
      sessions.set(session.id, session);
      if (sessions.size > SESSIONS_AT_MOST) sessions.delete(longestUnused(sessions).id);
      await save();
      return { cookie, session };
    },
    find(cookie) {
      const held = cookie === '' ? undefined : sessions.get(idOf(cookie));
      return held !== undefined && stands(held) ? held : null;
    },
    used({ id }) {
      const held = sessions.get(id);
      if (held === undefined) return false;
      held.usedAt = clock.now();
      if (held.usedAt - held.notedAt < NOTE_EVERY_MS) return false;
      held.notedAt = held.usedAt;
      void save();
      return true;
    },
    close: save,
  };
}

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');
const idOf = (cookie: string): string => hash('sha256', cookie, 'hex');

const longestUnused = (sessions: ReadonlyMap<string, Held>): Held =>
  [...sessions.values()].reduce((oldest, held) => (held.usedAt < oldest.usedAt ? held : oldest));

const toKept = ({ id, publicKey, usedAt }: Held): KeptSession => ({ digest: id, key: publicKey, used_at: usedAt });

/** A kept session as an entry; none if its key cannot be read. One that was used in the future was used now. */
function restore({ digest, key: publicKey, used_at }: KeptSession, now: number): readonly [string, Held][] {
  const key = importKey(publicKey);
  const usedAt = Math.min(used_at, now);
  return key === null ? [] : [[digest, { id: digest, key, publicKey, usedAt, notedAt: usedAt }]];
}

const POINT_BYTES = 65;
const UNCOMPRESSED = 4;

/** A P-256 key from its point; null for what is none. The import refuses points that are not on the curve. */
function importKey(point: string): KeyObject | null {
  const bytes = Buffer.from(point, 'base64url');
  if (bytes.length !== POINT_BYTES || bytes[0] !== UNCOMPRESSED || bytes.toString('base64url') !== point) return null;
  const x = bytes.subarray(1, 33).toString('base64url');
  const y = bytes.subarray(33).toString('base64url');
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return null;
  }
}

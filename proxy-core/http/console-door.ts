import { verify } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Failure, failure } from '../contract/failures.ts';
import type { Program } from '../contract/program.ts';
import { PROOF_HEADER, type Proof, parseProof, provenText } from '../contract/proof.ts';
import { type GuardedRequest, headerValues } from './guard.ts';
import type { OperatorSession, OperatorSessions } from './operator-session.ts';
import type { ProofLedger } from './proof-ledger.ts';
import { cookieName, signInRefused } from './sign-in-route.ts';

/**
 * Who may ask the console's routes: a page of the console's own, with its session's cookie and a proof by its key.
 *
 * Threat: another page of this machine is of the same site: a browser sends it the cookie, and sends requests of its
 * making with the cookie. `Sec-Fetch-Site` tells them from the console's own, which only a browser's own word can; and
 * whoever is no browser has no proof. All of it is judged before a byte of the body is read: the proof names the body's
 * digest, which `operator-server.ts` compares with what then came.
 */
export type Admission =
  | { readonly kind: 'admitted'; readonly session: OperatorSession; readonly cookie: string; readonly proof: Proof }
  /** `session`: the cookie is good, so its page is to be given a nonce and may ask again. */
  | { readonly kind: 'refused'; readonly failure: Failure; readonly session: OperatorSession | null };

export interface ConsoleDoor {
  /** Judge a request to one of the console's routes. Spends its proof. */
  admit(request: FastifyRequest): Admission;
  /** Whether the session of a request that was admitted still stands. */
  stands(request: FastifyRequest): boolean;
}

export interface DoorOptions {
  readonly sessions: OperatorSessions;
  readonly ledger: ProofLedger;
  /** The port that is listened on; known only later. */
  port(): number;
  /** How a browser without a session is told to get one. */
  readonly unsigned: Program['unsigned'];
}

/** A door over the sessions and what their proofs have spent. */
export function createConsoleDoor({ sessions, ledger, port, unsigned }: DoorOptions): ConsoleDoor {
  const sessionOf = (request: FastifyRequest): { session: OperatorSession; cookie: string } | null => {
    for (const cookie of readCookies(request.headers.cookie ?? '', cookieName(port()))) {
      const session = sessions.find(cookie);
      if (session !== null) return { session, cookie };
    }
    return null;
  };
  return {
    admit(request) {
      const found = sessionOf(request);
      if (found === null) return { kind: 'refused', failure: signInRefused(NOT_SIGNED_IN, unsigned), session: null };
      const { session, cookie } = found;
      const proof = readProof(request);
      if (proof === null || !ledger.knows(session.id, proof.nonce) || !isSigned(request, session, proof))
        return { kind: 'refused', failure: signInRefused(NOT_PROVEN, unsigned), session };
      const foreign = refuseForeign(guarded(request));
      if (foreign !== null) return { kind: 'refused', failure: foreign, session: null };
      if (!ledger.spend(session.id, proof.nonce, proof.count))
        return { kind: 'refused', failure: signInRefused(NOT_PROVEN, unsigned), session };
      return { kind: 'admitted', session, cookie, proof };
    },
    stands: (request) => sessionOf(request) !== null,
  };
}

const guarded = (request: FastifyRequest): GuardedRequest => ({
  method: request.method,
  target: request.originalUrl,
  rawHeaders: request.raw.rawHeaders,
});

/**
 * The refusal of what no page of the console's own sends, or null. The guard has refused foreign origins already;
 * browsers name no origin with GET and HEAD (seen in Chromium, Firefox and WebKit).
 */
export function refuseForeign({ method, rawHeaders }: GuardedRequest): Failure | null {
  const sites = headerValues(rawHeaders, 'sec-fetch-site');
  const ownPage = sites.length === 1 && sites[0] === 'same-origin';
  const named = method === 'GET' || method === 'HEAD' || headerValues(rawHeaders, 'origin').length === 1;
  return ownPage && named ? null : foreignPage();
}

/** What every page but the console's own is told. */
export const foreignPage = (): Failure =>
  failure('origin_refused', 'Only the console’s own page may ask this.', {
    recover: 'Use the console in an up-to-date browser, or the rungate command.',
  });

function readProof(request: FastifyRequest): Proof | null {
  const [value, ...more] = headerValues(request.raw.rawHeaders, PROOF_HEADER);
  return value === undefined || more.length > 0 ? null : parseProof(value);
}

function isSigned({ method, originalUrl: target }: FastifyRequest, session: OperatorSession, proof: Proof): boolean {
  const text = Buffer.from(provenText({ method, target }, proof));
  const signature = Buffer.from(proof.signature, 'base64url');
  return verify('sha256', text, { key: session.key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** So many cookies of one name are looked at. */
const COOKIES_AT_MOST = 8;

/** The values of a name. Another server of this machine can add one of its own under a longer path, which comes first. */
function readCookies(header: string, name: string): readonly string[] {
  const pairs = header.split(';').map((pair) => pair.trim());
  const named = pairs.filter((pair) => pair.startsWith(`${name}=`)).slice(0, COOKIES_AT_MOST);
  return named.map((pair) => pair.slice(name.length + 1));
}

const NOT_SIGNED_IN = 'This browser is not signed in.';
const NOT_PROVEN = 'This request carries no proof that this core accepts.';

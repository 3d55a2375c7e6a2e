import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { failure } from '../contract/failures.ts';
import { NONCE_HEADER } from '../contract/proof.ts';
import { refuse } from './operator-reply.ts';
import { IDLE_MS, type OperatorSessions } from './operator-session.ts';
import type { ProofLedger } from './proof-ledger.ts';

/** What signing in stands on. */
export interface SignIn {
  readonly sessions: OperatorSessions;
  readonly ledger: ProofLedger;
  /** The port that is listened on; known only later. */
  port(): number;
  /** A browser has been signed in, with a key of this fingerprint. */
  signedIn(key: string): void;
}

const launch = z.strictObject({ code: z.string().max(100), key: z.string().max(100) });

/**
 * `POST /session` `{ code, key }`: a launch code and the public half of the page's key, for the session's cookie and the
 * first nonce (contract/proof.ts).
 */
export function addSignIn(server: FastifyInstance, { sessions, ledger, port, signedIn }: SignIn): void {
  server.post('/session', async (request, reply) => {
    const asked = launch.safeParse(request.body);
    const opened = asked.success ? await sessions.redeem(asked.data.code, asked.data.key) : null;
    if (opened === null || !asked.success) return refuse(reply, usedAddress());
    signedIn(hash('sha256', asked.data.key, 'base64url'));
    return reply
      .headers({
        'set-cookie': cookieFor(port(), opened.cookie),
        [NONCE_HEADER]: ledger.give(opened.session.id),
      })
      .send({ ok: true, value: {} });
  });
}

/** The cookie's name on a port: two cores on one machine must not overwrite each other's. */
export const cookieName = (port: number): string => `rungate_session_${port}`;

/** The `Set-Cookie` that has a browser keep a session's cookie for as long as an idle session stands. */
export const cookieFor = (port: number, cookie: string): string =>
  `${cookieName(port)}=${cookie}; Max-Age=${IDLE_MS / 1000}; HttpOnly; SameSite=Strict; Path=/`;

const usedAddress = () =>
  failure('operator_session_required', 'This launch address was used, was replaced by a newer one, or is too old.', {
    recover: RECOVER,
  });

/** How a browser is signed in (again). */
export const RECOVER =
  'Run rungate console --open: it prints a fresh address and opens it; each works once, for a minute.';

import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type Failure, failure } from '../contract/failures.ts';
import type { Program } from '../contract/program.ts';
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
  /** How a browser without a session is told to get one. */
  readonly unsigned: Program['unsigned'];
  /** A browser has been signed in, with a key of this fingerprint. */
  signedIn(key: string): void;
}

const launch = z.strictObject({ code: z.string().max(100), key: z.string().max(100) });

/**
 * `POST /session` `{ code, key }`: a launch code and the public half of the page's key, for the session's cookie and the
 * first nonce (contract/proof.ts).
 */
export function addSignIn(server: FastifyInstance, { sessions, ledger, port, unsigned, signedIn }: SignIn): void {
  server.post('/session', async (request, reply) => {
    const asked = launch.safeParse(request.body);
    const opened = asked.success ? await sessions.redeem(asked.data.code, asked.data.key) : null;
    if (opened === null || !asked.success) return refuse(reply, signInRefused(USED, unsigned));
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

const USED = 'This launch address was used, was replaced by a newer one, or is too old.';

/** 401 for a browser without a session, with how to get one: the command in `sign_in`, and in which folder it works. */
export function signInRefused(message: string, { name, where }: Program['unsigned']): Failure {
  const command = `${name} console --open`;
  const lead = where === null ? 'Run' : `${where.charAt(0).toUpperCase()}${where.slice(1)}, run`;
  return failure('operator_session_required', message, {
    recover: `${lead} ${command}: it prints a fresh address and opens it; each works once, for a minute.`,
    sign_in: { command, where },
  });
}

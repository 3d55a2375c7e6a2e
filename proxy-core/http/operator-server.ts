import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FAILURES, type Failure, failure } from '../contract/failures.ts';
import type { Call } from '../control/call.ts';
import type { Core } from '../exchange/core.ts';
import { closeServer } from './close-server.ts';
import { guard } from './guard.ts';
import { connectionLimits, listenLoopback } from './listen-loopback.ts';
import { OPERATOR_PAGE, OPERATOR_SCRIPT, OPERATOR_STYLE } from './operator-page.ts';
import { createOperatorSessions } from './operator-session.ts';

/**
 * The operator port of a headless core. Same guard as the agent port; every `/api` call needs a session
 * cookie, which only a launch code gives. An agent's token opens nothing here.
 */
export interface OperatorServer {
  readonly url: string;
  /** A URL that signs a browser in once, within 60 seconds. */
  launchUrl(): string;
  close(): Promise<void>;
}

const COOKIE = 'rungate_session';
const OPERATOR_BODY_LIMIT = 1_048_576;

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Listen on a loopback port (0 picks a free one). Rejects with the system's error when it is held. */
export async function listenOperatorPort(core: Core, call: Call, port: number): Promise<OperatorServer> {
  const sessions = createOperatorSessions(core.clock, core.random);
  const server = Fastify({
    bodyLimit: OPERATOR_BODY_LIMIT,
    http: connectionLimits(core.options),
    requestTimeout: core.options.requestTimeoutMs,
  });
  server.server.headersTimeout = core.options.headersTimeoutMs;
  let origins: readonly string[] = [];
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    const refusal = guard(
      { method: request.method, target: request.originalUrl, rawHeaders: request.raw.rawHeaders },
      { ownOrigins: origins, anyContentType: () => false },
    );
    if (refusal !== null) return refuse(reply, refusal);
    if (request.raw.headers.upgrade !== undefined)
      return refuse(reply, failure('use_https', 'WebSocket is not served here.'));
    if (request.url.startsWith('/api/') && !sessions.holds(sessionOf(request))) return refuse(reply, sessionRefused());
  });
  server.setNotFoundHandler((_request, reply) =>
    refuse(reply, failure('not_found', 'There is nothing at this address.')),
  );
  server.setErrorHandler((_error, _request, reply) =>
    refuse(reply, failure('invalid_request', 'The request could not be read.', { recover: 'Send a JSON object.' })),
  );
  addPage(server);
  server.post('/session', async (request, reply) => {
    const body = z.strictObject({ code: z.string().max(100) }).safeParse(request.body);
    const session = body.success ? sessions.redeem(body.data.code) : null;
    if (session === null) return refuse(reply, sessionRefused());
    return reply
      .header('set-cookie', `${COOKIE}=${session}; HttpOnly; SameSite=Strict; Path=/`)
      .send({ ok: true, value: {} });
  });
  server.post<{ Params: { name: string } }>('/api/:name', async (request, reply) => {
    const result = await call(request.params.name, request.body ?? {}, { actor: 'operator', channel: 'console' });
    return reply.code(result.ok ? 200 : FAILURES[result.failure.code].status).send(result);
  });
  const bound = await listenLoopback(server, port);
  const url = `http://127.0.0.1:${bound}`;
  origins = [url, `http://localhost:${bound}`];
  return {
    url,
    // In the fragment: it is never sent, so it stands in no log and no Referer.
    launchUrl: () => `${url}/#launch=${sessions.issueCode()}`,
    close: () => closeServer(server),
  };
}

function addPage(server: FastifyInstance): void {
  server.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(OPERATOR_PAGE));
  server.get('/console.js', (_request, reply) => reply.type('text/javascript; charset=utf-8').send(OPERATOR_SCRIPT));
  server.get('/console.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(OPERATOR_STYLE));
}

function sessionOf(request: FastifyRequest): string {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
}

const sessionRefused = (): Failure =>
  failure('operator_session_required', 'This needs an operator session.', {
    recover: 'Open the launch URL that rungate serve prints (or serve --open); it works once, for a minute.',
  });

function refuse(reply: FastifyReply, reason: Failure): FastifyReply {
  reply.header('connection', 'close');
  return reply.code(reason.status ?? FAILURES[reason.code].status).send({ ok: false, failure: reason });
}

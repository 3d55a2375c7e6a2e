import Fastify, { type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Failure, failure } from '../contract/failures.ts';
import { HEARTBEAT_MS } from '../contract/feed.ts';
import type { Call } from '../control/call.ts';
import type { Feed } from '../control/feed.ts';
import type { Core } from '../exchange/core.ts';
import { closeServer } from './close-server.ts';
import { addConsole } from './console-routes.ts';
import { addEventsRoute } from './events-route.ts';
import { addExportRoutes, type ExportDoor } from './export-routes.ts';
import { guard, headerValues } from './guard.ts';
import { connectionLimits, listenLoopback } from './listen-loopback.ts';
import { addOperations } from './operation-routes.ts';
import { OPERATION_BODY_LIMIT, refuse, replyToErrors, SECURITY_HEADERS } from './operator-reply.ts';
import { createOperatorSessions } from './operator-session.ts';

/**
 * The operator port of a headless core. Same guard as the agent port; everything under `/api` needs a session
 * cookie, which only a launch code gives. An agent's token opens nothing here.
 */
export interface OperatorServer {
  readonly url: string;
  /** A URL that signs a browser in once, within 60 seconds. */
  launchUrl(): string;
  close(): Promise<void>;
}

/** What the operator port serves. */
export interface OperatorPort {
  readonly call: Call;
  readonly feed: Feed;
  readonly exports: ExportDoor;
  /** Folder of the built console, or null. */
  readonly consoleFolder: string | null;
}

const COOKIE = 'rungate_session';

/** Listen on a loopback port (0 picks a free one). Rejects with the system's error when it is held. */
export async function listenOperatorPort(core: Core, port: number, served: OperatorPort): Promise<OperatorServer> {
  const sessions = createOperatorSessions(core.clock, core.random);
  const admits = (request: FastifyRequest): boolean => sessions.holds(sessionOf(request));
  const server = Fastify({
    bodyLimit: OPERATION_BODY_LIMIT,
    http: connectionLimits(core.options),
    requestTimeout: core.options.requestTimeoutMs,
  });
  server.server.headersTimeout = core.options.headersTimeoutMs;
  let origins: readonly string[] = [];
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    const refusal = refuseRequest(request, origins) ?? (needsSession(request) && !admits(request) ? noSession() : null);
    if (refusal !== null) return refuse(reply.header('connection', 'close'), refusal);
  });
  replyToErrors(server);
  addConsole(server, served.consoleFolder);
  server.post('/session', async (request, reply) => {
    const body = z.strictObject({ code: z.string().max(100) }).safeParse(request.body);
    const session = body.success ? sessions.redeem(body.data.code) : null;
    if (session === null) return refuse(reply, noSession());
    return reply
      .header('set-cookie', `${COOKIE}=${session}; HttpOnly; SameSite=Strict; Path=/`)
      .send({ ok: true, value: {} });
  });
  addOperations(server, served.call, { actor: 'operator', channel: 'console' });
  addExportRoutes(server, served.exports);
  addEventsRoute(server, { feed: served.feed, admits, heartbeatMs: HEARTBEAT_MS });
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

/**
 * Threat: the router reads escapes, so `/%61pi/NAME` is a spelling of `/api/NAME`. What was asked is judged by the route
 * that will answer, never by how its address was spelled; the address counts only where no route answers.
 */
const needsSession = ({ url, routeOptions }: FastifyRequest): boolean => (routeOptions.url ?? url).startsWith('/api/');

/** Why a request is not served to anyone, or null. */
function refuseRequest(request: FastifyRequest, origins: readonly string[]): Failure | null {
  const { method, originalUrl: target } = request;
  const { rawHeaders, headers } = request.raw;
  const refusal = guard({ method, target, rawHeaders }, { ownOrigins: origins, anyContentType: () => false });
  if (refusal !== null) return refusal;
  if (headers.upgrade !== undefined) return failure('use_https', 'WebSocket is not served here.');
  // A page of another port of this machine is of the same site: it sends the cookie, and with GET no Origin.
  const fromSite = headerValues(rawHeaders, 'sec-fetch-site').includes('same-site');
  return needsSession(request) && fromSite ? failure('origin_refused', 'Only the console itself may ask this.') : null;
}

function sessionOf(request: FastifyRequest): string {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
}

const noSession = (): Failure =>
  failure('operator_session_required', 'This needs an operator session.', {
    recover: 'Open the launch URL that rungate serve prints (or serve --open); it works once, for a minute.',
  });

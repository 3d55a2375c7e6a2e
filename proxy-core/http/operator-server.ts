import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { type Failure, failure } from '../contract/failures.ts';
import { HEARTBEAT_MS } from '../contract/feed.ts';
import { NONCE_HEADER } from '../contract/proof.ts';
import type { Call } from '../control/call.ts';
import type { Feed } from '../control/feed.ts';
import type { Core } from '../exchange/core.ts';
import { closeServer } from './close-server.ts';
import { createConsoleDoor, foreignPage, refuseForeign } from './console-door.ts';
import { addConsole } from './console-routes.ts';
import { addEventsRoute } from './events-route.ts';
import { addExportRoutes, type ExportDoor } from './export-routes.ts';
import { guard, headerValues } from './guard.ts';
import { capPort, connectionLimits, listenLoopback } from './listen-loopback.ts';
import { addOperations } from './operation-routes.ts';
import { OPERATION_BODY_LIMIT, refuse, replyToErrors, SECURITY_HEADERS } from './operator-reply.ts';
import { createOperatorSessions } from './operator-session.ts';
import { createProofLedger } from './proof-ledger.ts';
import { checkBodies } from './proven-body.ts';
import type { SessionKeep } from './session-file.ts';
import { addSignIn, cookieFor } from './sign-in-route.ts';
import { addTicketRoutes } from './ticket-routes.ts';

/**
 * The operator port of a headless core. Same guard as the agent port; everything under `/api` needs a session, which
 * only a launch code gives, and a proof by the session's key (`console-door.ts`). An agent's token opens nothing here.
 */
export interface OperatorServer {
  readonly url: string;
  /** A URL that signs a browser in once, within 60 seconds. Its use is to be recorded by whoever hands it out. */
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
  /** Where sessions outlive the core. */
  readonly sessions: SessionKeep;
  /** A browser has been signed in, with a key of this fingerprint. */
  signedIn(key: string): void;
}

/** Listen on a loopback port (0 picks a free one). Rejects with the system's error when it is held. */
export async function listenOperatorPort(core: Core, port: number, served: OperatorPort): Promise<OperatorServer> {
  const { unsigned } = core.program;
  const sessions = createOperatorSessions(core.clock, core.random, served.sessions);
  const ledger = createProofLedger(core.random);
  let bound = port;
  const door = createConsoleDoor({ sessions, ledger, port: () => bound, unsigned });
  const server = Fastify({
    bodyLimit: OPERATION_BODY_LIMIT,
    http: connectionLimits(core.options),
    requestTimeout: core.options.requestTimeoutMs,
  });
  server.server.headersTimeout = core.options.headersTimeoutMs;
  const caps = capPort(server, core, 'operator');
  const admit = (request: FastifyRequest, reply: FastifyReply): Failure | null => {
    const admission = door.admit(request);
    if (admission.kind === 'refused') {
      if (admission.session === null) reply.header('connection', 'close');
      else reply.header(NONCE_HEADER, ledger.give(admission.session.id));
      return admission.failure;
    }
    caps.prove(request.raw.socket);
    request.promisedBody = admission.proof.body;
    if (sessions.used(admission.session)) reply.header('set-cookie', cookieFor(bound, admission.cookie));
    return null;
  };
  let origins: readonly string[] = [];
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    const refusal = refuseRequest(request, origins) ?? refuseServiceWorker(request, reply);
    if (refusal !== null) return refuse(reply.header('connection', 'close'), refusal);
    const unproven = needsSession(request) ? admit(request, reply) : null;
    if (unproven !== null) return refuse(reply, unproven);
  });
  checkBodies(server, unsigned);
  replyToErrors(server);
  addConsole(server, served.consoleFolder);
  addSignIn(server, { sessions, ledger, port: () => bound, unsigned, signedIn: served.signedIn });
  addOperations(server, served.call, { actor: 'operator', channel: 'console' });
  addExportRoutes(server, served.exports);
  addTicketRoutes(server, core, served.exports);
  addEventsRoute(server, { feed: served.feed, admits: door.stands, heartbeatMs: HEARTBEAT_MS });
  bound = await listenLoopback(server, port);
  const url = `http://127.0.0.1:${bound}`;
  origins = [url, `http://localhost:${bound}`];
  return {
    url,
    // In the fragment: it is never sent, so it stands in no log and no Referer.
    launchUrl: () => `${url}/#launch=${sessions.issueCode()}`,
    async close() {
      await closeServer(server);
      await sessions.close();
    },
  };
}

/**
 * Threat: the router reads escapes, so `/%61pi/NAME` is a spelling of `/api/NAME`. What was asked is judged by the route
 * that will answer, never by how its address was spelled; the address counts only where no route answers.
 */
const routeOf = ({ url, routeOptions }: FastifyRequest): string => routeOptions.url ?? url;
const needsSession = (request: FastifyRequest): boolean => routeOf(request).startsWith('/api/');

/** Why a request is not served to anyone, or null. */
function refuseRequest(request: FastifyRequest, origins: readonly string[]): Failure | null {
  const { method, originalUrl: target } = request;
  const { rawHeaders, headers } = request.raw;
  const refusal = guard({ method, target, rawHeaders }, { ownOrigins: origins, anyContentType: () => false });
  if (refusal !== null) return refusal;
  if (headers.upgrade !== undefined) return failure('use_https', 'WebSocket is not served here.');
  const route = routeOf(request);
  if (route === '/session') return refuseForeign({ method, target, rawHeaders });
  // What is not the console's own page by its browser's word is told so before it is asked who it is.
  const sites = headerValues(rawHeaders, 'sec-fetch-site');
  return needsSession(request) && sites.some((site) => site !== 'same-origin') ? foreignPage() : null;
}

/**
 * Threat: a server that had this port while no core was running can have left a service worker in the browser, which
 * answers for the console from then on. Browsers ask for its script past it (Service Workers §"Soft Update"). There is
 * none here: whoever asks is told to drop it, with whatever it could have used.
 */
function refuseServiceWorker(request: FastifyRequest, reply: FastifyReply): Failure | null {
  if (request.headers['service-worker'] === undefined) return null;
  reply.header('clear-site-data', '"storage"');
  return failure('not_found', 'The console has no service worker.');
}

import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type Failure, failure } from '../contract/failures.ts';
import type { AgentRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { endpointOf, parseTarget, type Target } from '../exchange/endpoint.ts';
import { makeId } from '../exchange/make-id.ts';
import { renderRefusal } from '../wire/refusal.ts';
import { readCredential, repeatedCredential } from './agent-credential.ts';
import { closeServer } from './close-server.ts';
import type { ConnectionCaps } from './connection-caps.ts';
import { addGateRoutes } from './gate-routes.ts';
import { guard } from './guard.ts';
import { excuseLateRequests, type LateRequests } from './late-requests.ts';
import { capPort, connectionLimits, listenLoopback } from './listen-loopback.ts';
import { addModelRoutes } from './model-routes.ts';
import { refuse } from './refuse.ts';
import { addRunRoutes } from './run-routes.ts';
import { renderSelfDescription } from './self-description.ts';

/**
 * The agent port. Every request meets, in this order: the guard (host, origin, content type), the token, and
 * only then a route; nothing of the body has been read until a route reads it.
 */
export interface AgentServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Stop accepting; requests under way go on. */
  close(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** How the program is called in commands that are told at this port. */
    program: string;
  }
  interface FastifyRequest {
    target: Target;
    agent: AgentRecord;
    credential: 'inject' | 'pass';
  }
}

/** Routes that answer without a token. */
const OPEN_PATHS = new Set(['/', '/llms.txt', '/healthz']);

/** Listen on a loopback port (0 picks a free one). Rejects with the system's error when it is held. */
export async function listenAgentPort(core: Core, port: number): Promise<AgentServer> {
  const server = Fastify({
    genReqId: () => makeId('xch', core),
    http: connectionLimits(core.options),
    bodyLimit: Number.MAX_SAFE_INTEGER,
    exposeHeadRoutes: false,
    keepAliveTimeout: 75_000,
    requestTimeout: core.options.requestTimeoutMs,
    return503OnClosing: true,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: false },
    rewriteUrl: (request) => canonicalUrl(request.url ?? '/'),
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket, late),
    frameworkErrors: (_error, request, reply) =>
      void refuse(request, reply, failure('invalid_request', 'The request target could not be understood.')),
  });
  server.server.headersTimeout = core.options.headersTimeoutMs;
  const late = excuseLateRequests(server.server, core.options.headersTimeoutMs);
  prepare(server, core, capPort(server, core, 'agent'));
  const url = `http://127.0.0.1:${await listenLoopback(server, port)}`;
  return { url, close: () => closeServer(server) };
}

function prepare(server: FastifyInstance, core: Core, caps: ConnectionCaps): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.decorate('program', core.program.anywhere);
  server.decorateRequest('credential', 'inject');
  server.addHook('onRequest', async (request, reply) => {
    request.target = parseTarget(request.originalUrl);
    const refusal = admitCaller(core, request);
    if (refusal !== null) return refuse(request, reply, refusal);
    if (request.agent != null) caps.prove(request.raw.socket);
  });
  server.setNotFoundHandler((request, reply) => refuse(request, reply, unknownPath(request)));
  server.setErrorHandler((error, request, reply) => {
    if (error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
      return refuse(request, reply, failure('unsupported_media_type', 'The content-type is not a valid one.'));
    }
    core.log.error('http.route_failed', { path: request.target?.path, error: String(error) });
    return refuse(
      request,
      reply,
      failure('internal_error', 'Rungate failed on this request; its log says why.', {}, 5),
    );
  });
  server.head('/', (_request, reply) => reply.code(200).send());
  server.get('/', (_request, reply) => reply.redirect('/llms.txt'));
  server.get('/healthz', (_request, reply) => reply.send({ ok: core.store.trouble === null }));
  server.get('/llms.txt', (request, reply) =>
    reply.type('text/plain; charset=utf-8').send(renderSelfDescription(`http://${request.headers.host}`)),
  );
  addRunRoutes(server, core);
  addGateRoutes(server, core);
  addModelRoutes(server, core);
}

/** Fastify routes by the canonical path; the original target stays in `request.originalUrl`. */
function canonicalUrl(url: string): string {
  const { path, query } = parseTarget(url);
  return `${path}${query}`;
}

function admitCaller(core: Core, request: FastifyRequest): Failure | null {
  const { raw, target } = request;
  const refusal = guard(
    { method: raw.method ?? 'GET', target: request.originalUrl, rawHeaders: raw.rawHeaders },
    { ownOrigins: [], anyContentType: (method) => takesAnyType(method, target.path) },
  );
  if (refusal !== null) return refusal;
  if (raw.headers.upgrade !== undefined) return upgradeRefused();
  if (OPEN_PATHS.has(target.path)) return null;
  const repeated = repeatedCredential(raw.rawHeaders);
  if (repeated !== null) return repeatedRefused(repeated);
  const found = readCredential(raw.headers);
  const agent = found === null ? null : core.agents.authenticate(found.token, core.clock.now());
  if (found === null || agent === null) return tokenRefused(found !== null);
  request.agent = agent;
  request.credential = found.credential;
  return null;
}

/**
 * Artifacts, and what is no governed endpoint: a policy may let those through whatever they carry (behaviour §8). A page
 * of another site cannot send the token that both need.
 */
const takesAnyType = (method: string, path: string): boolean =>
  method === 'PUT'
    ? path.includes('/artifacts/')
    : path.startsWith('/v1/') && !path.startsWith('/v1/runs') && endpointOf(method, path).kind === 'other';

const repeatedRefused = (name: string): Failure =>
  failure('invalid_request', `The header ${name} is there more than once; which one counts cannot be told.`, {
    recover: `Send ${name} once.`,
  });

const upgradeRefused = (): Failure =>
  failure('use_https', 'WebSocket is not served here; send the same request over HTTP.', {
    recover: 'Use POST with a streamed answer (server-sent events).',
  });

const tokenRefused = (sent: boolean): Failure =>
  failure(
    'agent_token_invalid',
    sent
      ? 'The agent token is not valid: it is unknown, malformed or revoked.'
      : 'No agent token was sent. Send Authorization: Bearer rg_agt_… or x-api-key: rg_agt_…',
    { recover: 'Create a token with: rungate agents add NAME (or rotate one: rungate agents rotate NAME).' },
  );

const unknownPath = (request: FastifyRequest): Failure =>
  failure(
    'endpoint_not_governed',
    `${request.method} ${request.target.path.slice(0, 80)} is not an endpoint of this port.`,
    {
      recover: 'See GET /llms.txt for the endpoints.',
    },
  );

const UNREADABLE: Readonly<Record<string, Failure>> = {
  HPE_HEADER_OVERFLOW: {
    ...failure('request_too_large', 'The request headers are larger than this port accepts.', {
      recover: 'Send smaller headers, or raise limits.header_kb in the configuration.',
    }),
    status: 431,
  },
  ERR_HTTP_REQUEST_TIMEOUT: failure('request_timeout', 'The request did not arrive completely in time.', {
    recover: 'Send the request again.',
  }),
};

/** What Node could not parse as HTTP (smuggling attempts among it) gets one answer and a closed connection. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket, late: LateRequests): void {
  if (socket.destroyed || !socket.writable) return;
  const refuseNow = (): void => sendUnreadable(error.code ?? '', socket);
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && late.excuses(socket, refuseNow)) return;
  refuseNow();
}

function sendUnreadable(code: string, socket: Socket): void {
  if (socket.destroyed || !socket.writable) return;
  const reason =
    UNREADABLE[code] ??
    failure('invalid_request', 'The request is not valid HTTP/1.1.', { recover: 'Correct the request.' });
  const rendered = renderRefusal(reason, {
    format: null,
    dialect: null,
    stream: false,
    wordsAs: null,
    requestId: 'none',
  });
  const head = [
    ...Object.entries(rendered.headers),
    ['content-length', String(Buffer.byteLength(rendered.body))],
    ['connection', 'close'],
  ];
  socket.end(
    `HTTP/1.1 ${rendered.status} Refused\r\n${head.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n${rendered.body}`,
  );
}

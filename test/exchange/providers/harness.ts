import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Provider } from '../../../proxy-core/providers/provider.ts';
import { createUpstream } from '../../../proxy-core/providers/upstream.ts';
import type {
  Upstream,
  UpstreamCall,
  UpstreamError,
  UpstreamOptions,
  UpstreamRequest,
} from '../../../proxy-core/providers/upstream-call.ts';

export const portOf = (server: { address(): string | AddressInfo | null }): number =>
  (server.address() as AddressInfo).port;

/** An HTTP provider on a free loopback port; closed, with its connections, when the test ends. */
export async function startProvider(
  listener: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<Server> {
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

/** A provider that speaks bytes. */
export async function startTcp(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return portOf(server);
}

export function providerAt(baseUrl: string): Provider {
  return {
    id: 'test',
    kind: 'http',
    baseUrl: new URL(baseUrl),
    formats: ['chat'],
    models: ['*'],
    auth: 'bearer',
    key: { kind: 'none' },
  };
}

/** An upstream that is closed when the test ends. */
export function openUpstream(options: UpstreamOptions = {}): Upstream {
  const upstream = createUpstream(options);
  onTestFinished(() => upstream.close());
  return upstream;
}

export function post(baseUrl: string, changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    provider: providerAt(baseUrl),
    method: 'POST',
    path: '/v1/chat/completions',
    headers: ['content-type', 'application/json'],
    body: Buffer.from('{}'),
    ...changes,
  };
}

export interface Outcome {
  readonly status: number | null;
  readonly headers: readonly string[];
  readonly body: string;
  readonly error: UpstreamError | null;
}

export interface Sent {
  readonly call: UpstreamCall;
  readonly outcome: Promise<Outcome>;
  /** Resolves with the first chunk. */
  readonly firstChunk: Promise<Buffer>;
  /** How often `onEnd` or `onError` came: must be one in the end. */
  endings(): number;
}

/** Send and collect; `onChunk` may pause by returning false. */
export function send(
  upstream: Upstream,
  request: UpstreamRequest,
  onChunk: (chunk: Buffer) => boolean = () => true,
): Sent {
  let status: number | null = null;
  let headers: readonly string[] = [];
  const chunks: Buffer[] = [];
  let endings = 0;
  const done = Promise.withResolvers<Outcome>();
  const first = Promise.withResolvers<Buffer>();
  const finish = (error: UpstreamError | null): void => {
    endings += 1;
    done.resolve({ status, headers, body: Buffer.concat(chunks).toString(), error });
  };
  const call = upstream.send(request, {
    onHeaders(code, raw) {
      status = code;
      headers = raw;
    },
    onData(chunk) {
      chunks.push(chunk);
      first.resolve(chunk);
      return onChunk(chunk);
    },
    onEnd: () => finish(null),
    onError: finish,
  });
  return { call, outcome: done.promise, firstChunk: first.promise, endings: () => endings };
}

/** Read a whole request body. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

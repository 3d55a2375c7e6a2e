import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Core, CoreOptions } from '../exchange/core.ts';
import { type ConnectionCaps, capConnections, limitsWithin, openFilesLimit } from './connection-caps.ts';

/**
 * How both ports listen: on the literal 127.0.0.1 only.
 *
 * Threat: a program that holds the same port on ::1 would be sent the tokens of every client that was told
 * `localhost`. So a port that is taken on either address is refused (fault A10), and never moved silently.
 */

/** Node's side of the limits on slow and oversized requests. */
export const connectionLimits = ({ headerBytes, headersTimeoutMs, requestTimeoutMs }: CoreOptions) => ({
  maxHeaderSize: headerBytes,
  // Node looks for late requests this often; a short time limit must not wait for the default of 30 s.
  connectionsCheckingInterval: Math.ceil(Math.min(30_000, headersTimeoutMs, requestTimeoutMs) / 4),
});

/** Count a port's connections, within what this process may open; the log is told when some are turned away. */
export function capPort(server: FastifyInstance, { options, log }: Core, port: 'agent' | 'operator'): ConnectionCaps {
  const limits = limitsWithin(options.connections, openFilesLimit());
  return capConnections(server.server, limits, ({ inAll, beforeToken }) =>
    log.warn('http.connections_capped', { port, in_all: inAll, before_token: beforeToken }),
  );
}

/** Listen on a port of 127.0.0.1 (0 picks a free one) and return it. Rejects with EADDRINUSE, as listening does. */
export async function listenLoopback(server: FastifyInstance, port: number): Promise<number> {
  await server.listen({ host: '127.0.0.1', port });
  const { port: bound } = server.server.address() as AddressInfo;
  try {
    await refuseTaken(bound);
  } catch (error) {
    await server.close();
    throw error;
  }
  return bound;
}

/**
 * Rejects, as listening would, if a port cannot be had now. For a start that would otherwise leave things behind before
 * it finds out; 0 always can be had.
 */
export async function tryPort(port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve()));
  });
  await refuseTaken(port);
}

/** Rejects if someone listens on the port of ::1. A machine without IPv6 has nobody there. */
function refuseTaken(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? reject(error) : resolve()));
    probe.listen({ host: '::1', port, ipv6Only: true }, () => probe.close(() => resolve()));
  });
}

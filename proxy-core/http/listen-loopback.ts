import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { CoreOptions } from '../exchange/core.ts';

/**
 * How both ports listen: on the literal 127.0.0.1 only.
 *
 * Threat: a program that holds the same port on ::1 would be sent the tokens of every client that was told
 * `localhost`. So a port that is taken on either address is refused (fault A10), and never moved silently.
 */

/** How often Node looks for connections that are too slow, at most, ms; its own default is 30 s. */
const CHECK_EVERY_MS = 5_000;

/** Node's side of the limits on slow and oversized requests. */
export const connectionLimits = ({ headerBytes, headersTimeoutMs }: CoreOptions) => ({
  maxHeaderSize: headerBytes,
  connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, headersTimeoutMs),
});

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

/** Rejects if someone listens on the port of ::1. A machine without IPv6 has nobody there. */
function refuseTaken(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? reject(error) : resolve()));
    probe.listen({ host: '::1', port, ipv6Only: true }, () => probe.close(() => resolve()));
  });
}

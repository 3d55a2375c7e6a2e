import type { FastifyInstance } from 'fastify';

/** How long the last bytes of finished answers have to leave before their connections are cut. */
const FLUSH_MS = 1_000;

/**
 * Stop accepting and close every connection. Called when no call is in flight any more: what is left are idle
 * connections, last bytes, and connections that never sent a whole request, which would hold a shutdown for minutes.
 */
export async function closeServer(server: FastifyInstance): Promise<void> {
  const late = setTimeout(() => server.server.closeAllConnections(), FLUSH_MS);
  try {
    await server.close();
  } finally {
    clearTimeout(late);
  }
}

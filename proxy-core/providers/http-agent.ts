import { type ClientRequestArgs, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { guardedConnector } from './upstream-pool.ts';
import type { WayOut } from './way-out.ts';

/**
 * An agent of `node:http` for libraries that bring their own requests: every connection is made by the guarded
 * connector, through the network's proxy where there is one (always in a tunnel: the library names no whole address).
 */
export function openAgent(scheme: string, way: WayOut, timeoutMs: number): HttpAgent {
  const connect = guardedConnector({ way, connectTimeoutMs: timeoutMs }, 'tunnel');
  const agent = scheme === 'http:' ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
  agent.createConnection = (options: ClientRequestArgs, callback) => {
    const hostname = String(options.host ?? options.hostname ?? 'localhost');
    const port = String(options.port ?? '');
    connect({ protocol: scheme, hostname, host: hostname, port }, (...result) => {
      if (result[0] === null) callback?.(null, result[1]);
      else callback?.(asCause(result[0]), undefined as unknown as Duplex);
    });
    return undefined;
  };
  return agent;
}

/** The connector marks its failures for the pool; a library's user is told the network's own words. */
const asCause = (error: Error): Error => (error.cause instanceof Error ? error.cause : error);

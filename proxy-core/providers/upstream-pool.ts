import { isIP, type Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import { explainRefusal, guardedLookup, refusedAddress } from './address-guard.ts';
import type { Provider } from './provider.ts';
import type { UpstreamOptions } from './upstream-call.ts';
import { connectFailure } from './upstream-failure.ts';

/** Clients bear silences of ten minutes and more; whoever does not gives up by itself, which ends the call here too. */
const SILENCE_MS = 1_800_000;
const KEEP_ALIVE_MAX_MS = 60_000;
const MAX_HEADER_BYTES = 64 * 1024;

/** undici's connector behind the address guard. It makes every connection, so every address is judged. */
export function guardedConnector(options: UpstreamOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: options.connectTimeoutMs ?? 10_000,
    // One call per connection: a paused stream then never holds up another, and "nothing was sent" can be proven.
    allowH2: false,
    lookup: guardedLookup(options.lookup),
  } as buildConnector.BuildOptions);
  return (target, callback) => {
    const reason = isIP(target.hostname) === 0 ? null : explainRefusal(target.hostname, target.hostname);
    if (reason !== null) return callback(connectFailure(refusedAddress(reason)), null);
    connect(target, (...result: [null, Socket] | [Error, null]) => {
      if (result[0] === null) callback(null, result[1]);
      else callback(connectFailure(result[0]), null);
    });
  };
}

/** What a call to this provider is limited by: its own timeouts, else the upstream's. */
export const limitsOf = ({ timeouts }: Provider, options: UpstreamOptions): UpstreamOptions =>
  timeouts === undefined
    ? options
    : {
        ...options,
        connectTimeoutMs: timeouts.connectMs,
        headersTimeoutMs: timeouts.headersMs,
        chunkTimeoutMs: timeouts.idleMs,
      };

/** What tells pools apart: providers of one origin share their connections unless they wait differently long. */
export function poolKey(origin: string, { timeouts }: Provider): string {
  if (timeouts === undefined) return origin;
  return `${origin} ${timeouts.connectMs} ${timeouts.headersMs} ${timeouts.idleMs}`;
}

/** The pool of one origin under these limits; its connector keeps the TLS sessions. */
export function openPool(origin: string, options: UpstreamOptions, connect: buildConnector.connector): Pool {
  return new Pool(origin, {
    connect,
    allowH2: false,
    useMilo: false,
    pipelining: 1,
    connections: options.connections ?? null,
    keepAliveTimeout: options.keepAliveMs ?? 4_000,
    keepAliveMaxTimeout: Math.max(KEEP_ALIVE_MAX_MS, options.keepAliveMs ?? 0),
    headersTimeout: options.headersTimeoutMs ?? SILENCE_MS,
    bodyTimeout: options.chunkTimeoutMs ?? SILENCE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}

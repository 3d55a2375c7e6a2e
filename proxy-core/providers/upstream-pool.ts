import { isIP, type Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import { explainRefusal, guardedLookup, refusedAddress } from './address-guard.ts';
import type { Provider } from './provider.ts';
import type { UpstreamOptions } from './upstream-call.ts';
import { connectFailure } from './upstream-failure.ts';
import { DIRECT_WAY, throughProxy } from './way-out.ts';

/** Clients bear silences of ten minutes and more; whoever does not gives up by itself, which ends the call here too. */
const SILENCE_MS = 1_800_000;
const KEEP_ALIVE_MAX_MS = 60_000;
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * undici's connector behind the address guard, and through the network's proxy where there is one. It makes every
 * connection, those to the proxy too, so every address is judged. `plainHttp` says how http targets go through a proxy:
 * their requests name the whole address (`absoluteTarget`), or they have a tunnel as https targets do.
 */
export function guardedConnector(
  options: UpstreamOptions,
  plainHttp: 'absolute' | 'tunnel' = 'absolute',
): buildConnector.connector {
  const way = options.way ?? DIRECT_WAY;
  const timeout = options.connectTimeoutMs ?? 10_000;
  const settings = {
    timeout,
    // One call per connection: a paused stream then never holds up another, and "nothing was sent" can be proven.
    allowH2: false,
    lookup: guardedLookup(options.lookup),
  };
  const plain = buildConnector(settings as buildConnector.BuildOptions);
  let secure: buildConnector.connector | null = null;
  const buildSecure = (): buildConnector.connector => {
    const secureContext = way.secureContext();
    return secureContext === undefined
      ? plain
      : buildConnector({ ...settings, secureContext } as buildConnector.BuildOptions);
  };
  const guarded: buildConnector.connector = (target, callback) => {
    const reason = isIP(target.hostname) === 0 ? null : explainRefusal(target.hostname, target.hostname);
    // A tunnel is no connection of ours: its far end was judged before the proxy was asked for it.
    if (reason !== null && target.httpSocket === undefined) return callback(refusedAddress(reason), null);
    if (target.protocol !== 'https:') return plain(target, callback);
    secure ??= buildSecure();
    secure(target, callback);
  };
  const connect = throughProxy(way, guarded, { timeoutMs: timeout, plainHttp });
  return (target, callback) => {
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

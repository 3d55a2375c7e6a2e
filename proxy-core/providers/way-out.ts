/**
 * How connections leave this machine: directly, or through the proxy of the network, trusting the system's
 * certificate authorities and the operator's own. Threat: a proxy sees where we go and, if its authority is trusted,
 * what we say; so it is taken from the operator's configuration or environment only, loopback never goes through it,
 * its password is never shown, and literal addresses are judged before it is asked for them (names are the proxy's to
 * resolve: nothing on this machine is asked).
 */
import { isIP, type Socket } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { type buildConnector, Client } from 'undici';
import { explainRefusal, refusedAddress } from './address-guard.ts';
import { chooseProxy, type NetworkProxy, type ProxyChoice, type ProxySettings } from './proxy-choice.ts';
import { ProxyFailed, proxyFailed } from './proxy-failed.ts';

/** The ways out of one core. */
export interface WayOut {
  choose(target: URL): ProxyChoice;
  /** What TLS connections trust, made at the first one and shared by all; undefined: what Node trusts anyhow. */
  secureContext(): SecureContext | undefined;
  /** Where the authorities come from, for people: `the system’s`, or a file as well. */
  readonly authorities: string;
}

/** `ca` is the PEM text of further authorities and the file it was read from. Throws an Error if it cannot be used. */
export function openWayOut(proxy: ProxySettings, ca: { readonly pem: string; readonly file: string } | null): WayOut {
  let context: SecureContext | undefined | null = null;
  const own = ca === null ? [] : [ca.pem];
  // A file that holds no certificate is found now, not at the first call.
  if (ca !== null) createSecureContext({ ca: own });
  return {
    choose: (target) => chooseProxy(proxy, target),
    secureContext() {
      if (context === null) context = contextTrusting(own);
      return context;
    },
    authorities: ca === null ? 'the system’s' : `the system’s and ${ca.file}`,
  };
}

/** Without settings: directly, with the system's authorities. */
export const DIRECT_WAY: WayOut = openWayOut({ kind: 'none' }, null);

/** Node's own authorities (NODE_EXTRA_CA_CERTS among them), those of the system's store, and these. */
function contextTrusting(own: readonly string[]): SecureContext | undefined {
  const known = getCACertificates('default');
  const trusted = new Set(known);
  const further = [...getCACertificates('system'), ...own].filter((each) => !trusted.has(each));
  return further.length === 0 ? undefined : createSecureContext({ ca: [...known, ...further] });
}

type Connector = buildConnector.connector;
type Target = Parameters<Connector>[0];

const originOf = ({ protocol, hostname, port }: Target): URL =>
  new URL(
    `${protocol}//${hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname}${port ? `:${port}` : ''}`,
  );

/**
 * A connector that goes through the proxy where there is one for the target. `connect` makes every connection itself,
 * guard included; for an http target the socket is the proxy's own (requests then name the whole address, see
 * `absoluteTarget`), for an https target a tunnel. `timeoutMs` bounds the proxy's answer.
 */
export function throughProxy(way: WayOut, connect: Connector, manner: Manner): Connector {
  return (target, callback) => {
    const origin = originOf(target);
    const choice = way.choose(origin);
    switch (choice.kind) {
      case 'direct':
        return connect(target, callback);
      case 'unusable':
        return callback(new ProxyFailed(choice.problem), null);
      case 'proxy': {
        const literal = target.hostname.replace(/^\[|\]$/g, '');
        const reason = isIP(literal) === 0 ? null : explainRefusal(literal, literal);
        if (reason !== null) return callback(refusedAddress(reason), null);
        return connectVia(choice.proxy, { origin, target, connect, ...manner }, callback);
      }
    }
  };
}

interface Manner {
  readonly timeoutMs: number;
  readonly plainHttp: 'absolute' | 'tunnel';
}

interface Via extends Manner {
  readonly origin: URL;
  readonly target: Target;
  readonly connect: Connector;
}

function connectVia(proxy: NetworkProxy, via: Via, callback: buildConnector.Callback): void {
  const fail = (error: Error): void => callback(error instanceof ProxyFailed ? error : explained(proxy, error), null);
  const toProxy: Connector = (target, done) =>
    via.connect(target, (...result) =>
      result[0] === null ? done(null, result[1]) : done(explained(proxy, result[0]), null),
    );
  if (via.origin.protocol === 'http:' && via.plainHttp === 'absolute') {
    const { protocol, host, hostname, port } = proxy.url;
    toProxy({ protocol, host, hostname, port }, (...result) =>
      result[0] === null ? callback(null, result[1]) : fail(result[0]),
    );
    return;
  }
  const enter = (socket: Socket): void => {
    const { host, hostname, port } = via.target;
    if (via.origin.protocol === 'http:') callback(null, socket);
    else via.connect({ protocol: 'https:', host, hostname, port, httpSocket: socket } as Target, callback);
  };
  openTunnel(proxy, toProxy, via).then(enter, fail);
}

function explained(proxy: NetworkProxy, error: Error): ProxyFailed {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return proxyFailed(proxy, `cannot be reached: ${error.message || (code ?? 'unknown error')}`, code);
}

/** Ask the proxy for a tunnel (CONNECT, RFC 9110 §9.3.6). */
async function openTunnel(proxy: NetworkProxy, connect: Connector, { origin, timeoutMs }: Via): Promise<Socket> {
  const authority = `${origin.hostname}:${origin.port || (origin.protocol === 'http:' ? 80 : 443)}`;
  const client = new Client(proxy.url.origin, { connect });
  try {
    const { statusCode, socket } = await client.connect({
      path: authority,
      headers: {
        host: authority,
        ...(proxy.authorization === null ? {} : { 'proxy-authorization': proxy.authorization }),
      },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (statusCode === 200) return socket as Socket;
    socket.on('error', () => undefined).destroy();
    const asks = statusCode === 407 ? ': it asks for a user name and a password' : '';
    throw proxyFailed(proxy, `answered ${statusCode} to CONNECT ${authority}${asks}`);
  } catch (error) {
    client.destroy().catch(() => undefined);
    if (error instanceof Error && error.name === 'TimeoutError')
      throw proxyFailed(proxy, 'did not open a tunnel in time', 'ETIMEDOUT');
    throw error;
  }
}

/**
 * What a request to an http origin looks like to a proxy: the whole address instead of the path, and the proxy's
 * credential (RFC 9112 §3.2.2). Null: there is no proxy on the way, or a tunnel hides the request from it.
 */
export function absoluteTarget(
  way: WayOut,
  origin: URL,
): { readonly prefix: string; readonly headers: readonly string[] } | null {
  if (origin.protocol !== 'http:') return null;
  const choice = way.choose(origin);
  if (choice.kind !== 'proxy') return null;
  const { authorization } = choice.proxy;
  return { prefix: origin.origin, headers: authorization === null ? [] : ['proxy-authorization', authorization] };
}

import { BlockList, isIP } from 'node:net';

/** Which way a connection takes to an address: this decides, `way-out.ts` connects. */

/** A proxy of this network. */
export interface NetworkProxy {
  readonly url: URL;
  /** What it is called for people, never with its password: `http://proxy.corp:3128`. */
  readonly shown: string;
  /** Where it was named: `HTTPS_PROXY`, `upstream.proxy`. */
  readonly source: string;
  /** The value of `proxy-authorization`; null: it asks for nothing. */
  readonly authorization: string | null;
}

/** The way of one connection. `unusable` is refused: what was meant to leave through a proxy never leaves past it. */
export type ProxyChoice =
  | { readonly kind: 'direct' }
  | { readonly kind: 'proxy'; readonly proxy: NetworkProxy }
  | { readonly kind: 'unusable'; readonly problem: string };

/** What the operator or the environment says. */
export type ProxySettings =
  | { readonly kind: 'none' }
  /** The variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY (lower case wins), as Node and curl read them. */
  | { readonly kind: 'env'; readonly env: Readonly<Record<string, string | undefined>> }
  /** One proxy for everything but what `exceptions` (as NO_PROXY) names; `source` says where it was named. */
  | { readonly kind: 'one'; readonly url: string; readonly source: string; readonly exceptions: string };

const DIRECT: ProxyChoice = { kind: 'direct' };

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const bare = (host: string): string =>
  host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether a host, as configured, is this machine by its very spelling: no proxy is ever asked for it. */
function isLoopback(host: string): boolean {
  if (isIP(host) !== 0) return LOOPBACK.check(host, familyOf(host));
  return host === 'localhost' || host.endsWith('.localhost');
}

/** The way to `target`. Loopback is always direct. */
export function chooseProxy(settings: ProxySettings, target: URL): ProxyChoice {
  const host = bare(target.hostname);
  if (settings.kind === 'none' || isLoopback(host)) return DIRECT;
  const named = settings.kind === 'one' ? settings : fromEnvironment(settings.env, target.protocol);
  if (named === null || isExcepted(named.exceptions, host, portOf(target))) return DIRECT;
  return readProxy(named.url, named.source);
}

/** As Node does: an https address falls back to HTTP_PROXY. */
function fromEnvironment(env: Readonly<Record<string, string | undefined>>, protocol: string) {
  const names = ['http_proxy', 'HTTP_PROXY'];
  if (protocol === 'https:') names.unshift('https_proxy', 'HTTPS_PROXY');
  const source = names.find((name) => (env[name] ?? '').trim() !== '');
  if (source === undefined) return null;
  return { url: (env[source] ?? '').trim(), source, exceptions: env['no_proxy'] ?? env['NO_PROXY'] ?? '' };
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');

/** NO_PROXY: names (with all names below them), addresses, CIDR blocks, `:PORT` at the end, `*` for everything. */
function isExcepted(list: string, host: string, port: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matchesEntry(entry.toLowerCase(), host, port));
}

function matchesEntry(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, name = entry, only] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (only !== undefined && only !== port) return false;
  const wanted = bare(name.replace(/^\*?\./, ''));
  if (wanted.includes('/')) return isInBlock(wanted, host);
  return host === wanted || (isIP(host) === 0 && wanted !== '' && host.endsWith(`.${wanted}`));
}

function isInBlock(block: string, host: string): boolean {
  const [network = '', prefix = ''] = block.split('/');
  const most = isIP(network) === 6 ? 128 : 32;
  if (isIP(network) === 0 || isIP(host) === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > most) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), familyOf(network));
  return list.check(host, familyOf(host));
}

/** The proxy that a text names; curl's habit of leaving out `http://` is allowed. */
function readProxy(text: string, source: string): ProxyChoice {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '') return { kind: 'unusable', problem: `${source} does not name a proxy.` };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    const problem = `${source} names a ${url.protocol.slice(0, -1)} proxy; Rungate speaks to http:// and https:// proxies.`;
    return { kind: 'unusable', problem };
  }
  const login = `${decode(url.username)}:${decode(url.password)}`;
  const authorization = url.username === '' ? null : `Basic ${Buffer.from(login).toString('base64')}`;
  return { kind: 'proxy', proxy: { url, shown: url.origin, source, authorization } };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A way in words: `directly`, `through the proxy http://proxy.corp:3128 (from HTTPS_PROXY)`. */
export function describeWay(choice: ProxyChoice): string {
  switch (choice.kind) {
    case 'direct':
      return 'directly';
    case 'proxy':
      return `through the proxy ${choice.proxy.shown} (from ${choice.proxy.source})`;
    case 'unusable':
      return `not at all: ${choice.problem}`;
  }
}

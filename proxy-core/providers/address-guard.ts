/**
 * Threat: a provider's address decides where the key and the prompts go. A name that is made to resolve to this
 * machine or to a cloud's metadata service (by a typing error, a hostile resolver or a flip between check and
 * use) would hand them over. So the check is made on the very addresses that are about to be connected to.
 * Loopback is reached only where the operator's configuration says so literally.
 */
import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** IPv4 ranges that no provider lives in (IANA special-purpose registry, and the clouds' metadata addresses). */
const REFUSED_IPV4: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['0.0.0.0', 8, 'unspecified'],
  ['100.64.0.0', 10, 'carrier-grade NAT'],
  ['127.0.0.0', 8, 'loopback'],
  ['168.63.129.16', 32, 'metadata'],
  ['169.254.0.0', 16, 'link-local or metadata'],
  ['192.0.0.0', 24, 'protocol-reserved'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
];

const REFUSED_IPV6: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ['::', 128, 'unspecified'],
  ['::1', 128, 'loopback'],
  ['fe80::', 10, 'link-local'],
  ['fec0::', 10, 'link-local'],
  ['ff00::', 8, 'multicast'],
  ['fd00:ec2::254', 128, 'metadata'],
  ['fd20:ce::254', 128, 'metadata'],
  // Tunnels and translators whose far end cannot be read off the address: Teredo, local-use NAT64 (RFC 8215).
  ['2001::', 32, 'tunnelled'],
  ['64:ff9b:1::', 48, 'translated'],
];

function hexGroups(ipv4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** One list per kind. Node's BlockList itself matches ::ffff:a.b.c.d against the IPv4 rules. */
function compileRefused(): ReadonlyMap<string, BlockList> {
  const lists = new Map<string, BlockList>();
  const listOf = (what: string): BlockList => {
    const list = lists.get(what) ?? new BlockList();
    lists.set(what, list);
    return list;
  };
  for (const [network, prefix, what] of REFUSED_IPV4) {
    const list = listOf(what);
    list.addSubnet(network, prefix, 'ipv4');
    // The same address behind NAT64 (RFC 6052), 6to4 (RFC 3056) and the old IPv4-compatible form.
    list.addSubnet(`64:ff9b::${hexGroups(network)}`, 96 + prefix, 'ipv6');
    list.addSubnet(`2002:${hexGroups(network)}::`, 16 + prefix, 'ipv6');
    if (what !== 'unspecified') list.addSubnet(`::${hexGroups(network)}`, 96 + prefix, 'ipv6');
  }
  for (const [network, prefix, what] of REFUSED_IPV6) listOf(what).addSubnet(network, prefix, 'ipv6');
  return lists;
}

const REFUSED = compileRefused();

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const NAT64 = new BlockList();
NAT64.addSubnet('64:ff9b::', 96, 'ipv6');

/** Without brackets and zone (`[fe80::1%eth0]` → `fe80::1`). */
const bare = (host: string): string => host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');

const contains = (list: BlockList, address: string): boolean =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** What kind of forbidden address this is, or null if a provider may live there. Anything unreadable is forbidden. */
function forbiddenKind(address: string): string | null {
  if (isIP(address) === 0) return 'unreadable';
  for (const [what, list] of REFUSED) if (contains(list, address)) return what;
  return null;
}

/**
 * Why a connection to `host` (as configured) at `address` (as resolved, or the literal itself) is refused, in one
 * sentence; null if it is allowed. Literal loopback and `localhost` are the operator's opt-in, for loopback only;
 * literal private addresses (RFC 1918, unique local) are the operator's own network.
 */
export function explainRefusal(host: string, address: string): string | null {
  const name = bare(host).toLowerCase();
  const target = bare(address);
  const literal = isIP(name) !== 0;
  const loopback = isIP(target) !== 0 && contains(LOOPBACK, target);
  if (name === 'localhost') return loopback ? null : `localhost resolves to ${target}, which is not loopback`;
  if (literal && loopback) return null;
  if (literal && isIP(target) === 6 && contains(NAT64, target)) return `${target} is a translated (NAT64) address`;
  const kind = forbiddenKind(target);
  if (kind === null) return null;
  return literal ? `${target} is a ${kind} address` : `${name} resolves to ${target}, a ${kind} address`;
}

const REFUSAL_CODE = 'RUNGATE_ADDRESS_REFUSED';

/** The error that a refused address makes of a connection. */
export function refusedAddress(reason: string): NodeJS.ErrnoException {
  return Object.assign(new Error(reason), { code: REFUSAL_CODE });
}

/** Whether an error is a refused address. */
export const isRefusedAddress = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === REFUSAL_CODE;

/**
 * A `lookup` for `net.connect` and `tls.connect` that resolves as usual and then refuses the whole answer if any
 * address in it is forbidden (a mixed answer is how rebinding hides). It runs at every connect, so a name that
 * changes its address later is checked again. Literals are not looked up: check those with `explainRefusal`.
 */
export function guardedLookup(resolve: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, found, family) => {
      if (error !== null) return callback(error, found, family);
      const addresses = typeof found === 'string' ? [found] : found.map((entry) => entry.address);
      for (const address of addresses) {
        const reason = explainRefusal(hostname, address);
        if (reason !== null) return callback(refusedAddress(reason), '', 0);
      }
      callback(null, found, family);
    });
  };
}

/**
 * Which headers cross the proxy, in both directions. Source: RFC 9110 §7.6.1 (hop-by-hop) and what real clients
 * were measured to need. Everything not named here passes in its place, with its case, as often as it came.
 * Raw headers are flat (`[name, value, name, value]`), as Node and undici have them.
 */
import type { Secret } from './secrets.ts';

/** What to do about credentials on the way to the provider. */
export type CredentialRule =
  /** The agent's own credential headers go; the provider's key (or nothing) takes their place. */
  | { readonly kind: 'inject'; readonly auth: 'bearer' | 'x-api-key'; readonly key: Secret | null }
  /** The caller's own provider credential passes untouched (subscriptions). */
  | { readonly kind: 'pass' };

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // Answered by our own server; undici refuses to send it.
  'expect',
];
const REQUEST_DROPPED = new Set([...HOP_BY_HOP, 'host', 'content-length', 'cookie', 'cookie2']);
const ANSWER_DROPPED = new Set([...HOP_BY_HOP, 'set-cookie', 'set-cookie2']);
const CREDENTIALS = new Set(['authorization', 'x-api-key', 'x-goog-api-key']);
const NONE: ReadonlySet<string> = new Set();

/** An agent's token, wherever it was put: it means something to this proxy only. */
const AGENT_TOKEN = /rg_agt_[A-Za-z0-9_-]{16}/;

/** The names that a `Connection` header declares hop-by-hop, lower case. */
function connectionNames(raw: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue;
    names ??= new Set();
    for (const name of (raw[i + 1] ?? '').split(',')) names.add(name.trim().toLowerCase());
  }
  return names ?? NONE;
}

/** Lower-case names that never cross in either direction, whatever their full name. */
const isOurs = (name: string): boolean => name.startsWith('x-rungate-') || name.startsWith('proxy-');

/**
 * The flat headers to send to the provider. `bodyDecoded` says that the body came compressed and was decoded, so its
 * `content-encoding` no longer holds. `host` and `content-length` are left to the connection, which knows them.
 */
export function upstreamHeaders(
  raw: readonly string[],
  options: { readonly credential: CredentialRule; readonly bodyDecoded: boolean },
): string[] {
  const { credential, bodyDecoded } = options;
  const named = connectionNames(raw);
  const kept: string[] = [];
  let encodingAsked = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (REQUEST_DROPPED.has(lower) || isOurs(lower) || named.has(lower)) continue;
    if (bodyDecoded && lower === 'content-encoding') continue;
    if (credential.kind === 'inject' && CREDENTIALS.has(lower)) continue;
    if (value.includes('rg_agt_') && AGENT_TOKEN.test(value)) continue;
    if (lower !== 'accept-encoding') kept.push(name, value);
    else if (!encodingAsked) {
      encodingAsked = true;
      kept.push(name, 'identity');
    }
  }
  if (!encodingAsked) kept.push('accept-encoding', 'identity');
  if (credential.kind === 'inject' && credential.key !== null) pushKey(kept, credential.auth, credential.key);
  return kept;
}

function pushKey(headers: string[], auth: 'bearer' | 'x-api-key', key: Secret): void {
  if (auth === 'bearer') headers.push('authorization', `Bearer ${key.reveal()}`);
  else headers.push('x-api-key', key.reveal());
}

/**
 * The flat headers to give back to the agent. `bodyChanged` says that what follows is not the provider's body byte
 * for byte, so its length and encoding no longer hold. Cookies of the provider's site are not the agent's business,
 * `x-rungate-*` is ours alone to say, and no answer of ours permits a web page anything (`access-control-*`).
 */
export function answerHeaders(raw: readonly string[], options: { readonly bodyChanged: boolean }): string[] {
  const named = connectionNames(raw);
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (ANSWER_DROPPED.has(lower) || isOurs(lower) || named.has(lower)) continue;
    if (lower.startsWith('access-control-')) continue;
    if (options.bodyChanged && (lower === 'content-length' || lower === 'content-encoding')) continue;
    kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}

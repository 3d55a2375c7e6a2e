import type { WireFormat } from '../contract/records.ts';
import type { KeyReference } from './credentials.ts';

/** Who answers. The table of providers comes from the operator's configuration only, never from a request. */
export interface Provider {
  readonly id: string;
  /** `demo` answers in this process; `check` is a tool that is only checked. */
  readonly kind: 'http' | 'demo' | 'check';
  /** Origin and path prefix, with or without a version (`https://api.openai.com/v1`); null for the demo. */
  readonly baseUrl: URL | null;
  readonly formats: readonly WireFormat[];
  /** Globs over model names as clients send them; `*` stands for any run of characters. */
  readonly models: readonly string[];
  /** Which header carries the key. */
  readonly auth: 'bearer' | 'x-api-key';
  readonly key: KeyReference;
  /** How long to wait for it; absent: the upstream's own limits. */
  readonly timeouts?: ProviderTimeouts;
  /** False: its streams are not asked for the usage chunk; absent: they are, until it refuses (behaviour §2). */
  readonly includeUsage?: boolean;
}

/** How long a call waits for its provider, in milliseconds. */
export interface ProviderTimeouts {
  /** For a connection: DNS, TCP and TLS together. */
  readonly connectMs: number;
  /** From the request to the answer's headers. */
  readonly headersMs: number;
  /** Between two pieces of the answer. */
  readonly idleMs: number;
}

/** Whether a name matches a glob whose only wildcard is `*` (any run of characters, also none). Case counts. */
export function matchesGlob(glob: string, name: string): boolean {
  const parts = glob.split('*');
  const first = parts[0] ?? '';
  if (parts.length === 1) return glob === name;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const last = parts.at(-1) ?? '';
  return name.length - last.length >= at && name.endsWith(last);
}

/** Whether this provider answers this model; a request that names no model fits every provider. */
export const servesModel = (provider: Provider, model: string | null): boolean =>
  model === null || provider.models.some((glob) => matchesGlob(glob, model));

/** The first provider, in the operator's order, that speaks the format and serves the model; null if none does. */
export function chooseProvider(
  providers: readonly Provider[],
  format: WireFormat,
  model: string | null,
): Provider | null {
  return providers.find((each) => each.formats.includes(format) && servesModel(each, model)) ?? null;
}

/** A base URL, or one sentence on why it cannot be one. */
export type ParsedBaseUrl =
  | { readonly kind: 'parsed'; readonly url: URL }
  | { readonly kind: 'invalid'; readonly problem: string };

/**
 * Parse a provider's `base_url`. Only http and https; no credentials, query or fragment, because
 * `https://api.openai.com@evil.test` and `https://evil.test#api.openai.com` are written to be misread.
 */
export function parseBaseUrl(text: string): ParsedBaseUrl {
  const invalid = (problem: string): ParsedBaseUrl => ({ kind: 'invalid', problem });
  const url = URL.parse(text);
  if (url === null) return invalid('base_url is not a URL.');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return invalid('base_url must begin with https:// or http://.');
  if (url.username !== '' || url.password !== '') return invalid('base_url must not contain a user name or password.');
  if (/[?#\\]/.test(text)) return invalid('base_url must not contain a query, a fragment or a backslash.');
  return { kind: 'parsed', url };
}

/** A path segment that names an API version: v1, v4, v1beta. */
const VERSION_SEGMENT = /\/v\d[^/]*(?=\/|$)/;
const UNSAFE_PATH = /[\\#?]|(?:\/|%2f)(?:\.|%2e){1,2}(?:\/|%2f|$)/i;

/**
 * The path and query to request at the provider's origin. `endpoint` is the canonical path (`/v1/chat/completions`),
 * `query` comes with its `?` or is empty. A base URL that already names a version replaces the endpoint's `/v1`.
 * Null if the endpoint is not a plain absolute path: one with dot segments could leave the configured prefix.
 */
export function upstreamPath(provider: Provider, endpoint: string, query: string): string | null {
  if (!endpoint.startsWith('/') || UNSAFE_PATH.test(endpoint)) return null;
  const prefix = (provider.baseUrl?.pathname ?? '').replace(/\/+$/, '');
  const rest = VERSION_SEGMENT.test(prefix) ? endpoint.replace(/^\/v1(?=\/|$)/, '') : endpoint;
  return `${prefix}${rest}${query}`;
}

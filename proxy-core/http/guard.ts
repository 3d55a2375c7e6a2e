import { type Failure, failure } from '../contract/failures.ts';

/**
 * The guard that runs on both ports before routing and before a byte of the body is read.
 *
 * Threat: any web page the user visits can make the browser send requests to 127.0.0.1 (DNS rebinding, simple
 * cross-site POSTs, WebSockets, beacons), and other machines may reach the port through a forwarded name. So
 * only requests that name this machine literally are served, none that a page's origin stands behind, and
 * only content types that a page cannot send without asking first. There is no CORS: nothing is ever allowed.
 */
export interface GuardedRequest {
  readonly method: string;
  /** The request target exactly as it stood on the request line. */
  readonly target: string;
  /** Header names and values alternating, as received. */
  readonly rawHeaders: readonly string[];
}

/** What differs between the ports. */
export interface GuardRules {
  /** Origins whose pages this port serves itself (the console); empty on the agent port. */
  readonly ownOrigins: readonly string[];
  /** Whether this method and path accept a body of any content type (artifact uploads). */
  anyContentType(method: string, target: string): boolean;
}

const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/** The refusal for a request that must not be served, or null. */
export function guard(request: GuardedRequest, rules: GuardRules): Failure | null {
  return refuseHost(request) ?? refuseOrigin(request, rules) ?? refuseContentType(request, rules);
}

/** Every value of a header, in order. */
export function headerValues(rawHeaders: readonly string[], name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '');
  }
  return values;
}

function refuseHost({ target, rawHeaders }: GuardedRequest): Failure | null {
  const hosts = headerValues(rawHeaders, 'host');
  const host = hosts[0];
  if (hosts.length !== 1 || host === undefined || host === '' || /[/?#@\\\s]/.test(host)) {
    return failure('invalid_request', 'The Host header is missing, repeated or malformed.', {
      recover: 'Send exactly one Host header, such as 127.0.0.1:4141.',
    });
  }
  if (!target.startsWith('/')) {
    return failure('invalid_request', 'The request target must be a path; absolute addresses are not served.', {
      recover: 'Use this port as a base URL, not as an HTTP proxy.',
    });
  }
  if (LOOPBACK_HOST.test(host)) return null;
  return failure('host_refused', 'This port only answers to 127.0.0.1, localhost and [::1].', {
    recover: 'Use http://127.0.0.1 with the port as the base URL.',
  });
}

function refuseOrigin({ rawHeaders }: GuardedRequest, rules: GuardRules): Failure | null {
  const origins = headerValues(rawHeaders, 'origin');
  const foreign = origins.some((origin) => !rules.ownOrigins.includes(origin));
  const crossSite = headerValues(rawHeaders, 'sec-fetch-site').some((site) => site === 'cross-site');
  if (!foreign && !crossSite) return null;
  return failure('origin_refused', 'Requests from web pages are not served.', {
    recover: 'Call from a program on this machine; browsers cannot use this port.',
  });
}

function refuseContentType(request: GuardedRequest, rules: GuardRules): Failure | null {
  if (request.method === 'GET' || request.method === 'HEAD' || request.method === 'DELETE') return null;
  if (rules.anyContentType(request.method, request.target)) return null;
  const types = headerValues(request.rawHeaders, 'content-type');
  const type = types[0];
  if (types.length === 1 && type !== undefined && JSON_TYPE.test(type)) return null;
  if (types.length === 0 && !hasBody(request.rawHeaders)) return null;
  return failure('unsupported_media_type', 'The body must be sent as application/json.', {
    recover: 'Set the header content-type: application/json.',
  });
}

function hasBody(rawHeaders: readonly string[]): boolean {
  const length = headerValues(rawHeaders, 'content-length')[0];
  return headerValues(rawHeaders, 'transfer-encoding').length > 0 || (length !== undefined && length !== '0');
}

import { descriptorsExhausted, isExhaustion } from '../store/descriptors.ts';
import { isRefusedAddress } from './address-guard.ts';
import { ProxyFailed } from './proxy-failed.ts';
import type { Suspect, UpstreamError } from './upstream-call.ts';

const CONNECT_FAILED = 'RUNGATE_CONNECT_FAILED';

/** Marks a failure to get a connection at all, so that it is never taken for a stale connection. */
export const connectFailure = (cause: unknown): Error =>
  Object.assign(new Error('connect failed', { cause }), { code: CONNECT_FAILED });

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const MAX_DETAIL = 300;

/** The network's words for an error. A failed dual-stack connect is an aggregate without words of its own. */
function renderDetail(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const parts =
    error instanceof AggregateError && error.message === '' ? error.errors.map(renderDetail) : [error.message];
  return [codeOf(error), ...parts]
    .filter((text) => text !== '')
    .join(': ')
    .slice(0, MAX_DETAIL);
}

/** TLS's words for a certificate that nobody known has signed. */
const UNKNOWN_AUTHORITY =
  /^(UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED)/;
const NO_WAY_OUT = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function suspectOf(cause: unknown, code: string): Suspect | null {
  if (UNKNOWN_AUTHORITY.test(code)) return 'authority';
  if (cause instanceof ProxyFailed) return 'proxy';
  return NO_WAY_OUT.has(code) ? 'no_way_out' : null;
}

function describeConnectFailure(cause: unknown): UpstreamError {
  const code = codeOf(cause);
  const timeout = code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT';
  const kind = isRefusedAddress(cause)
    ? 'refused_address'
    : timeout
      ? 'timeout'
      : isExhaustion(cause) || descriptorsExhausted()
        ? 'exhausted'
        : 'unreachable';
  const suspect = kind === 'exhausted' ? null : suspectOf(cause, code);
  return {
    kind,
    phase: 'connect',
    sent: false,
    detail: renderDetail(cause),
    ...(suspect === null ? {} : { suspect }),
  };
}

/** An error of undici or of the connector, met in `phase`, as the tagged failure that the caller sees. */
export function describeFailure(error: Error, phase: UpstreamError['phase']): UpstreamError {
  const facts = { phase, sent: phase !== 'connect', detail: renderDetail(error) };
  switch (codeOf(error)) {
    case CONNECT_FAILED:
      return describeConnectFailure(error.cause);
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return { kind: 'timeout', ...facts };
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return { kind: 'aborted', ...facts };
    default:
      return { kind: 'broken', ...facts };
  }
}

/** What an idle connection says when the provider closed it before we wrote anything on it. */
const STALE_CODES = new Set(['ECONNRESET', 'EPIPE', 'ENOTCONN', 'UND_ERR_SOCKET']);

/** Whether an error met before anything was written means only that the idle connection had gone stale. */
export const isStaleConnection = (error: Error): boolean => STALE_CODES.has(codeOf(error));

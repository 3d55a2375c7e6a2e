/**
 * The closed table of failures: every expected refusal that an agent or an operator can meet, with its
 * HTTP status and whether the same request may succeed later. `proxy-core/README.md` lists the same
 * table and a test compares the two. Source: behaviour contract §3; `error.type` words follow the
 * OpenAI and Anthropic error documentation.
 */
export type Retry =
  /** Resending the same request cannot help: `x-should-retry: false`. */
  | 'never'
  /** It succeeds once a person changed something (a raise, a price): `x-should-retry: false`, the context says what. */
  | 'after-change'
  /** It is worth resending after `Retry-After`. */
  | 'later';

interface FailureRow {
  readonly status: number;
  readonly retry: Retry;
  /** Anthropic's `error.type`. */
  readonly anthropic: string;
  /** OpenAI's `error.type`. */
  readonly openai: string;
}

const row = (status: number, retry: Retry, anthropic: string, openai: string): FailureRow => ({
  status,
  retry,
  anthropic,
  openai,
});

const invalid = (status: number, retry: Retry = 'never') =>
  row(status, retry, 'invalid_request_error', 'invalid_request_error');
const forbidden = (status: number, retry: Retry = 'never') =>
  row(status, retry, 'permission_error', 'permission_denied');

export const FAILURES = {
  invalid_request: invalid(400),
  agent_token_invalid: row(401, 'never', 'authentication_error', 'invalid_request_error'),
  budget_exceeded: row(402, 'after-change', 'billing_error', 'insufficient_quota'),
  budget_unbounded: row(402, 'never', 'billing_error', 'insufficient_quota'),
  model_unpriced: forbidden(403, 'after-change'),
  host_refused: forbidden(403),
  origin_refused: forbidden(403),
  not_found: row(404, 'never', 'not_found_error', 'invalid_request_error'),
  request_timeout: invalid(408),
  unsupported_media_type: invalid(415),
  use_https: invalid(426),
  policy_blocked: forbidden(403),
  approval_rejected: forbidden(403),
  loop_detected: forbidden(403),
  run_stopped: forbidden(403),
  policy_not_allowed: forbidden(403),
  endpoint_not_governed: forbidden(403),
  operator_session_required: row(401, 'never', 'authentication_error', 'invalid_request_error'),
  run_ended: invalid(409),
  policy_pinned: invalid(409),
  gate_already_resolved: invalid(409),
  decision_not_allowed: forbidden(403, 'after-change'),
  already_exists: invalid(409),
  approval_pending: invalid(409, 'later'),
  gate_expired: invalid(410),
  request_too_large: row(413, 'never', 'request_too_large', 'invalid_request_error'),
  rate_limited: row(429, 'later', 'rate_limit_error', 'rate_limit_exceeded'),
  upstream_unreachable: row(502, 'later', 'api_error', 'server_error'),
  upstream_timeout: row(504, 'later', 'api_error', 'server_error'),
  provider_unavailable: row(503, 'after-change', 'api_error', 'server_error'),
  operator_paused: row(503, 'later', 'api_error', 'server_error'),
  internal_error: row(500, 'later', 'api_error', 'server_error'),
  unavailable_here: row(501, 'never', 'api_error', 'server_error'),
  core_unreachable: row(503, 'later', 'api_error', 'server_error'),
  store_unavailable: row(503, 'later', 'api_error', 'server_error'),
} as const satisfies Record<string, FailureRow>;

export type FailureCode = keyof typeof FAILURES;

/** An expected refusal: a code of the table, one sentence (at most 200 characters), and the facts behind it. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** Replaces the table's status where the contract gives a code two (421 for a host, 431 for headers). */
  readonly status?: 421 | 431;
  /** Seconds for `Retry-After`, where the code is worth resending. */
  readonly retryAfterSeconds?: number;
}

/** Characters of a failure’s sentence: SDKs print it on one line. */
export const MESSAGE_LIMIT = 200;

/** Build a failure; the message is cut at 200 characters because SDKs print it on one line. */
export function failure(
  code: FailureCode,
  message: string,
  context: Readonly<Record<string, unknown>> = {},
  retryAfterSeconds?: number,
): Failure {
  const text = message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT - 1)}…` : message;
  return retryAfterSeconds === undefined
    ? { code, message: text, context }
    : { code, message: text, context, retryAfterSeconds };
}

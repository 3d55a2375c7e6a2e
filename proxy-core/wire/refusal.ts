import { FAILURES, type Failure } from '../contract/failures.ts';
import type { WireFormat } from '../contract/records.ts';

/**
 * A failure in the caller's own shape (behaviour §3): one body that both SDK families understand, and for clients that
 * would misread the canonical status the form that they stop on and show in plain words (`clients.md` §2).
 *
 * Threat: messages and context hold text that models and agents chose. Nothing of it may end a header line or an SSE
 * event, so headers are built from printable ASCII only and event data is split at every line end.
 */

/** Whose `error.type` vocabulary is used. */
export type ErrorFamily = 'anthropic' | 'openai';

/** A client, recognised by its headers, that needs another form than the table's. */
export type ClientDialect = 'claude-code' | 'codex' | null;

export interface RefusalTarget {
  /** The wire format of the request, null where there is none. */
  readonly format: WireFormat | null;
  readonly dialect: ClientDialect;
  /** The request asked for a stream. */
  readonly stream: boolean;
  /** Named in the body as `request_id` and in the headers. */
  readonly requestId: string;
}

/** A complete answer, ready to be sent. */
export interface RenderedRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Seconds to wait where a failure is worth resending and names no time of its own. */
const DEFAULT_RETRY_SECONDS = 5;
/** Beyond this some clients give up at once (`clients.md` §2). */
const PENDING_RETRY_SECONDS = 60;

/** The family of a wire format: Anthropic's words for Messages, OpenAI's for everything else. */
export const familyOf = (format: WireFormat | null): ErrorFamily => (format === 'messages' ? 'anthropic' : 'openai');

/** The status the contract's table gives a failure. */
export const canonicalStatus = (failure: Failure): number => failure.status ?? FAILURES[failure.code].status;

/** Render a refusal that is answered instead of the upstream's response. */
export function renderRefusal(failure: Failure, target: RefusalTarget): RenderedRefusal {
  const canonical = canonicalStatus(failure);
  const final = FAILURES[failure.code].retry !== 'later';
  if (final && target.dialect === 'codex' && target.format === 'responses' && target.stream) {
    const body = renderFailedResponse(failure, target.requestId);
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
    return { status: 200, headers: { ...headers, ...refusalHeaders(failure, target, 200) }, body };
  }
  const status = final && target.dialect === 'claude-code' ? 400 : canonical;
  const headers = { 'content-type': 'application/json; charset=utf-8', ...refusalHeaders(failure, target, status) };
  return { status, headers, body: renderErrorBody(failure, target) };
}

/** The JSON body of a refusal, on one line. */
export function renderErrorBody(failure: Failure, target: RefusalTarget): string {
  return JSON.stringify({
    type: 'error',
    request_id: target.requestId,
    error: {
      type: errorType(failure, target),
      code: failure.code,
      message: failure.message,
      param: null,
      context: failure.context,
    },
  });
}

/**
 * A refusal inside a stream that has already begun, as SSE text in the format's own form; for Codex the event that it
 * shows at once instead of retrying. The caller then destroys the socket (behaviour §3).
 */
export function renderStreamRefusal(failure: Failure, target: RefusalTarget): string {
  if (target.format === 'responses' && target.dialect === 'codex') return failedEvent(failure, target.requestId, 0);
  const body = renderErrorBody(failure, target);
  return familyOf(target.format) === 'anthropic' ? renderErrorEvent(body) : renderErrorData(body);
}

/** Anthropic's in-stream error event. */
export const renderErrorEvent = (body: string): string => renderEvent('error', body);

/** OpenAI's in-stream error: an event without a name whose data has an `error`. */
export const renderErrorData = (body: string): string => renderEvent(null, body);

/** Where some clients end a line although the standard does not (`str.splitlines`, by which httpx cuts lines). */
const ODD_LINE_END = /(?![\t\r\n])[\p{Cc}\p{Zl}\p{Zp}]/gu;
const escaped = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Exactly one SSE event, whatever line ends the JSON data holds. The name must be a word of ours. */
export function renderEvent(event: string | null, data: string): string {
  const lines = data
    .replace(ODD_LINE_END, escaped)
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`);
  return `${event === null ? '' : `event: ${event}\n`}${lines.join('')}\n`;
}

function errorType(failure: Failure, target: RefusalTarget): string {
  const row = FAILURES[failure.code];
  // Claude Code receives a 400, so the type is the one that goes with it; the code says what it is.
  if (target.dialect === 'claude-code' && row.retry !== 'later') return 'invalid_request_error';
  return familyOf(target.format) === 'anthropic' ? row.anthropic : row.openai;
}

function refusalHeaders(failure: Failure, target: RefusalTarget, status: number): Record<string, string> {
  const canonical = canonicalStatus(failure);
  const id = headerText(target.requestId);
  return {
    'request-id': id,
    'x-request-id': id,
    ...(status === canonical ? {} : { 'x-rungate-status': String(canonical) }),
    ...retryHeaders(failure),
  };
}

function retryHeaders(failure: Failure): Record<string, string> {
  if (FAILURES[failure.code].retry !== 'later') return { 'x-should-retry': 'false' };
  const wanted = Math.max(1, Math.ceil(failure.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS));
  if (failure.code !== 'approval_pending') return { 'retry-after': String(wanted) };
  return { 'retry-after': String(Math.min(wanted, PENDING_RETRY_SECONDS)), 'x-should-retry': 'true' };
}

/** Printable ASCII only, at most 256 characters. */
const headerText = (text: string): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, 256);

/** A Responses stream that fails before it says anything. Codex stops on `invalid_prompt` and prints the message. */
function renderFailedResponse(failure: Failure, requestId: string): string {
  const created = {
    type: 'response.created',
    sequence_number: 0,
    response: responseObject(requestId, 'in_progress', null),
  };
  return renderEvent('response.created', JSON.stringify(created)) + failedEvent(failure, requestId, 1);
}

function failedEvent(failure: Failure, requestId: string, sequence: number): string {
  const error = { code: 'invalid_prompt', message: failure.message };
  const response = {
    ...responseObject(requestId, 'failed', error),
    rungate: { code: failure.code, context: failure.context },
  };
  return renderEvent(
    'response.failed',
    JSON.stringify({ type: 'response.failed', sequence_number: sequence, response }),
  );
}

const responseObject = (requestId: string, status: string, error: unknown) => ({
  id: `resp_${requestId}`,
  object: 'response',
  created_at: 0,
  status,
  error,
  incomplete_details: null,
  output: [],
  usage: null,
});

import { FAILURES, type Failure } from '../contract/failures.ts';
import type { WireFormat } from '../contract/records.ts';
import type { Dialect } from './dialect.ts';
import { createHold, type HoldableFormat } from './hold.ts';
import { renderErrorData, renderErrorEvent, renderEvent } from './sse-render.ts';
import { streamToJson } from './transcode.ts';

/**
 * A failure in the caller's own shape (behaviour §3): one body that both SDK families understand, and for clients that
 * would misread the canonical status the form that they stop on and show in plain words (`clients.md` §2).
 *
 * Threat: messages and context hold text that models and agents chose. Nothing of it may end a header line or an SSE
 * event, so headers are built from printable ASCII only and event data is split at every line end.
 */

/** Whose `error.type` vocabulary is used. */
export type ErrorFamily = 'anthropic' | 'openai';

export interface RefusalTarget {
  /** The wire format of the request, null where there is none. */
  readonly format: WireFormat | null;
  /** What a recognised client needs instead of the table's form; null: the table as it stands. */
  readonly dialect: Dialect | null;
  /** The request asked for a stream. */
  readonly stream: boolean;
  /** The model the request names, for a refusal that is itself an answer; null where words would break what was asked for. */
  readonly wordsAs: string | null;
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
  const form = finalForm(failure, target);
  if (form === 'failed-response') return streamed(failure, target, renderFailedResponse(failure, target.requestId));
  if (form === 'answer') {
    const answer = renderAnswer(failure, target);
    if (answer !== null) return target.stream ? streamed(failure, target, answer) : json(failure, target, 200, answer);
  }
  return json(failure, target, sentStatus(failure, target), renderErrorBody(failure, target));
}

const isFinal = (failure: Failure): boolean => FAILURES[failure.code].retry !== 'later';

/** The form of a refusal: the dialect's only where a resend cannot cure it and the request's format has that form. */
function finalForm(failure: Failure, { dialect, format, stream }: RefusalTarget): Dialect['final'] {
  if (dialect === null || !isFinal(failure)) return 'status';
  if (dialect.final === 'failed-response' && !(format === 'responses' && stream)) return 'status';
  return dialect.final;
}

/** The status a client is sent: its dialect's for a final refusal and for a wait that goes on, else the table's. */
function sentStatus(failure: Failure, { dialect }: RefusalTarget): number {
  const canonical = canonicalStatus(failure);
  if (dialect === null) return canonical;
  if (failure.code === 'approval_pending') return dialect.pending;
  return isFinal(failure) ? (dialect.statuses[canonical] ?? canonical) : canonical;
}

const json = (failure: Failure, target: RefusalTarget, status: number, body: string): RenderedRefusal => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...refusalHeaders(failure, target, status) },
  body,
});

function streamed(failure: Failure, target: RefusalTarget, body: string): RenderedRefusal {
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
  return { status: 200, headers: { ...headers, ...refusalHeaders(failure, target, 200) }, body };
}

/** A whole answer of the format that says nothing but the refusal's sentence; null where the format has no words. */
function renderAnswer(failure: Failure, { format, stream, wordsAs, requestId }: RefusalTarget): string | null {
  if (wordsAs === null || !holdsWords(format)) return null;
  const word = headerText(requestId).replace(/[^A-Za-z0-9_-]/g, '');
  const hold = createHold(format, { model: wordsAs, word, createdSeconds: 0, choices: 1, asksUsage: false });
  const events = hold.reject(`[Rungate] ${failure.message}`, []);
  const bytes = stream ? events : streamToJson(format, events);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

const holdsWords = (format: WireFormat | null): format is HoldableFormat =>
  format === 'chat' || format === 'responses' || format === 'messages';

/**
 * The JSON body of a refusal, on one line. The sentence also stands at the top: the Anthropic SDK prints the whole JSON
 * of a body without a `message` of its own (measured: 1.14.0, and what is built on it).
 */
export function renderErrorBody(failure: Failure, target: RefusalTarget): string {
  return JSON.stringify({
    type: 'error',
    message: failure.message,
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
 * A refusal inside a stream that has already begun, as SSE text in the format's own form; for a client that retries errors
 * the event that it shows at once. The caller then destroys the socket (behaviour §3).
 */
export function renderStreamRefusal(failure: Failure, target: RefusalTarget): string {
  if (target.format === 'responses' && target.dialect?.final === 'failed-response')
    return failedEvent(failure, target.requestId, 0);
  const body = renderErrorBody(failure, target);
  return familyOf(target.format) === 'anthropic' ? renderErrorEvent(body) : renderErrorData(body);
}

function errorType(failure: Failure, target: RefusalTarget): string {
  const row = FAILURES[failure.code];
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

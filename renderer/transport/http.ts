import type { Reply, Transport } from '../../proxy-core/contract/client.ts';
import { failure } from '../../proxy-core/contract/failures.ts';
import type { Follow } from '../../proxy-core/contract/feed.ts';
import { NONCE_HEADER } from '../../proxy-core/contract/proof.ts';
import { parseReply, unreachableReply, unreadableReply } from '../../proxy-core/contract/reply.ts';
import { createHttpFollow } from './http-feed.ts';
import type { NewKey } from './proof.ts';
import { LineLost, onLine, type ProvenPorts, type ProvenRequest, provenFetch } from './proven-fetch.ts';

/** Prepared files, where the page downloads them itself. */
export interface FileDoor {
  /** Fetch a file from a path under `/api`. The failure is the core's own, or `core_unreachable`. */
  file(path: string): Promise<Reply<Blob>>;
  /** The address under `/download` at which the browser itself can save a prepared export, once, within a minute. */
  ticket(exportId: string): Promise<Reply<string>>;
}

/** The console's way to the core from a browser: the operator port that served the page. */
export interface HttpTransport extends Transport {
  readonly follow: Follow;
  readonly files: FileDoor;
  /** Exchange a launch code for a session: a cookie that no script can read, and a key that no script can read either. */
  redeem(code: string): Promise<Reply<unknown>>;
}

/** What the transport stands on; a test lends its own `fetch` and a short silence. */
export interface HttpPorts extends ProvenPorts {
  /** In [0, 1). */
  random(): number;
  /** After how long without a byte the event stream counts as lost, ms. */
  readonly silenceMs: number;
  /** A bug of the feed's, for whoever looks for its cause. */
  readonly report: (error: unknown) => void;
}

/** Calls as `POST /api/NAME`, events from `GET /api/events`. */
export function createHttpTransport(ports: HttpPorts): HttpTransport {
  const feed = createHttpFollow(ports);
  const ask = async <T>(request: ProvenRequest, read: (response: Response) => Promise<Reply<T>>): Promise<Reply<T>> => {
    const reply = await provenFetch(ports, request)
      .then(read)
      .catch((error: unknown) => failed(error, ports.report));
    if (!reply.ok && reply.failure.code === 'operator_session_required') feed.signedOut();
    return reply;
  };
  return {
    call: (name, input) =>
      ask({ method: 'POST', path: `/api/${name}`, headers: JSON_TYPE, body: JSON.stringify(input) }, readReply),
    files: {
      file: (path) => ask({ method: 'GET', path }, readFile),
      ticket: (exportId) => ask({ method: 'POST', path: `/api/exports/${exportId}/ticket` }, readTicket),
    },
    follow: feed.follow,
    redeem: (code) => redeem(ports, code),
  };
}

const JSON_TYPE = { 'content-type': 'application/json' } as const;

async function redeem({ base, fetch, prover, report }: HttpPorts, code: string): Promise<Reply<unknown>> {
  let key: NewKey;
  try {
    key = await prover.begin();
  } catch {
    // Found out before the code is used, so that the same address works in a browser that keeps keys.
    return keepsNoKeys();
  }
  const body = JSON.stringify({ code, key: key.publicKey });
  const options = { method: 'POST', headers: JSON_TYPE, credentials: 'same-origin', body } as const;
  try {
    const response = await onLine(fetch(`${base}/session`, options));
    const reply = await readReply(response);
    if (!reply.ok) return reply;
    await key.keep();
    const nonce = response.headers.get(NONCE_HEADER);
    if (nonce !== null) prover.take(nonce, null);
    return reply;
  } catch (error) {
    return failed(error, report);
  }
}

/** A lost line is waited for; anything else that was thrown is a bug of this page, and is not to look like one. */
function failed(error: unknown, report: HttpPorts['report']): Reply<never> {
  if (error instanceof LineLost) return unreachableReply();
  report(error);
  return {
    ok: false,
    failure: failure('internal_error', 'The console has met an error of its own.', {
      recover: 'Reload this page. If that does not help, the browser’s console says what went wrong.',
    }),
  };
}

const keepsNoKeys = (): Reply<never> => ({
  ok: false,
  failure: failure('unavailable_here', 'This browser keeps no keys for this page, so it cannot be signed in.', {
    recover:
      'Private windows and blocked site data do that. Open the address in a normal window, or allow site data for it.',
  }),
});

/** What is not JSON is no reply; `parseReply` says so. Rejects with LineLost if the connection breaks off meanwhile. */
async function readReply(response: Response): Promise<Reply<unknown>> {
  const text = await onLine(response.text());
  try {
    return parseReply(JSON.parse(text));
  } catch {
    return unreadableReply();
  }
}

async function readFile(response: Response): Promise<Reply<Blob>> {
  if (response.ok) return { ok: true, value: await onLine(response.blob()) };
  const reply = await readReply(response);
  return reply.ok ? unreadableReply() : reply;
}

async function readTicket(response: Response): Promise<Reply<string>> {
  const reply = await readReply(response);
  if (!reply.ok) return reply;
  const { ticket } = (reply.value ?? {}) as { readonly ticket?: unknown };
  return typeof ticket === 'string' ? { ok: true, value: `/download/${ticket}` } : unreadableReply();
}

import { type ClientRequest, type IncomingMessage, request as openRequest } from 'node:http';
import { connect } from 'node:net';

/** What an agent sends; a body that is neither text nor bytes goes as JSON. */
export interface AgentCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly body?: unknown;
}

/** What came back, to the last byte, and whether the answer was ended or cut. */
export interface AgentAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
  /** False when the connection was cut before the answer had ended. */
  readonly ended: boolean;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
  /** The body of a refusal. */
  readonly refusal: Refusal;
}

/** A refusal's `error` object (behaviour §3). */
export interface Refusal {
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** A call whose answer is under way. */
export interface OpenCall {
  readonly request: ClientRequest;
  /** Resolves once the status line and headers have come. */
  readonly head: Promise<IncomingMessage>;
  readonly answer: Promise<AgentAnswer>;
  /** Resolves once the body so far holds this text. */
  until(text: string): Promise<void>;
  /** Hang up. */
  leave(): void;
}

/** Start a call on a connection of its own; nothing of what is sent or received is changed on the way. */
export function openCall(url: string, call: AgentCall): OpenCall {
  const body = bytesOf(call.body);
  const method = call.method ?? (body === null ? 'GET' : 'POST');
  const request = openRequest(`${url}${call.path}`, { method, agent: false, headers: headersOf(call, body) });
  const head = Promise.withResolvers<IncomingMessage>();
  const answer = Promise.withResolvers<AgentAnswer>();
  const waiting: { readonly text: string; found(): void }[] = [];
  const chunks: Buffer[] = [];
  const wake = (): void => {
    const seen = Buffer.concat(chunks).toString();
    for (const wait of waiting) if (seen.includes(wait.text)) wait.found();
  };
  request.on('response', (response) => {
    head.resolve(response);
    const finish = (ended: boolean): void => answer.resolve(renderAnswer(response, Buffer.concat(chunks), ended));
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      wake();
    });
    response.on('end', () => finish(true));
    response.on('error', () => finish(false));
  });
  request.on('error', (error) => {
    head.reject(error);
    answer.reject(error);
  });
  // Whoever only waits for one of the two must not be failed by the other.
  head.promise.catch(() => undefined);
  answer.promise.catch(() => undefined);
  request.end(body ?? undefined);
  return {
    request,
    head: head.promise,
    answer: answer.promise,
    until: (text) =>
      new Promise((resolve) => {
        waiting.push({ text, found: resolve });
        wake();
      }),
    leave: () => request.destroy(),
  };
}

/** One call and its whole answer. Rejects only if the connection broke before there was a status. */
export const send = (url: string, call: AgentCall): Promise<AgentAnswer> => openCall(url, call).answer;

/** Write these bytes to a connection of their own; resolves with all that came back when the other side has closed it. */
export function sendBytes(url: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A reset after the answer is the other side's way to leave the rest of a large request unread.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined) return null;
  if (typeof body === 'string') return Buffer.from(body);
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
}

function headersOf(call: AgentCall, body: Buffer | null): Record<string, string> {
  return {
    ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
    ...call.headers,
  };
}

function renderAnswer(response: IncomingMessage, body: Buffer, ended: boolean): AgentAnswer {
  const text = body.toString();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    text,
    ended,
    json: <T>() => JSON.parse(text) as T,
    get refusal() {
      return (JSON.parse(text) as { error: Refusal }).error;
    },
  };
}

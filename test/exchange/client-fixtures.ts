import { readdirSync, readFileSync } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import type { AgentCall } from '../harness/agent-client.ts';

/** Requests that real clients sent, as they were captured (`test/fixtures/clients`). */
export interface CapturedRequest {
  readonly n: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly upgrade?: boolean;
  readonly reply: { readonly status: number; readonly kind: string } | null;
}

/** A request of a session that was captured with the tool calls of its answers, which later requests repeat. */
export interface SessionRequest extends CapturedRequest {
  /** What the model answers it with. */
  readonly calls: readonly { readonly id: string; readonly name: string; readonly args: string }[];
  readonly answerId?: string;
}

interface Capture {
  readonly requests: readonly CapturedRequest[];
}

const FOLDER = new URL('../fixtures/clients/', import.meta.url);

/** The names of all captures. */
export const CAPTURES: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

/** The requests of one capture, in their order. */
export const captured = (name: string): readonly CapturedRequest[] =>
  (JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Capture).requests;

/** The requests of a whole session (`test/fixtures/clients/sessions`), in their order. */
export const capturedSession = (name: string): readonly SessionRequest[] =>
  captured(`sessions/${name}`) as readonly SessionRequest[];

/** Headers that only hold for the connection the request was captured on. */
const OF_THE_CONNECTION = new Set(['host', 'connection', 'content-length']);
const CREDENTIALS = new Set(['authorization', 'x-api-key']);

/** How the agent's token is put into a captured request. */
export type Credential = 'replaced' | 'beside';

/**
 * A captured request as this agent would send it: its own credential replaced by the token, or left in place with the
 * token beside it. The body is written anew (the captures hold it parsed) and compressed where it was.
 */
export function replay(request: CapturedRequest, token: string, credential: Credential = 'replaced'): AgentCall {
  const headers = Object.entries(request.headers)
    .filter(([name]) => !OF_THE_CONNECTION.has(name))
    .map(([name, value]) => [
      name,
      credential === 'replaced' && CREDENTIALS.has(name) ? ownToken(value, token) : value,
    ]);
  const beside = credential === 'beside' ? { 'x-rungate-token': token } : {};
  const bytes = bodyOf(request);
  const body = bytes === null ? {} : { body: encode(request, bytes) };
  return {
    method: request.method,
    path: request.path,
    headers: { ...(Object.fromEntries(headers) as Record<string, string>), ...beside },
    ...body,
  };
}

const ownToken = (value: string, token: string): string => (value.startsWith('Bearer ') ? `Bearer ${token}` : token);

/** The plain bytes of a captured request's body, or null without one. */
export const bodyOf = ({ body }: CapturedRequest): Buffer | null =>
  body === undefined || body === '' ? null : Buffer.from(JSON.stringify(body));

const encode = (request: CapturedRequest, bytes: Buffer): Buffer =>
  request.headers['content-encoding'] === 'zstd' ? zstdCompressSync(bytes) : bytes;

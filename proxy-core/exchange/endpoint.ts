import type { WireFormat } from '../contract/records.ts';

/**
 * The endpoints of the agent port (behaviour §2) and how a path becomes one of them. Clients disagree on
 * whether the base URL ends in `/v1`, so the same endpoints answer without it and under a doubled `/v1/v1`;
 * `/r/RUN_ID` before the path names the run.
 */
export type Endpoint =
  /** A model call: inspected, priced, budgeted. */
  | { readonly kind: 'model'; readonly path: string; readonly format: WireFormat }
  /** Counts tokens: recorded, never charged. */
  | { readonly kind: 'count'; readonly path: string; readonly format: 'messages' | 'responses' }
  /** Lists models: forwarded, belongs to no run. */
  | { readonly kind: 'models'; readonly path: string }
  /** A call of the tool invocation API. */
  | { readonly kind: 'tool'; readonly path: string; readonly name: string }
  /** Anything else under /v1: refused unless the policy lets it through. */
  | { readonly kind: 'other'; readonly path: string };

const MODEL_CALLS: Readonly<Record<string, WireFormat>> = {
  '/v1/chat/completions': 'chat',
  '/v1/responses': 'responses',
  // Codex compacts a long session with it: the same body, and the usage in the answer.
  '/v1/responses/compact': 'responses',
  '/v1/messages': 'messages',
  '/v1/embeddings': 'embeddings',
  '/v1/completions': 'completions',
};

const COUNTS: Readonly<Record<string, 'messages' | 'responses'>> = {
  '/v1/messages/count_tokens': 'messages',
  '/v1/responses/input_tokens': 'responses',
};

/** The endpoint that a canonical path and method name. */
export function endpointOf(method: string, path: string): Endpoint {
  const format = method === 'POST' ? MODEL_CALLS[path] : undefined;
  if (format !== undefined) return { kind: 'model', path, format };
  const counted = method === 'POST' ? COUNTS[path] : undefined;
  if (counted !== undefined) return { kind: 'count', path, format: counted };
  if (method === 'GET' && (path === '/v1/models' || /^\/v1\/models\/[^/]+$/.test(path)))
    return { kind: 'models', path };
  const tool = method === 'POST' ? /^\/v1\/tools\/([^/]+)$/.exec(path)?.[1] : undefined;
  return tool === undefined ? { kind: 'other', path } : { kind: 'tool', path, name: decode(tool) };
}

/** A request target split into the run it names, the canonical path and the query (with its `?`, or empty). */
export interface Target {
  readonly pathRun: string | null;
  readonly path: string;
  readonly query: string;
}

const ROOT_PATHS = new Set(['/', '/llms.txt', '/healthz']);
const RUN_PREFIX = /^\/r\/([^/]*)(\/.*|$)/;

/** Read a request target (`/r/ID/v1/messages?beta=true`). The run id is decoded but not validated. */
export function parseTarget(target: string): Target {
  const mark = target.indexOf('?');
  const rawPath = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  const prefix = RUN_PREFIX.exec(rawPath);
  const pathRun = prefix === null ? null : decode(prefix[1] ?? '');
  return { pathRun, path: canonicalPath(prefix === null ? rawPath : prefix[2] || '/'), query };
}

function canonicalPath(path: string): string {
  if (ROOT_PATHS.has(path)) return path;
  const bare = path.replace(/^(?:\/v1)+(?=\/|$)/, '');
  return `/v1${bare.slice(0, lengthWithoutSlashes(bare))}`;
}

/**
 * Up to where a path says something; a lone slash stays. Threat: this runs before the guard, and a pattern such as `/\/+$/`
 * takes quadratic time over slashes that something follows.
 */
function lengthWithoutSlashes(path: string): number {
  let length = path.length;
  while (length > 1 && path[length - 1] === '/') length -= 1;
  return length;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

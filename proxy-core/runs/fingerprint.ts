import canonicalize from 'canonicalize';
import type { Sha256 } from './conversation.ts';

/**
 * The fingerprint that ties a retry to its gate (behaviour §6): SHA-256 over a version tag, agent, run,
 * method, path and the canonical body (RFC 8785) without `stream` and `stream_options`. 913 measured retries
 * were identical under exactly this; raw bytes were not, because Codex reorders keys between attempts.
 */
export interface FingerprintParts {
  readonly agentId: string;
  readonly runId: string;
  readonly method: string;
  /** The endpoint after normalisation (`/v1/messages`), without query. */
  readonly path: string;
  /** What `canonicalBody` made of the body's JSON text. */
  readonly body: string;
}

/** The fingerprint as `fp1:` plus 64 hex digits. */
export function fingerprint(parts: FingerprintParts, sha256: Sha256): string {
  const head = ['rungate-fingerprint-1', parts.agentId, parts.runId, parts.method, parts.path];
  return `fp1:${sha256(`${head.map((part) => JSON.stringify(part)).join('\n')}\n${parts.body}`)}`;
}

interface ReviverContext {
  readonly source?: string;
}

/**
 * A body's JSON text in the form in which two spellings of it are one. Throws SyntaxError on text that is not JSON. Costs far
 * more than the fingerprint itself, so it is made once for all the runs a request is compared with.
 *
 * Numbers count by their source text: integers beyond 2^53 would otherwise collide after parsing, and one
 * amount could be approved in place of another.
 */
export function canonicalBody(bodyText: string): string {
  const exact = (_key: string, value: unknown, context?: ReviverContext): unknown =>
    typeof value === 'number' ? `#${context?.source ?? String(value)}` : escapeMarker(value);
  const parse = JSON.parse as (text: string, reviver: typeof exact) => unknown;
  const body = parse(bodyText, exact);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    Reflect.deleteProperty(body, 'stream');
    Reflect.deleteProperty(body, 'stream_options');
  }
  try {
    return canonicalize(body) ?? '';
  } catch {
    // RFC 8785 knows no half characters; in a key they leave the text as it came, which begins as no canonical body does.
    return JSON.stringify(bodyText);
  }
}

/** A string that looks like a marked number must not equal one; one cut through a character is marked by its JSON text. */
function escapeMarker(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (!value.isWellFormed()) return `#${JSON.stringify(value)}`;
  return value.startsWith('#') ? `#${value}` : value;
}

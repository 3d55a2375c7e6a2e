import type { IncomingHttpHeaders } from 'node:http';
import { headerValues } from './guard.ts';

/** A token as the agent sent it, and what happens to its other credential headers. */
export interface AgentCredential {
  readonly token: string;
  /**
   * `inject`: the token stood where the provider's key would, so the stored key replaces it. `pass`: it came in
   * `x-rungate-token`, and the provider's own credential is forwarded untouched (subscriptions).
   */
  readonly credential: 'inject' | 'pass';
}

const BEARER = /^Bearer\s+(\S+)\s*$/i;

/**
 * Read the credential in its forms (behaviour §2); null when none is there. An empty header counts as absent. Gemini's
 * clients have theirs in `x-goog-api-key`.
 */
export function readCredential(headers: IncomingHttpHeaders): AgentCredential | null {
  const own = text(headers['x-rungate-token']);
  if (own !== null) return { token: own, credential: 'pass' };
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1] ?? null;
  const key = text(headers['x-api-key']) ?? text(headers['x-goog-api-key']);
  // A client may send both; the one that is ours identifies the agent.
  const token = [bearer, key].find((value) => value?.startsWith('rg_agt_') === true) ?? bearer ?? key;
  return token === null ? null : { token, credential: 'inject' };
}

/** The name of a credential header that is there more than once, or null: two readers could take another one each. */
export function repeatedCredential(rawHeaders: readonly string[]): string | null {
  return CREDENTIAL_HEADERS.find((name) => headerValues(rawHeaders, name).length > 1) ?? null;
}

const CREDENTIAL_HEADERS = ['authorization', 'x-api-key', 'x-goog-api-key', 'x-rungate-token'];

function text(value: string | string[] | undefined): string | null {
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first.trim() === '' ? null : first.trim();
}

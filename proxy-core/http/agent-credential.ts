import type { IncomingHttpHeaders } from 'node:http';

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

function text(value: string | string[] | undefined): string | null {
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined || first.trim() === '' ? null : first.trim();
}

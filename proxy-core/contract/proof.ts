/**
 * The proof that goes with every request of a signed-in browser page: both ends read this file.
 *
 * Threat: cookies know no ports, so a server on any other port of this machine is sent the console's session cookie by
 * a browser that is led there. The cookie alone must therefore open nothing. At sign-in the page makes a key that cannot
 * leave the browser and registers its public half; each request carries a signature over what is asked and a nonce
 * that this start of the core gave out. Whoever receives such a request has a signature for that one request, which
 * has been counted, or which no later start of the core accepts. No clock is involved, so a wrong one does no harm.
 */

/** Carries a proof, written by `renderProof`. */
export const PROOF_HEADER = 'x-rungate-proof';

/** In an answer: the nonce to sign from now on. With status 401 it says that the session stands and the proof did not. */
export const NONCE_HEADER = 'x-rungate-nonce';

/** What a proof is about, besides its body. */
export interface Proven {
  readonly method: string;
  /** Path and query exactly as on the request line. */
  readonly target: string;
}

/** A proof as it travels; every part is base64url but the count. */
export interface Proof {
  readonly nonce: string;
  /** From 1, one more with each request signed under the same nonce; counted once. */
  readonly count: number;
  /** SHA-256 of the body's bytes; of nothing where there is no body. */
  readonly body: string;
  /** ECDSA over P-256 with SHA-256, as r and s (IEEE P1363), of `provenText`. */
  readonly signature: string;
}

/** What is signed. No part can hold a line break, so no two requests have the same text. */
export const provenText = ({ method, target }: Proven, { nonce, count, body }: Omit<Proof, 'signature'>): string =>
  ['rungate console proof 1', method, target, body, nonce, count].join('\n');

/** The header's value. */
export const renderProof = ({ nonce, count, body, signature }: Proof): string =>
  [nonce, count, body, signature].join('.');

/** 22 bytes of nonce, at most nine digits, 32 bytes of digest, 64 bytes of signature. */
const PROOF = /^([\w-]{30})\.([1-9]\d{0,8})\.([\w-]{43})\.([\w-]{86})$/;

/** Read a header's value; null for what is none. */
export function parseProof(value: string): Proof | null {
  const [, nonce, count, body, signature] = PROOF.exec(value) ?? [];
  if (nonce === undefined || count === undefined || body === undefined || signature === undefined) return null;
  return { nonce, count: Number(count), body, signature };
}

import { NONCE_HEADER, PROOF_HEADER } from '../../proxy-core/contract/proof.ts';
import type { Prover } from './proof.ts';

/** What a request is made with. */
export interface ProvenPorts {
  /** Origin before every path; empty: the page's own. */
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly prover: Prover;
}

/** A request of the page to its own origin. */
export interface ProvenRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text of a POST. */
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** No answer came, or not all of it: the network's doing, or the core's end. Whatever else is thrown is a bug. */
export class LineLost extends Error {}

/** What the network answers; its failures become LineLost. */
export const onLine = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((cause: unknown) => {
    throw new LineLost('the line is lost', { cause });
  });

/** Once for another nonce, once more for a key that another tab has made meanwhile. */
const TRIES = 3;

/**
 * Ask with a proof. A core that has started again, or has let a nonce go, answers 401 with another one: nothing was done,
 * so the request is proven anew and sent again. Rejects with LineLost when no answer comes; a 401 that comes back means that this browser is
 * signed out.
 */
export async function provenFetch({ base, fetch, prover }: ProvenPorts, request: ProvenRequest): Promise<Response> {
  const { method, path, headers, body, signal } = request;
  const bytes = new TextEncoder().encode(body ?? '');
  for (let tried = 1; ; tried += 1) {
    const proof = await prover.prove({ method, target: path }, bytes);
    const asked = fetch(`${base}${path}`, {
      method,
      headers: { ...headers, ...(proof === null ? {} : { [PROOF_HEADER]: proof.header }) },
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: bytes }),
      ...(signal === undefined ? {} : { signal }),
    });
    const response = await onLine(asked);
    const nonce = response.headers.get(NONCE_HEADER);
    if (response.status !== 401 || nonce === null || tried === TRIES) return response;
    prover.take(nonce, proof?.nonce ?? null);
    // A fresh nonce did not help: only another key can.
    if (tried > 1 && !(await prover.reload())) return response;
    await response.body?.cancel();
  }
}

import { Client } from 'undici';
import type { Target } from './peers/peer.ts';

/** What one call took, in microseconds. */
export interface Timed {
  readonly status: number;
  /** Until the first byte of the body. */
  readonly first: number;
  /** Until the last byte of the body. */
  readonly total: number;
  /** What the upstream says it spent on it; 0 if it did not say. */
  readonly upstream: number;
  /** Pieces in which the body came. */
  readonly pieces: number;
}

/** One keep-alive connection; calls on it go one after the other. */
export interface Connection {
  /** Post a body. Rejects when the connection breaks. */
  post(target: Target, body: Uint8Array): Promise<Timed>;
  close(): Promise<void>;
}

const UPSTREAM_TIME = /"upstream_us":(\d+)/;
/** The upstream's time stands in the first chunk of a stream and at the end of a JSON answer of about 1 KB. */
const LOOKED_AT = 4_096;

/** A connection to an origin, without any timeout of its own. */
export function openConnection(origin: string): Connection {
  const client = new Client(origin, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 60_000 });
  return {
    post: (target, body) => post(client, target, body),
    close: () => client.destroy(),
  };
}

function post(client: Client, { path, headers }: Target, body: Uint8Array): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const since = (): number => Number(process.hrtime.bigint() - start) / 1000;
    let status = 0;
    let first = 0;
    let pieces = 0;
    let head = '';
    client.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
      {
        onRequestStart: () => undefined,
        onResponseStart(_controller, code) {
          status = code;
        },
        onResponseData(_controller, chunk) {
          if (pieces === 0) first = since();
          pieces += 1;
          if (head.length < LOOKED_AT) head += chunk.toString('latin1');
        },
        onResponseEnd() {
          const total = since();
          resolve({ status, first, total, pieces, upstream: Number(UPSTREAM_TIME.exec(head)?.[1] ?? 0) });
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

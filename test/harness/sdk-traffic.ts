/** One call that an SDK made: the exact bytes it sent and received. */
export interface SdkExchange {
  readonly sent: Buffer;
  readonly status: number;
  readonly headers: Headers;
  readonly received: Promise<Buffer>;
}

/** A `fetch` for an SDK's options that keeps what passes, and what it has kept. */
export interface SdkTraffic {
  readonly fetch: typeof globalThis.fetch;
  readonly exchanges: readonly SdkExchange[];
  /** The latest exchange. */
  last(): SdkExchange;
}

export function watchTraffic(): SdkTraffic {
  const exchanges: SdkExchange[] = [];
  return {
    exchanges,
    async fetch(input, init) {
      const response = await fetch(input, init);
      const received = response
        .clone()
        .arrayBuffer()
        .then((bytes) => Buffer.from(bytes));
      // An answer that is cut or given up is the SDK's to report.
      received.catch(() => undefined);
      const body = init?.body;
      exchanges.push({
        sent: Buffer.from(typeof body === 'string' || body instanceof Uint8Array ? body : ''),
        status: response.status,
        headers: response.headers,
        received,
      });
      return response;
    },
    last() {
      const last = exchanges.at(-1);
      if (last === undefined) throw new Error('the SDK has sent nothing yet');
      return last;
    },
  };
}

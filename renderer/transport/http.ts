import type { Reply, Transport } from '../../proxy-core/contract/client.ts';
import type { Follow } from '../../proxy-core/contract/feed.ts';
import { parseReply, unreachableReply } from '../../proxy-core/contract/reply.ts';
import { createHttpFollow } from './http-feed.ts';

/** The console's way to the core from a browser: the operator port that served the page. */
export interface HttpTransport extends Transport {
  readonly follow: Follow;
  /** Exchange a launch code for a session (a cookie that no script can read). False: unknown, used or too old. */
  redeem(code: string): Promise<Reply<unknown>>;
}

/** What the transport stands on; a test lends its own `fetch` and a short silence. */
export interface HttpPorts {
  /** Origin before every path; empty: the page's own. */
  readonly base: string;
  readonly fetch: typeof fetch;
  /** In [0, 1). */
  random(): number;
  /** After how long without a byte the event stream counts as lost, ms. */
  readonly silenceMs: number;
}

/** Calls as `POST /api/NAME`, events from `GET /api/events`. */
export function createHttpTransport(ports: HttpPorts): HttpTransport {
  const feed = createHttpFollow(ports);
  const post = async (path: string, input: unknown): Promise<Reply<unknown>> => {
    try {
      const response = await ports.fetch(`${ports.base}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        credentials: 'same-origin',
        body: JSON.stringify(input),
      });
      return parseReply(await readJson(response));
    } catch {
      return unreachableReply();
    }
  };
  return {
    async call(name, input) {
      const reply = await post(`/api/${name}`, input);
      if (!reply.ok && reply.failure.code === 'operator_session_required') feed.signedOut();
      return reply;
    },
    follow: feed.follow,
    redeem: (code) => post('/session', { code }),
  };
}

/** What is not JSON is no reply; `parseReply` says so. A connection that breaks off meanwhile rejects. */
async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

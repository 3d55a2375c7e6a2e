/**
 * One call to a provider over HTTP/1.1, on undici's `Pool.dispatch`: no stream objects, no copies, backpressure by
 * the sink's own answer. Redirects are never followed (dispatch does not), and nothing is sent twice unless no byte
 * of it can have left.
 */

import type { Dispatcher, Pool } from 'undici';
import type { Provider } from './provider.ts';
import type {
  Upstream,
  UpstreamCall,
  UpstreamError,
  UpstreamOptions,
  UpstreamRequest,
  UpstreamSink,
} from './upstream-call.ts';
import { describeFailure, isStaleConnection } from './upstream-failure.ts';
import { guardedConnector, limitsOf, openPool, poolKey } from './upstream-pool.ts';
import { absoluteTarget, DIRECT_WAY } from './way-out.ts';

/** How the request names its target, if a proxy reads it. */
type ProxyTarget = ReturnType<typeof absoluteTarget>;

/** Each resend takes another idle connection of the pool, which may be as stale as the last. */
const MAX_RESENDS = 3;

function renderRawHeaders(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

/** Dispatch one request and translate undici's callbacks; the returned call is the caller's hold on it. */
function startCall(pool: Pool, request: UpstreamRequest, sink: UpstreamSink, via: ProxyTarget): UpstreamCall {
  let state: 'open' | 'ended' | 'failed' = 'open';
  let phase: UpstreamError['phase'] = 'connect';
  let control: Dispatcher.DispatchController | null = null;
  let resends = 0;

  const fail = (error: UpstreamError): void => {
    state = 'failed';
    sink.onError(error);
  };

  const handler: Dispatcher.DispatchHandler = {
    /** undici is about to write: from here on bytes may have left. */
    onRequestStart(started) {
      if (state !== 'open') return started.abort(new Error('aborted while connecting'));
      control = started;
      phase = 'headers';
    },
    onResponseStart(started, status) {
      if (status < 200) return sink.onInterim?.(status, renderRawHeaders(started.rawHeaders));
      phase = 'body';
      sink.onHeaders(status, renderRawHeaders(started.rawHeaders));
    },
    onResponseData(started, chunk) {
      // Resuming makes undici deliver an empty chunk; a sink that pauses and resumes on every chunk would never rest.
      if (chunk.length > 0 && !sink.onData(chunk)) started.pause();
    },
    onResponseEnd() {
      state = 'ended';
      sink.onEnd();
    },
    onResponseError(started, error) {
      if (state === 'failed') return;
      const unsent = phase === 'connect' && isStaleConnection(error);
      if (unsent && resends < MAX_RESENDS) {
        resends += 1;
        queueMicrotask(dispatch);
      } else if (started === null) {
        // Refused at once, inside `send`: not before the caller has the call in its hands.
        queueMicrotask(() => {
          if (state === 'open') fail(describeFailure(error, phase));
        });
      } else fail(describeFailure(error, phase));
    },
  };

  const dispatch = (): void => {
    if (state !== 'open') return;
    const { path, method, headers, body } = request;
    const asked = via === null ? { path, headers } : { path: via.prefix + path, headers: [...headers, ...via.headers] };
    pool.dispatch({ path: asked.path, method, headers: asked.headers as string[], body }, handler);
  };

  dispatch();
  return {
    // In a microtask, never inside another call's chunk: undici's parser is one for the whole process.
    resume: () =>
      queueMicrotask(() => {
        if (state === 'open') control?.resume();
      }),
    abort(reason) {
      if (state !== 'open') return;
      fail({ kind: 'aborted', phase, sent: phase !== 'connect', detail: reason });
      control?.abort(new Error(reason));
    },
  };
}

/** An upstream over real sockets. Pools are per origin and timeouts, made on first use. */
export function createUpstream(options: UpstreamOptions = {}): Upstream {
  const pools = new Map<string, Pool>();
  let closed = false;

  const poolOf = (provider: Provider): Pool => {
    if (provider.baseUrl === null) throw new TypeError(`provider ${provider.id} has no base URL`);
    const { origin } = provider.baseUrl;
    const key = poolKey(origin, provider);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const limits = limitsOf(provider, options);
    const pool = openPool(origin, limits, guardedConnector(limits));
    pools.set(key, pool);
    // A destroyed pool refuses every request, which the call then reports as aborted.
    if (closed) void pool.destroy();
    return pool;
  };

  return {
    send(request, sink) {
      const { baseUrl } = request.provider;
      const via = baseUrl === null ? null : absoluteTarget(options.way ?? DIRECT_WAY, baseUrl);
      return startCall(poolOf(request.provider), request, sink, via);
    },
    async close() {
      closed = true;
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

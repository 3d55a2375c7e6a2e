/**
 * One call to a provider over HTTP/1.1, on undici's `Pool.dispatch`: no stream objects, no copies, backpressure by
 * the sink's own answer. Redirects are never followed (dispatch does not), and nothing is sent twice unless no byte
 * of it can have left.
 */
import type { LookupFunction } from 'node:net';
import type { Dispatcher, Pool } from 'undici';
import type { Provider } from './provider.ts';
import { describeFailure, isStaleConnection } from './upstream-failure.ts';
import { guardedConnector, limitsOf, openPool, poolKey } from './upstream-pool.ts';

/** A request that is ready to leave: headers already filtered (`headers.ts`), path already joined (`provider.ts`). */
export interface UpstreamRequest {
  readonly provider: Provider;
  readonly method: string;
  /** Path and query at the provider's origin. */
  readonly path: string;
  /** Flat: name, value, name, value. Without `host` and `content-length`. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | null;
}

/** Why a call did not end well. */
export interface UpstreamError {
  readonly kind: 'unreachable' | 'timeout' | 'broken' | 'aborted' | 'refused_address';
  /** How far the call had come: `headers` while waiting for them, `body` once they were delivered. */
  readonly phase: 'connect' | 'headers' | 'body';
  /** False only if it is certain that no byte of the request left this machine. */
  readonly sent: boolean;
  /** For the operator's log: the network's own words. Holds addresses, never headers or bodies. */
  readonly detail: string;
}

/**
 * Receives the answer. `onHeaders` comes at most once, then `onData` for each piece, then exactly one of `onEnd` and
 * `onError` in every case. An exception thrown from `onHeaders` or `onData` breaks the call; `onError` must not throw.
 */
export interface UpstreamSink {
  /** Interim (1xx) answers never get here. `headers` is flat and raw, as the provider sent it. */
  onHeaders(status: number, headers: string[]): void;
  /**
   * Return false to pause: the provider's socket is not read until `resume()`. Should the provider hang up meanwhile,
   * what had already arrived (at most one socket buffer) still comes.
   */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onError(error: UpstreamError): void;
}

/** The caller's hold on a call under way. Both are without effect once it has ended. */
export interface UpstreamCall {
  resume(): void;
  /** Ends the call at once: the connection is destroyed and `onError` (`aborted`) is called before this returns. */
  abort(reason: string): void;
}

/** Sends requests to providers. */
export interface Upstream {
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamCall;
  /** Ends every open call with `aborted` and closes every connection. */
  close(): Promise<void>;
}

/** Limits in milliseconds, for providers without timeouts of their own. Above 1 s undici keeps them to about half a second. */
export interface UpstreamOptions {
  /** DNS, TCP and TLS together. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** From the request to the answer's headers: a model may think long before it says anything. Default 10 min. */
  readonly headersTimeoutMs?: number;
  /** Between two chunks of the answer; time in which the sink has paused does not count. Default 5 min. */
  readonly chunkTimeoutMs?: number;
  /** How long an idle connection is kept when the provider does not say. Default 4 s. */
  readonly keepAliveMs?: number;
  /** Most connections to one origin; further calls wait for one. Default: no limit, the agent port has its own. */
  readonly connections?: number;
  /** Resolves names; the guard judges what it returns. Default: the system's. */
  readonly lookup?: LookupFunction;
}

/** Each resend takes another idle connection of the pool, which may be as stale as the last. */
const MAX_RESENDS = 3;

function renderRawHeaders(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

/** Dispatch one request and translate undici's callbacks; the returned call is the caller's hold on it. */
function startCall(pool: Pool, request: UpstreamRequest, sink: UpstreamSink): UpstreamCall {
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
      if (status < 200) return;
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
    pool.dispatch({ path, method, headers: headers as string[], body }, handler);
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
    send: (request, sink) => startCall(poolOf(request.provider), request, sink),
    async close() {
      closed = true;
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

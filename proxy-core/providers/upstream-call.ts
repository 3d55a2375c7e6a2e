import type { LookupFunction } from 'node:net';
import type { Provider } from './provider.ts';
import type { WayOut } from './way-out.ts';

/** One call to a provider, as callers and every kind of provider see it. */

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
  /** `exhausted`: this process has no file descriptor left to connect with. */
  readonly kind: 'unreachable' | 'exhausted' | 'timeout' | 'broken' | 'aborted' | 'refused_address';
  /** How far the call had come: `headers` while waiting for them, `body` once they were delivered. */
  readonly phase: 'connect' | 'headers' | 'body';
  /** False only if it is certain that no byte of the request left this machine. */
  readonly sent: boolean;
  /** For the operator's log: the network's own words. Holds addresses, never headers or bodies. */
  readonly detail: string;
  /** What most likely is to be looked at, where the failure shows it. */
  readonly suspect?: Suspect;
}

/** The network's proxy; the authority that signed a certificate; or that there is no way out without a proxy. */
export type Suspect = 'proxy' | 'authority' | 'no_way_out';

/**
 * Receives the answer. `onHeaders` comes at most once, then `onData` for each piece, then exactly one of `onEnd` and
 * `onError` in every case. An exception thrown from `onHeaders` or `onData` breaks the call; `onError` must not throw.
 */
export interface UpstreamSink {
  /** An interim (1xx) answer, other than 101: the provider is alive. May come several times, before `onHeaders`. */
  onInterim?(status: number, headers: string[]): void;
  /** `headers` is flat and raw, as the provider sent it. */
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
  /** From the request to the answer's headers: a model may think long before it says anything. Default 30 min. */
  readonly headersTimeoutMs?: number;
  /** Between two chunks of the answer; time in which the sink has paused does not count. Default 30 min. */
  readonly chunkTimeoutMs?: number;
  /** How long an idle connection is kept when the provider does not say. Default 4 s. */
  readonly keepAliveMs?: number;
  /** Most connections to one origin; further calls wait for one. Default: no limit, the agent port has its own. */
  readonly connections?: number;
  /** Resolves names; the guard judges what it returns. Default: the system's. */
  readonly lookup?: LookupFunction;
  /** The network's proxy and the certificate authorities. Default: directly, with the system's. */
  readonly way?: WayOut;
}

import type { NetworkProxy } from './proxy-choice.ts';

/** A failure on the way to or at the network's proxy: it is named, so that nobody looks for it at the provider. */
export class ProxyFailed extends Error {
  readonly code: string;

  constructor(message: string, code = 'PROXY_FAILED') {
    super(message);
    this.code = code;
  }
}

/** What a proxy did, in words that name it and where it was named; `code` is the network's own. */
export const proxyFailed = (proxy: NetworkProxy, what: string, code?: string): ProxyFailed =>
  new ProxyFailed(`the proxy ${proxy.shown} (from ${proxy.source}) ${what}`, code);

import type { Provider } from './provider.ts';
import type { Upstream } from './upstream-call.ts';

/**
 * Who answers a call of the tool invocation API. A tool with a configured `url` is forwarded there; any other is
 * only checked: the policy has let it pass, and the caller carries it out itself.
 */
export function toolProvider(name: string, url: URL | null): Provider {
  return {
    id: `tool:${name}`,
    kind: url === null ? 'check' : 'http',
    baseUrl: url,
    formats: [],
    models: [],
    auth: 'bearer',
    key: { kind: 'none' },
  };
}

const ALLOWED = Buffer.from('{"status":"allowed"}');

/** Answers every call with `{"status":"allowed"}`, in this process. */
export function createCheckOnly(): Upstream {
  return {
    send(_request, sink) {
      let over = false;
      queueMicrotask(() => {
        if (over) return;
        over = true;
        sink.onHeaders(200, ['content-type', 'application/json', 'content-length', String(ALLOWED.length)]);
        sink.onData(ALLOWED);
        sink.onEnd();
      });
      return {
        resume: () => undefined,
        abort(reason) {
          if (over) return;
          over = true;
          sink.onError({ kind: 'aborted', phase: 'connect', sent: false, detail: reason });
        },
      };
    },
    close: async () => undefined,
  };
}

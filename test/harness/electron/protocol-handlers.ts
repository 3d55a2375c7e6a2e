import type { CustomScheme, Protocol } from 'electron';
import { host } from './main-link.ts';
import type { RequestFacts, ResponseFacts } from './messages.ts';
import { failOnGaps } from './not-implemented.ts';

/** Answers one request of the app's own scheme. */
type SchemeHandler = (request: Request) => Response | Promise<Response>;

let registered: readonly CustomScheme[] = [];

/** One session's protocol handlers. */
export interface Protocols {
  readonly api: Partial<Protocol>;
  handlerOf(url: string): SchemeHandler | null;
}

export function createProtocols(isReady: () => boolean): Protocols {
  const handlers = new Map<string, SchemeHandler>();
  const methods = {
    registerSchemesAsPrivileged(schemes) {
      if (isReady()) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
      if (registered.length > 0) throw new Error('protocol.registerSchemesAsPrivileged can only be called once');
      registered = schemes;
      host.tell('schemes.register', { schemes: schemes.map(({ scheme }) => scheme) });
    },
    handle(scheme, handler) {
      if (!isReady()) throw new Error('protocol.handle should be called after app is ready');
      if (handlers.has(scheme)) throw new Error(`The scheme has been registered: ${scheme}`);
      handlers.set(scheme, handler as SchemeHandler);
    },
    unhandle: (scheme) => void handlers.delete(scheme),
    isProtocolHandled: (scheme) => handlers.has(scheme),
  } satisfies Partial<Protocol>;
  return {
    api: failOnGaps('protocol', methods),
    handlerOf: (url) => handlers.get(url.slice(0, url.indexOf(':')).toLowerCase()) ?? null,
  };
}

/** Run the app's handler for a request of Chromium, with what Electron adds to a request. */
export async function serveRequest(handler: SchemeHandler, facts: RequestFacts): Promise<ResponseFacts> {
  const init = { method: facts.method, headers: { ...facts.headers }, body: facts.body };
  const request = new Request(facts.url, init as RequestInit);
  // Absent where the app itself asked.
  if (facts.initiator !== null) Object.assign(request, { initiatorOrigin: facts.initiator });
  const response = await handler(request);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

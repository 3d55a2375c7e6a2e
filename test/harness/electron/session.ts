import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Session as ElectronSession } from 'electron';
import { app } from './app.ts';
import { host } from './main-link.ts';
import { failOnGaps, notImplemented } from './not-implemented.ts';
import { createProtocols, type Protocols, serveRequest } from './protocol-handlers.ts';
import { createRequestRule, type RequestRule } from './web-request.ts';

type CheckHandler = NonNullable<Parameters<ElectronSession['setPermissionCheckHandler']>[0]>;
type RequestHandler = NonNullable<Parameters<ElectronSession['setPermissionRequestHandler']>[0]>;

/** A session and what the test process needs of it. */
export interface SessionEnd {
  readonly partition: string;
  readonly api: EventEmitter;
  readonly protocols: Protocols;
  readonly rule: RequestRule;
  /** Whether the app's two permission handlers would let a page of this origin have it; Electron without them grants. */
  judgePermission(contents: object, permission: string, origin: string): Promise<boolean>;
}

const sessions = new Map<string, SessionEnd>();

/** The session of a partition; the default one is ''. */
export function sessionOf(partition: string): SessionEnd {
  const found = sessions.get(partition);
  if (found !== undefined) return found;
  const created = createSession(partition);
  sessions.set(partition, created);
  return created;
}

function createSession(partition: string): SessionEnd {
  const protocols = createProtocols(app.isReady);
  const rule = createRequestRule();
  let check: CheckHandler | null = null;
  let request: RequestHandler | null = null;
  const methods = {
    setPermissionCheckHandler: (handler) => {
      check = handler;
    },
    setPermissionRequestHandler: (handler) => {
      request = handler;
    },
    setDevicePermissionHandler: () => undefined,
    setDisplayMediaRequestHandler: () => undefined,
    setSpellCheckerEnabled: () => undefined,
    setCertificateVerifyProc: () => undefined,
    isPersistent: () => partition === '' || partition.startsWith('persist:'),
    clearCache: async () => undefined,
    clearStorageData: async () => undefined,
    flushStorageData: () => undefined,
    fetch: (input, init) => fetchFrom(protocols, input, init),
  } satisfies Partial<ElectronSession>;
  const properties = { protocol: protocols.api, webRequest: rule.api };
  return {
    partition,
    api: failOnGaps('session', Object.assign(new EventEmitter(), methods, properties)),
    protocols,
    rule,
    async judgePermission(contents, permission, origin) {
      const url = `${origin}/`;
      const named = permission as Parameters<CheckHandler>[1];
      const isMainFrame = true;
      if (check !== null && !check(contents as never, named, origin, { isMainFrame, requestingUrl: url })) return false;
      const current = request;
      if (current === null) return true;
      return new Promise((resolve) => {
        current(contents as never, named as never, resolve, { isMainFrame, requestingUrl: url } as never);
      });
    },
  };
}

/** `session.fetch` and `net.fetch`: the app's own schemes by their handlers, files from disk, the rest from the network. */
export async function fetchFrom(
  protocols: Protocols,
  input: string | Request,
  init: (RequestInit & { readonly bypassCustomProtocolHandlers?: boolean }) | undefined,
): Promise<Response> {
  const url = typeof input === 'string' ? input : input.url;
  const handler = init?.bypassCustomProtocolHandlers === true ? null : protocols.handlerOf(url);
  if (handler !== null) return handler(new Request(input, init));
  if (url.startsWith('file:')) return new Response(await readFile(fileURLToPath(url)));
  if (url.startsWith('http')) return fetch(input, init);
  throw new Error('net::ERR_UNKNOWN_URL_SCHEME');
}

const defaultSession = sessionOf('');

/** Electron's `session`. */
export const session = failOnGaps('session', {
  get defaultSession() {
    return defaultSession.api;
  },
  fromPartition: (partition: string) => sessionOf(partition).api,
});

/** Electron's `protocol`: the default session's. */
export const protocol = defaultSession.protocols.api;

/** Electron's `net`. */
export const net = failOnGaps('net', {
  fetch: (input: string | Request, init?: RequestInit) => fetchFrom(defaultSession.protocols, input, init),
  isOnline: () => true,
  online: true,
});

/** The session an object of the app stands for. */
export function sessionEndOf(api: object): SessionEnd {
  for (const end of sessions.values()) if (end.api === api) return end;
  throw notImplemented('a session that is not one of session.fromPartition');
}

host.serve('request.serve', (facts) => {
  const handler = sessionOf(facts.partition).protocols.handlerOf(facts.url);
  if (handler === null) throw new Error(`no protocol handler answers ${facts.url}`);
  return serveRequest(handler, facts);
});
host.serve('request.judge', async (facts) => ({ cancel: await sessionOf(facts.partition).rule.judge(facts) }));

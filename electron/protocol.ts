/**
 * Threat: a custom scheme that turns paths of requests into paths of files serves the whole disk to a page that asks
 * cleverly. Here the console's files are listed when the app starts; a request is looked up among their names, byte for
 * byte, and nothing of it ever reaches the file system (fault B6). A page of another origin is not answered at all.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { CONSOLE_POLICY } from '../proxy-core/contract/content-policy.ts';
import { CONSOLE_HOST, CONSOLE_ORIGIN, CONSOLE_SCHEME } from './console-origin.ts';

/** Files of the built console, by the path of their address. */
export type ConsoleFiles = ReadonlyMap<string, { readonly type: string; readonly content: Uint8Array<ArrayBuffer> }>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

/** What `app://` may do, to be registered before the app is ready. */
export const CONSOLE_PRIVILEGES = {
  scheme: CONSOLE_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true },
};

/** Read the built console; links and files of other kinds are left out. Throws if the folder cannot be read. */
export function readConsoleFiles(folder: string): ConsoleFiles {
  const files = new Map<string, { type: string; content: Uint8Array<ArrayBuffer> }>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(folder, path).split(sep).join('/')}`, {
      type,
      content: Uint8Array.from(readFileSync(path)),
    });
  }
  const page = files.get('/index.html');
  if (page !== undefined) files.set('/', page);
  return files;
}

/** A request as Electron gives it; absent `initiatorOrigin`: the app itself asks. */
export type SchemeRequest = Pick<Request, 'method' | 'url'> & { readonly initiatorOrigin?: unknown };

/** Answer one request of the scheme. */
export function answerConsole(files: ConsoleFiles, { method, url, initiatorOrigin }: SchemeRequest): Response {
  if (initiatorOrigin !== undefined && initiatorOrigin !== CONSOLE_ORIGIN) return refuse(403);
  if (method !== 'GET' && method !== 'HEAD') return refuse(405);
  // A parser of addresses takes control characters at the ends away in silence.
  const parsed = /^[\x21-\x7e]+$/.test(url) ? URL.parse(url) : null;
  if (parsed === null || parsed.host !== CONSOLE_HOST || parsed.username !== '') return refuse(404);
  const file = files.get(parsed.pathname);
  if (file === undefined) return refuse(404);
  return new Response(method === 'HEAD' ? null : file.content, { status: 200, headers: headersFor(file.type) });
}

const headersFor = (type: string): Record<string, string> => ({
  'content-type': type,
  'content-security-policy': CONSOLE_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
});

const refuse = (status: number): Response =>
  new Response(null, { status, headers: headersFor('text/plain; charset=utf-8') });

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';

/**
 * The built console on the operator port.
 *
 * Threat: a path of a request must never become a path of the file system. The files are read once, at the start; a
 * request only looks its path up among their names.
 */
interface ConsoleFile {
  readonly type: string;
  readonly content: Buffer;
  /** Its name holds a hash of its content, so it never changes. */
  readonly immutable: boolean;
}

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

/** Where the build puts files whose names hold a hash of their content. */
const HASHED = 'assets/';

/** Serve the console built into `folder` at `/`; for null, say that there is none. Throws if the folder cannot be read. */
export function addConsole(server: FastifyInstance, folder: string | null): void {
  const files = folder === null ? new Map<string, ConsoleFile>() : readFiles(folder);
  const page = files.get('index.html') ?? NOT_BUILT;
  server.get('/', (_request, reply) => serve(reply, page));
  for (const [name, file] of files) server.get(`/${name}`, (_request, reply) => serve(reply, file));
}

const NOT_BUILT: ConsoleFile = {
  type: 'text/plain; charset=utf-8',
  content: Buffer.from('The console is not built. Run `npm run build`, then start Rungate again.\n'),
  immutable: false,
};

const serve = (reply: FastifyReply, { type, content, immutable }: ConsoleFile): FastifyReply =>
  reply
    .type(type)
    .header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
    .send(content);

/** Every file under the folder by its path with `/`; links are left out. */
function readFiles(folder: string): ReadonlyMap<string, ConsoleFile> {
  const found = new Map<string, ConsoleFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path).split(sep).join('/');
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    found.set(name, { type, content: readFileSync(path), immutable: name.startsWith(HASHED) });
  }
  return found;
}

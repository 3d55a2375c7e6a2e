import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';

/** What is known of a TCP port: free, or taken, by whom if the system tells this user. */
export type PortState =
  | { readonly kind: 'free' }
  | { readonly kind: 'taken'; readonly holder: string | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** Try to listen on a port of a loopback address for a moment. */
export async function probePort(port: number, host: LoopbackHost): Promise<PortState> {
  const code = await new Promise<string | null>((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'unknown error'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => done(null)));
  });
  if (code === null) return { kind: 'free' };
  return code === 'EADDRINUSE'
    ? { kind: 'taken', holder: findPortHolder(port, host) }
    : { kind: 'refused', reason: code };
}

type LoopbackHost = '127.0.0.1' | '::1';

// As /proc/net/tcp{,6} write the addresses that take a connection to the host: itself and "any".
const ANY_V6 = '0'.repeat(32);
const LISTENING: Readonly<Record<LoopbackHost, readonly string[]>> = {
  '127.0.0.1': ['0100007F', '00000000', ANY_V6],
  '::1': [`${'0'.repeat(24)}01000000`, ANY_V6],
};

/**
 * `NAME (pid N)` of the process that listens on a TCP port of a loopback address, or null when the system does
 * not say (another user's process, or not Linux).
 */
export function findPortHolder(port: number, host: LoopbackHost = '127.0.0.1'): string | null {
  if (process.platform !== 'linux') return null;
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersOf(table, port, host)));
  if (inodes.size === 0) return null;
  for (const pid of listFolder('/proc')) {
    if (/^\d+$/.test(pid) && holdsAny(pid, inodes)) return `${programOf(pid)} (pid ${pid})`;
  }
  return null;
}

/** The program's file name; the rest of its command line may hold secrets. `comm` is only the main thread's name. */
function programOf(pid: string): string {
  const [program = ''] = readText(`/proc/${pid}/cmdline`).split('\0');
  return basename(program) || readText(`/proc/${pid}/comm`).trim() || 'a program';
}

/** Socket inodes that listen on the port (proc(5): column 2 is address:port in hex, 4 the state, 0A = LISTEN, 10 the inode). */
function listenersOf(table: string, port: number, host: LoopbackHost): string[] {
  const places = LISTENING[host].map((address) => `${address}:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  return readText(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => places.includes(fields[1] ?? '') && fields[3] === '0A')
    .flatMap((fields) => fields[9] ?? []);
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  return listFolder(`/proc/${pid}/fd`).some((fd) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Folders and files of /proc vanish with their process and may be another user's: then they say nothing. */
function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

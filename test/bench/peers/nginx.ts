import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Peer, type Skipped, transparentPeer } from './peer.ts';
import { startProgram } from './program.ts';

/** nginx as a plain reverse proxy, with a configuration, logs and temporary files of its own; in the foreground. */
export async function startNginx(upstreamOrigin: string): Promise<Peer | Skipped> {
  const binary = findBinary('nginx');
  if (binary === null) return { name: 'nginx', why: 'nginx is not installed' };
  const folder = mkdtempSync(join(tmpdir(), 'rungate-bench-nginx-'));
  mkdirSync(join(folder, 'temp'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, port, upstreamOrigin));
  const program = startProgram(binary, [
    '-p',
    folder,
    '-c',
    file,
    '-e',
    join(folder, 'error.log'),
    '-g',
    'daemon off;',
  ]);
  await untilListening(port);
  return transparentPeer('nginx', `http://127.0.0.1:${port}`, program.pid, async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

function configuration(folder: string, port: number, upstreamOrigin: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/temp/${kind};`)
    .join('\n');
  return `worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
${temporary}
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  upstream provider { server ${new URL(upstreamOrigin).host}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

/** The full path of a program on PATH or among the system's own. */
export function findBinary(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const ATTEMPTS = 200;

/** Resolves when something accepts connections on the port; rejects after about ten seconds. */
export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

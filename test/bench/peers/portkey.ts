import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, untilListening } from './nginx.ts';
import type { Peer, Skipped } from './peer.ts';
import { startNode } from './program.ts';

const VERSION = '1.15.2';
const INSTALL_LIMIT_MS = 120_000;

/**
 * Portkey's gateway, installed once into the system's temporary folder; never a dependency of this project. It is
 * compared on JSON answers only: on Node 24 its streaming fails.
 */
export async function startPortkey(upstreamOrigin: string): Promise<Peer | Skipped> {
  const folder = join(tmpdir(), `rungate-bench-portkey-${VERSION}`);
  const program = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  if (!existsSync(program)) {
    try {
      await install(folder);
    } catch (error) {
      return { name: 'portkey', why: `npm could not install it: ${String(error).slice(0, 120)}` };
    }
  }
  const port = await freePort();
  const running = startNode([program, `--port=${port}`, '--headless']);
  await untilListening(port);
  return {
    name: 'portkey',
    pid: running.pid,
    streams: false,
    loop: null,
    target: (behaviour) => ({
      origin: `http://127.0.0.1:${port}`,
      path: '/v1/chat/completions',
      headers: {
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': `${upstreamOrigin}/${behaviour}/v1`,
        authorization: 'Bearer sk-bench',
      },
      model: behaviour,
    }),
    stop: running.stop,
  };
}

async function install(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const options = ['--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  await promisify(execFile)('npm', ['install', ...options, `@portkey-ai/gateway@${VERSION}`], {
    timeout: INSTALL_LIMIT_MS,
    cwd: folder,
  });
}

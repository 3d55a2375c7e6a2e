import { fileURLToPath } from 'node:url';
import { startNginx } from './nginx.ts';
import { type Peer, type Skipped, transparentPeer } from './peer.ts';
import { startPortkey } from './portkey.ts';
import { startNode } from './program.ts';
import { startRungate } from './rungate.ts';

/** All peers that can run on this machine, started, behind one upstream. */
export interface Peers {
  readonly peers: readonly Peer[];
  readonly skipped: readonly Skipped[];
  stop(): Promise<void>;
}

const UPSTREAM = fileURLToPath(new URL('upstream.ts', import.meta.url));
const RAW_FLOOR = fileURLToPath(new URL('raw-floor.ts', import.meta.url));

/** Start the upstream and every peer. Each listens on 127.0.0.1 only. */
export async function startPeers(
  behaviours: readonly string[],
  options: { readonly profileTo?: string | undefined; readonly only?: readonly string[] | undefined },
): Promise<Peers> {
  const wanted = (name: string): boolean => options.only === undefined || options.only.includes(name);
  const upstream = await startListening([UPSTREAM]);
  const peers: Peer[] = [transparentPeer('direct', upstream.origin, null, upstream.stop)];
  const skipped: Skipped[] = [];
  const add = (started: Peer | Skipped): void => {
    if ('why' in started) skipped.push(started);
    else peers.push(started);
  };
  if (wanted('nginx')) add(await startNginx(upstream.origin));
  if (wanted('raw')) {
    const raw = await startListening([RAW_FLOOR, upstream.origin]);
    add(transparentPeer('raw', raw.origin, raw.pid, raw.stop));
  }
  if (wanted('portkey')) add(await startPortkey(upstream.origin));
  add(await startRungate(upstream.origin, behaviours, options));
  return {
    peers,
    skipped,
    async stop() {
      for (const peer of [...peers].reverse()) await peer.stop();
    },
  };
}

async function startListening(argv: readonly string[]) {
  const program = startNode(argv);
  const { port } = JSON.parse(await program.firstLine) as { readonly port: number };
  return { origin: `http://127.0.0.1:${port}`, pid: program.pid, stop: program.stop };
}

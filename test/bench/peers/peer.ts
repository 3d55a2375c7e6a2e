/** A way from the client to the upstream that is measured. */
export interface Peer {
  readonly name: PeerName;
  /** Null for the direct way. */
  readonly pid: number | null;
  /** Where and how a chat call that the upstream is to answer in this way is sent; null if this peer cannot. */
  target(behaviour: Behaviour): Target;
  readonly streams: boolean;
  /** Event-loop delay since the last reset, where the peer tells it. */
  readonly loop: LoopProbe | null;
  stop(): Promise<void>;
}

export type PeerName = 'direct' | 'raw' | 'nginx' | 'portkey' | 'rungate';

/** How the upstream answers, as the first part of its path (see `upstream.ts`). */
export type Behaviour = `wait-${number}` | `stream-${number}-${number}-${number}`;

export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
}

export interface LoopProbe {
  reset(): void;
  read(): Promise<{ readonly p99: number; readonly max: number }>;
}

/** Peers that cannot run here, and why. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

const CHAT = '/v1/chat/completions';

/** A peer that passes the upstream's own path on. */
export function transparentPeer(name: PeerName, origin: string, pid: number | null, stop: () => Promise<void>): Peer {
  const target = (behaviour: Behaviour): Target => ({
    origin,
    path: `/${behaviour}${CHAT}`,
    headers: {},
    model: behaviour,
  });
  return { name, pid, target, streams: true, loop: null, stop };
}

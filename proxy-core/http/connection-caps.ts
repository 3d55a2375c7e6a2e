import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * How many connections a port holds at a time.
 *
 * Threat: any program of this machine, a web page's too, can open connections and say nothing. Each takes a descriptor, and
 * without one the core can neither answer an agent nor reach a provider. So connections are counted, in all and those on
 * which nobody has shown a valid token (or session) yet; one too many is closed, those that are there stay. One too many in all is
 * closed at once. One too many without a token has a moment to show its own first: a burst of honest calls is accepted before
 * any of them has been read.
 */
export interface ConnectionCaps {
  /** A valid token has come on this connection: it counts among the proven ones from now on. */
  prove(socket: Socket): void;
}

/** Connections of one port. */
export interface ConnectionLimits {
  readonly inAll: number;
  /** Those of them that have not shown a valid token. */
  readonly beforeToken: number;
}

/** The time that a connection beyond those without a token has to show one, ms: many times what a request on this machine takes. */
const GRACE_MS = 1_000;

/** Count the connections of `server` from now on. `onCapped` is told when the first of a crowd is turned away. */
export function capConnections(
  server: Server,
  limits: ConnectionLimits,
  onCapped: (limits: ConnectionLimits) => void,
): ConnectionCaps {
  const open = new Set<Socket>();
  const unproven = new Set<Socket>();
  let crowded = false;

  const turnAway = (socket: Socket): void => {
    if (!crowded) onCapped(limits);
    crowded = true;
    socket.destroy();
  };
  const judge = (socket: Socket): void => {
    if (unproven.has(socket) && unproven.size > limits.beforeToken) turnAway(socket);
  };

  server.on('connection', (socket: Socket) => {
    if (open.size >= limits.inAll) return turnAway(socket);
    open.add(socket);
    unproven.add(socket);
    const grace = unproven.size > limits.beforeToken ? setTimeout(judge, GRACE_MS, socket) : undefined;
    socket.once('close', () => {
      clearTimeout(grace);
      open.delete(socket);
      unproven.delete(socket);
      if (unproven.size === 0) crowded = false;
    });
  });
  return { prove: (socket) => void unproven.delete(socket) };
}

/** Descriptors that the core itself needs: its files, threads, standard streams, and some in reserve. */
const OWN_DESCRIPTORS = 64;
/** Of each three of the others one is for agents, one for the providers that they call, one for the operator. */
const SHARES = 3;
const FEWEST = 8;

/**
 * The limits that hold where the process may open `descriptors` files (null: as good as unlimited): what is configured, or
 * less, so that there is always one left to reach a provider with.
 */
export function limitsWithin({ inAll, beforeToken }: ConnectionLimits, descriptors: number | null): ConnectionLimits {
  if (descriptors === null) return { inAll, beforeToken };
  const share = Math.max(FEWEST, Math.floor((descriptors - OWN_DESCRIPTORS) / SHARES));
  return { inAll: Math.min(inAll, share), beforeToken: Math.min(beforeToken, Math.max(FEWEST, Math.floor(share / 2))) };
}

/** How many files this process may have open; null where the system does not say (only Linux does, cheaply) or sets no limit. */
export function openFilesLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

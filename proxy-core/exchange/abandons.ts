import type { GateBook } from './gate-book.ts';

/**
 * A person who interrupts an agent closes its socket; the gate it waited at is then of no use to anybody. When the
 * last held connection of a gate has closed and no retry comes within the patience of real clients, the gate is
 * cancelled.
 */
export interface Abandons {
  /** A connection waits at the gate. */
  arrive(gateId: string): void;
  /** A retry came that does not wait: its agent polls, so nobody has gone. */
  polled(gateId: string): void;
  /** It waits no longer. */
  leave(gateId: string): void;
  /** Whether a connection waits at the gate now. */
  attached(gateId: string): boolean;
  /** How the gate's agent last waited; null when it has not since the start. */
  delivery(gateId: string): 'hold' | 'retry' | null;
  close(): void;
}

/** Clients that were told to come back do so within a minute (behaviour §6). */
const PATIENCE_MS = 90_000;
/** Gates whose agents' way of waiting is remembered. */
const REMEMBERED = 4_096;

/** A watch over `gates`; timers do not keep the process alive. */
export function createAbandons(gates: Pick<GateBook, 'cancel' | 'byId'>, patienceMs: number = PATIENCE_MS): Abandons {
  const waiting = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const ways = new Map<string, 'hold' | 'retry'>();
  const waits = (gateId: string, way: 'hold' | 'retry'): void => {
    ways.set(gateId, way);
    const [oldest] = ways.keys();
    if (ways.size > REMEMBERED && oldest !== undefined) ways.delete(oldest);
  };
  const stop = (gateId: string): void => {
    clearTimeout(timers.get(gateId));
    timers.delete(gateId);
  };
  return {
    arrive(gateId) {
      stop(gateId);
      waits(gateId, 'hold');
      waiting.set(gateId, (waiting.get(gateId) ?? 0) + 1);
    },
    polled(gateId) {
      stop(gateId);
      waits(gateId, 'retry');
    },
    attached: (gateId) => waiting.has(gateId),
    delivery: (gateId) => ways.get(gateId) ?? null,
    leave(gateId) {
      const left = (waiting.get(gateId) ?? 1) - 1;
      if (left > 0) {
        waiting.set(gateId, left);
        return;
      }
      waiting.delete(gateId);
      if (gates.byId(gateId)?.state !== 'pending') return;
      stop(gateId);
      const timer = setTimeout(() => {
        timers.delete(gateId);
        if (gates.byId(gateId)?.state !== 'pending') return;
        gates.cancel(gateId, 'agent_gone', { actor: 'system', channel: 'proxy' }).catch(() => undefined);
      }, patienceMs);
      timer.unref();
      timers.set(gateId, timer);
    },
    close() {
      for (const gateId of timers.keys()) stop(gateId);
    },
  };
}

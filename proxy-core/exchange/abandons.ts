import type { GateRecord } from '../contract/records.ts';
import type { GateBook } from './gate-book.ts';

/**
 * A person who interrupts an agent closes its socket; the gate it waited at is then of no use to anybody. When its
 * conversation goes on without it, it is cancelled at once. When nobody comes back to it within the patience of real
 * clients, its agent counts as gone: the gate leaves what waits, may still be decided, and is found by the same request.
 */
export interface Abandons {
  /** A connection waits at the gate; `held` says how the conversation of its request would go on. */
  arrive(gateId: string, held: HeldConversation | null): void;
  /** A retry came that does not wait: its agent polls, so nobody has gone. */
  polled(gateId: string): void;
  /** It waits no longer; `patienceMs` is how long its agent may be away (0: for ever). */
  leave(gateId: string, patienceMs: number | null): void;
  /** A request of this run and subagent has come: what it goes on from is over. */
  goesOn(runId: string, subagent: string | null, prefixOf: (count: number) => string | null): void;
  /** Whether a connection waits at the gate now. */
  attached(gateId: string): boolean;
  /** How the gate's agent last waited; null when it has not since the start. */
  delivery(gateId: string): 'hold' | 'retry' | null;
  close(): void;
}

/** The conversation of a held request: a longer one that begins so goes on from it. */
export interface HeldConversation {
  readonly subagent: string | null;
  /** Messages it has. */
  readonly count: number;
  /** Key of all of them (runs/conversation.ts). */
  readonly key: string;
}

/** Clients that were told to come back do so within a minute (behaviour §6). */
const PATIENCE_MS = 90_000;
/** Gates whose agents' way of waiting is remembered. */
const REMEMBERED = 4_096;

const BY = { actor: 'system', channel: 'proxy' };

type Gates = Pick<GateBook, 'cancel' | 'byId' | 'agentGone'>;

/** A watch over `gates`; timers do not keep the process alive. */
export function createAbandons(gates: Gates, defaultMs: number = PATIENCE_MS): Abandons {
  const waiting = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const ways = new Map<string, 'hold' | 'retry'>();
  const held = new Map<string, HeldConversation>();
  /** Gates whose conversation went on before their socket was seen to close. */
  const overtaken = new Set<string>();
  const isPending = (gateId: string): boolean => gates.byId(gateId)?.state === 'pending';
  const waits = (gateId: string, way: 'hold' | 'retry'): void => {
    ways.set(gateId, way);
    const [oldest] = ways.keys();
    if (ways.size > REMEMBERED && oldest !== undefined) ways.delete(oldest);
  };
  const stop = (gateId: string): void => {
    clearTimeout(timers.get(gateId));
    timers.delete(gateId);
  };
  const forget = (gateId: string): void => {
    stop(gateId);
    held.delete(gateId);
    overtaken.delete(gateId);
  };
  const back = (gateId: string): void => {
    stop(gateId);
    const gate: GateRecord | null = gates.byId(gateId);
    if (gate !== null && gate.agent_gone_at !== null) gates.agentGone(gateId, false).catch(() => undefined);
  };
  const cancel = (gateId: string): void => {
    forget(gateId);
    gates.cancel(gateId, 'conversation_went_on', BY).catch(() => undefined);
  };
  return {
    arrive(gateId, conversation) {
      back(gateId);
      overtaken.delete(gateId);
      waits(gateId, 'hold');
      if (conversation !== null) held.set(gateId, conversation);
      waiting.set(gateId, (waiting.get(gateId) ?? 0) + 1);
    },
    polled(gateId) {
      back(gateId);
      waits(gateId, 'retry');
    },
    attached: (gateId) => waiting.has(gateId),
    delivery: (gateId) => ways.get(gateId) ?? null,
    leave(gateId, patienceMs) {
      const left = (waiting.get(gateId) ?? 1) - 1;
      if (left > 0) {
        waiting.set(gateId, left);
        return;
      }
      waiting.delete(gateId);
      if (!isPending(gateId)) return forget(gateId);
      if (overtaken.has(gateId)) return cancel(gateId);
      stop(gateId);
      const patience = patienceMs ?? defaultMs;
      if (patience === 0) return;
      const timer = setTimeout(() => {
        timers.delete(gateId);
        if (isPending(gateId)) gates.agentGone(gateId, true).catch(() => undefined);
      }, patience);
      timer.unref();
      timers.set(gateId, timer);
    },
    goesOn(runId, subagent, prefixOf) {
      for (const [gateId, conversation] of held) {
        if (!isPending(gateId)) {
          forget(gateId);
          continue;
        }
        const same = gates.byId(gateId)?.run_id === runId && conversation.subagent === subagent;
        if (!same || prefixOf(conversation.count) !== conversation.key) continue;
        if (waiting.has(gateId)) overtaken.add(gateId);
        else cancel(gateId);
      }
    },
    close() {
      for (const gateId of timers.keys()) stop(gateId);
    },
  };
}

import type { Clock } from '../ports.ts';

/** How often agents ask while they wait, told to people without a flood: a client in a hot loop asks several times a second. */
export interface GateRetries {
  /** A retry came, `gapMs` after the one before (null: the first). */
  note(gateId: string, gapMs: number | null): void;
  /** The time between the last two retries, ms. */
  gapOf(gateId: string): number | null;
  close(): void;
}

/** People are told of a gate's retries once in this time. */
const SPACING_MS = 1_000;
/** Gates whose pace is remembered. */
const REMEMBERED = 4_096;

/** `tell` is called at once for the first retry, then at most once a second for each gate, and always after the last. */
export function createGateRetries(clock: Clock, tell: (gateId: string) => void): GateRetries {
  const gaps = new Map<string, number>();
  const told = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const tellNow = (gateId: string): void => {
    timers.delete(gateId);
    remember(told, gateId, clock.now());
    tell(gateId);
  };
  return {
    note(gateId, gapMs) {
      if (gapMs !== null) remember(gaps, gateId, gapMs);
      if (timers.has(gateId)) return;
      const since = clock.now() - (told.get(gateId) ?? Number.NEGATIVE_INFINITY);
      if (since < 0 || since >= SPACING_MS) return tellNow(gateId);
      const timer = setTimeout(() => tellNow(gateId), SPACING_MS - since);
      timer.unref();
      timers.set(gateId, timer);
    },
    gapOf: (gateId) => gaps.get(gateId) ?? null,
    close() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}

function remember(map: Map<string, number>, key: string, value: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

import type { RateLimit } from './schema.ts';
import { addAmount, EMPTY_WINDOW, type SlidingWindow, slide, timeUntilBelow, totalOf } from './sliding-window.ts';

/** Whose calls count together. */
export interface RateSubject {
  readonly runId: string;
  readonly agentId: string;
}

/** A call may go on (and has been counted), or must wait. */
export type RateVerdict =
  | { readonly kind: 'admitted' }
  | {
      readonly kind: 'limited';
      readonly limit: RateLimit;
      readonly unit: 'calls' | 'tokens';
      /** What is in the window now. */
      readonly used: number;
      /** Whole seconds, at least 1, for `Retry-After`. */
      readonly retryAfterSeconds: number;
    };

/** Sliding windows of calls and tokens per run and agent (behaviour §4 `rates`). Time comes in as epoch ms. */
export interface RateTracker {
  /**
   * Count one call against every limit, or none of them if one is reached. Do not ask for answers served from a gate nor for resends
   * after 409, 429, 5xx or a broken connection: those never count.
   */
  admit(limits: readonly RateLimit[], subject: RateSubject, now: number): RateVerdict;
  /** Count a settled call's tokens. */
  recordTokens(limits: readonly RateLimit[], subject: RateSubject, tokens: number, now: number): void;
}

const WINDOW_LIMIT = 10_000;

interface Slot {
  readonly limit: RateLimit;
  readonly unit: 'calls' | 'tokens';
  readonly most: number;
  readonly key: string;
  readonly spanMs: number;
}

/** A tracker that remembers at most so many windows; the ones longest unused are forgotten first. */
export function createRateTracker(windowLimit: number = WINDOW_LIMIT): RateTracker {
  const windows = new Map<string, SlidingWindow>();
  const current = (slot: Slot, now: number): SlidingWindow =>
    slide(windows.get(slot.key) ?? EMPTY_WINDOW, now, slot.spanMs);
  const keep = (slot: Slot, window: SlidingWindow): void => {
    windows.delete(slot.key);
    windows.set(slot.key, window);
    const [oldest] = windows.keys();
    if (windows.size > windowLimit && oldest !== undefined) windows.delete(oldest);
  };
  return {
    admit: (limits, subject, now) => {
      const slots = limits.flatMap((limit) => slotsOf(limit, subject));
      const full = slots.map((slot) => findFull(slot, current(slot, now), now)).filter((verdict) => verdict !== null);
      const [longest] = full.sort((a, b) => b.retryAfterSeconds - a.retryAfterSeconds);
      if (longest !== undefined) return longest;
      for (const slot of slots) if (slot.unit === 'calls') keep(slot, addAmount(current(slot, now), now, 1));
      return { kind: 'admitted' };
    },
    recordTokens: (limits, subject, tokens, now) => {
      if (!(tokens > 0)) return;
      for (const slot of limits.flatMap((limit) => slotsOf(limit, subject)))
        if (slot.unit === 'tokens') keep(slot, addAmount(current(slot, now), now, tokens));
    },
  };
}

function findFull(slot: Slot, window: SlidingWindow, now: number): Extract<RateVerdict, { kind: 'limited' }> | null {
  const used = totalOf(window);
  if (used < slot.most) return null;
  const waitMs = timeUntilBelow(window, now, slot.spanMs, slot.most);
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return { kind: 'limited', limit: slot.limit, unit: slot.unit, used, retryAfterSeconds };
}

function slotsOf(limit: RateLimit, subject: RateSubject): readonly Slot[] {
  const owner = limit.per === 'run' ? subject.runId : subject.agentId;
  const spanMs = limit.window_seconds * 1000;
  return (['calls', 'tokens'] as const).flatMap((unit) => {
    const most = limit[unit];
    return most === undefined
      ? []
      : [{ limit, unit, most, spanMs, key: `${limit.per} ${owner} ${unit} ${limit.window_seconds}` }];
  });
}

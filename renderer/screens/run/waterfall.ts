/** Where bars lie in a waterfall. Instants are epoch ms; places are fractions of the width, 0 to 1. */
export interface TimeScale {
  place(at: number): number;
  /** Stretches that are drawn shorter than they were. */
  readonly breaks: readonly { readonly from: number; readonly to: number; readonly ms: number }[];
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Width of a shortened stretch. */
const BREAK_SHARE = 0.06;
/** All shortened stretches together take at most this much. */
const BREAKS_SHARE = 0.3;
/** A stretch in which nothing runs is shortened from this length on, and from this part of the busy time. */
const LONG_MS = 5_000;
const LONG_SHARE = 0.1;

/**
 * A time axis over the given calls on which long stretches without any are short: an agent that waits an hour for its
 * person would otherwise squeeze everything it did into a line. `until` is where the axis ends.
 */
export function createScale(busy: readonly Span[], from: number, until: number): TimeScale {
  const end = Math.max(until, from + 1);
  const merged = mergeSpans(busy, from, end);
  const worked = merged.reduce((sum, span) => sum + span.end - span.start, 0);
  const long = Math.max(LONG_MS, worked * LONG_SHARE);
  const idle = gapsBetween(merged, from, end).filter((gap) => gap.end - gap.start > long);
  const share = idle.length === 0 ? 0 : Math.min(BREAK_SHARE, BREAKS_SHARE / idle.length);
  const idleMs = idle.reduce((sum, gap) => sum + gap.end - gap.start, 0);
  const perMs = (1 - share * idle.length) / Math.max(1, end - from - idleMs);

  const starts: number[] = [from];
  const places: number[] = [0];
  const rates: number[] = [perMs];
  for (const gap of idle) {
    const before = placeIn(starts, places, rates, gap.start);
    starts.push(gap.start, gap.end);
    places.push(before, before + share);
    rates.push(share / (gap.end - gap.start), perMs);
  }
  const place = (at: number): number => Math.min(1, Math.max(0, placeIn(starts, places, rates, at)));
  const breaks = idle.map((gap) => ({ from: place(gap.start), to: place(gap.end), ms: gap.end - gap.start }));
  return { place, breaks };
}

function placeIn(starts: readonly number[], places: readonly number[], rates: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return (places[low] ?? 0) + (at - (starts[low] ?? 0)) * (rates[low] ?? 0);
}

function mergeSpans(spans: readonly Span[], from: number, until: number): readonly Span[] {
  const within = spans
    .map(({ start, end }) => ({ start: Math.max(from, start), end: Math.min(until, Math.max(start, end)) }))
    .filter(({ start, end }) => start <= end)
    .sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const span of within) {
    const last = merged.at(-1);
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else merged.push({ ...span });
  }
  return merged;
}

function gapsBetween(merged: readonly Span[], from: number, until: number): readonly Span[] {
  const gaps: Span[] = [];
  let at = from;
  for (const { start, end } of merged) {
    if (start > at) gaps.push({ start: at, end: start });
    at = Math.max(at, end);
  }
  if (until > at) gaps.push({ start: at, end: until });
  return gaps;
}

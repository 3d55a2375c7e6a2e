import type { Preferences } from '../contract/host.ts';

/** When a person does not want to be disturbed. Times of day are local; the zone comes in as a function. */

type NoticePreferences = Preferences['notifications'];

/**
 * The instant (epoch ms) of a local time of day: `minutes` after midnight, on the day that lies `days` after the local
 * day of `at`. Where a change of clocks leaves the time out, the instant that the system takes for it.
 */
export type LocalInstant = (at: number, days: number, minutes: number) => number;

/** A stretch of time, epoch ms, the end excluded. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
/** How far ahead a gate's time is reckoned. */
const HORIZON_DAYS = 14;

/** The quiet stretches that touch [from, to), in order; `now` is when a "quiet until" begins at the latest. */
export function quietSpans(
  preferences: NoticePreferences,
  { from, to }: Span,
  now: number,
  local: LocalInstant,
): readonly Span[] {
  const { quiet_until: until } = preferences;
  const spans = [...dailySpans(preferences, { from, to }, local)];
  if (until !== null && until > now) spans.push({ from: Math.min(from, now), to: until });
  return merge(spans.filter((span) => span.to > from && span.from < to));
}

function* dailySpans({ quiet_from, quiet_to }: NoticePreferences, { from, to }: Span, local: LocalInstant) {
  if (quiet_from === null || quiet_to === null || quiet_from === quiet_to) return;
  const [start, end] = [minutesOf(quiet_from), minutesOf(quiet_to)];
  const days = Math.min(HORIZON_DAYS, Math.ceil((to - from) / DAY_MS) + 1);
  for (let day = -1; day <= days; day += 1) {
    // Over midnight it ends on the following day.
    yield { from: local(from, day, start), to: local(from, end < start ? day + 1 : day, end) };
  }
}

function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

function merge(spans: readonly Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (span.to <= span.from) continue;
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to)
      merged[merged.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

/** Whether it is quiet now, and when that changes next (null: not within two days). */
export function quietAt(
  preferences: NoticePreferences,
  now: number,
  local: LocalInstant,
): { readonly quiet: boolean; readonly changesAt: number | null } {
  const spans = quietSpans(preferences, { from: now, to: now + 2 * DAY_MS }, now, local);
  const current = spans.find(({ from, to }) => from <= now && now < to);
  if (current !== undefined) return { quiet: true, changesAt: current.to };
  return { quiet: false, changesAt: spans[0]?.from ?? null };
}

/** Quiet time that a gate's expiry has been moved for, or needs not be. */
export type Credited = readonly Span[];

/**
 * How much later a pending gate is to expire so that quiet time does not count against it: the quiet time between now
 * and its expiry that was not `credited` before, and what the later expiry then meets in turn. `ms` 0: nothing to do.
 */
export function owedQuiet(
  preferences: NoticePreferences,
  { expiresAt, credited }: { readonly expiresAt: number; readonly credited: Credited },
  now: number,
  local: LocalInstant,
): { readonly ms: number; readonly credited: Credited } {
  const limit = now + HORIZON_DAYS * DAY_MS;
  let [end, known] = [expiresAt, credited];
  while (end < limit) {
    const before = end;
    const quiet = quietSpans(preferences, { from: now, to: end }, now, local);
    // Only what has begun before the expiry counts, but then to its end: the gate cannot lapse within it.
    const fresh = quiet.flatMap((span) => subtract({ from: Math.max(span.from, now), to: span.to }, known));
    end += fresh.reduce((sum, { from, to }) => sum + to - from, 0);
    known = merge([...known, ...fresh]);
    if (end === before) break;
  }
  return { ms: end - expiresAt, credited: known };
}

/** What of a span lies outside the others, which are in order and apart. */
function subtract(span: Span, others: readonly Span[]): readonly Span[] {
  let rest = span;
  const parts: Span[] = [];
  for (const { from, to } of others) {
    if (to <= rest.from || from >= rest.to) continue;
    if (from > rest.from) parts.push({ from: rest.from, to: from });
    rest = { from: Math.min(to, rest.to), to: rest.to };
  }
  return rest.to > rest.from ? [...parts, rest] : parts;
}

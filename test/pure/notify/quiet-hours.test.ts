import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SYSTEM_LOCAL } from '../../../proxy-core/channels/attention.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../proxy-core/contract/host.ts';
import { type Credited, owedQuiet, quietAt, quietSpans, type Span } from '../../../proxy-core/notify/quiet-hours.ts';
import { UTC } from './clocks.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIDNIGHT = Date.UTC(2026, 5, 1);
const at = (hours: number, days = 0): number => MIDNIGHT + days * DAY + hours * HOUR;

const prefer = (over: Partial<Preferences['notifications']>): Preferences['notifications'] => ({
  ...DEFAULT_PREFERENCES.notifications,
  ...over,
});
const NIGHT = prefer({ quiet_from: '22:00', quiet_to: '07:30' });
const LUNCH = prefer({ quiet_from: '12:00', quiet_to: '13:00' });

describe('quiet hours', () => {
  it.each([
    ['before midnight', 23, true, at(7.5, 1)],
    ['after midnight', 3, true, at(7.5)],
    ['at their start', 22, true, at(7.5, 1)],
    ['at their end', 7.5, false, at(22)],
    ['by day', 15, false, at(22)],
  ])('over midnight hold %s', (_, hour, quiet, changesAt) => {
    expect(quietAt(NIGHT, at(hour), UTC)).toEqual({ quiet, changesAt });
  });

  it('hold within a day, and until an instant besides', () => {
    expect(quietAt(LUNCH, at(12.5), UTC)).toEqual({ quiet: true, changesAt: at(13) });
    const longer = { ...LUNCH, quiet_until: at(14) };
    expect(quietAt(longer, at(11.5), UTC)).toEqual({ quiet: true, changesAt: at(14) });
    expect(quietAt(longer, at(14), UTC)).toEqual({ quiet: false, changesAt: at(12, 1) });
  });

  it('are none where nothing is set, where only one time is, and where both are the same', () => {
    for (const none of [
      prefer({}),
      prefer({ quiet_from: '10:00' }),
      prefer({ quiet_from: '10:00', quiet_to: '10:00' }),
    ]) {
      expect(quietAt(none, at(10), UTC)).toEqual({ quiet: false, changesAt: null });
    }
  });

  it('follow the local clock over a change of it', () => {
    const start = new Date(2026, 5, 1, 22).getTime();
    expect(quietAt(NIGHT, start, SYSTEM_LOCAL)).toMatchObject({ quiet: true });
    expect(new Date(SYSTEM_LOCAL(start, 1, 450)).getHours()).toBe(7);
  });
});

describe('an expiry that quiet time does not count against', () => {
  const owed = (expiresAt: number, now: number, credited: Credited = [], preferences = NIGHT) =>
    owedQuiet(preferences, { expiresAt, credited }, now, UTC);

  it('moves by the quiet time before it', () => {
    expect(owed(at(22.5), at(21.5)).ms).toBe(9.5 * HOUR);
    expect(owed(at(21), at(20)).ms).toBe(0);
  });

  it('moves further by what the later expiry meets in turn', () => {
    const twoNights = owed(at(8, 1) + 15 * HOUR, at(21));
    expect(twoNights.ms).toBe(2 * 9.5 * HOUR);
  });

  it('moves once for each stretch, however often one looks', () => {
    const first = owed(at(22.5), at(21.5));
    expect(owed(at(22.5) + first.ms, at(23), first.credited).ms).toBe(0);
    expect(owed(at(22.5) + first.ms, at(7.5, 1), first.credited).ms).toBe(0);
  });

  it('moves for a quiet hour that a person begins', () => {
    const quiet = prefer({ quiet_until: at(16) });
    const first = owed(at(15.5), at(15), [], quiet);
    expect(first.ms).toBe(HOUR);
    expect(owed(at(15.5) + first.ms, at(15.25), first.credited, quiet).ms).toBe(0);
    expect(owed(at(15.5) + first.ms, at(15.25), first.credited, prefer({ quiet_until: at(17) })).ms).toBe(HOUR);
  });

  const minute = fc.integer({ min: 0, max: 1439 });
  const clock = minute.map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);

  it('leaves a gate exactly its time outside quiet hours, if they leave a day enough of it', () => {
    fc.assert(
      fc.property(
        clock,
        clock,
        fc.integer({ min: 1, max: 6 * HOUR }),
        fc.integer({ min: 0, max: DAY }),
        (from, to, life, start) => {
          const preferences = prefer({ quiet_from: from, quiet_to: to });
          const now = MIDNIGHT + start;
          const { ms } = owed(now + life, now, [], preferences);
          const end = now + life + ms;
          const quiet = quietSpans(preferences, { from: now, to: end }, now, UTC);
          fc.pre(end < now + 10 * DAY);
          expect(end - now - measure(quiet, { from: now, to: end })).toBe(life);
        },
      ),
    );
  });
});

const measure = (spans: readonly Span[], { from, to }: Span): number =>
  spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0);

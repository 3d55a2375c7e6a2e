/** Times for people. Instants are epoch ms, durations ms; texts are in the browser's language where words are needed. */

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** "14:03:07". */
export const showClock = (at: number): string => clock.format(at);

/** "14:03:07" today, "Nov 21, 14:03" before. */
export const showInstant = (at: number, now: number): string =>
  new Date(at).toDateString() === new Date(now).toDateString() ? clock.format(at) : day.format(at);

/** The whole instant, for tooltips. */
export const showFull = (at: number): string => full.format(at);

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** "58 min", "4 s", "1 h 12 min", "820 ms"; never negative. */
export function showDuration(ms: number): string {
  const left = Math.max(0, Math.round(ms));
  if (left < 1000) return `${left} ms`;
  const at = UNITS.findIndex(([size]) => left >= size);
  const [size, unit] = UNITS[at] ?? [1000, 's'];
  const whole = Math.floor(left / size);
  const next = UNITS[at + 1];
  if (next === undefined || whole >= 10 || unit === 'min') return `${whole} ${unit}`;
  const rest = Math.floor((left - whole * size) / next[0]);
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${next[1]}`;
}

/** "12 s ago", "just now". */
export const showAgo = (at: number, now: number): string =>
  now - at < 1000 ? 'just now' : `${showDuration(now - at)} ago`;

/** A countdown: "58:12", "1:02:03", "0:00". */
export function showCountdown(ms: number): string {
  const left = Math.max(0, Math.ceil(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor(left / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

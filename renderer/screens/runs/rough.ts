import { showDuration } from '../../format/time.ts';

/** "12 s ago", "3 h ago", "just now": the largest unit only, for a column of many. Instants are epoch ms. */
export function roughlyAgo(at: number, now: number): string {
  const passed = now - at;
  if (passed < 1000) return 'just now';
  return `${/^\d+ \S+/.exec(showDuration(passed))?.[0] ?? ''} ago`;
}

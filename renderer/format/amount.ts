import { type NanoUsd, showUsd } from '../../proxy-core/contract/money.ts';

/** Amounts and counts for people. */

/** "$0.42"; a dash where there is none. */
export const showCost = (nano: number | null): string => (nano === null ? '–' : showUsd(nano as NanoUsd));

const counts = new Intl.NumberFormat(undefined);
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** "12,480". */
export const showCount = (value: number): string => counts.format(value);

/** "12.5K" from ten thousand on. */
export const showCompact = (value: number): string => (value < 10_000 ? counts.format(value) : compact.format(value));

/** "820 B", "64.0 KB", "1.2 MB" (1 KB = 1024 B). */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1_048_576) return `${(bytes / 1024).toFixed(1)} KB`;
  if (bytes < 1_073_741_824) return `${(bytes / 1_048_576).toFixed(1)} MB`;
  return `${(bytes / 1_073_741_824).toFixed(1)} GB`;
}

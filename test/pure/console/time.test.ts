import { expect, it } from 'vitest';
import { showBytes, showCompact } from '../../../renderer/format/amount.ts';
import { showAgo, showCountdown, showDuration } from '../../../renderer/format/time.ts';

it('says durations with the units a person would', () => {
  expect([0, 820, 4000, 59_999, 60_000, 4_320_000, 90_000_000].map(showDuration)).toEqual([
    '0 ms',
    '820 ms',
    '4 s',
    '59 s',
    '1 min',
    '1 h 12 min',
    '1 d 1 h',
  ]);
  expect(showDuration(-5)).toBe('0 ms');
});

it('counts down to zero and no further, rounding up so that 0:00 means over', () => {
  expect([3_723_000, 58_001, 1, 0, -4000].map(showCountdown)).toEqual(['1:02:03', '0:59', '0:01', '0:00', '0:00']);
});

it('says how long ago', () => {
  expect(showAgo(1000, 1500)).toBe('just now');
  expect(showAgo(0, 12_000)).toBe('12 s ago');
});

it('shortens counts only when they are long', () => {
  expect(showCompact(9999)).not.toContain('K');
  expect(showCompact(12_480)).toBe('12.5K');
  expect(showBytes(1536)).toBe('1.5 KB');
});

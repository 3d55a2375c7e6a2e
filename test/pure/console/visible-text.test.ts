import { describe, expect, it } from 'vitest';
import { showHidden, visible } from '../../../proxy-core/contract/visible.ts';
import { type VisiblePart, visibleParts } from '../../../renderer/parts/visible-parts.ts';

const shown = (parts: readonly VisiblePart[]): string =>
  parts.map((part) => (typeof part === 'string' ? part : showHidden(part.mark))).join('');

describe('text from elsewhere', () => {
  it.each([true, false])('E11: shows each hidden character of 100,000, in few boxes (breaks: %s)', (breaks) => {
    const text = 'a\u200b\n'.repeat(100_000);
    const parts = visibleParts(text, breaks);
    const whole = visible(text);
    expect(shown(parts) === (breaks ? whole.replaceAll('\\n', '\n') : whole)).toBe(true);
    expect(parts.length).toBeLessThan(3_000);
  });

  it('has a box for each of a few', () => {
    const parts = visibleParts('a\u202eb\n\u200b', true);
    expect(parts).toEqual(['a', { mark: '\u202e', at: 1 }, 'b\n', { mark: '\u200b', at: 4 }, '']);
    expect(visibleParts('plain', true)).toEqual(['plain']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderCell } from '../../../proxy-core/audit/export/csv.ts';
import { showHidden } from '../../../proxy-core/contract/visible.ts';

const UNSHOWN = /(?![\t\r\n])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff]|[\u{e0000}-\u{e007f}]/gu;

describe('a CSV cell', () => {
  it('holds nothing that moves a terminal or turns text around, and says what was there', () => {
    const cell = renderCell('rm \u001b[2K\u202e"fdp"\u2069\u0007 \u009b, end\nnext\u{e0041}');
    expect(cell).toBe('"rm \\u{1b}[2K\\u{202e}""fdp""\\u{2069}\\u{7} \\u{9b}, end\nnext\\u{e0041}"');
    expect(renderCell('👩‍👧 ☂️ naïve')).toBe('"👩‍👧 ☂️ naïve"');
  });

  it('is never taken for a formula, whatever hides the sign', () => {
    for (const text of ['=1+1', '+1', '-1+2', '@SUM(A1)', '|calc', '\t=1', '\r=1', '\n=1', ' =1', '\u200b=1', '＝1'])
      expect(renderCell(text).replace(/^"/, ''), JSON.stringify(text)).toMatch(/^'/);
  });

  it('keeps numbers as numbers, and texts that only look alike as texts', () => {
    expect(renderCell(12)).toBe('12');
    expect(renderCell('0.0093')).toBe('0.0093');
    expect(renderCell(null)).toBe('');
    expect(renderCell('1e5')).toBe('1e5');
  });

  it('is one cell for any reader of RFC 4180', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const cell = renderCell(text);
        const quoted = cell.startsWith('"');
        const inner = quoted ? cell.slice(1, -1).replaceAll('""', '') : cell;
        expect(inner.includes('"')).toBe(false);
        if (!quoted) expect(cell).not.toMatch(/[,\r\n]/);
        const read = quoted ? cell.slice(1, -1).replaceAll('""', '"') : cell;
        const shown = text.replace(UNSHOWN, showHidden);
        expect([shown, `'${shown}`]).toContain(read);
      }),
    );
  });
});

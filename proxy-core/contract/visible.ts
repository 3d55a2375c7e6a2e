/**
 * Characters that change how text looks without showing: controls, ANSI escapes, direction marks, zero-width and tag characters,
 * variation selectors, odd spaces, lone surrogates (faults E10). A reviewer must see them.
 */
export const HIDDEN_CHARACTERS =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\p{Variation_Selector}|\u034f|[\u115f\u1160\u3164\uffa0]|\u17b4|\u17b5|(?! )\p{Zs}/gu;

/** One such character as `\u{…}`, newline and tab as `\n` and `\t`. */
export function showHidden(mark: string): string {
  if (mark === '\n') return '\\n';
  if (mark === '\t') return '\\t';
  return `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`;
}

/** The text with every hidden character shown. */
export const visible = (text: string): string => text.replace(HIDDEN_CHARACTERS, showHidden);

/** The visible text, cut to a number of characters with the rest counted. */
export function excerpt(text: string, limit: number): string {
  if (text.length <= limit) return visible(text);
  return `${visible(text.slice(0, limit))}… (${text.length - limit} more characters)`;
}

/** Texts that stand between quotes in source code of any language, escapes of letters decoded. */

const TEXTS = 400;
const LONGEST = 4_096;
const LENGTH = 128 * 1024;

/** Quoted texts of a code, in order. One pass; never throws. What is not closed on its line ends with it. */
export function quotedTexts(code: string): readonly string[] {
  const texts: string[] = [];
  const end = Math.min(code.length, LENGTH);
  for (let at = 0; at < end && texts.length < TEXTS; at += 1) {
    const quote = code.charAt(at);
    if (quote !== '"' && quote !== "'" && quote !== '`') continue;
    let close = at + 1;
    while (close < end && code[close] !== quote && (quote === '`' || code[close] !== '\n'))
      close += code[close] === '\\' ? 2 : 1;
    if (close < end && code[close] === quote) {
      texts.push(decoded(code.slice(at + 1, Math.min(close, at + LONGEST))));
      at = close;
    }
  }
  return texts;
}

const decoded = (text: string): string =>
  text.includes('\\')
    ? text.replace(
        /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|([0-7]{3})|(["'`/]))/g,
        (_, hex: string | undefined, wide: string | undefined, octal: string | undefined, mark: string | undefined) =>
          mark ?? String.fromCharCode(Number.parseInt(hex ?? wide ?? octal ?? '0', octal === undefined ? 16 : 8)),
      )
    : text;

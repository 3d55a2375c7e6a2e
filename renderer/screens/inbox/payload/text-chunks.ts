/** Long text in pieces that a browser can lay out one by one; nothing is left out between them. */
export interface TextChunk {
  readonly text: string;
  /** Lines that begin in it, for its estimated height. */
  readonly lines: number;
}

const CHUNK_LINES = 200;
const CHUNK_CHARACTERS = 20_000;

/** Cut at line ends where possible; the pieces joined are the text, and no surrogate pair is torn. */
export function chunkText(text: string): readonly TextChunk[] {
  const chunks: TextChunk[] = [];
  let from = 0;
  while (from < text.length) {
    const { end, lines } = chunkEnd(text, from);
    chunks.push({ text: text.slice(from, end), lines });
    from = end;
  }
  return chunks;
}

function chunkEnd(text: string, from: number): { readonly end: number; readonly lines: number } {
  const limit = from + CHUNK_CHARACTERS;
  let end = from;
  for (let lines = 1; lines <= CHUNK_LINES; lines += 1) {
    const newline = text.indexOf('\n', end);
    if (newline === -1 && text.length <= limit) return { end: text.length, lines };
    if (newline === -1 || newline >= limit)
      return end > from ? { end, lines: lines - 1 } : { end: cutAt(text, limit), lines: 1 };
    end = newline + 1;
    if (end === text.length) return { end, lines };
  }
  return { end, lines: CHUNK_LINES };
}

/** Not between the halves of a surrogate pair. */
function cutAt(text: string, at: number): number {
  const next = text.charCodeAt(at);
  return next >= 0xdc00 && next <= 0xdfff ? at + 1 : at;
}

/** How many lines a text has; an empty text has none. */
export function countLines(text: string): number {
  if (text === '') return 0;
  let lines = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < text.length - 1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** Above this a payload stands in a box of its own and has to be read to its end before it can be approved. */
export const LONG_LINES = 200;
const LONG_CHARACTERS = 20_000;

export interface Extent {
  readonly lines: number;
  readonly characters: number;
}

export const extentOf = (text: string): Extent => ({ lines: countLines(text), characters: text.length });

/** More than 200 lines, or one so long that it fills as many. */
export const isLong = ({ lines, characters }: Extent): boolean => lines > LONG_LINES || characters > LONG_CHARACTERS;

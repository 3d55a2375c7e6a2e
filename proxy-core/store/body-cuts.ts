import type { Span } from '../wire/json-scan.ts';
import { segments } from '../wire/segments.ts';

/**
 * Where a request body is cut for storage. `segments` cuts at the elements of the conversation; this cuts finer where
 * clients change an element they have sent before: Claude Code moves its `cache_control` marks to the newest message
 * each turn, which would store the message they leave a second time. So the mark is a piece of its own, and so is
 * the run of closing brackets behind it, which makes the text before them the same piece with and without a mark.
 */

const MARK = Buffer.from('"cache_control":');
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** A mark is a small flat object; what looks longer is left alone. */
const MARK_LIMIT = 128;

/** Spans whose bytes joined are exactly the body. An empty body has none. */
export function cutBody(bytes: Uint8Array): readonly Span[] {
  const coarse = segments(bytes);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const marks = findMarks(body);
  if (marks.length === 0) return coarse;
  const markStarts = new Set(marks.map(([start]) => start));
  const cuts = new Set([...coarse.map(([, end]) => end), ...marks.flat()]);
  const spans: Span[] = [];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut > from) spans.push(...(markStarts.has(from) ? [[from, cut] as const] : cutClosers(body, from, cut)));
    from = cut;
  }
  return spans;
}

function findMarks(body: Buffer): readonly Span[] {
  const marks: Span[] = [];
  for (let at = body.indexOf(MARK); at !== -1; at = body.indexOf(MARK, at + MARK.length)) {
    const end = flatObjectEnd(body, at + MARK.length, body.length);
    if (end !== null) marks.push([body[at - 1] === COMMA ? at - 1 : at, end]);
  }
  return marks;
}

/** Where the object that starts at `from` ends, if it is short and holds neither objects nor escapes. */
function flatObjectEnd(body: Buffer, from: number, end: number): number | null {
  if (body[from] !== OPEN) return null;
  let quoted = false;
  for (let at = from + 1; at < Math.min(end, from + MARK_LIMIT); at += 1) {
    const byte = body[at];
    if (byte === BACKSLASH) return null;
    if (byte === QUOTE) quoted = !quoted;
    else if (!quoted && byte === OPEN) return null;
    else if (!quoted && byte === CLOSE) return at + 1;
  }
  return null;
}

const isCloser = (byte: number | undefined): boolean => byte === CLOSE || byte === 0x5d;

function cutClosers(body: Buffer, start: number, end: number): readonly Span[] {
  let from = end;
  while (from > start && isCloser(body[from - 1])) from -= 1;
  if (from === end || from === start) return [[start, end]];
  return [
    [start, from],
    [from, end],
  ];
}

import { createParser } from 'eventsource-parser';

/**
 * Cuts an event stream into whole frames without changing a byte, and reads what a frame says. A frame runs up to and
 * including the blank line that dispatches it (LF, CR or CRLF, mixed as the WHATWG HTML standard §9.2.6 allows).
 */

/** Cuts a stream: everything `push` and `end` return, joined, is exactly what was pushed. */
export interface Framer {
  /** The frames completed by these bytes. Views into the chunk where possible: copy them to keep them beyond it. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** The unterminated rest, if any; the framer is empty afterwards. */
  end(): Uint8Array | null;
  /** A frame grew beyond the limit. Its bytes are dropped and nothing more is cut: the stream must be ended. */
  readonly oversized: boolean;
}

/** Largest frame that is waited for, in bytes. */
export const FRAME_LIMIT = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** A framer for one stream. `limit` bounds a single frame in bytes. */
export function createFramer(limit: number = FRAME_LIMIT): Framer {
  const pending = createBuffer();
  const line = createLineState();
  let oversized = false;
  return {
    push(chunk) {
      const frames: Uint8Array[] = [];
      if (oversized) return frames;
      let from = 0;
      for (const cut of line.cuts(chunk)) {
        const piece = chunk.subarray(from, cut);
        frames.push(pending.length === 0 ? piece : pending.take(piece));
        from = cut;
      }
      oversized = frames.some((frame) => frame.length > limit) || pending.length + chunk.length - from > limit;
      if (oversized) {
        pending.take(EMPTY);
        return frames.filter((frame) => frame.length <= limit);
      }
      if (from < chunk.length) pending.append(chunk.subarray(from));
      return frames;
    },
    end() {
      return pending.length === 0 ? null : pending.take(EMPTY);
    },
    get oversized() {
      return oversized;
    },
  };
}

const EMPTY = new Uint8Array(0);

interface LineState {
  /** The offsets in the chunk behind which a frame ends. */
  cuts(chunk: Uint8Array): readonly number[];
}

/**
 * Finds blank lines across chunk borders. After a CR that ends a blank line a LF may still belong to it: within a
 * chunk it is looked at; at the end of one the frame waits for it if the stream writes CRLF, so that cuts do not depend
 * on how the network cut the stream, and does not wait if it writes bare CR, so that no event is held back.
 */
function createLineState(): LineState {
  /** Nothing but terminators since the line began. */
  let blank = true;
  /** The last byte was a CR whose LF may follow. */
  let afterCr = false;
  /** That CR ended a blank line, and its frame is not cut yet. */
  let cutDue = false;
  let bareCr = false;
  /** Settle what an earlier CR left open, now that the next byte is known. Returns where to read on. */
  const settleCr = (byte: number, i: number, cuts: number[]): number => {
    const next = byte === LF ? i + 1 : i;
    if (cutDue) cuts.push(next);
    bareCr = byte !== LF;
    afterCr = false;
    cutDue = false;
    return next;
  };
  const endLine = (byte: number, i: number, cuts: number[]): void => {
    afterCr = byte === CR;
    cutDue = blank && afterCr;
    if (blank && !afterCr) cuts.push(i + 1);
    blank = true;
  };
  return {
    cuts(chunk) {
      const cuts: number[] = [];
      const next = { cr: -1, lf: -1 };
      let i = afterCr && chunk.length > 0 ? settleCr(chunk[0] as number, 0, cuts) : 0;
      while (i < chunk.length) {
        const end = lineEnd(chunk, i, next);
        if (end > i) blank = false;
        if (end === chunk.length) break;
        endLine(chunk[end] as number, end, cuts);
        i = end + 1;
        if (afterCr && i < chunk.length) i = settleCr(chunk[i] as number, i, cuts);
      }
      if (cutDue && bareCr) {
        cuts.push(chunk.length);
        cutDue = false;
      }
      return cuts;
    },
  };
}

/** The next CR or LF from `from` on; what was found is kept in `next`, so that each byte is searched once. */
function lineEnd(chunk: Uint8Array, from: number, next: { cr: number; lf: number }): number {
  if (next.cr < from) next.cr = indexOrEnd(chunk, CR, from);
  if (next.lf < from) next.lf = indexOrEnd(chunk, LF, from);
  return Math.min(next.cr, next.lf);
}

function indexOrEnd(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index === -1 ? chunk.length : index;
}

/** Collects a frame that spans chunks in one growing array, so that single bytes cost no object each. */
function createBuffer() {
  let bytes = EMPTY;
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(chunk: Uint8Array): void {
      if (length + chunk.length > bytes.length) {
        const larger = new Uint8Array(Math.max(1024, bytes.length * 2, length + chunk.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(chunk, length);
      length += chunk.length;
    },
    /** Everything collected and then `last`, in an array of its own; the buffer is empty afterwards. */
    take(last: Uint8Array): Uint8Array {
      const whole = new Uint8Array(length + last.length);
      whole.set(bytes.subarray(0, length));
      whole.set(last, length);
      length = 0;
      if (bytes.length > KEPT_BYTES) bytes = EMPTY;
      return whole;
    },
  };
}

/** A larger buffer is given back once its frame is complete. */
const KEPT_BYTES = 64 * 1024;

/** What a frame says. */
export type FrameContent =
  /** One event. `event` is null where the frame names none. */
  | { readonly kind: 'event'; readonly event: string | null; readonly data: string }
  /** Comments, retry times, ids or nothing. */
  | { readonly kind: 'silent' }
  /** Bytes that some client may read as an event although the standard says otherwise. */
  | { readonly kind: 'unreadable' };

/** Reads frames in order. `last` also dispatches an event without its blank line, as the providers' SDKs do at the end. */
export type FrameReader = (frame: Uint8Array, last?: boolean) => FrameContent;

/**
 * Lines that only some clients see: behind a byte order mark inside the stream (the Anthropic SDK), and behind what Python takes
 * for a line's end too (`str.splitlines`, by which httpx cuts lines).
 */
const HIDDEN_LINE = /[\r\n]\uFEFF|(?![\t\r\n])[\p{Cc}\p{Zl}\p{Zp}]data(?::|$)/mu;
const BOM = '\uFEFF';
/** A line of the standard's own fields, or a comment. */
const FIELD_LINE = /^(?::|(?:data|id|retry|event)(?::|$)|$)/;
/** What lenient readers find data in: a field's name with blanks or capitals, a line of JSON without one. */
const LENIENT_DATA = /^\s*data\s*(?::|$)|[{[]/i;

/** A reader for one stream's frames; the first frame may begin with a byte order mark. Never throws. */
export function createFrameReader(): FrameReader {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let event: string | null = null;
  let data: string | null = null;
  const parser = createParser({
    onEvent: (message) => {
      event = message.event ?? null;
      data = message.data;
    },
  });
  let first = true;
  return (frame, last = false) => {
    const text = decoder.decode(frame);
    const hidden = HIDDEN_LINE.test(text) || (!first && text.startsWith(BOM));
    first = false;
    event = null;
    data = null;
    parser.feed(last ? `${text}\n\n` : text);
    if (hidden || isLenient(text.startsWith(BOM) ? text.slice(1) : text)) return { kind: 'unreadable' };
    return data === null ? { kind: 'silent' } : { kind: 'event', event, data };
  };
}

/** Whether a line that the standard ignores is data to some reader. */
const isLenient = (text: string): boolean =>
  text.split(/[\r\n]/).some((line) => !FIELD_LINE.test(line) && LENIENT_DATA.test(line));

import type { Usage } from '../contract/records.ts';
import type { FrameEffect, ReadLimits, ResponseReader, ResponseReport, StreamReader, ToolCall } from './format.ts';
import { ANSWER_SCAN_LIMITS, type Member, scanJson } from './json-scan.ts';
import { filledText, type JsonRecord, recordOrNull } from './loose-json.ts';
import { joinBytes } from './splice.ts';
import { createFrameReader, createFramer, FRAME_LIMIT } from './sse-frames.ts';

/**
 * What all readers of answers share: cutting, bounds, the refusal of text that two parsers could read differently, and
 * the report. A format supplies only what its events and bodies mean.
 */

const DEFAULT_LIMITS: ReadLimits = {
  bodyBytes: 64 * 1024 * 1024,
  frameBytes: FRAME_LIMIT,
  argsLength: 8 * 1024 * 1024,
};

/** What a format notes while it reads; the report is made from it. */
export interface Draft {
  responseId: string | null;
  model: string | null;
  finishReason: string | null;
  complete: boolean;
  malformed: boolean;
  error: ResponseReport['error'];
  /** What the model said so far. */
  text: string;
  /** Characters of arguments that may still be kept. */
  argsLeft: number;
}

/** One event or body. */
export interface Document {
  readonly root: JsonRecord;
  /** The exact text of the value at a path of keys and array positions; null if it is not there. */
  quote(path: readonly (string | number)[]): string | null;
}

/** The meaning of one format's answers. Called in order; never throws. */
export interface Meaning {
  readonly draft: Draft;
  /** One JSON event of a stream. `event` is the SSE event's name. */
  event(document: Document, event: string | null): FrameEffect;
  /** The text that ends a chat stream, `[DONE]`. */
  done(): FrameEffect;
  /** One whole JSON answer. */
  body(document: Document): void;
  /** The stream ended, with or without a terminal event. */
  end(): void;
  usage(): Usage | null;
  toolCalls(): readonly ToolCall[];
}

export const NO_EFFECT: FrameEffect = { toolCall: false, usageOnly: false, terminal: false };
export const TOOL_CALL: FrameEffect = { toolCall: true, usageOnly: false, terminal: false };
export const USAGE_ONLY: FrameEffect = { toolCall: false, usageOnly: true, terminal: false };
export const TERMINAL: FrameEffect = { toolCall: false, usageOnly: false, terminal: true };

/** A draft that has read nothing. */
export const createDraft = (limits: Partial<ReadLimits> | undefined): Draft => ({
  responseId: null,
  model: null,
  finishReason: null,
  complete: false,
  malformed: false,
  error: null,
  text: '',
  argsLeft: limits?.argsLength ?? DEFAULT_LIMITS.argsLength,
});

/** Characters of what a model says that are kept: more than a summary of a conversation has. */
const TEXT_KEPT = 32 * 1024;

/** Note words of the model that its client shows. */
export function noteText(draft: Draft, value: unknown): void {
  if (typeof value === 'string' && draft.text.length < TEXT_KEPT) draft.text += value;
}

/** The part of a tool call's text that may still be kept, counted against the answer's allowance. */
export function keepArgs(draft: Draft, text: string): { readonly text: string; readonly truncated: boolean } {
  const kept = text.length <= draft.argsLeft ? text : text.slice(0, draft.argsLeft);
  draft.argsLeft -= kept.length;
  return { text: kept, truncated: kept.length < text.length };
}

/** Note an error object that a provider put into an answer with status 200. */
export function noteError(draft: Draft, value: unknown): void {
  const error = recordOrNull(value);
  if (error === null && typeof value !== 'string') return;
  draft.error = {
    type: filledText(error?.['type']) ?? filledText(error?.['code']) ?? 'error',
    message: filledText(error?.['message']) ?? (typeof value === 'string' ? value : 'The provider reported an error.'),
  };
}

/** The reader of a whole JSON answer. Over `bodyBytes` the copy is dropped and the report stays incomplete. */
export function createJsonReader(meaning: Meaning, limits?: Partial<ReadLimits>): ResponseReader {
  const most = limits?.bodyBytes ?? DEFAULT_LIMITS.bodyBytes;
  let parts: Uint8Array[] = [];
  let length = 0;
  return {
    push(bytes) {
      length += bytes.length;
      if (length > most) {
        parts = [];
        meaning.draft.malformed = true;
      } else parts.push(bytes.slice());
    },
    end() {
      if (length === 0 || length > most) return;
      const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : joinBytes(parts);
      parts = [];
      const document = parseDocument(bytes, decodeText(bytes));
      if (document === null) meaning.draft.malformed = true;
      else meaning.body(document);
    },
    get complete() {
      return meaning.draft.complete;
    },
    get report() {
      return report(meaning);
    },
    get text() {
      return meaning.draft.text;
    },
  };
}

/** The reader of an event stream. */
export function createStreamReader(meaning: Meaning, limits?: Partial<ReadLimits>): StreamReader {
  const framer = createFramer(limits?.frameBytes ?? DEFAULT_LIMITS.frameBytes);
  const readFrame = createFrameReader();
  const pushFrame = (frame: Uint8Array, last?: boolean): FrameEffect => {
    const content = readFrame(frame, last);
    if (content.kind === 'silent') return NO_EFFECT;
    if (content.kind === 'event') {
      if (content.data.trim() === '[DONE]') return meaning.done();
      const document = parseDocument(encoder.encode(content.data), content.data);
      if (document !== null) return meaning.event(document, content.event);
    }
    meaning.draft.malformed = true;
    return TOOL_CALL;
  };
  return {
    push(bytes) {
      for (const frame of framer.push(bytes)) pushFrame(frame);
      if (framer.oversized) meaning.draft.malformed = true;
    },
    pushFrame,
    end() {
      const rest = framer.end();
      if (rest !== null) pushFrame(rest, true);
      meaning.end();
    },
    get complete() {
      return meaning.draft.complete;
    },
    get report() {
      return report(meaning);
    },
    get text() {
      return meaning.draft.text;
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes);

/** The document, or null if it is no JSON object or two parsers could read it differently. */
function parseDocument(bytes: Uint8Array, text: string): Document | null {
  if (scanJson(bytes, ANSWER_SCAN_LIMITS).kind === 'refused') return null;
  try {
    const root = recordOrNull(JSON.parse(text));
    return root === null ? null : { root, quote: createQuote(bytes) };
  } catch {
    return null;
  }
}

function report(meaning: Meaning): ResponseReport {
  const { responseId, model, finishReason, complete, malformed, error } = meaning.draft;
  const toolCalls = meaning.toolCalls();
  return { responseId, model, finishReason, complete, malformed, error, usage: meaning.usage(), toolCalls };
}

/** Quotes from one document. Each object on the way is scanned once, however many of its parts are quoted. */
function createQuote(bytes: Uint8Array): Document['quote'] {
  const scanned = new Map<string, readonly Member[]>();
  const membersAt = (place: string, slice: Uint8Array): readonly Member[] => {
    const known = scanned.get(place);
    if (known !== undefined) return known;
    const scan = scanJson(slice, ANSWER_SCAN_LIMITS);
    const members = scan.kind === 'scanned' ? scan.members : [];
    scanned.set(place, members);
    return members;
  };
  return (path) => {
    let slice = bytes;
    for (let i = 0; i < path.length; i += 1) {
      const member = membersAt(path.slice(0, i).join('/'), slice).find((m) => m.key === path[i]);
      const index = path[i + 1];
      const span =
        typeof index === 'number' ? member?.elements?.[index] : member && ([member.start, member.end] as const);
      if (span === undefined) return null;
      slice = slice.subarray(span[0], span[1]);
      if (typeof index === 'number') i += 1;
    }
    return decodeText(slice);
  };
}

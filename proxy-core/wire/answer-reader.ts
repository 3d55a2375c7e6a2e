import type { Usage } from '../contract/records.ts';
import type {
  FrameEffect,
  NamedTool,
  ReadLimits,
  ResponseReader,
  ResponseReport,
  StreamReader,
  TextListener,
  ToolCall,
} from './format.ts';
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
  /** Told what the model says, as it comes. */
  hear: TextListener | null;
  /** Characters of arguments that may still be kept. */
  argsLeft: number;
  readonly begun: { readonly tools: NamedTool[]; calls: number; unsure: boolean; foreign: boolean };
  /** The tools of `begun`, to find them again. */
  readonly named: Set<string>;
  /** Values that are no calls of the client's, whatever they hold: tools that the provider has run. */
  readonly settled: WeakSet<object>;
  /** Values that have been read where the format has its calls, with the member that holds their arguments. */
  readonly placed: WeakMap<object, string>;
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
  calls(): ReadCalls;
}

/** The calls of an answer. */
export interface ReadCalls {
  /** As they are recorded and shown. */
  readonly toolCalls: readonly ToolCall[];
  /** Calls that some client may make of the same bytes instead; see `ResponseReport.otherCalls`. */
  readonly otherCalls: readonly ToolCall[];
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
  hear: null,
  argsLeft: limits?.argsLength ?? DEFAULT_LIMITS.argsLength,
  begun: { tools: [], calls: 0, unsure: false, foreign: false },
  named: new Set(),
  settled: new WeakSet(),
  placed: new WeakMap(),
});

/** Characters of what a model says that are kept: more than a summary of a conversation has. */
const TEXT_KEPT = 32 * 1024;

/** Note words of the model that its client shows. */
export function noteText(draft: Draft, value: unknown): void {
  if (typeof value !== 'string') return;
  draft.hear?.(value);
  if (draft.text.length < TEXT_KEPT) draft.text += value;
}

/** More calls, or more tools named, in one answer are not kept. */
export const MOST_CALLS = 1024;
/** Longer names are not kept apart. */
const LONGEST_NAME = 4096;

/**
 * The one answer to everything that cannot be read for certain or is over a bound: the report says so, and from here on nothing
 * leaves where something could have to be withheld.
 */
export function doubt(draft: Draft): FrameEffect {
  draft.malformed = true;
  draft.begun.unsure = true;
  return TOOL_CALL;
}

/** Note that the answer holds, or may hold, a call of this tool. */
export function noteTool(draft: Draft, tool: NamedTool): void {
  const key = `${tool.kind}\n${tool.namespace ?? ''}\n${tool.name}`;
  if (draft.named.has(key)) return;
  if (draft.named.size >= MOST_CALLS || tool.name.length > LONGEST_NAME) {
    doubt(draft);
    return;
  }
  draft.named.add(key);
  draft.begun.tools.push(tool);
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
        doubt(meaning.draft);
      } else parts.push(bytes.slice());
    },
    end() {
      if (length === 0 || length > most) return;
      const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : joinBytes(parts);
      parts = [];
      const document = parseDocument(bytes, decodeText(bytes));
      if (document === null) doubt(meaning.draft);
      else meaning.body(document);
    },
    get complete() {
      return meaning.draft.complete;
    },
    get report() {
      return report(meaning);
    },
    listen(hear) {
      meaning.draft.hear = hear;
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
      // A list or a single value is no event to any client, and text without an object in it no call.
      if (!content.data.includes('{') || (/^\s*\[/.test(content.data) && parses(content.data))) {
        meaning.draft.begun.foreign = true;
        return NO_EFFECT;
      }
    }
    return doubt(meaning.draft);
  };
  return {
    push(bytes) {
      for (const frame of framer.push(bytes)) pushFrame(frame);
      if (framer.oversized) doubt(meaning.draft);
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
    listen(hear) {
      meaning.draft.hear = hear;
    },
    get text() {
      return meaning.draft.text;
    },
    get begun() {
      return meaning.draft.begun;
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

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function report(meaning: Meaning): ResponseReport {
  const { responseId, model, finishReason, complete, error } = meaning.draft;
  const { toolCalls, otherCalls } = meaning.calls();
  const { malformed } = meaning.draft;
  const read = { responseId, model, finishReason, complete, malformed, error, usage: meaning.usage(), toolCalls };
  return otherCalls.length === 0 ? read : { ...read, otherCalls };
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

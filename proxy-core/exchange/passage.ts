import { answerHeaders } from '../providers/headers.ts';
import type {
  AtProvider,
  Begun,
  Format,
  FrameEffect,
  ResponseReader,
  ResponseReport,
  StreamReader,
  TextListener,
  ToolCall,
} from '../wire/format.ts';
import { isSignOfLife } from '../wire/sign-of-life.ts';
import { createFramer } from '../wire/sse-frames.ts';
import type { AgentReply } from './reply.ts';
import { openUndecided } from './undecided-passage.ts';

/** Which pieces of an answer may leave before the whole of it is known. */
export type Streaming =
  /** Nothing can need withholding: chunks pass as they come. */
  | { readonly kind: 'pass' }
  /**
   * Frames pass until one for which `holdFrom` says true; frames for which `hide` says true are dropped. A tool call behind the
   * end of the answer is no part of it: nothing judges it, so neither it nor what follows goes out.
   */
  | {
      readonly kind: 'frames';
      /** Nothing leaves before the whole answer is known, as with `buffer`. */
      readonly holdsAll: boolean;
      /** Asked for every frame that touches a tool call, with what is known of the calls so far. */
      holdFrom(begun: Begun): boolean;
      hide(effect: FrameEffect): boolean;
      /** What goes to the agent for a frame that may leave: the frame, or the frame moved behind what we sent. */
      outgoing(frame: Uint8Array): Uint8Array;
    }
  /** Nothing passes before the whole answer is known. */
  | { readonly kind: 'buffer' };

/** What an error or a count was found to hold: some clients hand out the calls of those too. */
export interface Beside {
  readonly calls: readonly ToolCall[];
  /** It is in no form that is read for certain; most errors that are pages or plain words are in none. */
  readonly malformed: boolean;
  /** Its content coding: what was looked through is not what the client will see. Null: none. */
  readonly coding: string | null;
}

/** What became of an answer, as far as it was read. */
export interface Answer {
  readonly status: number;
  /** Headers for the agent as they came, names and values alternating, without the governed ones. */
  readonly headers: readonly string[];
  /** What it is to be read as: a stream under another type counts as one, and a document under a stream's. */
  readonly contentType: string;
  readonly stream: boolean;
  readonly firstByteAt: number;
  readonly report: ResponseReport | null;
  /** What the model said, as far as it is kept. */
  readonly text: string;
  /** What was found in an answer that is none of the format's own: an error, a count of tokens. Null: nothing was looked for. */
  readonly beside: Beside | null;
  /** Everything the provider sent, or null when it was more than is kept. */
  readonly body: readonly Uint8Array[] | null;
  /** How many bytes of `body` had been let go before the rest was held; what is withheld of it starts here. */
  readonly passedBytes: number;
  /** Takes what has not been sent to the agent yet; what is taken is never sent twice. */
  takeRest(): readonly Uint8Array[];
  /** Whether an event of ours may follow what has been sent: a stream was not cut inside one of its own. */
  betweenEvents(): boolean;
}

/** What is known of an answer when its head has come. */
export interface PassageOptions {
  /** Null for opaque endpoints, whose answers are not read. */
  readonly format: Format | null;
  /** The format in which calls are looked for where the answer is not read: errors, and endpoints that only count. Null: nowhere. */
  readonly searched: Format | null;
  /** Which tools of the answer the provider may have run itself. */
  readonly atProvider: AtProvider;
  readonly streaming: Streaming;
  readonly status: number;
  /** The provider's headers, names and values alternating. */
  readonly rawHeaders: readonly string[];
  readonly firstByteAt: number;
  /** Headers of every governed answer, names and values alternating. */
  readonly governedHeaders: readonly string[];
  /** Told the words of the answer as they are read; null where nobody listens. */
  readonly hear: TextListener | null;
  /** The request asked for a stream, whatever the answer calls itself. */
  readonly asksStream: boolean;
  /** No rule could withhold it, so it passes as it is even if it cannot be read: type, encoding, syntax (behaviour §2). */
  readonly passesUnread: boolean;
  /** White space before a document passes at once: a client must not give up on a slow answer that shows it is coming. */
  readonly passesSpace: boolean;
  /** How much of an answer is kept in memory: to hold it, and to record it. */
  readonly keepBytes: number;
}

/** One answer on its way through: what may leave goes out, what must wait is held, all of it is read. */
export interface Passage {
  /** Take the next bytes. False asks the provider to pause. */
  push(chunk: Buffer): boolean;
  /** The provider has ended its answer. */
  end(): void;
  /** The admission is durable: the first byte may leave. False asks the provider to stay paused. */
  open(): boolean;
  /** The agent has gone: read on for the usage, send nothing. */
  agentGone(): void;
  answer(): Answer;
  /** The terminal event of a stream has been read; only the end of the connection is missing. */
  readonly complete: boolean;
  /** Asked at the end of the connection: nothing is missing, or the provider itself said why. */
  readonly whole: boolean;
  /** More is held than may be kept, or one event is larger than any that is read. */
  readonly overflow: boolean;
  /** What comes behind the end of the answer is more than a provider has to say there, or may not go out. */
  readonly overdue: boolean;
  readonly bytesSinceGone: number;
}

const EVENT_END = /(?:\n\n|\r\r|\r\n\r\n)$/;
/** Bytes a provider may send behind the end of its answer (comments, another terminator). */
const LATE_LIMIT = 64 * 1024;

const EVENT_STREAM = 'text/event-stream';
const DOCUMENT = 'application/json';

/** Begin to pass an answer on; its head goes out with the first bytes that may leave. */
export function openPassage(options: PassageOptions, reply: AgentReply): Passage {
  const { format, status, rawHeaders, asksStream } = options;
  const typed = headerOf(rawHeaders, 'content-type').startsWith(EVENT_STREAM);
  // Under the other form's type it may be what was asked for all the same: its first bytes tell.
  const tells = asksStream !== typed && format !== null && status < 300 && !isEncoded(rawHeaders);
  return tells ? openUndecided(typed, (stream) => openKnown(options, reply, stream)) : openKnown(options, reply, typed);
}

/** Content codings were not asked for; what comes encoded all the same is read as bytes that are not what the client will see. */
const isEncoded = (rawHeaders: readonly string[]): boolean =>
  !['', 'identity'].includes(headerOf(rawHeaders, 'content-encoding'));

function openKnown(options: PassageOptions, reply: AgentReply, stream: boolean): Passage {
  const contentType = headerOf(options.rawHeaders, 'content-type');
  const failed = options.status >= 400;
  const read = options.format !== null && !failed;
  const openStream = (): StreamReader | null => options.format?.streamReader(undefined, options.atProvider) ?? null;
  const streamReader = read && stream ? openStream() : null;
  const reader = streamReader ?? (read ? (options.format?.jsonReader(undefined, options.atProvider) ?? null) : null);
  if (options.hear !== null) reader?.listen(options.hear);
  const beside = read ? null : searchReader(options, stream);
  const encoded = read && isEncoded(options.rawHeaders);
  const unreadable = encoded && options.passesUnread;
  // An error or a count goes out whole or not at all: calls in it are looked for, and one may be refused.
  const apart = beside !== null && !options.passesUnread;
  const streaming: Streaming =
    !stream || failed || apart ? { kind: 'buffer' } : unreadable ? { kind: 'pass' } : options.streaming;
  const framer = streaming.kind === 'frames' ? createFramer() : null;
  const headers = answerHeaders(options.rawHeaders, { bodyChanged: framer !== null });

  const kept: Uint8Array[] = [];
  let keptBytes = 0;
  let passedBytes = 0;
  let out: Uint8Array[] = [];
  const held: Uint8Array[] = [];
  let holding = streaming.kind === 'buffer' || (streaming.kind === 'frames' && (streaming.holdsAll || encoded));
  let opened = false;
  let gone = false;
  let bytesSinceGone = 0;
  let lateReader: StreamReader | null = null;
  let lateBytes = 0;
  let lateCall = false;
  let tail = '';

  /** Nothing of this document can be withheld: when it is larger than what is kept it passes, all but its last piece. */
  const spills = !stream && !apart && options.streaming.kind === 'pass';
  const spilled = (): boolean => spills && keptBytes > options.keepBytes;
  /** A stream in no form that is read passes as it comes, all but its last piece. */
  const trickles = !stream && read && options.asksStream && options.passesUnread;
  let onlySpace = !stream && read && options.passesSpace;

  const keep = (bytes: Uint8Array): void => {
    keptBytes += bytes.length;
    if (keptBytes <= options.keepBytes) kept.push(bytes);
    else kept.length = 0;
  };

  const place = (bytes: Uint8Array): void => {
    if (gone) return;
    if (holding) held.push(bytes);
    else {
      out.push(bytes);
      passedBytes = keptBytes;
    }
  };

  /** The piece that completes an answer waits for the settlement, and so does all behind it. */
  const passChunk = (chunk: Uint8Array): void => {
    if (streamReader?.complete === true) lateBytes += chunk.length;
    keep(chunk);
    reader?.push(chunk);
    beside?.push(chunk);
    if (reader?.complete === true) holding = true;
    if (trickles || spilled()) release();
    onlySpace &&= /^\s*$/.test(Buffer.from(chunk).toString('latin1'));
    if (onlySpace && !gone) {
      out.push(chunk);
      passedBytes = keptBytes;
    } else place(chunk);
  };

  const release = (): void => {
    // One by one: as the arguments of one call, some hundred thousand pieces are more than the stack takes.
    for (const bytes of held.splice(0)) out.push(bytes);
  };

  const passFrame = (frame: Uint8Array, filter: Streaming & { readonly kind: 'frames' }, last: boolean): void => {
    const late = streamReader?.complete === true;
    // Read apart: what comes behind the end does not change what the answer was.
    if (late) lateReader ??= openStream();
    const effect = (late ? lateReader : streamReader)?.pushFrame(frame, last);
    if (late) {
      lateBytes += frame.length;
      lateCall ||= effect?.toolCall === true;
      if (lateCall) return;
    }
    keep(frame);
    if (effect?.toolCall === true && !holding && streamReader !== null) holding = filter.holdFrom(streamReader.begun);
    if (streamReader?.complete === true) holding = true;
    if (effect !== undefined && filter.hide(effect)) return;
    if (holding && !late && reply.headSent && !gone && isSignOfLife(frame)) out.push(filter.outgoing(frame));
    else place(holding ? frame : filter.outgoing(frame));
  };

  const flush = (): boolean => {
    if (out.length === 0) return true;
    if (!reply.headSent) reply.head(options.status, [...headers, ...options.governedHeaders]);
    let goOn = true;
    for (const bytes of out) {
      goOn = reply.write(bytes);
      tail = (tail + Buffer.from(bytes.subarray(-4)).toString('latin1')).slice(-4);
    }
    out = [];
    return goOn;
  };

  const takeRest = (): readonly Uint8Array[] => {
    const rest = [...out, ...held];
    out = [];
    held.length = 0;
    return rest;
  };

  return {
    push(chunk) {
      if (gone) bytesSinceGone += chunk.length;
      if (framer !== null && streaming.kind === 'frames') {
        for (const frame of framer.push(chunk)) passFrame(frame, streaming, false);
      } else {
        passChunk(chunk);
      }
      if (gone) return true;
      return opened && flush();
    },
    end() {
      const last = framer?.end() ?? null;
      if (last !== null && streaming.kind === 'frames') passFrame(last, streaming, true);
      reader?.end();
      beside?.end();
      if (opened && !gone) flush();
    },
    open() {
      opened = true;
      return gone || flush();
    },
    agentGone() {
      gone = true;
      out = [];
      held.length = 0;
    },
    answer: () => ({
      status: options.status,
      headers,
      contentType: stream === contentType.startsWith(EVENT_STREAM) ? contentType : stream ? EVENT_STREAM : DOCUMENT,
      stream,
      firstByteAt: options.firstByteAt,
      report: reader === null || spilled() ? null : encoded ? { ...reader.report, malformed: true } : reader.report,
      text: reader?.text ?? '',
      beside:
        beside === null
          ? null
          : {
              calls: [...beside.report.toolCalls, ...(beside.report.otherCalls ?? [])],
              malformed: beside.report.malformed,
              coding: isEncoded(options.rawHeaders) ? headerOf(options.rawHeaders, 'content-encoding') : null,
            },
      body: keptBytes <= options.keepBytes ? kept : null,
      passedBytes,
      takeRest,
      betweenEvents: () => EVENT_END.test(tail),
    }),
    get complete() {
      return streamReader?.complete === true;
    },
    get whole() {
      if (reader === null || spilled() || reader.report.complete || reader.report.error !== null) return true;
      return (
        options.passesUnread && (encoded || !stream || isUnknown(reader.report, streamReader?.begun.foreign === true))
      );
    },
    get overflow() {
      return (keptBytes > options.keepBytes && holding && !gone && !spills) || framer?.oversized === true;
    },
    get overdue() {
      return lateCall || lateBytes > LATE_LIMIT;
    },
    get bytesSinceGone() {
      return bytesSinceGone;
    },
  };
}

/** Nothing of it was in a form that is read: what there is of it may be all of it. */
const isUnknown = (
  { malformed, responseId, model, finishReason, toolCalls }: ResponseReport,
  foreign: boolean,
): boolean =>
  (malformed || foreign) && responseId === null && model === null && finishReason === null && toolCalls.length === 0;

function searchReader({ searched, atProvider }: PassageOptions, stream: boolean): ResponseReader | null {
  if (searched === null) return null;
  return stream ? searched.streamReader(undefined, atProvider) : searched.jsonReader(undefined, atProvider);
}

function headerOf(rawHeaders: readonly string[], name: string): string {
  const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? '' : (rawHeaders[at + 1] ?? '').toLowerCase();
}

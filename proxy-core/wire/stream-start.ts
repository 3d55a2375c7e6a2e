/**
 * What an answer is, read from its first bytes: several servers send an event stream under another content type, and
 * clients that asked for a stream read it as one without looking at the type (measured: openai-node, AI SDK).
 */
export type AnswerStart = 'stream' | 'document' | 'undecided';

const latin1 = new TextDecoder('latin1');
/** Bytes of leading white space after which it is no stream. */
const MOST_SPACE = 64 * 1024;

/** The fields with which a line of an event stream can begin (WHATWG HTML §9.2.5). */
const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'];

/** Read the first bytes of an answer, cut anywhere; `undecided` while they could still be either. */
export function readStart(bytes: Uint8Array): AnswerStart {
  const text = latin1.decode(bytes.subarray(0, MOST_SPACE));
  const start = text.replace(/^(?:\xef\xbb\xbf)?[\r\n]*/, '');
  if (/^\s*$/.test(text) || text === '\xef' || text === '\xef\xbb')
    return bytes.length < MOST_SPACE ? 'undecided' : 'document';
  if (FIELDS.some((field) => start.startsWith(field))) return 'stream';
  return FIELDS.some((field) => field.startsWith(start)) ? 'undecided' : 'document';
}

/** Whether the bytes begin like a JSON object, which no line of an event stream does. */
export const startsObject = (bytes: Uint8Array): boolean =>
  /^(?:\xef\xbb\xbf)?\s*\{/.test(latin1.decode(bytes.subarray(0, MOST_SPACE)));

import { ANSWER_SCAN_LIMITS, type Member, scanJson } from './json-scan.ts';
import { type JsonRecord, record, recordOrNull } from './loose-json.ts';
import { joinBytes } from './splice.ts';
import { createFrameReader } from './sse-frames.ts';
import { renderEvent } from './sse-render.ts';

/** Frames as the hold and the transcoder see them: a JSON payload that is read, quoted and edited in place. */

/** A frame's event: its payload parsed and as its own text. */
export interface FramePayload {
  readonly event: string | null;
  readonly root: JsonRecord;
  readonly json: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The payload of one frame, or null if it is no JSON object (comments, `[DONE]`, damage). */
export function payloadOf(frame: Uint8Array): FramePayload | null {
  const content = createFrameReader()(frame, true);
  if (content.kind !== 'event') return null;
  const json = encoder.encode(content.data);
  if (scanJson(json, ANSWER_SCAN_LIMITS).kind === 'refused') return null;
  try {
    const root = recordOrNull(JSON.parse(content.data));
    return root === null ? null : { event: content.event, root, json };
  } catch {
    return null;
  }
}

/** The frame with another payload: name, comments and line ends stay as they are unless the data had several lines. */
export function withPayload(frame: Uint8Array, payload: FramePayload, json: Uint8Array): Uint8Array {
  const text = decoder.decode(frame);
  const before = decoder.decode(payload.json);
  const at = text.indexOf(before);
  if (at === -1) return encoder.encode(renderJson(payload.event, decoder.decode(json)));
  const head = encoder.encode(text.slice(0, at));
  return joinBytes([head, json, encoder.encode(text.slice(at + before.length))]);
}

/** One event with JSON data on one line: line ends in JSON text stand between its parts only. */
export const renderJson = (event: string | null, json: string): string =>
  renderEvent(event, json.replace(/[\r\n]+/g, ' '));

/** The parts of a stored stream that are JSON events, in order. */
export const payloadsOf = (frames: readonly Uint8Array[]): readonly FramePayload[] =>
  frames.flatMap((frame) => payloadOf(frame) ?? []);

/** The members of a JSON object's text; none if it is something else. */
export function membersOf(json: Uint8Array): readonly Member[] {
  const scan = scanJson(json, ANSWER_SCAN_LIMITS);
  return scan.kind === 'scanned' ? scan.members : [];
}

/** The text of one member's value, or null if the object has none. */
export function memberJson(json: Uint8Array, key: string): Uint8Array | null {
  const member = membersOf(json).find((m) => m.key === key);
  return member === undefined ? null : json.subarray(member.start, member.end);
}

/** The texts of the elements of a member that is an array; none otherwise. */
export function elementsJson(json: Uint8Array, key: string): readonly Uint8Array[] {
  const elements = membersOf(json).find((m) => m.key === key)?.elements ?? [];
  return elements.map(([start, end]) => json.subarray(start, end));
}

/** The numbers of a usage object, those one level down included, and nothing else that a provider has put there. */
export function countsOf(usage: unknown): JsonRecord {
  const counts = Object.entries(record(usage)).flatMap(([key, value]): [string, unknown][] => {
    if (typeof value === 'number') return [[key, value]];
    const inner = Object.entries(record(value)).filter(([, count]) => typeof count === 'number');
    return inner.length === 0 ? [] : [[key, Object.fromEntries(inner)]];
  });
  return Object.fromEntries(counts);
}

/** UTF-8 of a text, and back. */
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

/** `[a,b]` from the texts of the elements. */
export const arrayJson = (elements: readonly Uint8Array[]): string => `[${elements.map(textOf).join(',')}]`;

/** A JSON text parsed if it is an object, else an empty object. */
export function recordOf(json: Uint8Array): JsonRecord {
  try {
    return recordOrNull(JSON.parse(decoder.decode(json))) ?? {};
  } catch {
    return {};
  }
}

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import type { ToolCall } from '../wire/format.ts';
import { hostedAmong } from '../wire/hosted-tools.ts';
import type { Answer, Beside } from './passage.ts';
import type { ReadRequest } from './request.ts';

/**
 * The calls in an error or a count of tokens, or null where there may be some that cannot be read.
 *
 * Threat: clients that do not look at the status hand out what stands in an error, and they undo a content coding that
 * nobody asked for; so it is undone here too. What is malformed and speaks of calls may be read by one of them as some; other
 * pages and words are what errors mostly are, and pass.
 */
export async function callsBeside(
  request: ReadRequest,
  answer: Answer,
  { calls, malformed, coding }: Beside,
): Promise<readonly ToolCall[] | null> {
  const body = Buffer.concat(answer.body ?? []);
  if (coding === null) return malformed && speaksOfCalls(body, answer.stream) ? null : calls;
  const decoded = await undo(coding, body);
  const format = request.format;
  if (decoded === null || format === null) return null;
  const atProvider = hostedAmong(request.facts?.tools ?? []);
  const reader = answer.stream ? format.streamReader(undefined, atProvider) : format.jsonReader(undefined, atProvider);
  reader.push(decoded);
  reader.end();
  const { report } = reader;
  if (report.malformed && speaksOfCalls(decoded, answer.stream)) return null;
  return [...calls, ...report.toolCalls, ...(report.otherCalls ?? [])];
}

const speaksOfCalls = (body: Buffer, stream: boolean): boolean => {
  const text = body.toString('latin1');
  return (stream || /^(?:\xef\xbb\xbf)?\s*\{/.test(text)) && /\\u|tool|call|function/i.test(text);
};

/** A coded answer is decoded so far, bytes; clients that are sent more of it in an error are few. */
const MOST_DECODED = 8 * 1024 * 1024;
/** Codings one over another that clients undo (undici: 5). */
const MOST_CODINGS = 5;

type Decode = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const DECODERS: Readonly<Record<string, readonly Decode[]>> = {
  gzip: [promisify(gunzip)],
  'x-gzip': [promisify(gunzip)],
  br: [promisify(brotliDecompress)],
  // Servers send both forms under this name (RFC 9110 §8.4.1.2), and clients read both.
  deflate: [promisify(inflate), promisify(inflateRaw)],
  zstd: [promisify(zstdDecompress)],
};

/** The bytes without the codings that a header names, or null where they cannot be undone. */
async function undo(header: string, body: Buffer): Promise<Buffer | null> {
  const codings = header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (codings.length > MOST_CODINGS) return null;
  let bytes: Buffer | null = body;
  for (const coding of codings.reverse()) bytes = bytes === null ? null : await undoOne(coding, bytes);
  return bytes;
}

async function undoOne(coding: string, bytes: Buffer): Promise<Buffer | null> {
  for (const decode of (Object.hasOwn(DECODERS, coding) && DECODERS[coding]) || []) {
    const decoded = await decode(bytes, { maxOutputLength: MOST_DECODED }).catch(() => null);
    if (decoded !== null) return decoded;
  }
  return null;
}

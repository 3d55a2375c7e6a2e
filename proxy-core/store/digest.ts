import type { MessagePart } from '../contract/conversation.ts';
import type { WireFormat } from '../contract/records.ts';
import { readConversation } from '../wire/conversation.ts';
import { startOf } from '../wire/conversation-parts.ts';
import { scanJson } from '../wire/json-scan.ts';
import { type CapturedArtifact, captureArtifacts } from './capture.ts';
import type { Readable } from './handle.ts';
import { parseColumn } from './json-column.ts';
import type { ReadInput } from './reads.ts';
import { readBody, readFreshBody } from './tables/bodies.ts';
import { listEarlierBodies, listUndigested, type UndigestedExchange } from './tables/exchanges.ts';
import { listUndigestedRuns } from './tables/runs.ts';

/** What is to be indexed and kept of runs and calls; `digest`, the verb, writes it down. */
export interface Digest {
  readonly runs: readonly { readonly runId: string; readonly text: string }[];
  readonly exchanges: readonly DigestedExchange[];
}

/** What one call brought that no call of its run had brought before. */
export interface DigestedExchange {
  readonly exchangeId: string;
  readonly runId: string;
  readonly text: string;
  readonly artifacts: readonly CapturedArtifact[];
}

/** Characters of one side of a call that are indexed. */
const INDEXED = 64 * 1024;
/** A call's bodies are written a moment after its settlement; later than this they will not come any more, ms. */
const BODIES_LATEST = 10_000;
/** Enough for whole files and screenshots, which captures need. */
const LIMITS = { part: 8 * 1_048_576, image: 12 * 1_048_576, total: 32 * 1_048_576 };
/** Texts of one answer to the writer, characters: one transaction stays short. */
const BATCH = 256 * 1024;

/** The next runs and calls that have been settled and not been looked at, oldest first. */
export function readDigest(db: Readable, { now, limit }: ReadInput<'digest'>): Digest {
  const runs = listUndigestedRuns(db, limit).map(({ run_id, labels }) => ({
    runId: run_id,
    text: [run_id, ...Object.values(parseColumn(labels) as Record<string, string>)].join('\n'),
  }));
  const exchanges: DigestedExchange[] = [];
  let size = 0;
  for (const exchange of listUndigested(db, now - BODIES_LATEST, limit)) {
    const digested = digestExchange(db, exchange);
    exchanges.push(digested);
    size += digested.text.length + digested.artifacts.reduce((sum, { body }) => sum + body.length, 0);
    if (size > BATCH) break;
  }
  return { runs, exchanges };
}

/** A call whose stored bytes cannot be read has nothing to find, and must not keep the others from being found. */
function digestExchange(db: Readable, exchange: UndigestedExchange): DigestedExchange {
  const { exchange_id: exchangeId, run_id: runId } = exchange;
  try {
    const asked = askedParts(db, exchange);
    const answered = answeredParts(db, exchange);
    const text = [indexable(asked), indexable(answered)].filter((part) => part !== '').join('\n');
    return { exchangeId, runId, text, artifacts: captureArtifacts(db, exchange, asked) };
  } catch {
    return { exchangeId, runId, text: '', artifacts: [] };
  }
}

/** The messages that a request brings for the first time. System prompts and tool declarations are not searched. */
function askedParts(db: Readable, exchange: UndigestedExchange): readonly MessagePart[] {
  const { request_body: bodyId, wire_format: format } = exchange;
  if (bodyId === null) return [];
  if (format === null) return exchange.path.startsWith('/v1/tools/') ? toolApiParts(readBody(db, bodyId)) : [];
  const { bytes, fresh } = readFreshBody(db, bodyId, listEarlierBodies(db, exchange.run_id, exchange.step));
  const scan = scanJson(bytes);
  const key = format === 'responses' || format === 'embeddings' ? 'input' : 'messages';
  const member = scan.kind === 'scanned' ? scan.members.find((one) => one.key === key) : undefined;
  if (member?.elements == null) return partsOf(format, bytes, null, false);
  const isFresh = ([start, end]: readonly [number, number]): boolean =>
    fresh.some(([from, to]) => start < to && end > from);
  const news = member.elements.filter(isFresh).map(([start, end]) => decoder.decode(bytes.subarray(start, end)));
  return partsOf(format, encoder.encode(`{"${key}":[${news.join(',')}]}`), null, false);
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

const toolApiParts = (bytes: Uint8Array): readonly MessagePart[] => [
  { kind: 'tool_call', tool: '', call_id: null, text: decoder.decode(bytes), cut: 0 },
];

function answeredParts(db: Readable, exchange: UndigestedExchange): readonly MessagePart[] {
  const { response_body: bodyId, wire_format: format, response_content_type: type } = exchange;
  if (bodyId === null || format === null) return [];
  return partsOf(format, null, readBody(db, bodyId), type?.startsWith('text/event-stream') ?? false);
}

function partsOf(
  format: WireFormat,
  request: Uint8Array | null,
  response: Uint8Array | null,
  stream: boolean,
): readonly MessagePart[] {
  return readConversation({ format, request, response, stream }, LIMITS).messages.flatMap(({ parts }) => parts);
}

/** The words of parts, at most `INDEXED` characters; what is encoded (keys, pictures, hashes in a row) holds none. */
function indexable(parts: readonly MessagePart[]): string {
  const texts: string[] = [];
  let left = INDEXED;
  for (const part of parts) {
    if (left <= 0) break;
    const text = startOf(textOf(part).replaceAll(/[A-Za-z0-9+/=_-]{256,}/g, ' '), left);
    left -= text.length;
    if (text !== '') texts.push(text);
  }
  return texts.join('\n');
}

function textOf(part: MessagePart): string {
  switch (part.kind) {
    case 'text':
    case 'reasoning':
    case 'tool_result':
      return part.text;
    case 'tool_call':
      return `${part.tool} ${argumentTexts(part.text)}`;
    case 'image':
    case 'other':
      return '';
  }
}

/** The values of arguments without JSON's quoting, so that a line break in a command does not stick to a word. */
function argumentTexts(args: string): string {
  try {
    const texts: string[] = [];
    JSON.parse(args, (_, value: unknown) => {
      if (typeof value === 'string' || typeof value === 'number') texts.push(String(value));
      return value;
    });
    return texts.join('\n');
  } catch {
    return args;
  }
}

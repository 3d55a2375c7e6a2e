import type { MessagePart } from '../contract/conversation.ts';
import { kindOfTool } from '../policy/tool-kinds.ts';
import { readConversation } from '../wire/conversation.ts';
import { parseObject } from '../wire/conversation-answers.ts';
import type { Readable } from './handle.ts';
import { countArtifacts } from './tables/artifacts.ts';
import { readBody } from './tables/bodies.ts';
import { findAnswer, type UndigestedExchange } from './tables/exchanges.ts';
import { findProposedCall, listResultsOf, type ProposedCall } from './tables/steps.ts';

/**
 * What tools have made, kept as artifacts of their run: whole files that a write tool wrote and said to have written,
 * and pictures that a tool answered with. Edits of a part of a file are in the trace only: the file is not known.
 */

/** Something to keep. */
export interface CapturedArtifact {
  readonly name: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly callId: string;
  readonly tool: string;
}

/** Artifacts of a run, handed in ones included, after which nothing more is captured. */
const MOST_PER_RUN = 500;
/** Larger files and pictures are in the stored call only, bytes. */
const LARGEST = 8 * 1_048_576;
/** Smaller pictures are icons, bytes. */
const SMALLEST_PICTURE = 4 * 1024;

/** What the results that a call brought for the first time say was made. `asked` are the request's new parts. */
export function captureArtifacts(
  db: Readable,
  exchange: UndigestedExchange,
  asked: readonly MessagePart[],
): readonly CapturedArtifact[] {
  const results = listResultsOf(db, exchange.run_id, exchange.exchange_id, exchange.step);
  if (results.length === 0) return [];
  const room = MOST_PER_RUN - countArtifacts(db, exchange.run_id);
  if (room <= 0) return [];
  const found = results.flatMap(({ callId, isError }) => {
    const call = findProposedCall(db, exchange.run_id, callId);
    if (call === null) return [];
    const file = isError || kindOfTool(call.name) !== 'write' ? null : writtenFile(db, callId, call);
    return [...(file === null ? [] : [file]), ...picturesOf(asked, callId, call)];
  });
  return found.filter(({ body }) => body.length <= LARGEST).slice(0, room);
}

const PATH_KEYS = ['file_path', 'path', 'filePath', 'filename', 'file_name', 'target_file', 'notebook_path'];
const CONTENT_KEYS = ['content', 'file_text', 'contents'];

function writtenFile(db: Readable, callId: string, call: ProposedCall): CapturedArtifact | null {
  const args = parseObject(call.argsLength > call.args.length ? wholeArgs(db, callId, call) : call.args);
  const path = firstText(args, PATH_KEYS);
  const content = firstText(args, CONTENT_KEYS);
  if (path === null || content === null) return null;
  const name = fileName(path);
  return { name, contentType: typeOfFile(name), body: encoder.encode(content), callId, tool: call.name };
}

const encoder = new TextEncoder();

/** A step keeps the start of long arguments; the stored answer has them whole. */
function wholeArgs(db: Readable, callId: string, { exchangeId }: ProposedCall): string {
  const answer = findAnswer(db, exchangeId);
  if (answer === null) return '';
  const { format, bodyId, stream } = answer;
  const limits = { part: 2 * LARGEST, image: 0, total: 4 * LARGEST };
  const { messages } = readConversation({ format, request: null, response: readBody(db, bodyId), stream }, limits);
  const parts = messages.flatMap((message) => message.parts);
  const said = parts.find((part) => part.kind === 'tool_call' && part.call_id === callId);
  return said?.kind === 'tool_call' && said.cut === 0 ? said.text : '';
}

const firstText = (args: Readonly<Record<string, unknown>> | null, keys: readonly string[]): string | null =>
  keys.map((key) => args?.[key]).find((value) => typeof value === 'string') ?? null;

/** Pictures stand behind the result that they belong to. */
function picturesOf(parts: readonly MessagePart[], callId: string, call: ProposedCall): readonly CapturedArtifact[] {
  const at = parts.findIndex((part) => part.kind === 'tool_result' && part.call_id === callId);
  if (at === -1) return [];
  const after = parts.slice(at + 1);
  const end = after.findIndex((part) => part.kind !== 'image');
  return (end === -1 ? after : after.slice(0, end)).flatMap((part, index) => {
    if (part.kind !== 'image' || part.data === '') return [];
    const body = new Uint8Array(Buffer.from(part.data, 'base64'));
    if (body.length < SMALLEST_PICTURE) return [];
    const contentType = part.media_type ?? 'image/png';
    const number = index === 0 ? '' : `-${index + 1}`;
    const name = fileName(`${call.name}-step-${call.step}${number}.${extensionOf(contentType)}`);
    return [{ name, contentType, body, callId, tool: call.name }];
  });
}

/** The last segment of a path, as artifacts may be called: exports write them as files. */
function fileName(path: string): string {
  const last = path.split(/[/\\]/).findLast((segment) => segment !== '') ?? '';
  const plain = last
    .replaceAll(/[\p{Cc}\p{Cf}:*?"<>|]/gu, '_')
    .slice(-200)
    .toWellFormed();
  return /^\.{0,2}$/.test(plain) ? 'file' : plain;
}

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  csv: 'text/csv',
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  svg: 'image/svg+xml',
  xml: 'application/xml',
};

const typeOfFile = (name: string): string => TYPES[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'text/plain';

/** `png` of `image/png`; of anything odd, `bin`. */
const extensionOf = (contentType: string): string => /^image\/([a-z0-9]{1,8})/.exec(contentType)?.[1] ?? 'bin';

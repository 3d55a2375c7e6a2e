import type { Conversation } from '../contract/conversation.ts';
import type { WireFormat } from '../contract/records.ts';
import { readConversation } from '../wire/conversation.ts';
import type { PreviewLimits } from '../wire/conversation-parts.ts';

/** What was said in a call, for people. The exact bytes stand beside it in exports that are complete. */
export type Message = Conversation['messages'][number];

/** Nothing of a text is cut here (formats cut what they show); of inline pictures only their kind is kept. */
const WHOLE: PreviewLimits = { part: Number.MAX_SAFE_INTEGER, image: 0, total: Number.MAX_SAFE_INTEGER };

/** The messages of a whole request body. */
export const readRequest = (format: WireFormat, body: Uint8Array): readonly Message[] =>
  readConversation({ format, request: body, response: null, stream: false }, WHOLE).messages;

/** The messages of an answer. */
export const readAnswer = (format: WireFormat, body: Uint8Array, stream: boolean): readonly Message[] =>
  readConversation({ format, request: null, response: body, stream }, WHOLE).messages;

/** Where a format's requests keep their conversation; the other formats have none that grows. */
const TURNS: Partial<Record<WireFormat, string>> = { chat: 'messages', messages: 'messages', responses: 'input' };

/** The messages in a part of a request body that was cut between elements of its conversation. */
export function readElements(format: WireFormat, text: string): readonly Message[] {
  const turns = TURNS[format];
  const elements = wholeObjects(text).filter((element) => isTurn(element));
  if (turns === undefined || elements.length === 0) return [];
  return readRequest(format, Buffer.from(`{"${turns}":[${elements.join(',')}]}`));
}

/** An element of a conversation says whose it is or what it is; a mark such as `cache_control` only looks alike. */
function isTurn(element: string): boolean {
  try {
    const value = JSON.parse(element) as Readonly<Record<string, unknown>>;
    return typeof value['role'] === 'string' || (typeof value['type'] === 'string' && value['type'] !== 'ephemeral');
  } catch {
    return false;
  }
}

/** The outermost whole objects of a text cut from an array: what is begun or ended elsewhere is skipped. */
function wholeObjects(text: string): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at];
    if (quoted) {
      if (mark === '\\') at += 1;
      else if (mark === '"') quoted = false;
    } else if (mark === '"') quoted = true;
    else if (mark === '{') {
      if (depth === 0) start = at;
      depth += 1;
    } else if (mark === '}' && depth > 0) {
      depth -= 1;
      if (depth === 0) found.push(text.slice(start, at + 1));
    }
  }
  return found;
}

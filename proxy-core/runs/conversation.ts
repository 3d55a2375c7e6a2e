import { isModelTurn, member, messagesOf } from './opening.ts';

/**
 * Recognising that a request continues a conversation, for clients that name no session. Each message is
 * reduced to a gist (role, length, head and tail), so the cost does not grow with the text; a mistake here
 * only files a call under the wrong one of the same agent's runs. `cache_control` moves between messages
 * from turn to turn (measured on Claude Code) and is left out.
 */

/** Hex SHA-256 of a text, lent by the caller. */
export type Sha256 = (text: string) => string;

export interface ConversationKeys {
  /** Key under which this request's whole conversation is filed; null when there is nothing to file. */
  readonly whole: string | null;
  /** Keys of earlier lengths that an assistant's turn follows, longest first. */
  readonly earlier: readonly string[];
}

const NONE: ConversationKeys = { whole: null, earlier: [] };
const EARLIER_LIMIT = 8;
/** Longer conversations are no one's: their keys would hold up every other call. */
const MESSAGE_LIMIT = 20_000;
const SAMPLE = 160;

/** Keys of a request body's conversation (`messages`, or `input` when that is a list). */
export function conversationKeys(body: unknown, sha256: Sha256): ConversationKeys {
  const messages = messagesOf(body);
  if (messages.length === 0 || messages.length > MESSAGE_LIMIT) return NONE;
  const earlier: string[] = [];
  let chain = '';
  messages.forEach((message, index) => {
    chain = sha256(`${chain}\n${gist(message)}`);
    const next = messages[index + 1];
    if (next !== undefined && isModelTurn(next) && !isModelTurn(message)) earlier.push(chain);
  });
  return { whole: chain, earlier: earlier.slice(-EARLIER_LIMIT).reverse() };
}

/**
 * Key of the first `count` messages of a body, as `conversationKeys` makes it of a whole conversation of that length; null
 * where there are fewer.
 */
export function prefixKey(body: unknown, count: number, sha256: Sha256): string | null {
  const messages = messagesOf(body);
  if (messages.length < count || count > MESSAGE_LIMIT) return null;
  return messages.slice(0, count).reduce<string>((chain, message) => sha256(`${chain}\n${gist(message)}`), '');
}

/** How many messages a body has. */
export const messageCount = (body: unknown): number => messagesOf(body).length;

/**
 * What two spellings of one request have in common, cheap enough to ask of every request: equal bodies have equal
 * sketches. `whole` is the conversation's key, `digest` the hash of the bytes for what is no conversation.
 */
export function sketchOf(body: unknown, whole: string | null, digest: string): string {
  if (whole !== null) return whole;
  const text = member(body, 'input') ?? member(body, 'prompt');
  return typeof text === 'string' ? `text ${gist(text)}` : digest;
}

function gist(value: unknown, depth = 0): string {
  if (typeof value === 'string') return `${value.length}:${value.slice(0, SAMPLE)}:${value.slice(-SAMPLE)}`;
  if (typeof value !== 'object' || value === null || depth > 6) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => gist(item, depth + 1)).join(',')}]`;
  return Object.keys(value)
    .filter((key) => key !== 'cache_control')
    .sort((one, other) => (one < other ? -1 : 1))
    .map((key) => `${key}=${gist(Reflect.get(value, key), depth + 1)}`)
    .join(';');
}

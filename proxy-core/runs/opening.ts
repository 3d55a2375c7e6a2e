/**
 * How a request begins: what it shows of its place in a conversation, for clients that name no session (behaviour §2,
 * rules 6 to 9). Texts are references into the parsed body, so nothing is copied.
 */
export interface Opening {
  readonly declaresTools: boolean;
  /** The model has spoken in it. */
  readonly modelTurn: boolean;
  /** It builds on something earlier: a turn of the model, a tool's result, the id of an earlier answer. */
  readonly history: boolean;
  /** `tool_choice` forces one named tool, as structured output does. */
  readonly forcedTool: boolean;
  /** Each text part of the user; empty where the model has spoken. */
  readonly userTexts: readonly string[];
  /** Each system text; empty where the model has spoken. */
  readonly systemTexts: readonly string[];
}

/** What the facts of a request already say of it. */
export interface Told {
  readonly declaresTools: boolean;
  readonly toolResults: boolean;
  readonly responseIds: boolean;
}

const NOTHING: readonly string[] = [];

/** A call of which nothing is read: it neither declares tools nor goes back to anything. */
export const BARE: Opening = {
  declaresTools: false,
  modelTurn: false,
  history: false,
  forcedTool: false,
  userTexts: NOTHING,
  systemTexts: NOTHING,
};

/** Read the opening of a parsed body. */
export function readOpening(body: unknown, told: Told): Opening {
  const messages = messagesOf(body);
  const modelTurn = messages.some(isModelTurn);
  const first = !modelTurn;
  return {
    declaresTools: told.declaresTools,
    modelTurn,
    history: modelTurn || told.toolResults || told.responseIds,
    forcedTool: forcesTool(member(body, 'tool_choice')) || forcesTool(member(body, 'function_call')),
    userTexts: first ? [...stringsOf(member(body, 'input')), ...textsOf(messages, isUser)] : NOTHING,
    systemTexts: first
      ? [
          ...stringsOf(member(body, 'instructions')),
          ...partsOf(member(body, 'system')),
          ...textsOf(messages, (message) => !isUser(message)),
        ]
      : NOTHING,
  };
}

/** User messages looked at for what a client adds to them, texts of all of these, and how much of the end of each text. */
const LATEST_USERS = 8;
const MOST_TEXTS = 32;
const TEXT_END = 2_048;

/** The ends of the user's texts, of the latest messages and of the first, latest first. */
export function userTextEnds(body: unknown): readonly string[] {
  const users = messagesOf(body).filter(isUser);
  const looked = [...users.slice(-LATEST_USERS).reverse(), ...users.slice(0, users.length > LATEST_USERS ? 1 : 0)];
  const said = looked.flatMap((message) => partsOf(member(message, 'content')).toReversed());
  return [...said, ...stringsOf(member(body, 'input'))].slice(0, MOST_TEXTS).map((text) => text.slice(-TEXT_END));
}

/** The messages of a body: `messages`, or `input` when that is a list. */
export function messagesOf(body: unknown): readonly unknown[] {
  const list = member(body, 'messages') ?? member(body, 'input');
  return Array.isArray(list) ? list : [];
}

const MODEL_ITEMS = /^(?:reasoning|item_reference|compaction|\w+_call)$/;

/** Whether a message or item is the model's. */
export function isModelTurn(message: unknown): boolean {
  const type = member(message, 'type');
  return member(message, 'role') === 'assistant' || (typeof type === 'string' && MODEL_ITEMS.test(type));
}

const isUser = (message: unknown): boolean => member(message, 'role') === 'user';

/** `{type: "tool", name}` (Messages), `{type: "function", name}` (Responses), `{type: "function", function: {name}}` and `{name}` (chat). */
const forcesTool = (choice: unknown): boolean =>
  [choice, member(choice, 'function'), member(choice, 'custom')].some(
    (part) => typeof member(part, 'name') === 'string',
  );

const textsOf = (messages: readonly unknown[], wanted: (message: unknown) => boolean): readonly string[] =>
  messages.filter(wanted).flatMap((message) => partsOf(member(message, 'content')));

/** A content's texts: itself, or those of its parts. */
function partsOf(content: unknown): readonly string[] {
  if (typeof content === 'string') return [content];
  return Array.isArray(content)
    ? content.flatMap((part) => stringsOf(typeof part === 'string' ? part : member(part, 'text')))
    : NOTHING;
}

const stringsOf = (value: unknown): readonly string[] => (typeof value === 'string' ? [value] : NOTHING);

/** A member of an object; undefined for anything else. */
export const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

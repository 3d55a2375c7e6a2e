import type { HoldableFormat } from './hold.ts';
import { arrayJson, bytesOf, elementsJson, memberJson, textOf } from './hold-frames.ts';
import { isClientCall } from './hold-messages.ts';
import { filledText, recordOrNull } from './loose-json.ts';
import { saidCall } from './responses-items.ts';
import { removeMembers, setMember } from './splice.ts';

/**
 * A whole JSON answer whose tool calls were rejected: the calls are cut out, `text` takes their place and the answer
 * ends normally, so that the agent's turn ends too (`clients.md` §3). Everything else stays as the provider wrote it.
 * Null if the body cannot be edited.
 */
export function rejectAnswer(format: HoldableFormat, body: Uint8Array, text: string, word: string): Uint8Array | null {
  switch (format) {
    case 'chat':
      return rejectChat(body, text);
    case 'responses':
      return rejectResponses(body, text, word);
    case 'messages':
      return rejectMessages(body, text);
  }
}

/** The edits one after the other; null as soon as one cannot be made. */
function edit(
  json: Uint8Array | null,
  ...members: readonly (readonly [key: string, literal: string])[]
): Uint8Array | null {
  return members.reduce((text, [key, literal]) => (text === null ? null : setMember(text, [key], literal)), json);
}

function rejectMessages(body: Uint8Array, text: string): Uint8Array | null {
  const kept = elementsJson(body, 'content').filter((block) => !isClientCall(typeOf(block)));
  const content = arrayJson([...kept, bytesOf(JSON.stringify({ type: 'text', text }))]);
  return edit(body, ['content', content], ['stop_reason', '"end_turn"'], ['stop_sequence', 'null']);
}

function rejectChat(body: Uint8Array, text: string): Uint8Array | null {
  const choices = elementsJson(body, 'choices').map((choice) => rejectChoice(choice, text));
  return choices.includes(null)
    ? null
    : edit(body, ['choices', arrayJson(choices.filter((choice) => choice !== null))]);
}

function rejectChoice(choice: Uint8Array, text: string): Uint8Array | null {
  const message = memberJson(choice, 'message');
  const bare = message === null ? null : removeMembers(message, ['tool_calls', 'function_call']);
  if (message === null || bare === null || bare === message) return choice;
  const said = filledText(parse(memberJson(message, 'content')));
  const content = JSON.stringify(said === null ? text : `${said}\n\n${text}`);
  const rejected = edit(bare, ['content', content]);
  return rejected === null ? null : edit(choice, ['message', textOf(rejected)], ['finish_reason', '"stop"']);
}

/** Reasoning directly before a call that goes is cut with it: the API refuses it without its following item. */
function rejectResponses(body: Uint8Array, text: string, word: string): Uint8Array | null {
  const items = elementsJson(body, 'output');
  const gone = items.map((item) => isCall(item));
  for (let i = items.length - 2; i >= 0; i -= 1) {
    const item = items[i];
    if (item !== undefined && typeOf(item) === 'reasoning' && gone[i + 1] === true) gone[i] = true;
  }
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  const message = { id: `msg_rungate_${word}`, type: 'message', status: 'completed', role: 'assistant', content };
  const output = arrayJson([...items.filter((_, i) => gone[i] !== true), bytesOf(JSON.stringify(message))]);
  return edit(body, ['output', output], ['status', '"completed"'], ['incomplete_details', 'null']);
}

function isCall(item: Uint8Array): boolean {
  const said = saidCall(recordOrNull(parse(item)));
  return said !== null && said.kind !== 'server';
}

const typeOf = (json: Uint8Array): unknown => recordOrNull(parse(json))?.['type'];

function parse(json: Uint8Array | null): unknown {
  try {
    return json === null ? null : (JSON.parse(textOf(json)) as unknown);
  } catch {
    return null;
  }
}

import type { WireFormat } from '../contract/records.ts';
import {
  callPart,
  contentParts,
  type Message,
  otherPart,
  type Preview,
  resultParts,
  textParts,
} from './conversation-parts.ts';
import { filledText, type JsonRecord, list, record, recordOrNull, records } from './loose-json.ts';
import { saidCall } from './responses-items.ts';

/** What the requests of each wire format say, as messages. */

type Said = Omit<Message, 'side'>;

/** The messages of a request's parsed body, oldest first. */
export function requestMessages(format: WireFormat, body: JsonRecord, preview: Preview): readonly Said[] {
  switch (format) {
    case 'chat':
      return records(body['messages']).map((message) => chatMessage(preview, message));
    case 'messages':
      return [
        ...systemMessage(preview, body['system']),
        ...records(body['messages']).map((message) => ({
          role: filledText(message['role']) ?? 'user',
          parts: [...contentParts(preview, message['content'])],
        })),
      ];
    case 'responses':
      return [...systemMessage(preview, body['instructions']), ...inputMessages(preview, body['input'])];
    case 'completions':
      return [{ role: 'user', parts: [...contentParts(preview, body['prompt'])] }];
    case 'embeddings':
      return [{ role: 'user', parts: [...contentParts(preview, body['input'])] }];
  }
}

function systemMessage(preview: Preview, system: unknown): readonly Said[] {
  const parts = contentParts(preview, system);
  return parts.length === 0 ? [] : [{ role: 'system', parts: [...parts] }];
}

/** A message of Chat Completions, in a request or as an answer's choice. */
export function chatMessage(preview: Preview, message: JsonRecord): Said {
  const role = filledText(message['role']) ?? 'assistant';
  if (role === 'tool' || role === 'function') {
    const callId = message['tool_call_id'] ?? message['name'];
    return { role: 'tool', parts: [...resultParts(preview, { callId, isError: false, output: message['content'] })] };
  }
  const legacy = recordOrNull(message['function_call']);
  return {
    role,
    parts: [
      ...textParts(preview, 'reasoning', message['reasoning_content'] ?? message['reasoning']),
      ...contentParts(preview, message['content']),
      ...textParts(preview, 'text', message['refusal']),
      ...records(message['tool_calls']).map((call) => chatCall(preview, call)),
      ...(legacy === null ? [] : [callPart(preview, filledText(legacy['name']) ?? '', null, legacy['arguments'])]),
    ],
  };
}

function chatCall(preview: Preview, call: JsonRecord) {
  const said = recordOrNull(call['custom']) ?? record(call['function']);
  return callPart(preview, filledText(said['name']) ?? '', call['id'], said['arguments'] ?? said['input']);
}

const inputMessages = (preview: Preview, input: unknown): readonly Said[] =>
  typeof input === 'string'
    ? [{ role: 'user', parts: [...textParts(preview, 'text', input)] }]
    : list(input).map((item) => itemMessage(preview, record(item)));

/** One item of a Responses conversation: a message, a call, its output, reasoning. */
export function itemMessage(preview: Preview, item: JsonRecord): Said {
  const type = filledText(item['type']) ?? 'message';
  if (type === 'message') {
    return { role: filledText(item['role']) ?? 'assistant', parts: [...contentParts(preview, item['content'])] };
  }
  if (type === 'reasoning') {
    const texts = [...records(item['summary']), ...records(item['content'])];
    return { role: 'assistant', parts: texts.flatMap((text) => [...textParts(preview, 'reasoning', text['text'])]) };
  }
  if (type.endsWith('_output')) {
    const isError = item['status'] === 'failed' || item['status'] === 'incomplete';
    return {
      role: 'tool',
      parts: [...resultParts(preview, { callId: item['call_id'], isError, output: item['output'] })],
    };
  }
  const call = saidCall(item);
  if (call === null) return { role: 'assistant', parts: [otherPart(preview, type, item)] };
  const name = call.namespace === null ? call.name : `${call.namespace}.${call.name}`;
  return { role: 'assistant', parts: [callPart(preview, name, call.id, item[call.argsKey])] };
}

import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { chatAnswer, messageAnswer, responsesAnswer } from '../../harness/answers.ts';
import type { ReceivedRequest, Script } from '../../harness/scripted-upstream.ts';

/** What a provider says: a text, then tool calls. Every answer costs SMALL_COST at the test prices. */
export interface Said {
  readonly text?: string;
  readonly calls: readonly SaidCall[];
  /** Makes the answers of one provider differ. */
  readonly id?: string;
}

export interface SaidCall {
  readonly id: string;
  readonly name: string;
  /** The arguments' JSON text. */
  readonly args: string;
}

export const FORMATS = ['chat', 'responses', 'messages'] as const satisfies readonly HoldableFormat[];
export const PATHS = { chat: '/v1/chat/completions', responses: '/v1/responses', messages: '/v1/messages' } as const;
export const MODELS = { chat: 'gpt-4.1', responses: 'gpt-5.5', messages: 'claude-opus-4-8' } as const;

/** A refund that the policy of these tests gates. */
export const REFUND: SaidCall = {
  id: 'call_refund',
  name: 'issue_refund',
  args: '{"order":"ord_1","amount_usd":1240.00}',
};
/** One that no rule concerns. */
export const LOOKUP: SaidCall = { id: 'call_lookup', name: 'lookup', args: '{"q":"ord_1"}' };
/** One that the policy of these tests blocks. */
export const WIPE: SaidCall = { id: 'call_wipe', name: 'wipe_disk', args: '{"disk":"sda"}' };

/** The answer as one JSON document. */
export function jsonOf(format: HoldableFormat, said: Said): object {
  switch (format) {
    case 'chat':
      return chatJson(said);
    case 'responses':
      return responsesAnswer(idOf(said, 'resp'), items(said));
    case 'messages':
      return messageAnswer(blocks(said), idOf(said, 'msg'));
  }
}

/** The answer as the frames of an event stream; `usage` says whether chat's usage chunk was asked for. */
export function framesOf(format: HoldableFormat, said: Said, usage = false): readonly string[] {
  switch (format) {
    case 'chat':
      return chatFrames(said, usage);
    case 'responses':
      return responsesFrames(said);
    case 'messages':
      return messagesFrames(said);
  }
}

interface Asked {
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

/** The wire format and the form a forwarded request asks for. */
export function askedOf(request: ReceivedRequest): { format: HoldableFormat; stream: boolean; usage: boolean } {
  const path = request.url.split('?')[0] ?? '';
  const format = FORMATS.find((name) => PATHS[name] === path) ?? 'messages';
  const body = JSON.parse(request.body.toString()) as Asked;
  return { format, stream: body.stream === true, usage: body.stream_options?.include_usage === true };
}

/** Answers every request in its own format and form; `said` may depend on the number of the request, from 1. */
export function answering(said: Said | ((count: number) => Said)): Script {
  let count = 0;
  return (request, response) => {
    count += 1;
    const what = typeof said === 'function' ? said(count) : said;
    const { format, stream, usage } = askedOf(request);
    if (!stream) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(jsonOf(format, what)));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const frame of framesOf(format, what, usage)) response.write(frame);
    response.end();
  };
}

const idOf = (said: Said, prefix: string): string => `${prefix}_${said.id ?? 'test'}`;

const chatCalls = ({ calls }: Said) =>
  calls.map(({ id, name, args }) => ({ id, type: 'function', function: { name, arguments: args } }));

function chatJson(said: Said): object {
  const answer = chatAnswer(said.text ?? '', idOf(said, 'chatcmpl'));
  if (said.calls.length === 0) return answer;
  const message = { role: 'assistant', content: said.text ?? null, refusal: null, tool_calls: chatCalls(said) };
  return { ...answer, choices: [{ index: 0, message, logprobs: null, finish_reason: 'tool_calls' }] };
}

function chatFrames(said: Said, usage: boolean): readonly string[] {
  const head = {
    id: idOf(said, 'chatcmpl'),
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: MODELS.chat,
  };
  const frame = (delta: object, finish: string | null = null): string =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })}\n\n`;
  const calls = said.calls.flatMap(({ id, name, args }, index) => [
    frame({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
    ...halves(args).map((part) => frame({ tool_calls: [{ index, function: { arguments: part } }] })),
  ]);
  const counted = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
  return [
    frame({ role: 'assistant', content: '' }),
    ...halves(said.text ?? '').map((content) => frame({ content })),
    ...calls,
    frame({}, said.calls.length === 0 ? 'stop' : 'tool_calls'),
    ...(usage ? [`data: ${JSON.stringify({ ...head, choices: [], usage: counted })}\n\n`] : []),
    'data: [DONE]\n\n',
  ];
}

const halves = (text: string): readonly string[] =>
  text === '' ? [] : [text.slice(0, Math.ceil(text.length / 2)), text.slice(Math.ceil(text.length / 2))];

const blocks = ({ text, calls }: Said): readonly unknown[] => [
  ...(text === undefined ? [] : [{ type: 'text', text }]),
  ...calls.map(({ id, name, args }) => ({ type: 'tool_use', id, name, input: JSON.parse(args) as unknown })),
];

const named = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

function messagesFrames(said: Said): readonly string[] {
  const texts = said.text === undefined ? [] : [said.text];
  const block = (index: number, start: object, deltas: readonly object[]): readonly string[] => [
    named('content_block_start', { index, content_block: start }),
    ...deltas.map((delta) => named('content_block_delta', { index, delta })),
    named('content_block_stop', { index }),
  ];
  const spoken = texts.flatMap((text, index) =>
    block(
      index,
      { type: 'text', text: '' },
      halves(text).map((part) => ({ type: 'text_delta', text: part })),
    ),
  );
  const called = said.calls.flatMap(({ id, name, args }, index) =>
    block(
      texts.length + index,
      { type: 'tool_use', id, name, input: {} },
      halves(args).map((part) => ({ type: 'input_json_delta', partial_json: part })),
    ),
  );
  const { usage: _, ...head } = messageAnswer([], idOf(said, 'msg'));
  const message = { ...head, stop_reason: null, usage: { input_tokens: 25, output_tokens: 1 } };
  const delta = { stop_reason: said.calls.length === 0 ? 'end_turn' : 'tool_use', stop_sequence: null };
  return [
    named('message_start', { message }),
    ...spoken,
    ...called,
    named('message_delta', { delta, usage: { output_tokens: 15 } }),
    named('message_stop', {}),
  ];
}

const textItem = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [] }],
});

const callItem = ({ id, name, args }: SaidCall) => ({
  id: `fc_${id}`,
  type: 'function_call',
  status: 'completed',
  call_id: id,
  name,
  arguments: args,
});

const items = ({ text, calls }: Said): readonly unknown[] => [
  ...(text === undefined ? [] : [textItem(text)]),
  ...calls.map(callItem),
];

function responsesFrames(said: Said): readonly string[] {
  let sequence = -1;
  const event = (type: string, fields: object): string => {
    sequence += 1;
    return named(type, { sequence_number: sequence, ...fields });
  };
  const whole = responsesAnswer(idOf(said, 'resp'), items(said));
  const begun = { ...whole, status: 'in_progress', output: [], usage: null };
  const out = [event('response.created', { response: begun }), event('response.in_progress', { response: begun })];
  const texts = said.text === undefined ? [] : [said.text];
  for (const text of texts) {
    const place = { item_id: 'msg_1', output_index: 0, content_index: 0 };
    const part = { type: 'output_text', text: '', annotations: [] };
    out.push(
      event('response.output_item.added', {
        output_index: 0,
        item: { ...textItem(''), status: 'in_progress', content: [] },
      }),
    );
    out.push(event('response.content_part.added', { ...place, part }));
    for (const delta of halves(text)) out.push(event('response.output_text.delta', { ...place, delta, logprobs: [] }));
    out.push(event('response.output_text.done', { ...place, text, logprobs: [] }));
    out.push(event('response.content_part.done', { ...place, part: { ...part, text } }));
    out.push(event('response.output_item.done', { output_index: 0, item: textItem(text) }));
  }
  said.calls.forEach((call, index) => {
    const item = callItem(call);
    const place = { item_id: item.id, output_index: texts.length + index };
    const added = { ...item, status: 'in_progress', arguments: '' };
    out.push(event('response.output_item.added', { output_index: place.output_index, item: added }));
    for (const delta of halves(call.args))
      out.push(event('response.function_call_arguments.delta', { ...place, delta }));
    out.push(event('response.function_call_arguments.done', { ...place, name: call.name, arguments: call.args }));
    out.push(event('response.output_item.done', { output_index: place.output_index, item }));
  });
  out.push(event('response.completed', { response: whole }));
  return out;
}

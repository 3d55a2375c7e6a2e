import type { DemoCall } from './proposal.ts';
import { argsPieces, type DemoReply, namedFrame, type Stamp, textPieces } from './reply.ts';
import type { DemoTurn } from './turn.ts';

interface Item {
  readonly id: string;
  readonly whole: object;
  /** The item as it is announced, still empty. */
  readonly empty: object;
  /** Events between its `output_item.added` and its `output_item.done`, without position and sequence. */
  readonly events: readonly (readonly [type: string, value: object])[];
}

function messageItem(text: string, stamp: Stamp, complete: boolean): Item {
  const id = `msg_${stamp.id()}`;
  const part = { type: 'output_text', text, annotations: [], logprobs: [] };
  const head = { id, type: 'message', role: 'assistant' };
  return {
    id,
    whole: { ...head, status: complete ? 'completed' : 'incomplete', content: [part] },
    empty: { ...head, status: 'in_progress', content: [] },
    events: [
      ['response.content_part.added', { content_index: 0, part: { ...part, text: '' } }],
      ...textPieces(text).map(
        (delta) => ['response.output_text.delta', { content_index: 0, delta, logprobs: [] }] as const,
      ),
      ['response.output_text.done', { content_index: 0, text, logprobs: [] }],
      ['response.content_part.done', { content_index: 0, part }],
    ],
  };
}

function callItem(call: DemoCall, stamp: Stamp): Item {
  const custom = call.tool.kind === 'custom';
  const id = `${custom ? 'ctc' : 'fc'}_${stamp.id()}`;
  const field = custom ? 'input' : 'arguments';
  const event = custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments';
  const head = {
    id,
    type: custom ? 'custom_tool_call' : 'function_call',
    call_id: `call_${stamp.id()}`,
    name: call.tool.name,
    ...(call.tool.namespace === null ? {} : { namespace: call.tool.namespace }),
  };
  return {
    id,
    whole: { ...head, status: 'completed', [field]: call.argsText },
    empty: { ...head, status: 'in_progress', [field]: '' },
    events: [
      ...argsPieces(call.argsText).map((delta) => [`${event}.delta`, { delta }] as const),
      [`${event}.done`, { [field]: call.argsText, name: call.tool.name }],
    ],
  };
}

function composeItems(reply: DemoReply, stamp: Stamp): Item[] {
  return [
    messageItem(reply.text, stamp, reply.finish !== 'length'),
    ...reply.calls.map((call) => callItem(call, stamp)),
  ];
}

/** The response object at some moment: `output` is empty until the end. */
function responseObject(
  turn: DemoTurn,
  stamp: Stamp,
  id: string,
  status: string,
  output: object[],
  usage: object | null,
) {
  return {
    id,
    object: 'response',
    created_at: stamp.seconds,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    max_output_tokens: turn.limit,
    metadata: {},
    model: turn.model,
    output,
    parallel_tool_calls: turn.parallel,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    usage,
  };
}

const usageOf = (turn: DemoTurn, reply: DemoReply) => ({
  input_tokens: turn.inputTokens,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: reply.outputTokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: turn.inputTokens + reply.outputTokens,
});

const statusOf = (reply: DemoReply): string => (reply.finish === 'length' ? 'incomplete' : 'completed');

/** A `response` document. */
export function renderResponses(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string {
  const output = composeItems(reply, stamp).map((item) => item.whole);
  const id = `resp_${stamp.id()}`;
  return JSON.stringify(responseObject(turn, stamp, id, statusOf(reply), output, usageOf(turn, reply)));
}

/** The frames of a Responses stream, from `response.created` to `response.completed` (or `.incomplete`). */
export function streamResponses(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string[] {
  const items = composeItems(reply, stamp);
  const id = `resp_${stamp.id()}`;
  let sequence = -1;
  const event = (type: string, value: object): string => {
    sequence += 1;
    return namedFrame(type, { sequence_number: sequence, ...value });
  };
  const status = statusOf(reply);
  const begun = responseObject(turn, stamp, id, 'in_progress', [], null);
  const output = items.map((item) => item.whole);
  const ended = responseObject(turn, stamp, id, status, output, usageOf(turn, reply));
  return [
    event('response.created', { response: begun }),
    event('response.in_progress', { response: begun }),
    ...items.flatMap((item, index) => [
      event('response.output_item.added', { output_index: index, item: item.empty }),
      ...item.events.map(([type, value]) => event(type, { item_id: item.id, output_index: index, ...value })),
      event('response.output_item.done', { output_index: index, item: item.whole }),
    ]),
    event(`response.${status}`, { response: ended }),
  ];
}

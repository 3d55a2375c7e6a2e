import type { DemoCall } from './proposal.ts';
import { argsPieces, type DemoReply, namedFrame, type Stamp, textPieces } from './reply.ts';
import type { DemoTurn } from './turn.ts';

const STOP = { stop: 'end_turn', calls: 'tool_use', length: 'max_tokens' } as const;

const usageOf = (turn: DemoTurn, outputTokens: number) => ({
  input_tokens: turn.inputTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: outputTokens,
  service_tier: 'standard',
});

const messageHead = (turn: DemoTurn, stamp: Stamp) => ({
  id: `msg_${stamp.id()}`,
  type: 'message',
  role: 'assistant',
  model: turn.model,
});

/** JSON text of a tool_use block; the arguments are spliced in as they are, so that repeated keys survive. */
function renderToolUse(call: DemoCall, stamp: Stamp): string {
  const head = JSON.stringify({ type: 'tool_use', id: `toolu_${stamp.id()}`, name: call.tool.name });
  return `${head.slice(0, -1)},"input":${call.argsText}}`;
}

/** A `message` document. */
export function renderMessages(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string {
  const head = JSON.stringify({
    ...messageHead(turn, stamp),
    stop_reason: STOP[reply.finish],
    stop_sequence: null,
    usage: usageOf(turn, reply.outputTokens),
  });
  const blocks = [
    JSON.stringify({ type: 'text', text: reply.text }),
    ...reply.calls.map((call) => renderToolUse(call, stamp)),
  ];
  return `${head.slice(0, -1)},"content":[${blocks.join(',')}]}`;
}

function blockFrames(index: number, block: object, deltas: readonly object[]): string[] {
  return [
    namedFrame('content_block_start', { index, content_block: block }),
    ...deltas.map((delta) => namedFrame('content_block_delta', { index, delta })),
    namedFrame('content_block_stop', { index }),
  ];
}

function toolUseFrames(call: DemoCall, index: number, stamp: Stamp): string[] {
  const block = { type: 'tool_use', id: `toolu_${stamp.id()}`, name: call.tool.name, input: {} };
  const deltas = ['', ...argsPieces(call.argsText)].map((piece) => ({ type: 'input_json_delta', partial_json: piece }));
  return blockFrames(index, block, deltas);
}

/** The frames of a Messages stream, from `message_start` to `message_stop`. */
export function streamMessages(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string[] {
  const begun = {
    ...messageHead(turn, stamp),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageOf(turn, 1),
  };
  const text = textPieces(reply.text).map((piece) => ({ type: 'text_delta', text: piece }));
  return [
    namedFrame('message_start', { message: begun }),
    namedFrame('ping', {}),
    ...blockFrames(0, { type: 'text', text: '' }, text),
    ...reply.calls.flatMap((call, index) => toolUseFrames(call, index + 1, stamp)),
    namedFrame('message_delta', {
      delta: { stop_reason: STOP[reply.finish], stop_sequence: null },
      usage: { output_tokens: reply.outputTokens },
    }),
    namedFrame('message_stop', {}),
  ];
}

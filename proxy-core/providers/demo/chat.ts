import type { DemoCall } from './proposal.ts';
import { argsPieces, type DemoReply, frame, type Stamp, textPieces } from './reply.ts';
import type { DemoTurn } from './turn.ts';

const FINISH = { stop: 'stop', calls: 'tool_calls', length: 'length' } as const;

const usageOf = (turn: DemoTurn, reply: DemoReply) => ({
  prompt_tokens: turn.inputTokens,
  completion_tokens: reply.outputTokens * turn.choices,
  total_tokens: turn.inputTokens + reply.outputTokens * turn.choices,
});

const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function wholeCall(call: DemoCall, id: string): object {
  return call.tool.kind === 'custom'
    ? { id, type: 'custom', custom: { name: call.tool.name, input: call.argsText } }
    : { id, type: 'function', function: { name: call.tool.name, arguments: call.argsText } };
}

/** A `chat.completion` document. */
export function renderChat(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string {
  return JSON.stringify({
    id: `chatcmpl-${stamp.id()}`,
    object: 'chat.completion',
    created: stamp.seconds,
    model: turn.model,
    choices: indexes(turn.choices).map((index) => ({
      index,
      message: {
        role: 'assistant',
        content: reply.text,
        refusal: null,
        ...(reply.calls.length === 0
          ? {}
          : { tool_calls: reply.calls.map((call) => wholeCall(call, `call_${stamp.id()}`)) }),
      },
      logprobs: null,
      finish_reason: FINISH[reply.finish],
    })),
    usage: usageOf(turn, reply),
    system_fingerprint: 'demo',
  });
}

/** The deltas of one call: its name and id first, then its arguments in pieces. */
function callDeltas(call: DemoCall, index: number, id: string): object[] {
  const custom = call.tool.kind === 'custom';
  const part = custom ? 'custom' : 'function';
  const field = custom ? 'input' : 'arguments';
  return [
    { tool_calls: [{ index, id, type: part, [part]: { name: call.tool.name, [field]: '' } }] },
    ...argsPieces(call.argsText).map((piece) => ({ tool_calls: [{ index, [part]: { [field]: piece } }] })),
  ];
}

/** The frames of a chat stream, `[DONE]` included; usage only if the client asked for it. */
export function streamChat(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string[] {
  const head = {
    id: `chatcmpl-${stamp.id()}`,
    object: 'chat.completion.chunk',
    created: stamp.seconds,
    model: turn.model,
    system_fingerprint: 'demo',
  };
  const chunk = (index: number, delta: object, finish: string | null = null): string =>
    frame({
      ...head,
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
      ...(turn.includeUsage ? { usage: null } : {}),
    });
  const frames = indexes(turn.choices).flatMap((choice) => [
    chunk(choice, { role: 'assistant', content: '', refusal: null }),
    ...textPieces(reply.text).map((piece) => chunk(choice, { content: piece })),
    ...reply.calls.flatMap((call, index) =>
      callDeltas(call, index, `call_${stamp.id()}`).map((delta) => chunk(choice, delta)),
    ),
    chunk(choice, {}, FINISH[reply.finish]),
  ]);
  const usage = turn.includeUsage ? [frame({ ...head, choices: [], usage: usageOf(turn, reply) })] : [];
  return [...frames, ...usage, 'data: [DONE]\n\n'];
}

/** A legacy `text_completion` document. */
export function renderCompletion(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string {
  return JSON.stringify({
    id: `cmpl-${stamp.id()}`,
    object: 'text_completion',
    created: stamp.seconds,
    model: turn.model,
    choices: indexes(turn.choices).map((index) => completionChoice(index, reply.text, FINISH[reply.finish])),
    usage: usageOf(turn, reply),
  });
}

const completionChoice = (index: number, text: string, finish: string | null) => ({
  index,
  text,
  logprobs: null,
  finish_reason: finish,
});

/** The frames of a legacy completions stream. */
export function streamCompletion(turn: DemoTurn, reply: DemoReply, stamp: Stamp): string[] {
  const head = { id: `cmpl-${stamp.id()}`, object: 'text_completion', created: stamp.seconds, model: turn.model };
  const frames = indexes(turn.choices).flatMap((index) => [
    ...textPieces(reply.text).map((piece) => frame({ ...head, choices: [completionChoice(index, piece, null)] })),
    frame({ ...head, choices: [completionChoice(index, '', FINISH[reply.finish])] }),
  ]);
  const usage = turn.includeUsage ? [frame({ ...head, choices: [], usage: usageOf(turn, reply) })] : [];
  return [...frames, ...usage, 'data: [DONE]\n\n'];
}

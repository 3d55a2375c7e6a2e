import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asking, ask, type GateBench, open, startGateBench } from '../exchange/gates/gate-bench.ts';
import { framesOf, WIPE } from '../exchange/gates/provider-answers.ts';
import { answerStream } from '../harness/scripted-upstream.ts';

/**
 * A hostile provider tries to bring a tool call past the rules: where two readers of its answer could disagree, no word of
 * the call may reach the agent. WIPE is blocked by the policy; its arguments are the canary.
 */

const CANARY = 'LEAKED';
const ARGS = `{"disk":"${CANARY}"}`;
let bench: GateBench;
beforeAll(async () => {
  bench = await startGateBench();
});
afterAll(() => bench.close());

const event = (data: object, name?: string): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;
const chunk = (delta: object, finish: string | null = null): string =>
  event({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
const named = (type: string, fields: object = {}, name = type): string => event({ type, ...fields }, name);

const wipe = chunk({
  tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: WIPE.name, arguments: ARGS } }],
});
const block = (index: number): string =>
  named('content_block_start', {
    index,
    content_block: { type: 'tool_use', id: 't', name: WIPE.name, input: { disk: CANARY } },
  });
const item = (name: string, args = ARGS) => ({
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name,
  arguments: args,
  status: 'completed',
});
const TEXT = {
  chat: framesOf('chat', { text: 'hi', calls: [] }),
  messages: framesOf('messages', { text: 'hi', calls: [] }),
  responses: framesOf('responses', { calls: [] }),
};
const [responseBegins = ''] = TEXT.responses;
const responseEnds = TEXT.responses.at(-1) ?? '';

const SMUGGLED: readonly (readonly [string, keyof typeof TEXT, readonly string[]])[] = [
  ['a call behind [DONE]', 'chat', [...TEXT.chat, wipe]],
  ['a call behind message_stop', 'messages', [...TEXT.messages, block(1), named('content_block_stop', { index: 1 })]],
  [
    'a call behind response.completed',
    'responses',
    [...TEXT.responses, named('response.output_item.done', { output_index: 0, item: item(WIPE.name) })],
  ],
  [
    'a harmless name that a later piece replaces',
    'chat',
    [
      chunk({ tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'harmless', arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { name: WIPE.name, arguments: ARGS } }] }),
      'data: [DONE]\n\n',
    ],
  ],
  ['members in another letter case', 'chat', [wipe.replace('"tool_calls"', '"Tool_Calls"'), ...TEXT.chat]],
  ['choices with a letter that folds to the usual one', 'chat', [wipe.replace('"choices"', '"choiceſ"'), ...TEXT.chat]],
  [
    'a block in another letter case',
    'messages',
    [
      ...TEXT.messages.slice(0, -2),
      block(1).replace('"content_block":', '"Content_Block":'),
      ...TEXT.messages.slice(-2),
    ],
  ],
  [
    'an item in another letter case',
    'responses',
    [responseBegins, named('response.output_item.done', { output_index: 0, Item: item(WIPE.name) }), responseEnds],
  ],
  ['an event behind U+2028 in a comment', 'chat', [`: \u2028${wipe}`, ...TEXT.chat]],
  ['an event behind U+0085 in a comment', 'chat', [`: \u0085${wipe}`, ...TEXT.chat]],
  [
    'an event whose name and type differ',
    'messages',
    [
      ...TEXT.messages.slice(0, -2),
      block(1).replace('"type":"content_block_start"', '"type":"ping"'),
      ...TEXT.messages.slice(-2),
    ],
  ],
  [
    'arguments that end under another name',
    'responses',
    [
      responseBegins,
      named('response.output_item.added', { output_index: 0, item: item('lookup', '') }),
      named('response.function_call_arguments.done', { output_index: 0, name: WIPE.name, arguments: ARGS }),
      named('response.output_item.done', { output_index: 0, item: item('lookup') }),
      responseEnds,
    ],
  ],
];

describe.each(['retry', 'hold'] as const)('with delivery %s', (delivery) => {
  describe.each([
    ['declared', [WIPE.name, 'lookup']],
    ['not declared', ['lookup']],
  ])('and the tool %s', (_, tools) => {
    it.each(SMUGGLED)('%s never reaches the agent', async (_name, format, pieces) => {
      const caller = await bench.caller({ delivery });
      bench.upstream.script(answerStream(pieces));
      const answer = await ask(bench, caller, format, { stream: true, tools });
      expect(answer.text).not.toContain(CANARY);
    });
  });

  it('what a provider says behind the end of its answer takes nothing from the answer', async () => {
    const caller = await bench.caller({ delivery });
    bench.upstream.script(answerStream([...TEXT.chat, ': done\n\n', wipe, ': more\n\n']));
    const answer = await ask(bench, caller, 'chat', ASKED);
    expect([answer.status, answer.ended, answer.text]).toEqual([200, true, `${TEXT.chat.join('')}: done\n\n`]);
  });

  it('an answer that comes compressed although it was asked for as it is does not pass as a comment', async () => {
    const caller = await bench.caller({ delivery });
    bench.upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'br' });
      response.end(`: ${CANARY}\n\ndata: [DONE]\n\n`);
    });
    const answer = await ask(bench, caller, 'chat', ASKED);
    expect([answer.refusal.code, answer.text.includes(CANARY)]).toEqual(['policy_blocked', false]);
  });
});

/** Usage is asked for, so that no chunk is hidden. */
const ASKED: Asking = { stream: true, tools: ['lookup'], body: { stream_options: { include_usage: true } } };

describe('a provider that does not stop behind the end of its answer', () => {
  const endless: Parameters<GateBench['upstream']['script']>[0] = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(TEXT.chat.join(''));
    const more = (): void => {
      while (!response.destroyed && response.write(`: ${'x'.repeat(16_384)}\n\n`));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };

  it('is cut off, and the agent has its answer', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    bench.upstream.script(endless);
    const before = bench.upstream.received.length;
    const answer = await ask(bench, caller, 'chat', ASKED);
    expect([answer.status, answer.ended]).toEqual([200, true]);
    await (await bench.upstream.request(before + 1)).closed;
  });

  it('or keeps its connection open is left when the run is stopped', async () => {
    const caller = await bench.caller({ delivery: 'retry' });
    bench.upstream.script((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(TEXT.chat.join(''));
    });
    const before = bench.upstream.received.length;
    const call = open(bench, caller, 'chat', ASKED);
    await call.until('[DONE]');
    await bench.rungate.call('runs.stop', { run_id: caller.runId });
    await (await bench.upstream.request(before + 1)).closed;
    expect((await call.answer).ended).toBe(true);
  });
});

import { readFileSync } from 'node:fs';
import type { Script } from './scripted-upstream.ts';

/** Answers of a provider, as small as its clients accept them; ids are given so that tests know them. */

const STREAMS = new URL('../fixtures/streams/', import.meta.url);

/** The bytes of a recorded stream (`chat.text`). */
export const recording = (name: string): Buffer => readFileSync(new URL(`${name}.sse`, STREAMS));

/** A chat completion that used 100 input and 20 output tokens: at the test prices $0.0003. */
export const chatAnswer = (content = 'hello', id = 'chatcmpl-test') => ({
  id,
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'gpt-4.1',
  choices: [
    { index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
});

/** A chat completion that proposes one call; same usage as `chatAnswer`. */
export const chatToolAnswer = (
  callId: string,
  name = 'issue_refund',
  args = '{"order":"ord_1","amount_usd":1240.00}',
) => ({
  ...chatAnswer(),
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        tool_calls: [{ id: callId, type: 'function', function: { name, arguments: args } }],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    },
  ],
});

/** A Messages answer that used 25 input and 15 output tokens: at the test prices $0.0003. */
export const messageAnswer = (content: readonly unknown[] = [{ type: 'text', text: 'hello' }], id = 'msg_test') => ({
  id,
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-8',
  content,
  stop_reason: content.some((block) => (block as { type: string }).type === 'tool_use') ? 'tool_use' : 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 25, output_tokens: 15 },
});

/** A Responses answer that used 100 input and 20 output tokens: at the test prices $0.0003. */
export const responsesAnswer = (id: string, output: readonly unknown[] = [TEXT_ITEM]) => ({
  id,
  object: 'response',
  created_at: 1_790_000_000,
  status: 'completed',
  error: null,
  incomplete_details: null,
  instructions: null,
  model: 'gpt-5.5',
  output,
  parallel_tool_calls: true,
  tool_choice: 'auto',
  tools: [],
  usage: {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 120,
  },
});

const TEXT_ITEM = {
  id: 'msg_1',
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', text: 'hello', annotations: [] }],
};

/** What `chatAnswer`, `messageAnswer` and `responsesAnswer` cost, in nano-USD. */
export const SMALL_COST = 300_000;

/** Answers by the path of the request: JSON for plain requests, a recording for streams. */
export const answerAnything: Script = (request, response) => {
  const path = request.url.split('?')[0] ?? '';
  const body = request.body.length === 0 ? {} : (JSON.parse(request.body.toString()) as { stream?: boolean });
  const streamed = body.stream === true;
  const json = (value: unknown): void => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
  const stream = (name: string): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(recording(name));
  };
  if (path === '/v1/messages') return streamed ? stream('messages.text') : json(messageAnswer());
  if (path === '/v1/messages/count_tokens') return json({ input_tokens: 25 });
  if (path === '/v1/responses') return streamed ? stream('responses.text') : json(responsesAnswer('resp_test'));
  if (path === '/v1/chat/completions') return streamed ? stream('chat.text') : json(chatAnswer());
  if (path === '/v1/embeddings') return json(EMBEDDINGS);
  if (path.startsWith('/v1/models')) return json({ object: 'list', data: [] });
  return json({ ok: true, path });
};

/** Two vectors for 8 tokens: at the test prices 800 nano-USD. */
export const EMBEDDINGS = {
  object: 'list',
  data: [
    { object: 'embedding', index: 0, embedding: [0.25, -0.5] },
    { object: 'embedding', index: 1, embedding: [1, 0] },
  ],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 8, total_tokens: 8 },
};

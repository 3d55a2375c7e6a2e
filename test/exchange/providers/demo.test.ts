import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { createDemo, type DemoOptions } from '../../../proxy-core/providers/demo.ts';
import { DEMO_PROVIDER } from '../../../proxy-core/providers/provider-defaults.ts';
import { portOf, readBody, send, startProvider } from './harness.ts';

const MODEL = 'demo-model';

/** The demo behind a real socket, as small as it can be; returns the base URL without /v1. */
async function startDemo(): Promise<string> {
  const demo = createDemo();
  const server = await startProvider(async (request, response) => {
    const body = await readBody(request);
    const { method = '', url = '', rawHeaders: headers } = request;
    demo.send(
      { provider: DEMO_PROVIDER, method, path: url, headers, body },
      {
        onHeaders: (status, raw) => void response.writeHead(status, raw),
        onData: (chunk) => response.write(chunk),
        onEnd: () => void response.end(),
        onError: () => void response.destroy(),
      },
    );
  });
  return `http://127.0.0.1:${portOf(server)}`;
}

const openai = async () => new OpenAI({ apiKey: 'x', baseURL: `${await startDemo()}/v1`, maxRetries: 0 });
const anthropic = async () => new Anthropic({ apiKey: 'x', baseURL: await startDemo(), maxRetries: 0 });

const REFUND_SCHEMA = {
  type: 'object' as const,
  properties: {
    order_id: { type: 'string' },
    amount_usd: { type: 'number' },
    currency: { type: 'string', enum: ['EUR', 'USD'] },
    notify: { type: 'boolean' },
  },
  required: ['order_id', 'amount_usd', 'currency'],
};
const chatTool = (name: string, parameters: object = { type: 'object', properties: {} }) => ({
  type: 'function' as const,
  function: { name, parameters: parameters as Record<string, unknown> },
});
const REFUND = chatTool('issue_refund', REFUND_SCHEMA);
const BASH = chatTool('Bash', {
  type: 'object',
  properties: { command: { type: 'string' }, description: { type: 'string' } },
});

/** A chat request's proposed calls, as `name args`. */
async function chatCalls(
  client: OpenAI,
  prompt: string,
  changes: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {},
): Promise<string[]> {
  const answer = await client.chat.completions.create({
    model: MODEL,
    messages: [{ role: 'user', content: prompt }],
    tools: [REFUND, BASH, chatTool('lookup')],
    ...changes,
  });
  return (answer.choices[0]?.message.tool_calls ?? []).map((call) =>
    call.type === 'function' ? `${call.function.name} ${call.function.arguments}` : call.type,
  );
}

describe('the demo through the OpenAI SDK, chat', () => {
  it('answers in text with usage by words', async () => {
    const answer = await (await openai()).chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'three words here' }],
    });
    const text = answer.choices[0]?.message.content ?? '';
    expect(text).toContain('three words here');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.completion_tokens).toBe(text.split(/\s+/).length);
    expect(answer.usage?.prompt_tokens).toBeGreaterThanOrEqual(3);
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
  });

  it('streams the same text in several chunks, with usage only when asked', async () => {
    const client = await openai();
    const ask = { model: MODEL, messages: [{ role: 'user' as const, content: 'hello' }] };
    const whole = await client.chat.completions.create(ask);
    for (const includeUsage of [true, false]) {
      const stream = await client.chat.completions.create({
        ...ask,
        stream: true,
        ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
      });
      const pieces: string[] = [];
      const usages: (OpenAI.CompletionUsage | null | undefined)[] = [];
      for await (const chunk of stream) {
        pieces.push(chunk.choices[0]?.delta.content ?? '');
        usages.push(chunk.usage);
      }
      expect(pieces.join('')).toBe(whole.choices[0]?.message.content);
      expect(pieces.filter((piece) => piece !== '').length).toBeGreaterThan(3);
      expect(usages.at(-1)).toEqual(includeUsage ? whole.usage : undefined);
    }
  });

  it.each([
    ['call lookup with {"a": 1, "a": 2}', ['lookup {"a": 1, "a": 2}']],
    [
      'please call issue_refund {"amount_usd": 900, "note": "a } b \\" {"}',
      ['issue_refund {"amount_usd": 900, "note": "a } b \\" {"}'],
    ],
    [
      'call issue_refund {"amount_usd":1} and call Bash {"command":"ls"}',
      ['issue_refund {"amount_usd":1}', 'Bash {"command":"ls"}'],
    ],
    ['call lookup.', ['lookup {}']],
    ['call undeclared {"a":1}', []],
    ['call lookup {not json}', []],
    [
      'Refund order #A-17 for $1,240.50 please',
      ['issue_refund {"order_id":"A-17","amount_usd":1240.5,"currency":"EUR"}'],
    ],
    ['I want a refund', ['issue_refund {"order_id":"ord_1001","amount_usd":25,"currency":"EUR"}']],
    ['run `rm -rf /tmp/x`', ['Bash {"command":"rm -rf /tmp/x","description":"Run the command asked for"}']],
    ['run echo hello-from-tool', ['Bash {"command":"echo hello-from-tool","description":"Run the command asked for"}']],
    ['execute the shell command: ls -la', ['Bash {"command":"ls -la","description":"Run the command asked for"}']],
    ['run it, please: `cat a b`', ['Bash {"command":"cat a b","description":"Run the command asked for"}']],
    ['run', []],
    ['tell me a story', []],
  ])('to %j proposes %j', async (prompt, expected) => {
    expect(await chatCalls(await openai(), prompt)).toEqual(expected);
  });

  it('obeys tool_choice and parallel_tool_calls', async () => {
    const client = await openai();
    expect(await chatCalls(client, 'run ls', { tool_choice: 'none' })).toEqual([]);
    expect(await chatCalls(client, 'hello', { tool_choice: 'required' })).toHaveLength(1);
    const forced = { tool_choice: { type: 'function', function: { name: 'lookup' } } } as const;
    expect(await chatCalls(client, 'run ls', forced)).toEqual(['lookup {}']);
    const both = 'call lookup {"a":1} and call Bash {"command":"ls"}';
    expect(await chatCalls(client, both, { parallel_tool_calls: false })).toEqual(['lookup {"a":1}']);
  });

  it('quotes the tool result and proposes nothing more', async () => {
    const answer = await (await openai()).chat.completions.create({
      model: MODEL,
      tools: [BASH],
      messages: [
        { role: 'user', content: 'run ls' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'Bash', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'file-a file-b' },
      ],
    });
    expect(answer.choices[0]?.message.content).toContain('"file-a file-b"');
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });

  it('streams calls that the SDK assembles', async () => {
    const stream = (await openai()).chat.completions.stream({
      model: MODEL,
      messages: [
        {
          role: 'user',
          content: 'call lookup {"q":"caf\u00e9 \u{1f600} and more text"} and call Bash {"command":"ls"}',
        },
      ],
      tools: [BASH, chatTool('lookup')],
    });
    const { choices } = await stream.finalChatCompletion();
    const calls = choices.flatMap((choice) => choice.message.tool_calls ?? []);
    expect(calls.map((call) => (call.type === 'function' ? call.function : null))).toMatchObject([
      { name: 'lookup', arguments: '{"q":"caf\u00e9 \u{1f600} and more text"}' },
      { name: 'Bash', arguments: '{"command":"ls"}' },
    ]);
    expect(choices.map((choice) => choice.finish_reason)).toEqual(['tool_calls']);
    expect(new Set(calls.map((call) => call.id)).size).toBe(2);
  });

  it('gives every choice that was asked for, streaming or not, and counts them all', async () => {
    const client = await openai();
    const ask = { model: MODEL, n: 3, messages: [{ role: 'user' as const, content: 'hi' }] };
    const whole = await client.chat.completions.create(ask);
    expect(whole.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    const text = whole.choices[0]?.message.content ?? '';
    expect(whole.usage?.completion_tokens).toBe(3 * text.split(/\s+/).length);
    const streamed = await client.chat.completions.stream({ ...ask, stream: true }).finalChatCompletion();
    expect(streamed.choices.map((choice) => choice.message.content)).toEqual([text, text, text]);
  });

  it('keeps to the output limit and says so', async () => {
    const answer = await (await openai()).chat.completions.create({
      model: MODEL,
      max_completion_tokens: 3,
      messages: [{ role: 'user', content: 'run ls' }],
      tools: [BASH],
    });
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage?.completion_tokens).toBe(3);
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });
});

describe('the demo through the OpenAI SDK, responses', () => {
  const tools: OpenAI.Responses.Tool[] = [
    {
      type: 'function',
      name: 'exec_command',
      strict: false,
      parameters: { type: 'object', properties: { cmd: { type: 'string' } }, required: ['cmd'] },
    },
  ];

  it('answers in text', async () => {
    const answer = await (await openai()).responses.create({ model: MODEL, input: 'hello there' });
    expect(answer.output_text).toContain('hello there');
    expect(answer.status).toBe('completed');
    expect(answer.usage?.output_tokens).toBe(answer.output_text.split(/\s+/).length);
  });

  it('streams a text and a call that the SDK assembles, every event numbered', async () => {
    const stream = (await openai()).responses.stream({ model: MODEL, input: 'run echo hi there', tools });
    const sequence: number[] = [];
    let text = '';
    for await (const event of stream) {
      sequence.push(event.sequence_number);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    const final = await stream.finalResponse();
    expect(sequence).toEqual(sequence.map((_, index) => index));
    expect(final.output_text).toBe(text);
    expect(final.output.find((item) => item.type === 'function_call')).toMatchObject({
      name: 'exec_command',
      arguments: '{"cmd":"echo hi there"}',
      status: 'completed',
    });
    expect(final.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('takes tools from additional_tools and namespaces, and writes a script for the code-mode tool', async () => {
    const answer = await (await openai()).responses.create({
      model: MODEL,
      input: [
        {
          type: 'additional_tools',
          role: 'developer',
          tools: [{ type: 'namespace', name: 'functions', description: '', tools: [{ type: 'custom', name: 'exec' }] }],
        } as unknown as OpenAI.Responses.ResponseInputItem,
        { role: 'user', content: [{ type: 'input_text', text: '<environment>run nothing</environment>' }] },
        { role: 'user', content: [{ type: 'input_text', text: 'run echo hi' }] },
      ],
    });
    expect(answer.output.find((item) => item.type === 'custom_tool_call')).toMatchObject({
      name: 'exec',
      namespace: 'functions',
      input: 'text(await tools.exec_command({cmd: "echo hi"}));',
    });
  });

  it('streams a custom tool call with its own events', async () => {
    const stream = await (await openai()).responses.create({
      model: MODEL,
      stream: true,
      tools: [{ type: 'custom', name: 'exec' }],
      input: 'run ls',
    });
    let input = '';
    for await (const event of stream) if (event.type === 'response.custom_tool_call_input.delta') input += event.delta;
    expect(input).toContain('tools.exec_command');
  });

  it('quotes the outputs of tools', async () => {
    const answer = await (await openai()).responses.create({
      model: MODEL,
      tools,
      input: [
        { role: 'user', content: 'run two things' },
        { type: 'function_call', call_id: 'c1', name: 'exec_command', arguments: '{}' },
        { type: 'function_call', call_id: 'c2', name: 'exec_command', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'first' },
        { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'second' }] },
      ],
    });
    expect(answer.output_text).toContain('"first" and "second"');
  });

  it('ends as incomplete at the output limit, streaming or not', async () => {
    const client = await openai();
    const ask = { model: MODEL, input: 'hello', max_output_tokens: 2 };
    const whole = await client.responses.create(ask);
    expect(whole).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    const types: string[] = [];
    for await (const event of await client.responses.create({ ...ask, stream: true })) types.push(event.type);
    expect(types.at(-1)).toBe('response.incomplete');
  });
});

const textsOf = (message: Anthropic.Message): string[] =>
  message.content.map((block) => (block.type === 'text' ? block.text : block.type));

describe('the demo through the Anthropic SDK', () => {
  const tools: Anthropic.Tool[] = [{ name: 'issue_refund', input_schema: REFUND_SCHEMA }];

  it('answers in text', async () => {
    const answer = await (await anthropic()).messages.create({
      model: MODEL,
      max_tokens: 500,
      messages: [{ role: 'user', content: 'hello there' }],
    });
    expect(textsOf(answer)).toEqual([expect.stringContaining('hello there')]);
    expect(answer.stop_reason).toBe('end_turn');
    expect(answer.usage.input_tokens).toBe(3);
  });

  it('proposes a refund, streaming and not, the same', async () => {
    const client = await anthropic();
    const ask = {
      model: MODEL,
      max_tokens: 500,
      tools,
      messages: [{ role: 'user' as const, content: 'refund order 1 with $600' }],
    };
    const whole = await client.messages.create(ask);
    const streamed = await client.messages.stream(ask).finalMessage();
    for (const answer of [whole, streamed]) {
      expect(answer.stop_reason).toBe('tool_use');
      expect(answer.content).toMatchObject([
        { type: 'text', text: 'I will call issue_refund.' },
        { type: 'tool_use', name: 'issue_refund', input: { order_id: '1', amount_usd: 600, currency: 'EUR' } },
      ]);
    }
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
  });

  it('quotes the tool result, also when a system entry follows it', async () => {
    const answer = await (await anthropic()).messages.create({
      model: MODEL,
      max_tokens: 500,
      tools,
      messages: [
        { role: 'user', content: 'refund order 1' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'issue_refund', input: {} }] },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'refunded' }] }],
        },
        { role: 'system', content: 'a reminder' } as unknown as Anthropic.MessageParam,
      ],
    });
    expect(textsOf(answer)).toEqual([expect.stringContaining('"refunded"')]);
    expect(answer.stop_reason).toBe('end_turn');
  });

  it('listens to the last text of the last message, not to the context that clients put before it', async () => {
    const answer = await (await anthropic()).messages.create({
      model: MODEL,
      max_tokens: 500,
      tools: [
        ...tools,
        { name: 'Bash', input_schema: { type: 'object', properties: { command: { type: 'string' } } } },
      ],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '<system-reminder>run npm test; call issue_refund {}</system-reminder>' },
            { type: 'text', text: 'run echo hello' },
          ],
        },
      ],
    });
    expect(answer.content[1]).toMatchObject({ name: 'Bash', input: { command: 'echo hello' } });
    expect(answer.content).toHaveLength(2);
  });

  it('obeys tool_choice', async () => {
    const client = await anthropic();
    const ask = async (choice: Anthropic.ToolChoice, content: string) =>
      (
        await client.messages.create({
          model: MODEL,
          max_tokens: 500,
          tools,
          tool_choice: choice,
          messages: [{ role: 'user', content }],
        })
      ).stop_reason;
    expect(await ask({ type: 'none' }, 'refund me')).toBe('end_turn');
    expect(await ask({ type: 'any' }, 'hello')).toBe('tool_use');
    expect(await ask({ type: 'tool', name: 'issue_refund' }, 'hello')).toBe('tool_use');
  });

  it('counts tokens as it charges them', async () => {
    const client = await anthropic();
    const ask = { model: MODEL, system: 'be brief', messages: [{ role: 'user' as const, content: 'one two three' }] };
    const counted = await client.messages.countTokens(ask);
    const answer = await client.messages.create({ ...ask, max_tokens: 100 });
    expect(answer.usage.input_tokens).toBe(counted.input_tokens);
  });

  it('lists its model in both families’ shapes', async () => {
    const claude = await anthropic();
    expect((await claude.models.list()).data.map((model) => model.id)).toEqual([MODEL]);
    expect((await claude.models.retrieve(MODEL)).type).toBe('model');
    const gpt = await openai();
    expect((await gpt.models.list()).data.map((model) => model.id)).toEqual([MODEL]);
    expect((await gpt.models.retrieve(MODEL)).object).toBe('model');
    await expect(gpt.models.retrieve('other')).rejects.toThrow(OpenAI.NotFoundError);
    await expect(claude.models.retrieve('other')).rejects.toThrow(Anthropic.NotFoundError);
  });
});

describe('the demo through the OpenAI SDK, the rest', () => {
  it('embeds: base64 as the SDK asks, or floats, the same vector of length 1', async () => {
    const client = await openai();
    const input = ['the same words', 'the same words', 'something else'];
    const packed = await client.embeddings.create({ model: MODEL, input });
    const plain = await client.embeddings.create({ model: MODEL, input, encoding_format: 'float' });
    const [first, again, other] = plain.data.map((each) => each.embedding);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(Math.hypot(...(first ?? []))).toBeCloseTo(1);
    expect(packed.data[0]?.embedding).toHaveLength(first?.length ?? -1);
    packed.data[0]?.embedding.forEach((each, index) => {
      expect(each).toBeCloseTo(first?.[index] ?? Number.NaN);
    });
    expect(plain.usage.prompt_tokens).toBe(8);
    const small = await client.embeddings.create({ model: MODEL, input: 'x', dimensions: 8 });
    expect(small.data[0]?.embedding).toHaveLength(8);
  });

  it('embeds no more at once than one process can make beside its other work', async () => {
    const input = Array.from({ length: 1_000_000 }, () => 'a');
    await expect((await openai()).embeddings.create({ model: MODEL, input, dimensions: 3072 })).rejects.toThrow(
      '400 That is too much at once: send fewer inputs.',
    );
  });

  it('completes in the legacy format, streaming and not', async () => {
    const client = await openai();
    const ask = { model: MODEL, prompt: 'once upon a time' };
    const whole = await client.completions.create(ask);
    let text = '';
    for await (const chunk of await client.completions.create({ ...ask, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
    }
    expect(whole.choices[0]?.text).toContain('once upon a time');
    expect(text).toBe(whole.choices[0]?.text);
    expect(whole.usage?.prompt_tokens).toBe(4);
  });

  it('answers 400 to a body that is not JSON and 404 to a path it does not have', async () => {
    const base = await startDemo();
    const broken = await fetch(`${base}/v1/chat/completions`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
    const absent = await fetch(`${base}/v1/images/generations`, { method: 'POST', body: '{}' });
    expect(absent.status).toBe(404);
    expect(await absent.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
  });
});

describe('the demo as an upstream', () => {
  const request = (body: object, path = '/v1/chat/completions') => ({
    provider: DEMO_PROVIDER,
    method: 'POST',
    path,
    headers: [],
    body: Buffer.from(JSON.stringify(body)),
  });
  const streaming = request({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'hello' }] });
  const counting = (): DemoOptions => {
    let id = 0;
    const freshId = (): string => {
      id += 1;
      return String(id);
    };
    return { now: () => 1_800_000_000_000, freshId };
  };

  it('says the same thing to the same request, byte for byte', async () => {
    const [one, two] = await Promise.all(
      [createDemo(counting()), createDemo(counting())].map((demo) => send(demo, streaming).outcome),
    );
    expect(one).toEqual(two);
    expect(one?.body.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('makes fresh ids for every answer', async () => {
    const demo = createDemo();
    const ids = await Promise.all(
      [1, 2].map(
        async () => (JSON.parse((await send(demo, request({ messages: [] })).outcome).body) as { id: string }).id,
      ),
    );
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('takes one turn of the event loop for each chunk, and none while the sink pauses', async () => {
    const steps: (() => void)[] = [];
    const demo = createDemo({ schedule: (step) => void steps.push(step) });
    let taken = 0;
    const sent = send(demo, streaming, () => {
      taken += 1;
      return taken !== 2;
    });
    const turn = (): void => steps.shift()?.();
    for (let i = 0; i < 10; i += 1) turn();
    expect(taken).toBe(2);
    expect(steps).toHaveLength(0);
    sent.call.resume();
    while (steps.length > 0) turn();
    expect((await sent.outcome).error).toBeNull();
    expect(taken).toBeGreaterThan(5);
  });

  it('can be aborted at any chunk, and says so once', async () => {
    const demo = createDemo();
    const sent = send(demo, streaming, () => {
      sent.call.abort('client gone');
      return true;
    });
    expect((await sent.outcome).error).toEqual({ kind: 'aborted', phase: 'body', sent: true, detail: 'client gone' });
    sent.call.resume();
    sent.call.abort('again');
    await send(demo, streaming).outcome;
    expect(sent.endings()).toBe(1);
  });

  it('aborts what is open when it is closed', async () => {
    const demo = createDemo();
    const sent = send(demo, streaming);
    await demo.close();
    expect((await sent.outcome).error).toMatchObject({ kind: 'aborted', phase: 'headers' });
    expect(sent.endings()).toBe(1);
  });

  it.each([
    ['blanks after the verb', `run${'\n'.repeat(2_000_000)}`],
    ['calls without end', 'call lookup {"a": '.repeat(100_000)],
    ['references without end', `refund order-${'order-'.repeat(300_000)}`],
    ['digits without end', `refund ${'1'.repeat(1_000_000)}`],
  ])('reads a hostile prompt (%s) in one go', async (_title, prompt) => {
    const tools = [REFUND, BASH, chatTool('lookup')];
    const body = { model: MODEL, tools, messages: [{ role: 'user', content: prompt }] };
    expect((await send(createDemo(), request(body)).outcome).status).toBe(200);
  });

  it.each([
    '{"messages": 5}',
    '{"messages": [1, null, "x"], "tools": [null, 3]}',
    '{"input": [[]], "tools": {}}',
    '{}',
  ])('answers %s without failing, in every format', async (text) => {
    for (const path of ['chat/completions', 'completions', 'messages', 'responses', 'embeddings']) {
      const body = JSON.parse(text) as object;
      for (const stream of [true, false]) {
        const outcome = await send(createDemo(), request({ ...body, stream }, `/v1/${path}`)).outcome;
        expect(outcome.status, path).toBe(200);
      }
    }
  });
});

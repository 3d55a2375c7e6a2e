import { describe, expect, it } from 'vitest';
import type { WireFormat } from '../../../proxy-core/contract/records.ts';
import type { ReadLimits, ResponseReport } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { sse, utf8 } from './stream-fixtures.ts';

/** Feed whole frames and give the report with what each frame did. */
function stream(format: WireFormat, frames: readonly string[], limits?: Partial<ReadLimits>) {
  const reader = FORMATS[format].streamReader(limits);
  const effects = frames.map((frame) => reader.pushFrame(utf8(frame)));
  reader.end();
  return { report: reader.report, effects, holds: effects.map((effect) => effect.toolCall) };
}

function json(format: WireFormat, body: unknown, limits?: Partial<ReadLimits>): ResponseReport {
  const reader = FORMATS[format].jsonReader(limits);
  const bytes = utf8(typeof body === 'string' ? body : JSON.stringify(body));
  for (let i = 0; i < bytes.length; i += 7) reader.push(bytes.subarray(i, i + 7));
  reader.end();
  return reader.report;
}

const chunk = (delta: unknown, finish: string | null = null) =>
  sse({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] });
const block = (index: number, content_block: unknown) =>
  sse({ type: 'content_block_start', index, content_block }, 'content_block_start');

describe('chat answers', () => {
  it('marks the frames of a tool call, and the usage chunk', () => {
    const call = chunk({ tool_calls: [{ index: 0, id: 'c1', function: { name: 'f', arguments: '{}' } }] });
    const usage = sse({
      id: 'c',
      model: 'm',
      choices: [],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    });
    const { effects } = stream('chat', [chunk({ content: 'a' }), call, chunk({}, 'tool_calls'), usage, sse('[DONE]')]);
    expect(effects.map((e) => `${e.toolCall} ${e.usageOnly} ${e.terminal}`)).toEqual([
      'false false false',
      'true false false',
      'true false false',
      'false true false',
      'false false true',
    ]);
  });

  it('does not take usage beside a choice for the usage chunk', () => {
    const last = sse({
      id: 'c',
      model: 'm',
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    expect(stream('chat', [last]).effects[0]?.usageOnly).toBe(false);
  });

  it('keeps apart calls that a provider numbers alike', () => {
    const call = (id: string, args: string) =>
      chunk({ tool_calls: [{ index: 0, id, function: { name: 'f', arguments: args } }] });
    expect(
      stream('chat', [call('a', '{"x":1}'), call('b', '{"x":2}')]).report.toolCalls.map((c) => [c.id, c.argsText]),
    ).toEqual([
      ['a', '{"x":1}'],
      ['b', '{"x":2}'],
    ]);
  });

  it('joins pieces without an index to the last call', () => {
    const first = chunk({ tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"x"' } }] });
    const second = chunk({ tool_calls: [{ function: { arguments: ':1}' } }] });
    expect(stream('chat', [first, second]).report.toolCalls).toEqual([
      { id: 'a', name: 'f', kind: 'function', argsText: '{"x":1}' },
    ]);
  });

  it('reads a whole answer with parallel calls', () => {
    const message = {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'custom', custom: { name: 'g', input: 'free text' } },
      ],
    };
    const report = json('chat', {
      id: 'c',
      model: 'm',
      choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    });
    expect(report).toEqual({
      responseId: 'c',
      model: 'm',
      usage: { input_tokens: 0, output_tokens: 0 },
      toolCalls: [
        { id: 'a', name: 'f', kind: 'function', argsText: '{"x":1}' },
        { id: 'b', name: 'g', kind: 'custom', argsText: 'free text' },
      ],
      finishReason: 'tool_calls',
      complete: true,
      error: null,
      malformed: false,
    });
  });

  it('is complete without [DONE] only when every choice has finished', () => {
    const open = sse({ id: 'c', choices: [{ index: 1, delta: { content: 'x' }, finish_reason: null }] });
    expect(stream('chat', [chunk({}, 'stop')]).report.complete).toBe(true);
    expect(stream('chat', [chunk({}, 'stop'), open]).report.complete).toBe(false);
  });
});

describe('messages answers', () => {
  it('quotes the input of a whole answer exactly, numbers beyond doubles included', () => {
    const body =
      '{"id":"msg_1","type":"message","model":"m","content":[{"type":"text","text":"t"},{"type":"tool_use","id":"t1","name":"pay","input":{"amount": 9007199254740993, "x":1e400}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}';
    expect(json('messages', body).toolCalls).toEqual([
      { id: 't1', name: 'pay', kind: 'function', argsText: '{"amount": 9007199254740993, "x":1e400}' },
    ]);
  });

  it('names the family of a toolset call', () => {
    const start = block(0, { type: 'tool_use', id: 't', name: 'navigate', toolset_name: 'browser', input: {} });
    expect(stream('messages', [start]).report.toolCalls[0]?.namespace).toBe('browser');
  });

  it('takes the input that a block is opened with', () => {
    const start = block(0, { type: 'tool_use', id: 't', name: 'f', input: { a: 1 } });
    expect(stream('messages', [start]).report.toolCalls[0]?.argsText).toBe('{"a":1}');
  });

  it('does not hold tools that the provider has already run', () => {
    const start = block(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} });
    const delta = sse({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json: '{}' },
    });
    expect(stream('messages', [start, delta]).holds).toEqual([false, false]);
  });

  it('takes a call type that it does not know for the client’s', () => {
    expect(stream('messages', [block(0, { type: 'device_use', id: 'd', name: 'f', input: {} })]).holds).toEqual([true]);
  });

  it('reads calls that stand in message_start already', () => {
    const start = sse({
      type: 'message_start',
      message: { id: 'm', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
    });
    const { report, holds } = stream('messages', [start]);
    expect(holds).toEqual([true]);
    expect(report.toolCalls).toHaveLength(1);
  });
});

describe('responses answers', () => {
  const item = (fields: object) => ({
    type: 'function_call',
    id: 'fc',
    call_id: 'call',
    name: 'f',
    arguments: '{"a":1}',
    ...fields,
  });
  const done = (fields: object, index = 0) =>
    sse({ type: 'response.output_item.done', output_index: index, item: item(fields) });
  const completed = (output: readonly unknown[]) =>
    sse({ type: 'response.completed', response: { id: 'r', status: 'completed', output } });

  it('reads a call that only the final response states', () => {
    const { report, effects } = stream('responses', [completed([item({})])]);
    expect(report.toolCalls).toHaveLength(1);
    expect(effects[0]).toEqual({ toolCall: true, usageOnly: false, terminal: true });
  });

  it('does not count a call twice that item and final response state alike', () => {
    const { report } = stream('responses', [done({}), completed([item({})])]);
    expect(report.toolCalls).toHaveLength(1);
    expect(report.malformed).toBe(false);
  });

  it('finds a delta’s call by its place when the provider changes the item ids', () => {
    const added = sse({ type: 'response.output_item.added', output_index: 0, item: item({ arguments: '' }) });
    const delta = sse({
      type: 'response.function_call_arguments.delta',
      output_index: 0,
      item_id: 'fc_other',
      delta: '{"a":1}',
    });
    expect(stream('responses', [added, delta]).report.toolCalls[0]?.argsText).toBe('{"a":1}');
  });

  it('holds an MCP call that waits for the client’s approval, and not one that has run', () => {
    const mcp = (type: string) =>
      sse({
        type: 'response.output_item.done',
        output_index: 0,
        item: { type, id: 'm', name: 'f', server_label: 's', arguments: '{}' },
      });
    expect(stream('responses', [mcp('mcp_approval_request')]).holds).toEqual([true]);
    expect(stream('responses', [mcp('mcp_call')]).holds).toEqual([false]);
  });

  it('takes a call type that it does not know for the client’s', () => {
    const unknown = sse({
      type: 'response.output_item.done',
      output_index: 0,
      item: { type: 'device_call', id: 'd', call_id: 'c', action: { x: 1 } },
    });
    const { report, holds } = stream('responses', [unknown]);
    expect(holds).toEqual([true]);
    expect(report.toolCalls).toEqual([{ id: 'c', name: 'device', kind: 'function', argsText: '{"x":1}' }]);
  });

  it('reads a whole answer, billed searches included', () => {
    const output = [{ type: 'web_search_call', id: 'ws', action: { type: 'open_page' } }, item({ namespace: 'n' })];
    const usage = {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 1 },
    };
    const report = json('responses', {
      id: 'r',
      model: 'm',
      status: 'completed',
      output,
      usage,
      tool_usage: { web_search: { num_requests: 0 } },
    });
    expect(report.toolCalls[1]).toEqual({
      id: 'call',
      name: 'f',
      kind: 'function',
      namespace: 'n',
      argsText: '{"a":1}',
    });
    expect(report.usage?.server_tool_calls).toEqual({ web_search: 0 });
    expect(report.complete).toBe(true);
  });
});

describe('D4 what two parsers could read differently', () => {
  it.each(['chat', 'responses', 'messages'] as const)('is malformed and held in a %s stream', (format) => {
    for (const data of ['{"type":"ping","type":"content_block_start"}', '{"a":', `${'{"a":'.repeat(10_000)}`]) {
      const { report, holds } = stream(format, [sse(data)]);
      expect([data.slice(0, 20), report.malformed, holds]).toEqual([data.slice(0, 20), true, [true]]);
    }
  });

  it.each(['[1]', '1', 'null', '"x"', 'ok', '[done]'])('is not what %s is, which is no event to anybody', (data) => {
    const { report, holds } = stream('chat', [sse(data)]);
    expect([report.malformed, holds]).toEqual([false, [false]]);
  });

  it('makes a whole answer malformed and incomplete', () => {
    const body = '{"content":[],"content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}';
    expect(json('messages', body)).toMatchObject({ malformed: true, complete: false, toolCalls: [] });
  });

  it('treats __proto__ as a member like any other', () => {
    const start = block(0, { type: 'tool_use', id: 't', name: 'f', input: {} });
    const delta = sse(
      '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"__proto__\\":{\\"ok\\":1}}"}}',
    );
    expect(stream('messages', [start, delta]).report.toolCalls[0]?.argsText).toBe('{"__proto__":{"ok":1}}');
  });
});

describe('usage', () => {
  const chatUsage = (usage: unknown) => json('chat', { id: 'c', choices: [], usage }).usage;
  const messagesUsage = (usage: unknown) => json('messages', { id: 'm', content: [], usage }).usage;

  it.each([-1, 1.5, 1e9 + 1, '7', Number.MAX_VALUE])('is missing when a number is %s', (bad) => {
    expect(chatUsage({ prompt_tokens: bad, completion_tokens: 1 })).toBeNull();
    expect(
      chatUsage({ prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: bad } }),
    ).toBeNull();
    expect(messagesUsage({ input_tokens: 1, output_tokens: bad })).toBeNull();
    expect(json('responses', { id: 'r', usage: { input_tokens: bad, output_tokens: 1 } }).usage).toBeNull();
  });

  it('is missing when its parts exceed its totals', () => {
    expect(
      chatUsage({ prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } }),
    ).toBeNull();
  });

  it('honours an explicit zero', () => {
    expect(messagesUsage({ input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 })).toEqual({
      input_tokens: 0,
      output_tokens: 0,
      cache_read_input_tokens: 0,
    });
  });

  it('adds reasoning that the provider left out of the completion', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 27,
      completion_tokens_details: { reasoning_tokens: 12 },
    };
    expect(chatUsage(usage)).toEqual({ input_tokens: 10, output_tokens: 17, reasoning_output_tokens: 12 });
  });

  it('of embeddings has no output', () => {
    expect(
      json('embeddings', { object: 'list', data: [], model: 'e', usage: { prompt_tokens: 8, total_tokens: 8 } }),
    ).toMatchObject({
      usage: { input_tokens: 8, output_tokens: 0 },
      complete: true,
    });
  });
});

describe('bounds', () => {
  it('cuts arguments over the limit and says so', () => {
    const call = chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: 'x'.repeat(30) } }] });
    expect(stream('chat', [call, call, call], { argsLength: 40 }).report.toolCalls).toEqual([
      { id: 'a', name: 'f', kind: 'function', argsText: 'x'.repeat(40), truncated: true },
    ]);
  });

  it('gives up a whole answer over the limit', () => {
    expect(json('chat', { id: 'c', choices: [], pad: 'x'.repeat(100) }, { bodyBytes: 50 })).toMatchObject({
      complete: false,
      malformed: true,
    });
  });

  it('gives up a frame over the limit', () => {
    const reader = FORMATS.chat.streamReader({ frameBytes: 100 });
    reader.push(utf8(`data: ${'x'.repeat(200)}`));
    reader.end();
    expect(reader.report).toMatchObject({ complete: false, malformed: true });
  });

  it('reports nothing of an empty answer', () => {
    expect(json('chat', '')).toMatchObject({ complete: false, malformed: false, usage: null });
  });
});

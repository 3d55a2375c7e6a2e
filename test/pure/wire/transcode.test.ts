import { describe, expect, it } from 'vitest';
import type { ResponseReport } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { jsonToStream, streamToJson } from '../../../proxy-core/wire/transcode.ts';
import { reportOf, STREAMS, utf8 } from './stream-fixtures.ts';

const formatOf = (name: string) => name.split('.')[0] as HoldableFormat;
const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));
const parsed = (bytes: Uint8Array | null) => JSON.parse(text(bytes) ?? 'null') as Record<string, unknown>;

function jsonReport(format: HoldableFormat, body: Uint8Array | null): ResponseReport {
  const reader = FORMATS[format].jsonReader();
  reader.push(body ?? utf8(''));
  reader.end();
  return reader.report;
}

const whole = STREAMS.filter(({ name, report }) => report.complete && formatOf(name) !== ('completions' as string));

describe.each(whole)('the stored stream $name', ({ name, bytes, report }) => {
  const format = formatOf(name);

  it('says the same as one JSON answer', () => {
    expect(jsonReport(format, streamToJson(format, bytes))).toEqual(report);
  });

  it('says the same as a stream again, and as the same JSON after that', () => {
    const body = streamToJson(format, bytes);
    const stream = jsonToStream(format, body ?? utf8(''), true);
    expect(reportOf(FORMATS[format].streamReader(), [stream ?? utf8('')])).toEqual(report);
    expect(parsed(streamToJson(format, stream ?? utf8('')))).toEqual(parsed(body));
  });
});

describe('streamToJson', () => {
  it.each(['chat.cut', 'chat.error', 'messages.error'])('has no JSON for the incomplete stream %s', (name) => {
    expect(streamToJson(formatOf(name), STREAMS.find((s) => s.name === name)?.bytes ?? utf8(''))).toBeNull();
  });

  it('joins an Anthropic message with its thinking, text and exact tool input', () => {
    const stream = STREAMS.find((s) => s.name === 'messages.tools')?.bytes ?? utf8('');
    const body = streamToJson('messages', stream);
    expect(parsed(body)).toEqual({
      id: 'msg_01',
      type: 'message',
      role: 'assistant',
      model: 'claude-opus-4-8',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
        { type: 'text', text: 'I will run it.' },
        { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'echo "hé"' } },
        { type: 'tool_use', id: 'toolu_2', name: 'Stop', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: {
        input_tokens: 25,
        cache_creation_input_tokens: 300,
        cache_read_input_tokens: 1000,
        cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
        output_tokens: 89,
        output_tokens_details: { thinking_tokens: 30 },
        service_tier: 'standard',
      },
    });
    expect(text(body)).toContain('"input":{"command":"echo \\"h\\u00e9\\""}');
  });

  it('joins chat chunks of two choices with their calls', () => {
    const stream = STREAMS.find((s) => s.name === 'chat.two-choices')?.bytes ?? utf8('');
    const call = (id: string, name: string, args: string) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    });
    expect(parsed(streamToJson('chat', stream))).toMatchObject({
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, tool_calls: [call('call_A', 'a', '{}')] },
          finish_reason: 'tool_calls',
        },
        {
          index: 1,
          message: { role: 'assistant', content: null, tool_calls: [call('call_B', 'b', '{"x":1}')] },
          finish_reason: 'tool_calls',
        },
      ],
    });
  });

  it('fills an empty final output with the items that were finished', () => {
    const stream = STREAMS.find((s) => s.name === 'responses.code-mode')?.bytes ?? utf8('');
    expect(parsed(streamToJson('responses', stream))['output']).toMatchObject([
      { type: 'custom_tool_call', name: 'exec', namespace: 'functions' },
    ]);
  });
});

describe('jsonToStream', () => {
  it('keeps numbers that a double cannot hold', () => {
    const body =
      '{"id":"m","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"n":9007199254740993}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}';
    expect(
      reportOf(FORMATS.messages.streamReader(), [jsonToStream('messages', utf8(body), false) ?? utf8('')]).toolCalls[0]
        ?.argsText,
    ).toBe('{"n":9007199254740993}');
  });

  it('gives chat’s usage chunk only to those who ask', () => {
    const body = utf8(
      '{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}',
    );
    const usage = (asks: boolean) =>
      reportOf(FORMATS.chat.streamReader(), [jsonToStream('chat', body, asks) ?? utf8('')]).usage;
    expect(usage(true)).toEqual({ input_tokens: 1, output_tokens: 1 });
    expect(usage(false)).toBeNull();
  });

  it('writes every event on one line, also of an indented body', () => {
    const body = utf8(
      JSON.stringify(
        {
          id: 'm',
          type: 'message',
          content: [{ type: 'text', text: 'a\nb' }],
          stop_reason: 'end_turn',
          usage: { input_tokens: 1, output_tokens: 1 },
        },
        null,
        2,
      ),
    );
    const lines = (text(jsonToStream('messages', body, false)) ?? '').split('\n').filter((line) => line !== '');
    expect(lines.every((line) => /^(event: \w+|data: \{.*\})$/.test(line))).toBe(true);
  });

  it.each(['chat', 'responses', 'messages'] as const)('has no stream for a body that is no %s answer', (format) => {
    expect(jsonToStream(format, utf8('{"error":{}}'), false)).toBeNull();
    expect(jsonToStream(format, utf8('nonsense'), false)).toBeNull();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conversation, MessagePart } from '../../../proxy-core/contract/conversation.ts';
import { WIRE_FORMATS, type WireFormat } from '../../../proxy-core/contract/records.ts';
import { readConversation } from '../../../proxy-core/wire/conversation.ts';
import { readOutput, startOf } from '../../../proxy-core/wire/conversation-parts.ts';
import { captured } from '../../exchange/client-fixtures.ts';
import { STREAMS, streamBytes, utf8 } from './stream-fixtures.ts';

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const asked = (format: WireFormat, body: unknown): Conversation =>
  readConversation({ format, request: json(body), response: null, stream: false });
const answered = (format: WireFormat, body: unknown): Conversation =>
  readConversation({ format, request: null, response: json(body), stream: false });
const streamed = (format: WireFormat, bytes: Uint8Array): Conversation =>
  readConversation({ format, request: null, response: bytes, stream: true });
const partsOf = ({ messages }: Conversation): readonly MessagePart[] => messages.flatMap(({ parts }) => parts);
const rolesOf = ({ messages }: Conversation): readonly string[] => messages.map(({ role }) => role);

describe('requests', () => {
  it('chat: texts, calls, their results and pictures', () => {
    const conversation = asked('chat', {
      messages: [
        { role: 'system', content: 'be brief' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'see' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c1', function: { name: 'ls', arguments: '{"p":1}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'a.txt' },
      ],
    });
    expect(conversation).toEqual({
      unreadable: false,
      messages: [
        { role: 'system', side: 'request', parts: [{ kind: 'text', text: 'be brief', cut: 0 }] },
        {
          role: 'user',
          side: 'request',
          parts: [
            { kind: 'text', text: 'see', cut: 0 },
            { kind: 'image', media_type: 'image/png', data: 'AAAA', url: null },
          ],
        },
        {
          role: 'assistant',
          side: 'request',
          parts: [{ kind: 'tool_call', tool: 'ls', call_id: 'c1', text: '{"p":1}', cut: 0 }],
        },
        {
          role: 'tool',
          side: 'request',
          parts: [{ kind: 'tool_result', call_id: 'c1', is_error: false, text: 'a.txt', cut: 0 }],
        },
      ],
    });
  });

  it('messages: system, thinking, tool use, a failed result with a picture in it', () => {
    const conversation = asked('messages', {
      system: [{ type: 'text', text: 'rules' }],
      messages: [
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm' },
            { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 't1',
              is_error: true,
              content: [
                { type: 'text', text: 'no' },
                { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'QUJD' } },
              ],
            },
          ],
        },
      ],
    });
    expect(rolesOf(conversation)).toEqual(['system', 'assistant', 'user']);
    expect(partsOf(conversation).slice(1)).toEqual([
      { kind: 'reasoning', text: 'hm', cut: 0 },
      { kind: 'tool_call', tool: 'Bash', call_id: 't1', text: '{"command":"ls"}', cut: 0 },
      { kind: 'tool_result', call_id: 't1', is_error: true, text: 'no', cut: 0 },
      { kind: 'image', media_type: 'image/jpeg', data: 'QUJD', url: null },
    ]);
  });

  it('responses: instructions, items, calls of every kind and their outputs', () => {
    const conversation = asked('responses', {
      instructions: 'act',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'go' },
            { type: 'input_image', image_url: 'https://x.example/a.png' },
          ],
        },
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'first look' }] },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: 'done', status: 'failed' },
        { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*** Begin' },
        { type: 'local_shell_call', call_id: 'c3', action: { command: ['ls'] } },
        { type: 'item_reference', id: 'x' },
      ],
    });
    expect(rolesOf(conversation)).toEqual([
      'system',
      'user',
      'assistant',
      'assistant',
      'tool',
      'assistant',
      'assistant',
      'assistant',
    ]);
    expect(partsOf(conversation).map((part) => part.kind)).toEqual([
      'text',
      'text',
      'image',
      'reasoning',
      'tool_call',
      'tool_result',
      'tool_call',
      'tool_call',
      'other',
    ]);
    expect(partsOf(conversation)[5]).toMatchObject({ call_id: 'c1', is_error: true, text: 'done' });
    expect(partsOf(conversation)[7]).toMatchObject({ tool: 'local_shell', text: '{"command":["ls"]}' });
  });

  it('completions and embeddings: what is asked for', () => {
    expect(partsOf(asked('completions', { prompt: 'Once' }))).toEqual([{ kind: 'text', text: 'Once', cut: 0 }]);
    expect(partsOf(asked('embeddings', { input: ['a', 'b'] })).map((part) => 'text' in part && part.text)).toEqual([
      'a',
      'b',
    ]);
  });

  it.each([
    ['claude-code.print.base', 'messages', '/v1/messages', 'hello-from-tool'],
    ['codex.exec.custom-provider.gpt-5.5', 'responses', '/v1/responses', ''],
    ['sdk.openai-chat', 'chat', '/v1/chat/completions', 'refunded'],
  ] as const)('of %s hold the result that the client sent back', (name, format, path, result) => {
    const bodies = captured(name).filter((request) => request.path.startsWith(path) && request.body !== undefined);
    const parts = bodies.flatMap(({ body }) => partsOf(asked(format, body)));
    const results = parts.filter((part) => part.kind === 'tool_result');
    expect(results.some((part) => part.text.includes(result))).toBe(true);
    expect(
      parts.some((part) => part.kind === 'tool_call' && results.some(({ call_id }) => call_id === part.call_id)),
    ).toBe(true);
  });
});

describe('answers', () => {
  it.each([
    [
      'chat',
      { choices: [{ message: { role: 'assistant', content: 'hi', reasoning_content: 'hm' } }] },
      ['reasoning', 'text'],
    ],
    ['completions', { choices: [{ text: 'hi' }, { text: 'ho' }] }, ['text', 'text']],
    [
      'messages',
      {
        content: [
          { type: 'text', text: 'hi' },
          { type: 'redacted_thinking', data: 'x' },
        ],
      },
      ['text', 'other'],
    ],
    ['messages', { input_tokens: 25 }, ['other']],
    [
      'responses',
      { output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'hi' }] }] },
      ['text'],
    ],
    ['embeddings', { data: [{}, {}] }, ['other']],
    ['chat', { error: { message: 'overloaded' } }, ['other']],
  ] as const)('%s: %j', (format, body, kinds) => {
    const conversation = answered(format, body);
    expect(conversation.unreadable).toBe(false);
    expect(partsOf(conversation).map(({ kind }) => kind)).toEqual(kinds);
    expect(conversation.messages.every(({ side }) => side === 'response')).toBe(true);
  });

  it.each(['not json', '[]', '{"ok":true}'])('that are none are said to be unreadable: %s', (text) => {
    const call = { format: 'chat', request: null, response: utf8(text), stream: false } as const;
    expect(readConversation(call)).toEqual({ messages: [], unreadable: true });
    expect(readConversation({ ...call, stream: true })).toEqual({ messages: [], unreadable: true });
  });

  it('that were not stored are no answer', () => {
    expect(asked('chat', { messages: [] })).toEqual({ messages: [], unreadable: false });
    expect(streamed('chat', new Uint8Array(0))).toEqual({ messages: [], unreadable: false });
  });
});

function plain(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

describe('streamed answers', () => {
  it.each(STREAMS.filter(({ name }) => !/error|failed/.test(name)))(
    '$name: every tool call that was reported is shown',
    ({ name, bytes, report }) => {
      const format = name.split('.')[0] as WireFormat;
      const conversation = streamed(format, bytes);
      expect(conversation.unreadable).toBe(false);
      const calls = partsOf(conversation).filter((part) => part.kind === 'tool_call');
      for (const call of report.toolCalls) {
        const shown = calls.find((part) =>
          call.id === null ? part.tool.endsWith(call.name) : part.call_id === call.id,
        );
        expect(shown, `${call.name} ${call.id}`).toBeDefined();
        if (call.argsText === '{}' || call.kind === 'server') continue;
        // Arguments that a provider gives as an object are written anew, large numbers as JavaScript reads them.
        expect(plain(shown?.text ?? '')).toEqual(plain(call.argsText));
      }
    },
  );

  it.each(['chat.error', 'messages.error'])('%s: a provider’s error is shown', (name) => {
    const conversation = streamed(name.split('.')[0] as WireFormat, streamBytes(name));
    expect(conversation.unreadable).toBe(false);
  });

  it('put the pieces of a text together', () => {
    for (const [format, name] of [
      ['chat', 'chat.text'],
      ['messages', 'messages.text'],
      ['responses', 'responses.text'],
      ['completions', 'completions.text'],
    ] as const) {
      const texts = partsOf(streamed(format, streamBytes(name))).filter((part) => part.kind === 'text');
      expect(texts).toHaveLength(1);
      expect(texts[0]?.text.length).toBeGreaterThan(1);
    }
  });

  it('cut off anywhere are read as far as they go, and never throw', () => {
    for (const { name, bytes } of STREAMS) {
      const format = name.split('.')[0] as WireFormat;
      for (let end = 0; end <= bytes.length; end += 97) streamed(format, bytes.subarray(0, end));
    }
  });
});

describe('previews', () => {
  const limits = { part: 10, image: 4, total: 1_000 };
  const shown = (content: unknown) =>
    partsOf(
      readConversation(
        { format: 'chat', request: json({ messages: [{ role: 'user', content }] }), response: null, stream: false },
        limits,
      ),
    );

  it('cut long texts and say by how much', () => {
    expect(shown('0123456789abc')).toEqual([{ kind: 'text', text: '0123456789', cut: 3 }]);
    expect(shown('012345678\u{1f600}')).toEqual([{ kind: 'text', text: '012345678', cut: 2 }]);
  });

  it('leave large pictures out', () => {
    const picture = (data: string) => [{ type: 'image_url', image_url: `data:image/png;base64,${data}` }];
    expect(shown(picture('AAAA'))[0]).toMatchObject({ data: 'AAAA' });
    expect(shown(picture('AAAAA'))[0]).toEqual({ kind: 'image', media_type: 'image/png', data: '', url: null });
  });

  it('show no more than a total, the answer first', () => {
    const conversation = readConversation(
      {
        format: 'chat',
        request: json({ messages: [{ role: 'user', content: 'question' }] }),
        response: json({ choices: [{ message: { content: 'answer' } }] }),
        stream: false,
      },
      { part: 100, image: 0, total: 8 },
    );
    expect(partsOf(conversation)).toEqual([
      { kind: 'text', text: 'qu', cut: 6 },
      { kind: 'text', text: 'answer', cut: 0 },
    ]);
  });

  it('never part a pair of surrogates', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.nat(20),
        (text, most) => startOf(text, most).isWellFormed() && text.startsWith(startOf(text, most)),
      ),
    );
  });
});

it('never throws, whatever the bytes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...WIRE_FORMATS),
      fc.json(),
      fc.uint8Array(),
      fc.boolean(),
      (format, request, response, stream) => {
        readConversation({ format, request: utf8(request), response, stream });
        readConversation({ format, request: response, response: utf8(`data: ${request}\n\n`), stream: true });
        readConversation({
          format,
          request: utf8(`{"messages":${request},"input":${request}}`),
          response: utf8(request),
          stream: false,
        });
      },
    ),
  );
});

it('reads what a tool answered in every form', () => {
  expect(readOutput('plain')).toEqual({ text: 'plain', pictures: [] });
  expect(
    readOutput([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]).text,
  ).toBe('a\nb');
  expect(readOutput([{ stdout: 'x', outcome: { exit_code: 0 } }]).text).toBe(
    '{"stdout":"x","outcome":{"exit_code":0}}',
  );
  expect(readOutput(undefined)).toEqual({ text: '', pictures: [] });
});

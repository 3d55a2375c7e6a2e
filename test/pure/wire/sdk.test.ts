import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure } from '../../../proxy-core/contract/failures.ts';
import { dialectOf } from '../../../proxy-core/runs/client-table.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';
import { createHold, type HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { type RenderedRefusal, renderRefusal, renderStreamRefusal } from '../../../proxy-core/wire/refusal.ts';
import { joinBytes } from '../../../proxy-core/wire/splice.ts';
import { createFramer } from '../../../proxy-core/wire/sse-frames.ts';
import { jsonToStream, streamToJson } from '../../../proxy-core/wire/transcode.ts';
import { streamBytes, utf8 } from './stream-fixtures.ts';

/** The official SDKs' stream helpers read what this folder writes, over a real socket. */

let answer: RenderedRefusal = { status: 500, headers: {}, body: '' };
let server: Server;
let origin = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(answer.status, answer.headers).end(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const openai = () => new OpenAI({ apiKey: 'sk-test', baseURL: `${origin}/v1`, maxRetries: 0 });
const anthropic = () => new Anthropic({ apiKey: 'sk-test', baseURL: origin, maxRetries: 0 });

const serve = (bytes: Uint8Array | null, type: string): void => {
  answer = { status: 200, headers: { 'content-type': type }, body: new TextDecoder().decode(bytes ?? utf8('')) };
};
const serveStream = (bytes: Uint8Array | null) => serve(bytes, 'text/event-stream');
const serveJson = (bytes: Uint8Array | null) => serve(bytes, 'application/json');

const NOTE = { rule: 'refund:over-$500', gateId: 'gate_8xk2m' };
const NOTE_TEXT = '[Rungate] waiting for approval: refund:over-$500 (gate_8xk2m)';
const REASON = 'Rejected by the reviewer.';

/** A recorded stream held at its first tool call (or from its start) and then decided. */
function held(name: string, verdict: 'release' | 'reject', fromStart: boolean): Uint8Array {
  const format = name.split('.')[0] as HoldableFormat;
  const frames = createFramer().push(streamBytes(name));
  const reader = FORMATS[format].streamReader();
  const call = frames.findIndex((frame) => reader.pushFrame(frame).toolCall);
  const sent = fromStart ? [] : frames.slice(0, call);
  const rest = frames.slice(sent.length);
  const hold = createHold(format, { model: 'm', word: 'w', createdSeconds: 1, choices: 1, asksUsage: true });
  for (const frame of sent) hold.sent(frame);
  const waiting = [hold.note(NOTE), hold.keepAlive(), hold.keepAlive()];
  const end = verdict === 'release' ? rest.map((frame) => hold.release(frame)) : [hold.reject(REASON, rest)];
  return joinBytes([...sent, ...waiting, ...end]);
}

const user = { role: 'user' as const, content: 'x' };
const message = () =>
  anthropic()
    .messages.stream({ model: 'm', max_tokens: 10, messages: [user] })
    .finalMessage();
const response = () => openai().responses.stream({ model: 'm', input: 'x' }).finalResponse();
const completion = () =>
  openai()
    .chat.completions.stream({ model: 'm', messages: [user] })
    .finalChatCompletion();

describe.each([
  ['in mid-stream', false],
  ['before anything was sent', true],
])('a stream held %s', (_, fromStart) => {
  it('released: the Anthropic helper gets the note, then the calls', async () => {
    serveStream(held('messages.tools', 'release', fromStart));
    const { content, stop_reason, usage } = await message();
    const kinds = content.map((block) =>
      block.type === 'text' && block.text === `${NOTE_TEXT}\n\n` ? 'note' : block.type,
    );
    expect(kinds).toEqual(
      fromStart
        ? ['note', 'thinking', 'text', 'tool_use', 'tool_use']
        : ['thinking', 'text', 'note', 'tool_use', 'tool_use'],
    );
    expect(content.findLast((block) => block.type === 'tool_use' && block.name === 'Bash')).toMatchObject({
      input: { command: 'echo "hé"' },
    });
    expect([stop_reason, usage.output_tokens, usage.cache_read_input_tokens]).toEqual(['tool_use', 89, 1000]);
  });

  it('rejected: the Anthropic helper gets the reason and a normal end', async () => {
    serveStream(held('messages.tools', 'reject', fromStart));
    const { content, stop_reason, usage } = await message();
    expect(content.at(-1)).toMatchObject({ type: 'text', text: `${NOTE_TEXT}\n\n${REASON}` });
    expect(content.some((block) => block.type === 'tool_use')).toBe(false);
    expect([stop_reason, usage.output_tokens]).toEqual(['end_turn', 89]);
  });

  it.each(['responses.tools', 'responses.server-tools'])(
    'released: the Responses helper gets every item of %s',
    async (name) => {
      serveStream(held(name, 'release', fromStart));
      const seen: string[] = [];
      const stream = openai().responses.stream({ model: 'm', input: 'x' });
      stream.on('response.output_text.delta', (event) => seen.push(event.delta));
      const { output, status, usage } = await stream.finalResponse();
      expect(seen.join('')).toContain(NOTE_TEXT);
      expect(output.map((item) => item.type)).toEqual(
        name === 'responses.tools'
          ? ['reasoning', 'function_call', 'function_call']
          : ['web_search_call', 'mcp_call', 'shell_call', 'message'],
      );
      expect([status, usage?.output_tokens]).toEqual(['completed', 40]);
    },
  );

  it('released: the Responses helper takes an answer whose final output is empty', async () => {
    serveStream(held('responses.code-mode', 'release', fromStart));
    expect((await response()).status).toBe('completed');
  });

  it('rejected: the Responses helper gets the reason and a completed response', async () => {
    serveStream(held('responses.tools', 'reject', fromStart));
    const { output, output_text, status, usage } = await response();
    expect(output_text).toBe(`${NOTE_TEXT}\n\n${REASON}`);
    expect(output.some((item) => item.type === 'function_call')).toBe(false);
    expect([status, usage?.output_tokens]).toEqual(['completed', 40]);
  });

  it('released: the chat helper gets the note as content and the calls', async () => {
    serveStream(held('chat.parallel-tools', 'release', fromStart));
    const { choices } = await completion();
    expect(choices[0]?.message).toMatchObject({ role: 'assistant', content: `${NOTE_TEXT}\n\n` });
    expect(choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function.name)).toEqual([
      'issue_refund',
      'lookup',
    ]);
    expect(choices[0]?.finish_reason).toBe('tool_calls');
  });

  it('rejected: the chat helper gets the reason and a normal end', async () => {
    serveStream(held('chat.parallel-tools', 'reject', fromStart));
    const { choices } = await completion();
    expect(choices[0]?.message).toMatchObject({ role: 'assistant', content: `${NOTE_TEXT}\n\n${REASON}` });
    expect(choices[0]?.message.tool_calls).toBeUndefined();
    expect(choices[0]?.finish_reason).toBe('stop');
  });
});

describe('a stored answer in its other form', () => {
  it.each(['messages.tools', 'messages.server-tools', 'messages.text'])(
    'the Anthropic SDK reads %s alike as a stream, as JSON and as a stream made from that',
    async (name) => {
      serveStream(streamBytes(name));
      const first = await message();
      const body = streamToJson('messages', streamBytes(name));
      serveJson(body);
      const { _request_id: _, ...whole } = await anthropic().messages.create({
        model: 'm',
        max_tokens: 10,
        messages: [user],
      });
      serveStream(jsonToStream('messages', body ?? utf8(''), false));
      const again = await message();
      expect(whole.content).toEqual(JSON.parse(JSON.stringify(first.content)));
      expect(JSON.parse(JSON.stringify(again.content))).toEqual(whole.content);
      expect([first.stop_reason, again.stop_reason, whole.usage.output_tokens, again.usage.output_tokens]).toEqual([
        whole.stop_reason,
        whole.stop_reason,
        first.usage.output_tokens,
        first.usage.output_tokens,
      ]);
    },
  );

  it.each(['responses.tools', 'responses.server-tools', 'responses.text'])(
    'the Responses helper reads %s alike from a stream made from JSON',
    async (name) => {
      serveStream(streamBytes(name));
      const first = await response();
      serveStream(jsonToStream('responses', streamToJson('responses', streamBytes(name)) ?? utf8(''), false));
      expect((await response()).output).toEqual(first.output);
    },
  );

  it.each(['chat.parallel-tools', 'chat.custom-tool', 'chat.text'])(
    'the chat SDK reads %s alike as a stream, as JSON and as a stream made from that',
    async (name) => {
      serveStream(streamBytes(name));
      const first = (await completion()).choices[0];
      const body = streamToJson('chat', streamBytes(name));
      serveJson(body);
      const whole = (await openai().chat.completions.create({ model: 'm', messages: [user] })).choices[0];
      serveStream(jsonToStream('chat', body ?? utf8(''), true));
      const again = (await completion()).choices[0];
      expect([whole?.message.content, whole?.finish_reason]).toEqual([first?.message.content, first?.finish_reason]);
      expect(again?.message.tool_calls?.length).toBe(first?.message.tool_calls?.length);
      expect(whole?.message.tool_calls).toMatchObject(
        JSON.parse(JSON.stringify(first?.message.tool_calls ?? null)) ?? {},
      );
    },
  );
});

describe('a refusal', () => {
  const blocked = failure('policy_blocked', 'Blocked by rule "no-browser".', { rule: 'no-browser' });
  const target = { dialect: null, stream: false, wordsAs: null, requestId: 'xch_1' } as const;

  it('is an error with our message and code in the OpenAI SDK', async () => {
    answer = renderRefusal(blocked, { ...target, format: 'chat' });
    const error = await openai()
      .chat.completions.create({ model: 'm', messages: [user] })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: 'policy_blocked', type: 'permission_denied', requestID: 'xch_1' });
    expect(String(error)).toContain(blocked.message);
  });

  it('is an error with our message in the Anthropic SDK', async () => {
    answer = renderRefusal(blocked, { ...target, format: 'messages' });
    const error = await anthropic()
      .messages.create({ model: 'm', max_tokens: 1, messages: [user] })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect(error).toMatchObject({
      status: 403,
      requestID: 'xch_1',
      error: { error: { type: 'permission_error', code: 'policy_blocked' } },
    });
    expect(String(error)).toContain('no-browser');
  });

  it('inside a stream is an error in both SDKs', async () => {
    const begun = (name: string) => new TextDecoder().decode(createFramer().push(streamBytes(name))[0] ?? utf8(''));
    serveStream(utf8(begun('messages.text') + renderStreamRefusal(blocked, { ...target, format: 'messages' })));
    await expect(message()).rejects.toThrow('no-browser');
    serveStream(utf8(begun('chat.text') + renderStreamRefusal(blocked, { ...target, format: 'chat' })));
    await expect(completion()).rejects.toThrow('no-browser');
    serveStream(utf8(begun('responses.text') + renderStreamRefusal(blocked, { ...target, format: 'responses' })));
    await expect(response()).rejects.toThrow('no-browser');
  });

  it('for Codex is a stream that the Responses helper understands too', async () => {
    answer = renderRefusal(blocked, { ...target, format: 'responses', dialect: dialectOf('codex'), stream: true });
    const failed = await response();
    expect([failed.status, failed.error?.message]).toEqual(['failed', blocked.message]);
  });
});

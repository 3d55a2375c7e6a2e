import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { HoldableFormat } from '../../../proxy-core/wire/hold.ts';
import { type Asking, bodyOf, type Caller } from './gate-bench.ts';

/** What an official SDK made of an answer. */
export interface Understood {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly args: unknown }[];
  readonly finish: string | null;
}

export interface SdkOptions extends Pick<Asking, 'words' | 'tools'> {
  readonly url: string;
  readonly caller: Caller;
  readonly stream: boolean;
  readonly fetch?: typeof globalThis.fetch;
  readonly retries?: number;
}

/** Ask with the official SDK of the format; its own helpers read the answer. */
export function askWithSdk(format: HoldableFormat, options: SdkOptions): Promise<Understood> {
  switch (format) {
    case 'chat':
      return askChat(options);
    case 'responses':
      return askResponses(options);
    case 'messages':
      return askMessages(options);
  }
}

const settings = ({ caller, fetch: own, retries = 0 }: SdkOptions) => ({
  apiKey: caller.token,
  maxRetries: retries,
  defaultHeaders: { 'x-rungate-run-id': caller.runId },
  ...(own === undefined ? {} : { fetch: own }),
});

async function askChat(options: SdkOptions): Promise<Understood> {
  const client = new OpenAI({ ...settings(options), baseURL: `${options.url}/v1` });
  const body = bodyOf('chat', options) as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const completion = options.stream
    ? await client.chat.completions.stream({ ...body, stream: true }).finalChatCompletion()
    : await client.chat.completions.create(body);
  const choice = completion.choices[0];
  const calls = (choice?.message.tool_calls ?? []).flatMap((call) =>
    call.type === 'function'
      ? [{ name: call.function.name, args: JSON.parse(call.function.arguments) as unknown }]
      : [],
  );
  return { text: choice?.message.content ?? '', calls, finish: choice?.finish_reason ?? null };
}

async function askResponses(options: SdkOptions): Promise<Understood> {
  const client = new OpenAI({ ...settings(options), baseURL: `${options.url}/v1` });
  const body = bodyOf('responses', options) as unknown as OpenAI.Responses.ResponseCreateParamsNonStreaming;
  const response = options.stream
    ? await client.responses.stream({ ...body, stream: true }).finalResponse()
    : await client.responses.create(body);
  const calls = response.output.flatMap((item) =>
    item.type === 'function_call' ? [{ name: item.name, args: JSON.parse(item.arguments) as unknown }] : [],
  );
  const text = response.output
    .flatMap((item) => (item.type === 'message' ? item.content : []))
    .map((part) => (part.type === 'output_text' ? part.text : ''))
    .join('\n');
  return { text, calls, finish: response.status ?? null };
}

async function askMessages(options: SdkOptions): Promise<Understood> {
  const client = new Anthropic({ ...settings(options), baseURL: options.url });
  const body = bodyOf('messages', options) as unknown as Anthropic.MessageCreateParamsNonStreaming;
  const message = options.stream
    ? await client.messages.stream(body).finalMessage()
    : await client.messages.create(body);
  const calls = message.content.flatMap((block) =>
    block.type === 'tool_use' ? [{ name: block.name, args: block.input }] : [],
  );
  const text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('\n');
  return { text, calls, finish: message.stop_reason };
}

/** How each format says that an answer ended with a call, and without one. */
export const CALLED = { chat: 'tool_calls', responses: 'completed', messages: 'tool_use' } as const;
export const STOPPED = { chat: 'stop', responses: 'completed', messages: 'end_turn' } as const;

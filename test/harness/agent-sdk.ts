import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { chatAnswer, chatToolAnswer, messageAnswer } from './answers.ts';
import type { Script } from './scripted-upstream.ts';

/** A tool call that a model proposes. */
export interface ProposedCall {
  readonly tool: string;
  readonly args: unknown;
}

/** What an agent's SDK made of the answer to its call. */
export type Understood =
  | { readonly kind: 'calls'; readonly calls: readonly ProposedCall[] }
  | { readonly kind: 'text'; readonly text: string }
  /** The SDK threw: what an agent is told when it is refused. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly context: unknown }
  /** A 202: the SDK takes it for an empty success. */
  | { readonly kind: 'empty' };

/** An agent as its author writes it: an official SDK with the token and one of the two addresses. */
export interface SdkAgent {
  readonly sdk: 'openai' | 'anthropic';
  readonly agentUrl: string;
  readonly token: string;
}

/** Asks the model in such a way that the upstream below proposes this call; resolves when the SDK does. */
export async function askForCall(agent: SdkAgent, runId: string, call: ProposedCall, words = ''): Promise<Understood> {
  const content = `${words}\n${MARK}${JSON.stringify(call)}`;
  try {
    return agent.sdk === 'openai'
      ? await askChat(agent, runId, call, content)
      : await askMessages(agent, runId, call, content);
  } catch (error) {
    if (error instanceof OpenAI.APIError || error instanceof Anthropic.APIError) return refusalOf(error);
    throw error;
  }
}

const MARK = 'propose: ';

/** An upstream that proposes what `askForCall` asks for, and answers everything else with a text. */
export const proposing: Script = (request, response) => {
  const isChat = request.url.split('?')[0] === '/v1/chat/completions';
  const call = wantedCall(request.body.toString());
  const text = call === null ? null : JSON.stringify(call.args);
  const id = `call_${Math.abs(hashOf(text ?? ''))}`;
  const messages = () =>
    messageAnswer(call === null ? undefined : [{ type: 'tool_use', id, name: call.tool, input: call.args }]);
  const chat = () => (call === null ? chatAnswer() : chatToolAnswer(id, call.tool, text ?? '{}'));
  const isModels = request.url.startsWith('/v1/models');
  const answer = isModels ? { object: 'list', data: [] } : isChat ? chat() : messages();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
};

function wantedCall(body: string): ProposedCall | null {
  if (body === '') return null;
  const { messages = [] } = JSON.parse(body) as { readonly messages?: readonly { readonly content: unknown }[] };
  const content = messages.at(-1)?.content;
  const at = typeof content === 'string' ? content.indexOf(MARK) : -1;
  return at < 0 ? null : (JSON.parse((content as string).slice(at + MARK.length)) as ProposedCall);
}

const hashOf = (text: string): number => {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1) hash = (hash * 31 + text.charCodeAt(index)) | 0;
  return hash;
};

async function askChat({ agentUrl, token }: SdkAgent, runId: string, call: ProposedCall, content: string) {
  const client = new OpenAI({ apiKey: token, baseURL: `${agentUrl}/v1`, maxRetries: 0, defaultHeaders: runOf(runId) });
  const completion = await client.chat.completions.create({
    model: 'gpt-4.1',
    tools: [{ type: 'function', function: { name: call.tool, parameters: { type: 'object' } } }],
    messages: [{ role: 'user', content }],
  });
  // A 202 has no choices, whatever the SDK's types say.
  const message = (completion.choices as OpenAI.ChatCompletion.Choice[] | undefined)?.[0]?.message;
  if (message === undefined) return { kind: 'empty' } as const;
  const calls = (message.tool_calls ?? []).flatMap((one) =>
    one.type === 'function' ? [{ tool: one.function.name, args: JSON.parse(one.function.arguments) as unknown }] : [],
  );
  return understood(calls, message.content ?? '');
}

async function askMessages({ agentUrl, token }: SdkAgent, runId: string, call: ProposedCall, content: string) {
  const client = new Anthropic({ apiKey: token, baseURL: agentUrl, maxRetries: 0, defaultHeaders: runOf(runId) });
  const message = await client.messages.create({
    model: 'claude-opus-4-8',
    max_tokens: 200,
    tools: [{ name: call.tool, input_schema: { type: 'object' } }],
    messages: [{ role: 'user', content }],
  });
  const blocks = message.content as Anthropic.ContentBlock[] | undefined;
  if (blocks === undefined) return { kind: 'empty' } as const;
  const calls = blocks.flatMap((block) => (block.type === 'tool_use' ? [{ tool: block.name, args: block.input }] : []));
  return understood(calls, blocks.map((block) => (block.type === 'text' ? block.text : '')).join('\n'));
}

const runOf = (runId: string) => ({ 'x-rungate-run-id': runId });

const understood = (calls: readonly ProposedCall[], text: string): Understood =>
  calls.length > 0 ? { kind: 'calls', calls } : { kind: 'text', text };

function refusalOf(error: {
  readonly status?: number | undefined;
  readonly error?: unknown;
  readonly message: string;
}) {
  // The Anthropic SDK keeps the whole body, the OpenAI SDK its `error`.
  type Refusal = { readonly code?: string; readonly context?: unknown };
  const body = error.error as (Refusal & { readonly error?: Refusal }) | undefined;
  const { code = '', context = null } = body?.error ?? body ?? {};
  return { kind: 'refused', status: error.status ?? 0, code, context } as const;
}

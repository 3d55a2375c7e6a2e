import { AsyncLocalStorage } from 'node:async_hooks';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { ChatAnthropic } from '@langchain/anthropic';
import type { BaseMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, jsonSchema, type LanguageModel, streamText, type ToolSet, tool } from 'ai';
import OpenAI from 'openai';
import { callsIn, type HeldCall, type ReadFormat } from './held-calls.ts';
import { joinByIndex } from './join-by-index.ts';

/**
 * The real SDKs as readers of bytes: each is given an answer by its own `fetch`, without a network, and says which calls its
 * events and its final message hold. An SDK that throws has read what its events have shown until then.
 */

/** An answer as it comes from a socket. */
export interface Wire {
  readonly contentType: string;
  readonly chunks: readonly Uint8Array[];
}

/** What one SDK made of an answer. */
export interface Reading {
  readonly sdk: string;
  readonly calls: readonly HeldCall[];
  /** What it threw, or null if it came to the answer's end. */
  readonly error: string | null;
}

interface SdkReader {
  readonly sdk: string;
  readonly format: ReadFormat;
  /** Reads a stream. */
  stream(note: Note): Promise<void>;
  /** Reads a JSON answer. */
  json(note: Note): Promise<void>;
}

/** Told of each event (`final` false) and of the finished message (true). */
type Note = (value: unknown, final: boolean) => void;

// Some SDKs print what they could not read; here most answers are such.
Object.assign(console, { warn: () => undefined, error: () => undefined });

const given = new AsyncLocalStorage<Wire>();

/** Answers with the bytes of the case in whose context it is called. */
const answerGiven = async (): Promise<Response> => {
  const wire = given.getStore();
  if (wire === undefined) throw new Error('no answer is given');
  const chunks = wire.chunks.values();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value.slice());
    },
  });
  return new Response(body, { status: 200, headers: { 'content-type': wire.contentType } });
};

const MODEL = { chat: 'gpt-4.1', responses: 'gpt-5.5', messages: 'claude-opus-4-8' } as const;
const BASE = 'http://provider.invalid/v1';
const ASK = [{ role: 'user', content: 'pay it back' }] as const;
const PARAMETERS = { type: 'object', additionalProperties: true } as const;
const LIMIT = 400;

const openai = new OpenAI({ apiKey: 'k', baseURL: BASE, maxRetries: 0, fetch: answerGiven });
const anthropic = new Anthropic({ apiKey: 'k', baseURL: 'http://provider.invalid', maxRetries: 0, fetch: answerGiven });

/** The SDKs give an answer that is not said to be JSON as its text: nothing was read then. */
function read(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) throw new Error('not read as JSON');
  return answer;
}

const openaiChat: SdkReader = {
  sdk: 'openai',
  format: 'chat',
  async stream(note) {
    const stream = openai.chat.completions.stream({ model: MODEL.chat, messages: [...ASK] });
    stream.on('chunk', (chunk) => note(chunk, false));
    stream.on('tool_calls.function.arguments.delta', (event) => note(event, false));
    stream.on('tool_calls.function.arguments.done', (event) => note(event, false));
    stream.on('error', () => undefined);
    note(await stream.finalChatCompletion(), true);
  },
  async json(note) {
    note(read(await openai.chat.completions.create({ model: MODEL.chat, messages: [...ASK] })), true);
  },
};

/** The loop that OpenAI's function-calling guide shows for streams, and that many agents have copied. */
const openaiGuide: SdkReader = {
  sdk: 'openai (loop of its guide)',
  format: 'chat',
  async stream(note) {
    const stream = await openai.chat.completions.create({ model: MODEL.chat, messages: [...ASK], stream: true });
    const joined = joinByIndex();
    try {
      for await (const chunk of stream) joined.add(chunk);
    } finally {
      note(joined.calls(), true);
    }
  },
  json: async () => undefined,
};

const openaiResponses: SdkReader = {
  sdk: 'openai',
  format: 'responses',
  async stream(note) {
    const stream = openai.responses.stream({ model: MODEL.responses, input: [...ASK] });
    stream.on('event', (event) => note(event, false));
    stream.on('error', () => undefined);
    note(await stream.finalResponse(), true);
  },
  async json(note) {
    note(read(await openai.responses.create({ model: MODEL.responses, input: [...ASK] })), true);
  },
};

const anthropicMessages: SdkReader = {
  sdk: '@anthropic-ai/sdk',
  format: 'messages',
  async stream(note) {
    const stream = anthropic.messages.stream({ model: MODEL.messages, max_tokens: LIMIT, messages: [...ASK] });
    stream.on('streamEvent', (event) => note(event, false));
    stream.on('contentBlock', (block) => note(block, true));
    stream.on('error', () => undefined);
    note(await stream.finalMessage(), true);
  },
  async json(note) {
    note(read(await anthropic.messages.create({ model: MODEL.messages, max_tokens: LIMIT, messages: [...ASK] })), true);
  },
};

const anyInput = tool({ inputSchema: jsonSchema(PARAMETERS) });
/** Named by the SDK's own type, which does not accept what its `tool` returns under `exactOptionalPropertyTypes`. */
const TOOLS = { issue_refund: anyInput, read_file: anyInput } as unknown as ToolSet;

function aiSdk(sdk: string, format: ReadFormat, model: LanguageModel): SdkReader {
  const call = { model, prompt: 'pay it back', tools: TOOLS, maxRetries: 0, maxOutputTokens: LIMIT } as const;
  return {
    sdk,
    format,
    async stream(note) {
      const result = streamText({ ...call, onError: () => undefined });
      for await (const part of result.fullStream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'tool-call') note(part, true);
      }
    },
    async json(note) {
      note((await generateText(call)).toolCalls, true);
    },
  };
}

type LangChainModel = ChatOpenAI | ChatAnthropic;

function langChain(sdk: string, format: ReadFormat, model: LangChainModel): SdkReader {
  return {
    sdk,
    format,
    async stream(note) {
      let whole: BaseMessageChunk | null = null;
      try {
        for await (const chunk of await model.stream('pay it back')) {
          note(chunk, false);
          whole = whole === null ? chunk : whole.concat(chunk as never);
        }
      } finally {
        note(whole, true);
      }
    },
    async json(note) {
      note(await model.invoke('pay it back'), true);
    },
  };
}

const langChainOpenAI = (format: 'chat' | 'responses'): LangChainModel =>
  new ChatOpenAI({
    model: MODEL[format],
    apiKey: 'k',
    maxRetries: 0,
    useResponsesApi: format === 'responses',
    configuration: { baseURL: BASE, fetch: answerGiven },
  });

const langChainAnthropic = new ChatAnthropic({
  model: MODEL.messages,
  apiKey: 'k',
  maxRetries: 0,
  maxTokens: LIMIT,
  clientOptions: { baseURL: 'http://provider.invalid', fetch: answerGiven },
});

const aiOpenAI = createOpenAI({ apiKey: 'k', baseURL: BASE, fetch: answerGiven });
const aiAnthropic = createAnthropic({ apiKey: 'k', baseURL: BASE, fetch: answerGiven });
const aiCompatible = createOpenAICompatible({ name: 'compatible', apiKey: 'k', baseURL: BASE, fetch: answerGiven });

const READERS: readonly SdkReader[] = [
  openaiChat,
  openaiGuide,
  openaiResponses,
  anthropicMessages,
  aiSdk('ai + @ai-sdk/openai', 'chat', aiOpenAI.chat(MODEL.chat)),
  aiSdk('ai + @ai-sdk/openai', 'responses', aiOpenAI.responses(MODEL.responses)),
  aiSdk('ai + @ai-sdk/openai-compatible', 'chat', aiCompatible.chatModel(MODEL.chat)),
  aiSdk('ai + @ai-sdk/anthropic', 'messages', aiAnthropic(MODEL.messages)),
  langChain('@langchain/openai', 'chat', langChainOpenAI('chat')),
  langChain('@langchain/openai', 'responses', langChainOpenAI('responses')),
  langChain('@langchain/anthropic', 'messages', langChainAnthropic),
];

/** Let every SDK that speaks this format read an answer. */
export function readWithSdks(format: ReadFormat, stream: boolean, wire: Wire): Promise<readonly Reading[]> {
  const readers = READERS.filter((reader) => reader.format === format && (stream || reader !== openaiGuide));
  return given.run(wire, () => Promise.all(readers.map((reader) => readWith(reader, stream))));
}

async function readWith(reader: SdkReader, stream: boolean): Promise<Reading> {
  const calls: HeldCall[] = [];
  const note: Note = (value, final) => void calls.push(...callsIn(value, reader.format, final));
  try {
    await (stream ? reader.stream(note) : reader.json(note));
    return { sdk: reader.sdk, calls, error: null };
  } catch (error) {
    return { sdk: reader.sdk, calls, error: error instanceof Error ? error.message : String(error) };
  }
}

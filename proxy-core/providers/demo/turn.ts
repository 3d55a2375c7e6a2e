import { countAllWords, countOf, type JsonObject, listOf, objectOf, textOf } from './json.ts';

/** A tool that the request declares and the client runs. */
export interface DemoTool {
  readonly name: string;
  readonly kind: 'function' | 'custom';
  readonly namespace: string | null;
  /** Its JSON schema, or an empty object. */
  readonly schema: JsonObject;
}

/** What the demo reads out of a request of any conversational format. */
export interface DemoTurn {
  readonly model: string;
  readonly stream: boolean;
  /** The last thing the user wrote. */
  readonly prompt: string;
  /** Results of tool calls, if that is what the conversation ends with. */
  readonly toolResults: readonly string[];
  readonly tools: readonly DemoTool[];
  /** `must`: the request demands a call, of `forced` if that names a tool. */
  readonly calling: 'may' | 'must' | 'never';
  readonly forced: string | null;
  readonly parallel: boolean;
  /** Output ceiling in tokens (words), or null. */
  readonly limit: number | null;
  readonly inputTokens: number;
  /** Choices asked for; 1 except in chat and completions. */
  readonly choices: number;
  /** Chat and completions streams: the client wants the usage chunk. */
  readonly includeUsage: boolean;
}

const MAX_CHOICES = 8;

/** Every text in a message's content, joined. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => textOf(objectOf(part)['text']))
    .filter((text) => text !== '')
    .join('\n');
}

/** The last text of a message: clients put their own context in the parts before it. */
function lastText(content: unknown): string {
  if (typeof content === 'string') return content;
  const texts = listOf(content).map((part) => textOf(objectOf(part)['text']));
  return texts.findLast((text) => text !== '') ?? '';
}

const choicesOf = (body: JsonObject): number => Math.min(MAX_CHOICES, countOf(body['n']) ?? 1);
const includesUsage = (body: JsonObject): boolean => objectOf(body['stream_options'])['include_usage'] === true;

/** OpenAI's `tool_choice`; `name` is where the format puts the forced tool's name. */
function openaiChoice(choice: unknown, name: string): Pick<DemoTurn, 'calling' | 'forced'> {
  if (choice === 'none') return { calling: 'never', forced: null };
  if (choice === 'required') return { calling: 'must', forced: null };
  return name === '' ? { calling: 'may', forced: null } : { calling: 'must', forced: name };
}

function chatTool(declared: unknown): DemoTool | null {
  const { type, function: fn, custom } = objectOf(declared) as { type?: unknown; function?: unknown; custom?: unknown };
  const kind = type === 'custom' ? 'custom' : 'function';
  const tool = objectOf(kind === 'custom' ? custom : fn);
  const name = textOf(tool['name']);
  return name === '' ? null : { name, kind, namespace: null, schema: objectOf(tool['parameters']) };
}

const isTool = (tool: DemoTool | null): tool is DemoTool => tool !== null;

/** Read a `POST /v1/chat/completions` body. */
export function readChat(body: JsonObject): DemoTurn {
  const spoken = listOf(body['messages'])
    .map(objectOf)
    .filter((message) => message['role'] !== 'system' && message['role'] !== 'developer');
  const results: string[] = [];
  for (const message of spoken.toReversed()) {
    if (message['role'] !== 'tool' && message['role'] !== 'function') break;
    results.unshift(contentText(message['content']));
  }
  const choice = objectOf(body['tool_choice']);
  const forced = textOf(objectOf(choice['function'] ?? choice['custom'])['name']);
  return {
    model: textOf(body['model']),
    stream: body['stream'] === true,
    prompt: lastText(spoken.findLast((message) => message['role'] === 'user')?.['content']),
    toolResults: results,
    tools: listOf(body['tools']).map(chatTool).filter(isTool),
    ...openaiChoice(body['tool_choice'], forced),
    parallel: body['parallel_tool_calls'] !== false,
    limit: countOf(body['max_completion_tokens']) ?? countOf(body['max_tokens']),
    inputTokens: countAllWords([body['messages'], body['tools']]),
    choices: choicesOf(body),
    includeUsage: includesUsage(body),
  };
}

/** Read a `POST /v1/completions` body. */
export function readCompletion(body: JsonObject): DemoTurn {
  const prompt = typeof body['prompt'] === 'string' ? body['prompt'] : listOf(body['prompt']).map(textOf).join('\n');
  return {
    model: textOf(body['model']),
    stream: body['stream'] === true,
    prompt,
    toolResults: [],
    tools: [],
    calling: 'never',
    forced: null,
    parallel: false,
    limit: countOf(body['max_tokens']),
    inputTokens: countAllWords([prompt]),
    choices: choicesOf(body),
    includeUsage: includesUsage(body),
  };
}

/** Function and custom tools of a Responses request; namespaces (one level) are flattened, server tools left out. */
function responsesTools(declared: readonly unknown[], namespace: string | null): DemoTool[] {
  return declared.map(objectOf).flatMap((tool) => {
    const name = textOf(tool['name']);
    if (tool['type'] === 'namespace') return namespace === null ? responsesTools(listOf(tool['tools']), name) : [];
    if (name === '' || (tool['type'] !== 'function' && tool['type'] !== 'custom')) return [];
    return [{ name, kind: tool['type'], namespace, schema: objectOf(tool['parameters']) }];
  });
}

const isCallOutput = (item: JsonObject): boolean =>
  item['type'] === 'function_call_output' || item['type'] === 'custom_tool_call_output';

/** Read a `POST /v1/responses` body. */
export function readResponses(body: JsonObject): DemoTurn {
  const items = listOf(body['input']).map(objectOf);
  const spoken = items.filter((item) => item['role'] === 'user' || item['role'] === 'assistant' || isCallOutput(item));
  const results: string[] = [];
  for (const item of spoken.toReversed()) {
    if (!isCallOutput(item)) break;
    results.unshift(contentText(item['output']));
  }
  const said = spoken.findLast((item) => item['role'] === 'user')?.['content'];
  const extra = items.filter((item) => item['type'] === 'additional_tools').flatMap((item) => listOf(item['tools']));
  return {
    model: textOf(body['model']),
    stream: body['stream'] === true,
    prompt: typeof body['input'] === 'string' ? body['input'] : lastText(said),
    toolResults: results,
    tools: responsesTools([...listOf(body['tools']), ...extra], null),
    ...openaiChoice(body['tool_choice'], textOf(objectOf(body['tool_choice'])['name'])),
    parallel: body['parallel_tool_calls'] !== false,
    limit: countOf(body['max_output_tokens']),
    inputTokens: countAllWords([body['instructions'], body['input'], body['tools']]),
    choices: 1,
    includeUsage: true,
  };
}

/** Tools of a Messages request that the client runs: those with a `type` of their own run at the provider. */
function messagesTool(declared: unknown): DemoTool | null {
  const tool = objectOf(declared);
  const name = textOf(tool['name']);
  if (name === '' || (tool['type'] !== undefined && tool['type'] !== 'custom')) return null;
  return { name, kind: 'function', namespace: null, schema: objectOf(tool['input_schema']) };
}

const MESSAGES_CALLING: Readonly<Record<string, DemoTurn['calling']>> = { none: 'never', any: 'must', tool: 'must' };

/** Read a `POST /v1/messages` or `/v1/messages/count_tokens` body. */
export function readMessages(body: JsonObject): DemoTurn {
  const spoken = listOf(body['messages'])
    .map(objectOf)
    .filter((message) => message['role'] !== 'system');
  const last = listOf(spoken.at(-1)?.['content']).map(objectOf);
  const choice = objectOf(body['tool_choice']);
  return {
    model: textOf(body['model']),
    stream: body['stream'] === true,
    prompt: lastText(spoken.findLast((message) => message['role'] === 'user')?.['content']),
    toolResults: last.filter((block) => block['type'] === 'tool_result').map((block) => contentText(block['content'])),
    tools: listOf(body['tools']).map(messagesTool).filter(isTool),
    calling: MESSAGES_CALLING[textOf(choice['type'])] ?? 'may',
    forced: textOf(choice['name']) || null,
    parallel: choice['disable_parallel_tool_use'] !== true,
    limit: countOf(body['max_tokens']),
    inputTokens: countAllWords([body['system'], body['messages'], body['tools']]),
    choices: 1,
    includeUsage: true,
  };
}

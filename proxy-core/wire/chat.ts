import { createJsonReader, createStreamReader } from './answer-reader.ts';
import { createChoicesMeaning } from './choices.ts';
import { declaredTools } from './declared-tools.ts';
import type { DeclaredTool, Format, RequestFacts, ToolResult, UnboundedFeature } from './format.ts';
import { filledText, type JsonRecord, record, recordOrNull, records } from './loose-json.ts';
import { blocksOf, choiceCount, distinct, emptyFacts, headOf, latestOutputs, outputLimit } from './request-facts.ts';
import { renderErrorData } from './sse-render.ts';

/** OpenAI Chat Completions (`POST /v1/chat/completions`) and its compatible providers. */
export const chat: Format = {
  name: 'chat',
  parseRequest: (body) => parseRequest(record(body)),
  jsonReader: (limits) => createJsonReader(createChoicesMeaning(limits), limits),
  streamReader: (limits) => createStreamReader(createChoicesMeaning(limits), limits),
  renderStreamError: renderErrorData,
};

function parseRequest(body: JsonRecord): RequestFacts {
  const facts = emptyFacts(body);
  const tools = [
    ...declaredTools(body['tools']),
    ...declaredTools(body['functions']),
    ...builtIn(body),
    ...facts.tools,
  ];
  const system = records(body['messages']).find((m) => m['role'] === 'system' || m['role'] === 'developer');
  const format = record(body['response_format'])['type'];
  return {
    ...facts,
    tools,
    outputLimit: outputLimit(body['max_completion_tokens'], body['max_tokens']),
    choices: choiceCount(body['n']),
    toolResults: latestOutputs(records(body['messages']).flatMap(toolResult)),
    unbounded: distinct([
      ...blocksOf(body['messages']).flatMap(unboundedPart),
      ...serverTool(tools),
      ...facts.unbounded,
    ]),
    asksUsage: record(body['stream_options'])['include_usage'] === true,
    sessionHints: { ...facts.sessionHints, systemHead: headOf(system?.['content']) },
    structuredOutput: format === 'json_schema' || format === 'json_object',
  };
}

/** Search that is switched on beside `tools`: OpenAI `web_search_options`, xAI `search_parameters`, OpenRouter `plugins`. */
function builtIn(body: JsonRecord): readonly DeclaredTool[] {
  const search = recordOrNull(body['web_search_options']) ?? recordOrNull(body['search_parameters']);
  const plugins = records(body['plugins']).map((plugin) => filledText(plugin['id']) ?? 'plugin');
  const names = [...(search === null ? [] : ['web_search']), ...plugins];
  return names.map((name) => ({ name, kind: 'server' }));
}

const serverTool = (tools: readonly DeclaredTool[]): readonly UnboundedFeature[] =>
  tools.some((tool) => tool.kind === 'server') ? ['server_tool'] : [];

/** A result message; the legacy `function` role names the function instead of a call. */
function toolResult(message: JsonRecord): readonly ToolResult[] {
  const id = message['role'] === 'tool' ? message['tool_call_id'] : message['role'] === 'function' && message['name'];
  const callId = filledText(id);
  return callId === null ? [] : [{ callId, isError: false, output: message['content'] }];
}

function unboundedPart(part: JsonRecord): readonly UnboundedFeature[] {
  if (part['type'] === 'image_url') {
    const url = filledText(record(part['image_url'])['url']) ?? filledText(part['image_url']) ?? '';
    return [url.startsWith('data:') ? 'inline_image' : 'image_reference'];
  }
  if (part['type'] === 'input_audio') return ['audio'];
  if (part['type'] !== 'file') return [];
  return [filledText(record(part['file'])['file_data']) === null ? 'file_reference' : 'inline_file'];
}

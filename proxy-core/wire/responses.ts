import { createJsonReader, createStreamReader } from './answer-reader.ts';
import { allowedTools, declaredTools, mcpServer } from './declared-tools.ts';
import type { DeclaredTool, Format, RequestFacts, ToolResult, UnboundedFeature } from './format.ts';
import { filledText, type JsonRecord, record, recordOrNull, records } from './loose-json.ts';
import { distinct, emptyFacts, headOf, isSet, latestOutputs, outputLimit } from './request-facts.ts';
import { createResponsesMeaning } from './responses-answer.ts';
import { renderErrorData } from './sse-render.ts';

/** OpenAI Responses (`POST /v1/responses`), as the SDKs and Codex speak it. */
export const responses: Format = {
  name: 'responses',
  parseRequest: (body) => parseRequest(record(body)),
  jsonReader: (limits, atProvider) => createJsonReader(createResponsesMeaning(limits, atProvider), limits),
  streamReader: (limits, atProvider) => createStreamReader(createResponsesMeaning(limits, atProvider), limits),
  renderStreamError: renderErrorData,
};

function parseRequest(body: JsonRecord): RequestFacts {
  const facts = emptyFacts(body);
  const items = records(body['input']);
  const tools = [...declaredTools(body['tools']), ...items.flatMap(toolsOfItem), ...storedPrompt(body), ...facts.tools];
  const format = record(record(body['text'])['format'])['type'];
  return {
    ...facts,
    tools,
    outputLimit: outputLimit(body['max_output_tokens']),
    toolResults: latestOutputs(items.flatMap(toolResult)),
    responseIds: [body['previous_response_id'], conversationId(body)].flatMap((id) => filledText(id) ?? []),
    unbounded: distinct([...unboundedBody(body, tools), ...items.flatMap(unboundedItem), ...facts.unbounded]),
    background: isSet(body['background']),
    sessionHints: { ...facts.sessionHints, systemHead: filledText(body['instructions']) ?? systemHead(items) },
    structuredOutput: format === 'json_schema' || format === 'json_object',
  };
}

/** Tools that arrive inside the conversation: Codex's `additional_tools`, results of a tool search, a listed MCP server. */
function toolsOfItem(item: JsonRecord): readonly DeclaredTool[] {
  if (item['type'] !== 'mcp_list_tools') return declaredTools(item['tools']);
  const names = records(item['tools']).flatMap((tool) => filledText(tool['name']) ?? []);
  return mcpServer(filledText(item['server_label']), allowedTools(names));
}

/** A prompt stored at the provider can bring tools that the body does not show. */
const storedPrompt = (body: JsonRecord): readonly DeclaredTool[] =>
  recordOrNull(body['prompt']) === null ? [] : [{ name: 'stored_prompt', kind: 'server', anyName: true }];

const conversationId = (body: JsonRecord): unknown =>
  recordOrNull(body['conversation'])?.['id'] ?? body['conversation'];

function systemHead(items: readonly JsonRecord[]): string | null {
  const message = items.find((item) => item['role'] === 'system' || item['role'] === 'developer');
  return message?.['content'] === undefined ? null : headOf(message['content']);
}

/** The output of a call that ran at the client: `function_call_output`, `custom_tool_call_output`, `shell_call_output` … */
function toolResult(item: JsonRecord): readonly ToolResult[] {
  const type = filledText(item['type']) ?? '';
  const callId = filledText(item['call_id']) ?? filledText(item['approval_request_id']);
  if (callId === null || !(type.endsWith('_output') || type === 'mcp_approval_response')) return [];
  const isError = item['status'] === 'failed' || item['status'] === 'incomplete';
  return [{ callId, isError, output: item['output'] }];
}

function unboundedBody(body: JsonRecord, tools: readonly DeclaredTool[]): readonly UnboundedFeature[] {
  return [
    ...(isSet(body['previous_response_id']) ? (['previous_response_id'] as const) : []),
    ...(isSet(body['conversation']) ? (['conversation'] as const) : []),
    ...(isSet(body['prompt']) ? (['stored_prompt'] as const) : []),
    ...(tools.some((tool) => tool.kind === 'server') ? (['server_tool'] as const) : []),
  ];
}

function unboundedItem(item: JsonRecord): readonly UnboundedFeature[] {
  if (item['type'] === 'item_reference') return ['item_reference'];
  return [...records(item['content']), ...records(item['output']), record(item['output'])].flatMap(unboundedPart);
}

function unboundedPart(part: JsonRecord): readonly UnboundedFeature[] {
  if (part['type'] === 'input_file') return [filledText(part['file_data']) === null ? 'file_reference' : 'inline_file'];
  if (part['type'] === 'input_audio') return ['audio'];
  if (part['type'] !== 'input_image' && part['type'] !== 'computer_screenshot') return [];
  return [filledText(part['image_url'])?.startsWith('data:') ? 'inline_image' : 'image_reference'];
}

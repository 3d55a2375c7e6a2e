import { createJsonReader, createStreamReader } from './answer-reader.ts';
import { allowedTools, declaredTools, mcpServer } from './declared-tools.ts';
import type { DeclaredTool, Format, RequestFacts, ToolResult, UnboundedFeature } from './format.ts';
import { filledText, type JsonRecord, record, recordOrNull, records } from './loose-json.ts';
import { createMessagesMeaning } from './messages-answer.ts';
import { blocksOf, distinct, emptyFacts, headOf, isSet, latestOutputs, outputLimit } from './request-facts.ts';
import { renderErrorEvent } from './sse-render.ts';

/** Anthropic Messages (`POST /v1/messages`, also `count_tokens`), betas included. */
export const messages: Format = {
  name: 'messages',
  parseRequest: (body) => parseRequest(record(body)),
  jsonReader: (limits, atProvider) => createJsonReader(createMessagesMeaning(limits, atProvider), limits),
  streamReader: (limits, atProvider) => createStreamReader(createMessagesMeaning(limits, atProvider), limits),
  renderStreamError: renderErrorEvent,
};

function parseRequest(body: JsonRecord): RequestFacts {
  const facts = emptyFacts(body);
  const blocks = blocksOf(body['messages']);
  const tools = [
    ...declaredTools(withoutListed(body)),
    ...mcpServers(body),
    ...blocks.flatMap(addedTool),
    ...facts.tools,
  ];
  const earlier = filledText(record(body['thread'])['previous_message_id']);
  const format = record(body['output_format'] ?? record(body['output_config'])['format'])['type'];
  return {
    ...facts,
    tools,
    outputLimit: outputLimit(body['max_tokens']),
    toolResults: latestOutputs(blocks.flatMap(toolResult)),
    responseIds: earlier === null ? [] : [earlier],
    unbounded: distinct([...unboundedBody(body, tools), ...blocks.flatMap(unboundedBlock), ...facts.unbounded]),
    sessionHints: { ...facts.sessionHints, systemHead: headOf(body['system']) },
    structuredOutput: format === 'json_schema',
  };
}

/** `tools` without the toolsets of MCP servers that are also in `mcp_servers`, which says more of them. */
function withoutListed(body: JsonRecord): readonly JsonRecord[] {
  const listed = new Set(records(body['mcp_servers']).map((server) => server['name']));
  return records(body['tools']).filter(
    (tool) => tool['type'] !== 'mcp_toolset' || !listed.has(tool['mcp_server_name']),
  );
}

const mcpServers = (body: JsonRecord): readonly DeclaredTool[] =>
  records(body['mcp_servers']).flatMap((server) =>
    mcpServer(filledText(server['name']), allowedTools(record(server['tool_configuration'])['allowed_tools'])),
  );

/** A tool defined in the middle of the conversation (`tool_addition`). */
function addedTool(block: JsonRecord): readonly DeclaredTool[] {
  const definition = block['type'] === 'tool_addition' ? record(block['tool'])['definition'] : undefined;
  return definition === undefined ? [] : declaredTools([definition]);
}

function toolResult(block: JsonRecord): readonly ToolResult[] {
  const callId = filledText(block['tool_use_id']);
  // Results of provider-run tools (`web_search_tool_result`, …) are part of the model's own turn.
  if (callId === null || block['type'] !== 'tool_result') return [];
  return [{ callId, isError: block['is_error'] === true, output: block['content'] }];
}

function unboundedBody(body: JsonRecord, tools: readonly DeclaredTool[]): readonly UnboundedFeature[] {
  return [
    ...(filledText(record(body['thread'])['previous_message_id']) === null ? [] : (['previous_response_id'] as const)),
    ...(isSet(body['container']) ? (['container'] as const) : []),
    ...(isSet(body['fallbacks']) ? (['fallback_model'] as const) : []),
    ...(tools.some((tool) => tool.kind === 'server') ? (['server_tool'] as const) : []),
  ];
}

/** A block, or one inside a tool's result. */
function unboundedBlock(block: JsonRecord): readonly UnboundedFeature[] {
  if (block['type'] === 'tool_result') return records(block['content']).flatMap(unboundedPart);
  return unboundedPart(block);
}

function unboundedPart(block: JsonRecord): readonly UnboundedFeature[] {
  const source = record(block['source'])['type'];
  if (block['type'] === 'container_upload') return ['file_reference'];
  if (block['type'] === 'browser_state') return ['inline_image'];
  if (block['type'] === 'image') return [source === 'base64' ? 'inline_image' : 'image_reference'];
  if (block['type'] !== 'document' || source === 'text') return [];
  if (source === 'content') return records(recordOrNull(block['source'])?.['content']).flatMap(unboundedPart);
  return [source === 'base64' ? 'inline_file' : 'file_reference'];
}

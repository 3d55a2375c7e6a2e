import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { WireFormat } from '../../../proxy-core/contract/records.ts';
import type { RequestFacts } from '../../../proxy-core/wire/format.ts';
import { FORMATS } from '../../../proxy-core/wire/formats.ts';

interface Recorded {
  readonly requests: readonly { readonly path: string; readonly body?: unknown }[];
}

/** The bodies that a client really sent to a path. */
function recorded(file: string, path: string): readonly unknown[] {
  const url = new URL(`../../fixtures/clients/${file}.json`, import.meta.url);
  const { requests } = JSON.parse(readFileSync(url, 'utf8')) as Recorded;
  return requests.filter((request) => request.path.startsWith(path)).map((request) => request.body);
}

const parse = (format: WireFormat, body: unknown): RequestFacts => FORMATS[format].parseRequest(body);
const names = (facts: RequestFacts) =>
  facts.tools.map(
    (t) => `${t.kind}:${t.namespace === undefined ? '' : `${t.namespace}/`}${t.name}${t.anyName ? '*' : ''}`,
  );
const toolNames = (format: WireFormat, body: unknown) => names(parse(format, body));

describe('requests of real clients', () => {
  it('Claude Code: tools, limit, results, session', () => {
    const [first, second] = recorded('claude-code.print.base', '/v1/messages').map((body) => parse('messages', body));
    expect(first?.model).toBe('claude-opus-4-8');
    expect(first?.stream).toBe(true);
    expect(first?.outputLimit).toBe(64_000);
    expect(first?.toolResults).toEqual([]);
    expect(first?.tools).toHaveLength(24);
    expect(first?.tools.every((tool) => tool.kind === 'function')).toBe(true);
    expect(first?.sessionHints.metadataUserId).toContain('"session_id"');
    expect(first?.sessionHints.systemHead).not.toBeNull();
    expect(second?.toolResults).toMatchObject([{ callId: 'toolu_eceaa95e585f460399ea', isError: false }]);
    expect(second?.unbounded).toEqual([]);
  });

  it('Claude Code: the title request has no tools and asks for a schema', () => {
    const facts = recorded('claude-code.print.title-side-request', '/v1/messages').map((body) =>
      parse('messages', body),
    );
    expect(facts.filter((f) => f.tools.length === 0 && f.structuredOutput)).toHaveLength(1);
    expect(facts.filter((f) => f.tools.length > 0 && f.structuredOutput)).toHaveLength(0);
  });

  it('Codex with gpt-5.5: functions, a custom tool, tool search and web search', () => {
    const facts = parse('responses', recorded('codex.exec.custom-provider.gpt-5.5', '/v1/responses')[1]);
    expect(names(facts)).toEqual([
      ...['exec_command', 'write_stdin', 'request_user_input'].map((name) => `function:${name}`),
      'custom:apply_patch',
      ...['view_image', 'get_goal', 'create_goal', 'update_goal', 'tool_search*'].map((name) => `function:${name}`),
      'server:web_search',
    ]);
    expect(facts.toolResults).toMatchObject([{ callId: 'call_859ea0b8849dbfd7ed60', isError: false }]);
    expect(facts.sessionHints.promptCacheKey).toBe('01a20044-8804-7aa1-b5a8-92b993bd7d08');
    expect(facts.unbounded).toEqual(['server_tool']);
  });

  it('Codex in code mode: the tools are in input[0]', () => {
    const facts = parse('responses', recorded('codex.exec.custom-provider.gpt-6.1-code-mode', '/v1/responses')[1]);
    expect(names(facts)).toContain('custom:functions/exec');
    expect(names(facts)).toContain('function:collaboration/spawn_agent');
    expect(facts.tools).toHaveLength(11);
    expect(facts.toolResults).toMatchObject([{ callId: 'call_352069bcbcf3cf30308a', isError: false }]);
  });

  it('Codex with an unknown model: a namespace beside functions', () => {
    const facts = parse('responses', recorded('codex.exec.custom-provider.unknown-model', '/v1/responses')[0]);
    expect(names(facts)).toContain('function:multi_agent_v1/spawn_agent');
    expect(names(facts)).toContain('function:exec_command');
  });

  it('SDKs: chat, embeddings', () => {
    const [, second] = recorded('sdk.openai-chat-stream', '/v1/chat').map((body) => parse('chat', body));
    expect(second?.toolResults).toMatchObject([{ callId: 'call_07e1d82600178e0ebabe', isError: false }]);
    expect(second?.asksUsage).toBe(true);
    expect(second && names(second)).toEqual(['function:issue_refund']);
    const embedding = parse('embeddings', recorded('sdk.openai-embeddings', '/v1/embeddings')[0]);
    expect(embedding).toMatchObject({ model: 'text-embedding-3-small', outputLimit: 0, tools: [], stream: false });
  });
});

describe('declared tools', () => {
  it('chat: functions, custom tools, legacy functions and search beside the list', () => {
    const tools = [
      { type: 'function', function: { name: 'a' } },
      { type: 'custom', custom: { name: 'b' } },
    ];
    expect(toolNames('chat', { tools, functions: [{ name: 'c' }], web_search_options: {} })).toEqual([
      'function:a',
      'custom:b',
      'function:c',
      'server:web_search',
    ]);
  });

  it('responses: what the provider runs is marked', () => {
    const tools = [
      { type: 'web_search_preview_2025_03_11' },
      { type: 'code_interpreter', container: {} },
      { type: 'file_search' },
      { type: 'image_generation' },
      { type: 'mcp', server_label: 'tracker' },
      { type: 'mcp', server_label: 'wiki', allowed_tools: { tool_names: ['read'] } },
      { type: 'shell' },
      { type: 'shell', environment: { type: 'container_auto' } },
      { type: 'computer_use_preview' },
      { type: 'brand_new_tool' },
    ];
    expect(toolNames('responses', { tools })).toEqual([
      'server:web_search',
      'server:code_interpreter',
      'server:file_search',
      'server:image_generation',
      'server:tracker/mcp*',
      'server:wiki/read',
      'function:shell',
      'server:shell',
      'function:computer',
      'server:brand_new_tool',
    ]);
  });

  it('says of each tool whether a call of another would fit into its arguments', () => {
    const text = { type: 'string' };
    const object = (properties: object, further: object = {}) => ({ type: 'object', properties, ...further });
    const openOf = (parameters: unknown) =>
      FORMATS.chat.parseRequest({ tools: [{ type: 'function', function: { name: 'f', parameters } }] }).tools[0]
        ?.open ?? false;
    for (const closed of [
      object({ city: text }),
      object({ path: text, lines: { type: 'array', items: { type: 'integer' } } }),
      object({ id: text, title: text }),
      object({ input: text }),
      object({}, { additionalProperties: false }),
      object({ mode: { enum: ['a', 'b'] }, at: { anyOf: [text, { type: 'null' }] } }),
      object({ at: { $ref: '#/$defs/place' } }, { $defs: { place: object({ lat: { type: 'number' } }) } }),
      object({ map: { type: 'object', additionalProperties: text } }),
    ])
      expect(openOf(closed), JSON.stringify(closed)).toBe(false);
    for (const open of [
      undefined,
      {},
      { type: 'object' },
      object({}),
      object({ a: {} }),
      object({ id: text, args: { type: 'object' } }),
      object({ name: text, arguments: text }),
      object({ tool_name: text, tool_input: text }),
      object({ body: { type: 'object' } }),
      object({ a: text }, { additionalProperties: true }),
      object({ list: { type: 'array' } }),
      object({ calls: { type: 'array', items: object({ tool: text, parameters: text }) } }),
      object({ at: { $ref: 'https://example.com/schema' } }),
      object({ at: { $ref: '#/$defs/place' } }, { $defs: { place: { type: 'object' } } }),
    ])
      expect(openOf(open), JSON.stringify(open)).toBe(true);
  });

  it('responses: tools that arrive as results of a tool search or in a stored prompt', () => {
    const input = [{ type: 'tool_search_output', tools: [{ type: 'function', name: 'found' }] }];
    expect(toolNames('responses', { input, prompt: { id: 'pmpt_1' } })).toEqual([
      'function:found',
      'server:stored_prompt*',
    ]);
  });

  it('messages: dated server tools, client tools, toolsets and MCP servers', () => {
    const body = {
      tools: [
        { name: 'lookup', input_schema: {} },
        { type: 'web_search_20250305', name: 'web_search' },
        { type: 'code_execution_20250825', name: 'code_execution' },
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
        { type: 'computer_20251124', name: 'computer' },
        { type: 'browser_toolset_20260801' },
        { type: 'mcp_toolset', mcp_server_name: 'tracker' },
        { type: 'mcp_toolset', mcp_server_name: 'wiki' },
      ],
      mcp_servers: [
        { type: 'url', name: 'tracker', url: 'https://example.org', tool_configuration: { allowed_tools: ['list'] } },
      ],
      messages: [
        {
          role: 'system',
          content: [{ type: 'tool_addition', tool: { type: 'tool_definition', definition: { name: 'late' } } }],
        },
      ],
    };
    expect(toolNames('messages', body)).toEqual([
      'function:lookup',
      'server:web_search',
      'server:code_execution',
      'function:bash',
      'function:str_replace_based_edit_tool',
      'function:computer',
      'function:browser/browser*',
      'server:wiki/mcp*',
      'server:tracker/list',
      'function:late',
    ]);
  });
});

describe('limits, choices and links', () => {
  it('takes the larger of two output limits, for either may be obeyed', () => {
    expect(parse('chat', { max_tokens: 10, max_completion_tokens: 20 }).outputLimit).toBe(20);
    expect(parse('chat', { max_tokens: '10' }).outputLimit).toBeNull();
    expect(parse('responses', { max_output_tokens: 7 }).outputLimit).toBe(7);
  });

  it('counts choices, also as a lenient provider would', () => {
    expect([3, '3', 2.1, 0, -1, null, 'x', {}].map((n) => parse('chat', { n }).choices)).toEqual([
      3, 3, 3, 1, 1, 1, 1, 1,
    ]);
    expect(parse('completions', { prompt: ['a', 'b'], n: 2, best_of: 5 }).choices).toBe(10);
    expect(parse('completions', { prompt: [1, 2, 3] }).choices).toBe(1);
  });

  it('names earlier answers and conversations', () => {
    const facts = parse('responses', {
      previous_response_id: 'resp_1',
      conversation: { id: 'conv_1' },
      background: true,
    });
    expect(facts.responseIds).toEqual(['resp_1', 'conv_1']);
    expect(facts.background).toBe(true);
    expect(facts.unbounded).toEqual(['previous_response_id', 'conversation']);
  });

  it('takes any background that is not plainly off as on', () => {
    expect(['true', 1, {}, true].map((background) => parse('responses', { background }).background)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([false, null, undefined].map((background) => parse('responses', { background }).background)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('names what the body cannot bound', () => {
    const image = (source: unknown) => ({ type: 'image', source });
    const content = [
      image({ type: 'url', url: 'https://example.org/a.png' }),
      image({ type: 'base64', data: 'AAAA' }),
      {
        type: 'tool_result',
        tool_use_id: 't',
        is_error: true,
        content: [{ type: 'document', source: { type: 'file', file_id: 'f' } }],
      },
    ];
    const facts = parse('messages', { messages: [{ role: 'user', content }], container: 'c', fallbacks: [{}] });
    expect(facts.unbounded).toEqual([
      'container',
      'fallback_model',
      'image_reference',
      'inline_image',
      'file_reference',
    ]);
    expect(facts.toolResults).toMatchObject([{ callId: 't', isError: true }]);
  });

  it.each(Object.keys(FORMATS) as WireFormat[])('reads any nonsense as %s without failing', (format) => {
    for (const body of [
      null,
      3,
      'x',
      [],
      { tools: 5, messages: 'x', input: [null, 7, []], system: [3], metadata: [] },
    ]) {
      expect(parse(format, body).toolResults).toEqual([]);
    }
  });
});

describe('what tools answered', () => {
  it('is kept as it stands in the body', () => {
    const [, chat] = recorded('sdk.openai-chat-stream', '/v1/chat').map((body) => parse('chat', body));
    expect(chat?.toolResults[0]?.output).toBe('refunded');
    const block = { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'no' }] };
    const messages = parse('messages', { messages: [{ role: 'user', content: [block] }] });
    expect(messages.toolResults[0]?.output).toEqual(block.content);
    const item = { type: 'function_call_output', call_id: 'c', output: 'done' };
    expect(parse('responses', { input: [item] }).toolResults[0]?.output).toBe('done');
  });

  it('is kept of the latest results only', () => {
    const results = Array.from({ length: 40 }, (_, n) => ({
      role: 'tool',
      tool_call_id: `c${n}`,
      content: `out ${n}`,
    }));
    const { toolResults } = parse('chat', { messages: results });
    expect(toolResults.map(({ callId }) => callId)).toEqual(results.map(({ tool_call_id }) => tool_call_id));
    expect(toolResults.filter(({ output }) => output !== undefined).map(({ callId }) => callId)).toEqual(
      results.slice(-16).map(({ tool_call_id }) => tool_call_id),
    );
  });
});

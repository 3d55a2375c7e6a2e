import type { ToolCall } from './format.ts';
import { filledText, recordOrNull } from './loose-json.ts';
import { isToolName, jsonCalls, namedMembers, readArgument, saidInText, xmlMembers } from './text-arguments.ts';

/**
 * The ways in which agents that declare no tools let a model write calls into its text: one row per kind. A row opens
 * where `opens` stands, ends with `closes`, and holds the calls that `read` finds between; where it finds none, it was only text.
 */
export interface TextProtocol {
  /** As a person knows it. */
  readonly title: string;
  /** Source of a regular expression for the opening; it has no groups of its own. */
  readonly opens: string;
  /** The texts that end it, of which the first counts; the end of the answer ends it too where `openEnded`. */
  readonly closes: (opening: string) => readonly string[];
  /** It may end with the answer, because models stop there. */
  readonly openEnded?: true;
  /** Counts only at the start of a line: its words are also ordinary ones. */
  readonly atLineStart?: true;
  readonly read: (opening: string, body: string) => readonly ToolCall[];
}

const tag = (opening: string): string => /[A-Za-z_][\w-]*/.exec(opening)?.[0] ?? '';
const ownTag = (opening: string): readonly string[] => [`</${tag(opening)}>`];
const attribute = (opening: string, name: string): string | null =>
  filledText(new RegExp(`\\b${name}=["']?([^"'>\\s]+)`).exec(opening)?.[1]);
const named = (name: string | null | undefined, args: unknown): readonly ToolCall[] =>
  name != null && isToolName(name) ? [saidInText(name, args)] : [];

/** Cline’s and Roo’s tools, each with members of which a call has at least one. */
const CLINE: Readonly<Record<string, readonly string[]>> = {
  execute_command: ['command'],
  write_to_file: ['path', 'content'],
  replace_in_file: ['path', 'diff'],
  apply_diff: ['path', 'diff', 'args'],
  insert_content: ['path', 'args'],
  search_and_replace: ['path', 'args'],
  read_file: ['path', 'args'],
  list_files: ['path'],
  search_files: ['path', 'regex'],
  list_code_definition_names: ['path'],
  browser_action: ['action'],
  use_mcp_tool: ['tool_name', 'server_name'],
  access_mcp_resource: ['uri', 'server_name'],
  ask_followup_question: ['question'],
  attempt_completion: ['result'],
  switch_mode: ['mode_slug'],
  new_task: ['mode', 'message', 'context'],
  update_todo_list: ['todos'],
  fetch_instructions: ['task'],
};

function clineCall(opening: string, body: string): readonly ToolCall[] {
  const name = tag(opening);
  const members = xmlMembers(body);
  if (!CLINE[name]?.some((member) => members[member] !== undefined)) return [];
  if (name !== 'use_mcp_tool') return [saidInText(name, members)];
  return named(members['tool_name'], readArgument(members['arguments'] ?? '{}'));
}

/** `<invoke name="x">`, or Anthropic's older `<invoke><tool_name>x</tool_name><parameters>…`. */
function invokeCall(opening: string, body: string): readonly ToolCall[] {
  const members = xmlMembers(body);
  const name = attribute(opening, 'name') ?? members['tool_name'];
  return named(name, members['parameters'] === undefined ? namedMembers(body) : xmlMembers(members['parameters']));
}

/** Inside `<tool_call>` and its kin: JSON, `name` and arguments as XML, or GLM's name with pairs. */
function wrappedCall(_opening: string, body: string): readonly ToolCall[] {
  const text = body.trim();
  const json = jsonCalls(text);
  if (json.length > 0) return json;
  const pairs = text.split('<arg_key>');
  if (pairs.length > 1) {
    const args = pairs.slice(1, 33).map((pair) => pair.split(/<\/arg_key>\s*<arg_value>|<\/arg_value>/, 2));
    return named(pairs[0]?.trim(), Object.fromEntries(args.map(([key = '', value = '']) => [key.trim(), value])));
  }
  const members = xmlMembers(text);
  const given = members['arguments'] ?? members['parameters'] ?? members['args'];
  return given === undefined ? [] : named(members['name'] ?? members['tool_name'], readArgument(given));
}

/** `<function=x>{…}</function>` (Llama) or with `<parameter=…>` members (Qwen). */
function functionCall(opening: string, body: string): readonly ToolCall[] {
  const args = readArgument(body.trim());
  const name = /=([\w.-]+)/.exec(opening)?.[1];
  if (recordOrNull(args) !== null) return named(name, args);
  return body.includes('<parameter') || body.trim() === '' ? named(name, namedMembers(body)) : [];
}

/** `functions.x:0<|tool_call_argument_begin|>{…}` (Kimi), `function<｜tool▁sep｜>x … {…}` (DeepSeek). */
function tokenCall(_opening: string, body: string): readonly ToolCall[] {
  const kimi = body.indexOf('<|tool_call_argument_begin|>');
  if (kimi >= 0) {
    const name = body
      .slice(0, kimi)
      .trim()
      .replace(/^functions\.|:\d+$/g, '');
    return named(name, readArgument(body.slice(kimi + '<|tool_call_argument_begin|>'.length).trim()));
  }
  const separator = body.indexOf('<｜tool▁sep｜>');
  if (separator < 0) return jsonCalls(body.trim());
  const [before, after] = [body.slice(0, separator).trim(), body.slice(separator + '<｜tool▁sep｜>'.length)];
  const json = after.slice(Math.max(0, after.indexOf('{'))).replace(/`{3}\s*$/, '');
  return named(before === 'function' ? /^\s*([\w.-]+)/.exec(after)?.[1] : before, readArgument(json.trim()));
}

/** `[TOOL_CALLS][{…}]` and `[TOOL_CALLS]x[ARGS]{…}` (Mistral), `<|python_tag|>{…}` (Llama), `<|tool_call|>[…]` (Granite, Phi). */
function listCall(_opening: string, body: string): readonly ToolCall[] {
  const mistral = /^([\w.-]{1,64})\[ARGS\]/.exec(body);
  if (mistral !== null) return named(mistral[1], readArgument(body.slice(mistral[0].length).trim()));
  return jsonCalls(body.replace(/<\|[\w/]{1,24}\|>/g, '').trim());
}

const shell = (opening: string, body: string): readonly ToolCall[] =>
  body.trim() === '' ? [] : [saidInText(tag(opening) === 'bash' ? 'bash' : 'execute_bash', { command: body.trim() })];

/** Builders of web apps: `<boltAction type="shell">`, `<dyad-write path="…">`, `<lov-write file_path="…">`. */
function builderCall(opening: string, body: string): readonly ToolCall[] {
  const path = attribute(opening, 'filePath') ?? attribute(opening, 'file_path') ?? attribute(opening, 'path');
  if (path !== null) return [saidInText(tag(opening), { path, content: body })];
  return attribute(opening, 'type') === 'shell' ? [saidInText('execute_command', { command: body.trim() })] : [];
}

/** Every kind that has an opening; ReAct and JSON in fences are read by lines (`text-calls.ts`). */
export const TEXT_PROTOCOLS: readonly TextProtocol[] = [
  {
    title: 'XML function calls',
    opens: '<(?:antml:)?invoke(?: name=["\'][^"\'>]{1,80}["\'])?>',
    closes: (opening) => [opening.replace(/^<([\w:]+).*$/, '</$1>')],
    read: invokeCall,
  },
  {
    title: 'XML tool calls',
    opens: '<(?:tool_call|tool_use|function_call|functioncall)>',
    closes: (opening) => [...ownTag(opening), '<|endoftext|>', '<|im_end|>'],
    openEnded: true,
    read: wrappedCall,
  },
  {
    title: 'XML tool calls',
    opens: '<tool>[\\w.-]{1,64}</tool>\\s{0,4}<tool_input>',
    closes: () => ['</tool_input>'],
    openEnded: true,
    read: (opening, body) => named(/>([^<]+)</.exec(opening)?.[1], body.trim()),
  },
  {
    title: 'XML tool calls',
    opens: '<function=[\\w.-]{1,64}>',
    closes: () => ['</function>'],
    openEnded: true,
    read: functionCall,
  },
  {
    title: 'Cline XML',
    opens: `<(?:${Object.keys(CLINE).join('|')})>`,
    closes: ownTag,
    atLineStart: true,
    read: clineCall,
  },
  {
    title: 'XML shell commands',
    opens: '<(?:bash|execute_bash|execute_ipython)>',
    closes: ownTag,
    atLineStart: true,
    read: shell,
  },
  {
    title: 'XML actions',
    opens: '<(?:boltAction|dyad-write|dyad-delete|dyad-rename|lov-write|lov-delete)\\s[^>]{1,256}>',
    closes: ownTag,
    atLineStart: true,
    read: builderCall,
  },
  {
    title: 'tool call tokens',
    opens: '<\\|tool_call_begin\\|>|<｜tool▁call▁begin｜>',
    closes: () => ['<|tool_call_end|>', '<｜tool▁call▁end｜>'],
    openEnded: true,
    read: tokenCall,
  },
  {
    title: 'tool call tokens',
    opens: '<\\|tool_call\\|?>|\\[TOOL_CALLS\\]|<\\|python_tag\\|>|<\\|plugin\\|>',
    closes: () => [
      '<|/tool_call|>',
      '<tool_call|>',
      '<|eom_id|>',
      '<|eot_id|>',
      '<|action_end|>',
      '<|end_of_text|>',
      '</s>',
    ],
    openEnded: true,
    read: listCall,
  },
  {
    title: 'tool call tokens',
    opens: '<\\|channel\\|>commentary to=[\\w.-]{1,80}',
    closes: () => ['<|call|>'],
    openEnded: true,
    read: (opening, body) =>
      named(
        opening.slice(opening.indexOf('to=') + 3).replace(/^functions\./, ''),
        readArgument(body.slice(body.indexOf('<|message|>') + '<|message|>'.length).trim()),
      ),
  },
  {
    title: 'tool call tokens',
    opens: '<start_function_call>call:[\\w.-]{1,64}',
    closes: () => ['<end_function_call>'],
    openEnded: true,
    read: (opening, body) => named(opening.slice(opening.indexOf(':') + 1), body.trim()),
  },
  {
    title: 'edit blocks',
    opens: '<<<<<<< SEARCH',
    closes: () => ['>>>>>>> REPLACE'],
    atLineStart: true,
    read: (_opening, body) => (body.includes('\n=======') ? [saidInText('edit_file', { diff: body })] : []),
  },
  {
    title: 'patches',
    opens: '\\*\\*\\* Begin Patch',
    closes: () => ['*** End Patch'],
    atLineStart: true,
    read: (opening, body) =>
      /^\*\*\* (?:Add|Update|Delete) File: /m.test(body)
        ? [saidInText('apply_patch', { input: `${opening}${body}*** End Patch` })]
        : [],
  },
];

import type { ActionKind } from './facts.ts';

/**
 * What kind of action a tool performs, told from its name alone, so that it is known for a declared tool before any call.
 * Sources: the tools of Claude Code, Codex, opencode and Gemini CLI (clients §1), the providers' own tools, and the names
 * that SDK examples and MCP servers use.
 */
const NAMES: Readonly<Record<string, ActionKind>> = {
  bash: 'shell',
  shell: 'shell',
  sh: 'shell',
  terminal: 'shell',
  powershell: 'shell',
  exec: 'shell',
  exec_command: 'shell',
  write_stdin: 'shell',
  local_shell: 'shell',
  local_shell_call: 'shell',
  shell_call: 'shell',
  container_exec: 'shell',
  run_in_terminal: 'shell',
  send_to_terminal: 'shell',
  bash_output: 'other',
  kill_bash: 'other',
  kill_shell: 'other',
  shell_output: 'other',
  write: 'write',
  edit: 'write',
  multiedit: 'write',
  multi_edit: 'write',
  notebook_edit: 'write',
  apply_patch: 'write',
  apply_patch_call: 'write',
  patch: 'write',
  replace: 'write',
  str_replace: 'write',
  str_replace_editor: 'write',
  str_replace_based_edit_tool: 'write',
  replace_in_file: 'write',
  search_replace: 'write',
  write_to_file: 'write',
  insert_edit_into_file: 'write',
  todo_write: 'other',
  webfetch: 'http',
  web_fetch: 'http',
  fetch: 'http',
  fetch_url: 'http',
  open_url: 'http',
  http: 'http',
  curl: 'http',
  navigate: 'http',
  browser_navigate: 'http',
  navigate_page: 'http',
  sql: 'sql',
};

const EXACT: ReadonlyMap<string, ActionKind> = new Map(Object.entries(NAMES));

const PATTERNS: readonly (readonly [RegExp, ActionKind])[] = [
  [/(^|_)(run|exec|execute|call)_(a_)?(command|commands|cmd|shell|bash|script|terminal)/, 'shell'],
  [/(^|_)(bash|shell|powershell)(_(command|cmd|exec|tool|call|run|script))?$/, 'shell'],
  [/(^|_)(command|cmd|terminal)_(exec|run|execute)/, 'shell'],
  [/(^|_)(ssh|docker|container|kubectl|pod|remote|vm)_(exec|execute|command|cmd|shell)$/, 'shell'],
  [/^(run_terminal|start_process|interact_with_process|spawn_process|run_process|execute_process)/, 'shell'],
  [/(^|_)sql(_|$)/, 'sql'],
  [/(^|_)(database|db|postgres|mysql|sqlite|bigquery|snowflake|redshift)_(query|execute|exec|run)$/, 'sql'],
  [
    /^(query|execute|run)_(the_)?(database|db|postgres|mysql|sqlite|bigquery|snowflake|redshift|query|statement)$/,
    'sql',
  ],
  [
    /(^|_)(write|edit|create|save|append|delete|remove|move|rename|update|patch|copy|overwrite)_(the_)?(text_)?(files?|directory|folder|notebook|path)$/,
    'write',
  ],
  [/^(file|files|fs)_(write|edit|create|save|append|delete|remove|move|rename)$/, 'write'],
  [/(^|_)(http|https|api|rest)_(request|call|get|post|put|patch|delete|fetch)$/, 'http'],
  [/^(make|send)_(http_|api_|web_)?request$/, 'http'],
];
const SQL_SERVER = /postgres|mysql|sqlite|mariadb|database|bigquery|snowflake|supabase|(^|[-_])(sql|db)([-_]|$)/i;

/** A tool's name in lower snake case: `NotebookEdit`, `notebook-edit` and `notebook.edit` are one. */
const plainName = (name: string): string =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z\d]+/g, '_')
    // A dated variant (`bash_20250124`) is the same tool.
    .replace(/_(20\d{6}|v\d{1,2})$/, '')
    .toLowerCase();

/** An MCP tool's server and own name: `mcp__server__tool`, or `server.tool`; null when the name carries no server. */
export function splitServer(name: string): { readonly server: string; readonly tool: string } | null {
  const found = /^mcp__(.+?)__(.+)$/s.exec(name) ?? /^([A-Za-z][\w-]*)\.([\w-]+)$/.exec(name);
  return found === null || found[1] === 'functions' ? null : { server: found[1] ?? '', tool: found[2] ?? '' };
}

/** The kind of action of a tool by its name; `other` when the name says nothing. */
export function kindOfTool(name: string): ActionKind {
  const split = splitServer(name);
  const plain = plainName(split?.tool ?? name);
  const exact = EXACT.get(plain) ?? EXACT.get(plainName(name));
  if (exact !== undefined) return exact;
  const pattern = PATTERNS.find(([shape]) => shape.test(plain));
  if (pattern !== undefined) return pattern[1];
  return split !== null && SQL_SERVER.test(split.server) && /quer|execut|statement/.test(plain) ? 'sql' : 'other';
}

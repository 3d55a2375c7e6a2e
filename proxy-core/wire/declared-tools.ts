import type { DeclaredTool } from './format.ts';
import { filledText, type JsonRecord, list, record, recordOrNull, records } from './loose-json.ts';
import { isClosedSchema } from './schema-reach.ts';

/**
 * The tools a request declares, whatever the format calls them. What the provider itself runs is `server`. A type that
 * is not known here is taken as provider-run too: such tools are judged before anything leaves, so that is the strict side.
 */

/** Types, without their date, that run at the client. */
const CLIENT_TYPES: ReadonlySet<string> = new Set([
  'function',
  'custom',
  'computer',
  'computer_use',
  'computer_use_preview',
  'local_shell',
  'apply_patch',
  'bash',
  'text_editor',
  'memory',
]);

const DATED = /[_-]?\d{4}(?:[_-]?\d{2}){2}$/;
const FAMILY = /^(web_search|web_fetch|file_search|code_interpreter|code_execution|image_generation|computer)(?:_|$)/;
const TOOLSET = '_toolset';

/** A tool type without its date, and by its family's name: `web_search_preview_2025_03_11` is `web_search`. */
export function toolFamily(type: string): string {
  const undated = type.replace(DATED, '');
  return FAMILY.exec(undated)?.[1] ?? undated;
}

/** The tools that the entries of a `tools` array declare, namespaces opened, with those that a provider's tool is given in turn. */
export function declaredTools(entries: unknown): readonly DeclaredTool[] {
  return records(entries).flatMap((entry) => declared(entry));
}

function declared(entry: JsonRecord): readonly DeclaredTool[] {
  const type = filledText(entry['type']) ?? 'function';
  if (type === 'namespace') return namespaced(entry);
  if (type === 'mcp') return mcpServer(filledText(entry['server_label']), allowedTools(entry['allowed_tools']));
  if (type === 'mcp_toolset') return mcpServer(filledText(entry['mcp_server_name']), null);
  if (type === 'tool_search')
    return [{ name: type, kind: runsAtProvider(entry) ? 'server' : 'function', anyName: true }];
  if (type === 'shell') return [{ name: type, kind: inContainer(entry['environment']) ? 'server' : 'function' }];
  const family = toolFamily(type);
  if (family === 'computer' || family.endsWith(TOOLSET)) return clientFamily(entry, type);
  const kind = toolKind(family);
  const inner = kind === 'server' ? declaredTools(record(entry['parameters'])['tools']) : [];
  return [{ name: toolName(entry) ?? family, kind, ...reachOf(entry, family) }, ...inner];
}

/** Where a format keeps a tool's schema. */
const schemaOf = (entry: JsonRecord): unknown =>
  entry['parameters'] ?? entry['input_schema'] ?? record(entry['function'])['parameters'];

/** What is not known to be closed may carry any call. The providers' own tools have fixed arguments. */
function reachOf(entry: JsonRecord, family: string): { readonly open?: true } {
  const fixed = family !== 'function' && family !== 'custom';
  return fixed || isClosedSchema(schemaOf(entry)) ? {} : { open: true };
}

const toolName = (entry: JsonRecord): string | null =>
  filledText(entry['name']) ??
  filledText(record(entry['function'])['name']) ??
  filledText(record(entry['custom'])['name']);

function toolKind(family: string): DeclaredTool['kind'] {
  if (family === 'custom') return 'custom';
  return CLIENT_TYPES.has(family) ? 'function' : 'server';
}

/** Anthropic's toolsets carry no name; their calls name a member and the family. */
function clientFamily(entry: JsonRecord, type: string): readonly DeclaredTool[] {
  const undated = type.replace(DATED, '');
  if (!undated.endsWith(TOOLSET)) return [{ name: toolName(entry) ?? 'computer', kind: 'function' }];
  const family = undated.slice(0, -TOOLSET.length);
  return [{ name: family, namespace: family, kind: 'function', anyName: true }];
}

/** Codex: `{type: "namespace", name, tools: [...]}`. Namespaces do not nest; an inner one is read as one level. */
function namespaced(entry: JsonRecord): readonly DeclaredTool[] {
  const namespace = filledText(entry['name']) ?? 'namespace';
  return records(entry['tools']).map((tool) => {
    const family = toolFamily(filledText(tool['type']) ?? 'function');
    return { name: toolName(tool) ?? 'namespace', kind: toolKind(family), namespace, ...reachOf(tool, family) };
  });
}

/** A hosted MCP server: the tools it is limited to, or one entry that stands for all of them. */
export function mcpServer(label: string | null, allowed: readonly string[] | null): readonly DeclaredTool[] {
  const namespace = label ?? 'mcp';
  if (allowed === null) return [{ name: 'mcp', kind: 'server', namespace, anyName: true }];
  return allowed.map((name) => ({ name, kind: 'server', namespace }));
}

/** The names in an allow list, `["a"]` or `{"tool_names": ["a"]}`; null if the server is not limited to names. */
export function allowedTools(value: unknown): readonly string[] | null {
  const names = Array.isArray(value) ? value : recordOrNull(value)?.['tool_names'];
  if (!Array.isArray(names)) return null;
  return list(names).flatMap((name) => filledText(name) ?? []);
}

const runsAtProvider = (entry: JsonRecord): boolean => entry['execution'] !== 'client';
const inContainer = (environment: unknown): boolean =>
  recordOrNull(environment) !== null && record(environment)['type'] !== 'local';

import type { AtProvider, ToolCall } from './format.ts';
import { filledText, type JsonRecord, record, recordOrNull } from './loose-json.ts';

/** What an output item of a Responses answer says of a tool call. */
export interface SaidCall {
  readonly itemId: string | null;
  /** The id that the client's result names; provider-run items only have their own. */
  readonly id: string | null;
  readonly name: string;
  readonly kind: ToolCall['kind'];
  readonly namespace: string | null;
  /** The item says that the provider has run it; `kind` says whether that is believed. */
  readonly hosted: boolean;
  /** What the provider bills it as. */
  readonly family: string;
  /** The item's member that holds the arguments. */
  readonly argsKey: string;
}

/** Item types whose name and arguments are fixed. What is missing here is read by `otherCall`. */
const FIXED: Readonly<Record<string, { kind: ToolCall['kind']; argsKey: string }>> = {
  local_shell: { kind: 'function', argsKey: 'action' },
  apply_patch: { kind: 'function', argsKey: 'operation' },
  web_search: { kind: 'server', argsKey: 'action' },
  file_search: { kind: 'server', argsKey: 'queries' },
  code_interpreter: { kind: 'server', argsKey: 'code' },
  image_generation: { kind: 'server', argsKey: 'prompt' },
  program: { kind: 'server', argsKey: 'code' },
};

/** The call in an output item, or null if the item is none (message, reasoning, a call's output, …). */
export function saidCall(item: JsonRecord | null, atProvider: AtProvider = () => true): SaidCall | null {
  const type = filledText(item?.['type']) ?? '';
  if (item === null || type.endsWith('_output')) return null;
  const known = knownCall(item, type) ?? otherCall(item, type);
  if (known === null) return null;
  const itemId = filledText(item['id']);
  const namespace = filledText(item['namespace']) ?? filledText(item['server_label']);
  const family = type.replace(/_call$/, '');
  const hosted = known.kind === 'server';
  const tool = namespace === null ? { name: known.name } : { name: known.name, namespace };
  const kind = hosted && !atProvider(tool) ? 'function' : known.kind;
  return { itemId, id: filledText(item['call_id']) ?? itemId, namespace, family, hosted, ...known, kind };
}

type Known = Pick<SaidCall, 'name' | 'kind' | 'argsKey'>;

function knownCall(item: JsonRecord, type: string): Known | null {
  const name = filledText(item['name']) ?? '';
  switch (type) {
    case 'function_call':
      return { name, kind: 'function', argsKey: 'arguments' };
    case 'custom_tool_call':
      return { name, kind: 'custom', argsKey: 'input' };
    case 'mcp_call':
      return { name, kind: 'server', argsKey: 'arguments' };
    // The client is asked first: nothing has run yet, so it is gated like a call of the client's own.
    case 'mcp_approval_request':
      return { name, kind: 'function', argsKey: 'arguments' };
    case 'shell_call':
      return { name: 'shell', kind: inContainer(item) ? 'server' : 'function', argsKey: 'action' };
    case 'tool_search_call':
      return {
        name: 'tool_search',
        kind: item['execution'] === 'server' ? 'server' : 'function',
        argsKey: 'arguments',
      };
    case 'computer_call':
      return { name: 'computer', kind: 'function', argsKey: item['actions'] === undefined ? 'action' : 'actions' };
    default: {
      const family = type.replace(/_call$/, '');
      const fixed = Object.hasOwn(FIXED, family) ? FIXED[family] : undefined;
      return fixed === undefined ? null : { name: family, ...fixed };
    }
  }
}

const inContainer = (item: JsonRecord): boolean =>
  recordOrNull(item['environment']) !== null && record(item['environment'])['type'] !== 'local';

/** A call of a type that is not known: taken as the client's, so that it is judged before it is seen. */
function otherCall(item: JsonRecord, type: string): Known | null {
  if (!type.endsWith('_call') && filledText(item['call_id']) === null) return null;
  const argsKey = ['arguments', 'input', 'action'].find((key) => item[key] !== undefined) ?? 'arguments';
  return { name: filledText(item['name']) ?? type.replace(/_call$/, ''), kind: 'function', argsKey };
}

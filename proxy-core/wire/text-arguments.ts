import type { ToolCall } from './format.ts';
import { filledText, type JsonRecord, list, recordOrNull, records } from './loose-json.ts';

/** Reading the arguments of calls that a model writes as text: JSON, XML members, and single texts. Bounded, never failing. */

/** Members of one call that are read, and openings that are tried for them. */
const MOST_MEMBERS = 32;
const MOST_OPENINGS = 64;
/** Calls that one text may hold. */
const MOST_CALLS = 16;

const NAMES: readonly string[] = ['name', 'tool', 'tool_name', 'action', 'function', 'function_name'];
const ARGUMENTS: readonly string[] = [
  'arguments',
  'args',
  'action_input',
  'parameters',
  'input',
  'tool_input',
  'kwargs',
  'params',
];
/** What agents let a model write beside a call. */
const BESIDE: ReadonlySet<string> = new Set(
  'id type thought thoughts reasoning reason explanation rationale plan status server requires_approval timeout'.split(
    ' ',
  ),
);
/** A tool's name: no sentence and no path. */
const NAME = /^[\w][\w.:/-]{0,63}$/;

/** A call that a text says. */
export const saidInText = (name: string, args: unknown): ToolCall => ({
  id: null,
  name,
  kind: 'function',
  argsText: typeof args === 'string' ? args : JSON.stringify(args),
});

/** Whether a text can be a tool's name. */
export const isToolName = (text: string): boolean => NAME.test(text);

/** The calls in a JSON text: one, a list, or `{"tool_calls": [...]}`. Nothing where it is no JSON or no call. */
export function jsonCalls(text: string): readonly ToolCall[] {
  if (!/^\s*[{[]/.test(text)) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const whole = recordOrNull(value);
  const entries = Array.isArray(value) ? records(value) : whole === null ? [] : [whole];
  const [only] = entries;
  const within = entries.length === 1 && only !== undefined ? (only['tool_calls'] ?? only['actions']) : undefined;
  return (Array.isArray(within) ? records(within) : entries).slice(0, MOST_CALLS).flatMap((entry) => jsonCall(entry));
}

function jsonCall(entry: JsonRecord): readonly ToolCall[] {
  const inner = recordOrNull(entry['function']) ?? recordOrNull(entry['command']);
  if (inner !== null) return jsonCall(inner);
  const keys = Object.keys(entry);
  const named = NAMES.find((key) => filledText(entry[key]) !== null);
  const given = ARGUMENTS.find((key) => key !== named && entry[key] !== undefined);
  const name = named === undefined ? '' : (filledText(entry[named]) ?? '');
  if (named === undefined || given === undefined || !isToolName(name)) return [];
  if (keys.some((key) => key !== named && key !== given && !BESIDE.has(key))) return [];
  const args = entry[given];
  if (recordOrNull(args) === null ? typeof args !== 'string' || named === 'name' : isSchema(args)) return [];
  return [saidInText(name, args)];
}

/** The declaration of a tool, not a call of one. */
const isSchema = (args: unknown): boolean => {
  const { type, properties, $ref } = recordOrNull(args) ?? {};
  return (type === 'object' && recordOrNull(properties) !== null) || $ref !== undefined;
};

/** Members of a call by name. */
export type Members = Readonly<Partial<Record<string, string>>>;

const OPENING = /<([A-Za-z_][\w-]{0,63})>/g;

/** The members of an XML body, `<path>a</path>`, by name; of two of one name the first. */
export function xmlMembers(body: string): Members {
  const members: Partial<Record<string, string>> = {};
  const unclosed = new Set<string>();
  OPENING.lastIndex = 0;
  let tries = 0;
  for (let found = OPENING.exec(body); found !== null; found = OPENING.exec(body)) {
    tries += 1;
    if (tries > MOST_OPENINGS || Object.keys(members).length >= MOST_MEMBERS) break;
    const [whole, name = ''] = found;
    if (unclosed.has(name)) continue;
    const start = found.index + whole.length;
    const end = body.indexOf(`</${name}>`, start);
    if (end === -1) {
      unclosed.add(name);
      continue;
    }
    if (!Object.hasOwn(members, name)) members[name] = body.slice(start, end).trim();
    OPENING.lastIndex = end + name.length + 3;
  }
  return members;
}

/** Members that are named in an attribute: `<parameter name="path">a</parameter>` or `<parameter=path>a</parameter>`. */
export function namedMembers(body: string): Members {
  const members: Partial<Record<string, string>> = {};
  for (const piece of body.split(/<(?:antml:)?parameter(?=[\s=])/, MOST_MEMBERS + 1).slice(1)) {
    const head = /^(?:\s+name=["']?|=)([\w.-]{1,64})["']?[^>]{0,64}>/.exec(piece);
    if (head === null) continue;
    const end = piece.search(/<\/(?:antml:)?parameter>/);
    members[head[1] ?? ''] = piece.slice(head[0].length, end === -1 ? undefined : end).trim();
  }
  return members;
}

/** A text that is JSON as its value, any other as it stands. */
export function readArgument(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return recordOrNull(value) ?? (list(value).length > 0 ? { value } : text);
  } catch {
    return text;
  }
}

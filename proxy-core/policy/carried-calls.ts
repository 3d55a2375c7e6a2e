import { type ArgValue, isList, isObject, type ParsedArguments, parseArguments } from './arguments.ts';
import { alwaysCarries, carrierKind } from './carriers.ts';

/** Calls that stand inside the arguments of another: `{id|name|tool|tool_name, args|arguments|input|parameters}` at any depth. */

/** A call found inside arguments. */
export interface CarriedCall {
  /** Null where the carrier is known and names its tool by something that is no text. */
  readonly name: string | null;
  /** `mcp__server__name` where a server is named beside it; otherwise the same as `name`. */
  readonly qualified: string | null;
  readonly value: ParsedArguments;
}

/** What arguments carry. */
export interface CarriedCalls {
  readonly calls: readonly CarriedCall[];
  /** There may be more than was read. */
  readonly truncated: boolean;
}

const NAME_KEYS = [
  'tool_name',
  'toolname',
  'tool',
  'recipient_name',
  'tool_id',
  'function_name',
  'name',
  'id',
  'function',
];
const ARGS_KEYS = [
  'arguments',
  'args',
  'parameters',
  'params',
  'tool_input',
  'tool_args',
  'tool_arguments',
  'input',
  'inputs',
  'payload',
];
const SERVER_KEYS = ['server_name', 'server', 'mcp_server', 'server_id'];
/** What was said or done before, or is only shown: it is not run. */
export const TOLD_KEYS = new Set(
  'messages history conversation transcript examples tools schema documentation'.split(' '),
);
const VALUES = 2_000;
const CALLS = 64;
const DEPTH = 16;
/** A tool's name; what holds line ends or is longer is a text about something. */
const TOOL_NAME = /^[^\n\r{}()<>;"'`]{1,128}$/;

interface Search {
  readonly calls: CarriedCall[];
  values: number;
  truncated: boolean;
  readonly known: boolean;
}

/** The calls that a tool's arguments carry, outermost only: what they carry in turn is asked of each. Bounded; never throws. */
export function carriedCalls(tool: string, parsed: ParsedArguments): CarriedCalls {
  const known = carrierKind(tool) === 'known';
  if (parsed.kind === 'unclear') return { calls: [], truncated: known };
  const search: Search = { calls: [], values: VALUES, truncated: false, known };
  const value = typeof parsed.value === 'string' ? jsonIn(parsed.value) : parsed;
  if (value.kind === 'parsed') look(value.value, 0, search);
  // A known carrier that names no tool in a place where one is looked for may still run one.
  const silent = alwaysCarries(tool) && search.calls.length === 0 && isObject(parsed.value) && parsed.value.size > 0;
  return { calls: search.calls, truncated: search.truncated || silent };
}

function look(value: ArgValue, depth: number, search: Search): void {
  if (typeof value !== 'object' || value === null) return;
  search.values -= 1;
  if (search.values < 0 || depth > DEPTH || search.calls.length >= CALLS) {
    search.truncated = true;
    return;
  }
  if (isList(value)) for (const item of value) look(item, depth + 1, search);
  if (!isObject(value)) return;
  const call = readCarried(value, search.known && depth === 0);
  if (call !== null) search.calls.push(call);
  else for (const [key, inner] of value) if (!TOLD_KEYS.has(plainKey(key))) look(inner, depth + 1, search);
}

const plainKey = (key: string): string =>
  key
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();

function readCarried(object: ReadonlyMap<string, ArgValue>, known: boolean): CarriedCall | null {
  const byKey = new Map([...object].map(([key, value]) => [plainKey(key), value] as const));
  const nested = byKey.get('function');
  // As the providers write a call: `{type: "function", function: {name, arguments}}`.
  if (nested !== undefined && isObject(nested)) return readCarried(nested, known);
  const named = NAME_KEYS.map((key) => byKey.get(key)).find(
    (value) => typeof value === 'string' && TOOL_NAME.test(value),
  );
  const argsKey = ARGS_KEYS.find((key) => byKey.get(key) !== undefined && byKey.get(key) !== null);
  const name = typeof named === 'string' && named.trim() !== '' ? named : null;
  if (!known && (name === null || argsKey === undefined)) return null;
  if (name === null && argsKey === undefined) return null;
  const given = argsKey === undefined ? withoutNames(object) : (byKey.get(argsKey) ?? null);
  if (!known && (isSchema(given) || typeof given === 'number' || typeof given === 'boolean')) return null;
  const server = SERVER_KEYS.map((key) => byKey.get(key)).find((value) => typeof value === 'string');
  const qualified = typeof server === 'string' && name !== null ? `mcp__${server}__${name}` : name;
  return { name, qualified, value: typeof given === 'string' ? argumentsIn(given) : { kind: 'parsed', value: given } };
}

/** Arguments that stand beside the name, as lenient clients read them. */
const withoutNames = (object: ReadonlyMap<string, ArgValue>): ArgValue =>
  new Map([...object].filter(([key]) => !NAME_KEYS.includes(plainKey(key)) && !SERVER_KEYS.includes(plainKey(key))));

/** A declaration of a tool has a schema where a call has arguments. */
const isSchema = (value: ArgValue): boolean =>
  isObject(value) &&
  (isObject(value.get('properties') ?? null) || value.has('$schema')) &&
  (value.get('type') === 'object' || value.has('$schema'));

/** JSON in a text is what the text says; any other text stands for itself. */
function jsonIn(text: string): ParsedArguments {
  return /^\s*[[{]/.test(text) ? parseArguments(text) : { kind: 'parsed', value: text };
}

/** Arguments given as text: JSON, else a command or statement as it stands. */
function argumentsIn(text: string): ParsedArguments {
  const read = jsonIn(text);
  return read.kind === 'parsed' && typeof read.value === 'string' && text.trim() === ''
    ? { kind: 'parsed', value: new Map() }
    : read;
}

const NAMES_ONE = /"(?:tool_?name|tool|recipient_name|name|id)"\s*:/i;
const GIVES_ARGUMENTS = /"(?:arguments|args|parameters|params|tool_input|input)"\s*:/i;

/** Whether text that is no JSON could be read by a lenient client as a call that carries another. */
export const looksCarrying = (text: string): boolean => NAMES_ONE.test(text) && GIVES_ARGUMENTS.test(text);

import { splitServer } from './tool-kinds.ts';
import { spellingsOf } from './tool-names.ts';

/**
 * Tools that run another tool which their arguments name. Those known by name, with the client and version they were read in; any
 * other tool is judged by the shape of its arguments, with less weight (behaviour §4).
 */
interface Carrier {
  readonly tool: string;
  /** Where it was seen. */
  readonly of: string;
  /** The name means nothing else, so arguments in which no call can be read may still hold one. */
  readonly always: boolean;
}

const KNOWN: readonly Carrier[] = [
  { tool: 'tool_call', of: 'OpenClaw 2026.9.6 {id, args}; Qwen Code 0.24.4 {name, arguments}', always: true },
  { tool: 'use_mcp_tool', of: 'Cline 3.0.65 and Roo Code {server_name, tool_name, arguments}', always: true },
  { tool: 'batch', of: 'opencode 1.18.33 {tool_calls: [{tool, parameters}]}', always: false },
  { tool: 'parallel', of: 'OpenAI multi_tool_use.parallel {tool_uses: [{recipient_name, parameters}]}', always: false },
  { tool: 'mcp_exec', of: 'Docker MCP gateway 0.28 {name, arguments}', always: true },
];
const KNOWN_NAMES = new Map(
  KNOWN.flatMap((carrier) => spellingsOf(carrier.tool).map((name) => [name, carrier] as const)),
);

const knownCarrier = (tool: string): Carrier | null => {
  const name = spellingsOf(tool).find((spelling) => KNOWN_NAMES.has(spelling));
  return name === undefined ? null : (KNOWN_NAMES.get(name) ?? null);
};

/** Whether a tool of this name does nothing but run other tools. */
export const alwaysCarries = (tool: string): boolean => knownCarrier(tool)?.always === true;

/** What the name of a tool says of the calls in its arguments. */
export type CarrierKind =
  /** It is known to run them. */
  | 'known'
  /** Nothing. */
  | 'possible'
  /** It stores, counts or describes what it is given, so that a name in it is most likely no tool. */
  | 'describing';

const DESCRIBING_FIRST = new Set(
  (
    'track log record emit create add define register update upsert save store insert put set rename get list search find lookup ' +
    'describe read show view render validate check test lint format generate draft write edit report notify publish post ' +
    'annotate tag label index remember recall note document explain count measure import export new'
  ).split(' '),
);
/** A tool that is called so runs what it is given, whatever else its name says. */
const RUNNING = new Set('call invoke run exec execute dispatch'.split(' '));
const DESCRIBING_LAST = new Set('event metric log analytics template definition schema form record entity'.split(' '));

/** What a tool's name says of calls that its arguments seem to hold. */
export function carrierKind(tool: string): CarrierKind {
  const own = splitServer(tool)?.tool ?? tool;
  if (knownCarrier(tool) !== null) return 'known';
  const words = own
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
  if (words.some((word) => RUNNING.has(word))) return 'possible';
  return DESCRIBING_FIRST.has(words[0] ?? '') || DESCRIBING_LAST.has(words.at(-1) ?? '') ? 'describing' : 'possible';
}

/** Finding the tool calls in whatever an SDK hands out: its final message, or one of its events. */

export type ReadFormat = 'chat' | 'responses' | 'messages';

/** A call as a client would run it. */
export interface HeldCall {
  readonly name: string;
  /** As the SDK gives it: the text that the model wrote, or that text parsed. */
  readonly args: unknown;
  /** Found in a finished message: text that cannot be parsed is then what the client was given, not a piece on its way. */
  readonly final: boolean;
  /** A custom tool's input: free text, whose fields no rule can name. */
  readonly custom?: true;
}

type Dict = Readonly<Record<string, unknown>>;

/** Under which members the SDKs put a call's name (AI SDK: `toolName`). */
const NAMES = ['name', 'toolName'] as const;
/** And its arguments: the format's own members, and LangChain's `args` in all of them. */
const ARGUMENTS: Readonly<Record<ReadFormat, readonly string[]>> = {
  chat: ['arguments', 'parsed_arguments', 'input', 'args'],
  responses: ['arguments', 'parsed_arguments', 'input', 'args'],
  messages: ['input', 'args'],
};
/** Types whose arguments stand under one member only, whatever else the object has. */
const ONLY: readonly (readonly [RegExp, string])[] = [
  [/^(?:function|mcp|tool_search)_call$/, 'arguments'],
  [/^custom_tool_call$/, 'input'],
  [/tool_use$/, 'input'],
  [/^(?:invalid_)?tool_call(?:_chunk)?$/, 'args'],
];
/** Parts of a message that are shown or sent back, never run. */
const NO_CALLS: ReadonlySet<unknown> = new Set([
  'text',
  'output_text',
  'message',
  'thinking',
  'reasoning',
  'tool_result',
  'function_call_output',
]);
const DEEPEST = 14;

/** Every call that a value contains. */
export function callsIn(value: unknown, format: ReadFormat, final: boolean): readonly HeldCall[] {
  const found: HeldCall[] = [];
  walk(value, 0);
  return found;

  function walk(part: unknown, depth: number): void {
    if (typeof part !== 'object' || part === null || depth > DEEPEST) return;
    if (Array.isArray(part)) {
      for (const element of part) walk(element, depth + 1);
      return;
    }
    const dict = part as Dict;
    noteCall(dict);
    for (const key of Object.keys(dict)) walk(dict[key], depth + 1);
  }

  function noteCall(dict: Dict): void {
    const name = NAMES.map((key) => dict[key]).find((text) => typeof text === 'string');
    const { type } = dict as { readonly type?: unknown };
    if (typeof name !== 'string' || NO_CALLS.has(type)) return;
    const only = ONLY.find(([types]) => typeof type === 'string' && types.test(type))?.[1];
    for (const key of ARGUMENTS[format]) {
      if (only !== undefined && key !== only) continue;
      if (dict[key] === undefined || dict[key] === null) continue;
      const call = { name, args: dict[key], final };
      found.push(type === 'custom_tool_call' ? { ...call, custom: true } : call);
    }
  }
}

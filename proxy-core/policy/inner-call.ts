import type { ToolCall } from '../wire/format.ts';
import { parseArguments, renderValue } from './arguments.ts';
import { carriedCalls } from './carried-calls.ts';
import { qualifiedName } from './tool-names.ts';

/** The call that another was made for, so that people are shown what it does. */
export interface InnerCall {
  /** Every name on the way, outermost first, the inner call's own last. */
  readonly path: readonly [string, ...string[]];
  readonly tool: string;
  /** A JSON value, or text. */
  readonly args: unknown;
}

const DEPTH = 8;

/**
 * The innermost call that a call carries; null when it carries none, more than one, or one that cannot be shown exactly (then the whole
 * is to be shown as it is).
 */
export function innerCall(call: ToolCall): InnerCall | null {
  let tool = qualifiedName(call);
  let parsed =
    call.kind === 'custom' ? ({ kind: 'parsed', value: call.argsText } as const) : parseArguments(call.argsText);
  const path: [string, ...string[]] = [tool];
  let found: InnerCall | null = null;
  for (let depth = 0; depth < DEPTH; depth += 1) {
    const { calls, truncated } = carriedCalls(tool, parsed);
    const [only, second] = calls;
    if (only === undefined && !truncated) return found;
    if (only === undefined || second !== undefined || truncated) return null;
    if (only.name === null || only.value.kind === 'unclear') return null;
    const text = renderValue(only.value.value);
    const args: unknown = JSON.parse(text);
    // Numbers that a double does not hold would be shown as others.
    const same = parseArguments(JSON.stringify(args));
    if (same.kind !== 'parsed' || renderValue(same.value) !== text) return null;
    tool = only.qualified ?? only.name;
    parsed = only.value;
    path.push(tool);
    found = { path: [...path], tool, args };
  }
  return null;
}

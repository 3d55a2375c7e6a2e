import type { DeclaredTool, ToolCall } from '../wire/format.ts';
import { type Action, actionsOf, anyAction, possibleActions } from './action.ts';
import { type ArgValue, type ParsedArguments, parseArguments, renderValue } from './arguments.ts';
import { readScript } from './code-mode.ts';
import { ABSENT, type Seen, seen, unknown } from './facts.ts';
import { splitServer } from './tool-kinds.ts';

/**
 * A tool call as rules see it. One call of the model may hold several: a code-mode script is judged as itself and as each
 * call it makes, so that a rule on a tool holds however the tool is reached.
 */
export interface CallSubject {
  readonly tool: Seen;
  readonly server: Seen;
  /** The arguments as text. Where escapes hide what they say, the second entry is the same decoded. */
  readonly argsTexts: readonly [Seen, ...Seen[]];
  /** UTF-8 bytes of the arguments. */
  readonly argsBytes: () => Seen;
  readonly value: () => ParsedArguments;
  readonly actions: () => readonly Action[];
  /** Its effects are judged on the calls inside it, so the policy's default does not apply to it. */
  readonly wraps: boolean;
}

/** The name that rules compare: an MCP tool in a namespace is `mcp__server__tool`, as other clients write it. */
export function qualifiedName(tool: { readonly name: string; readonly namespace?: string }): string {
  return tool.namespace?.startsWith('mcp__') === true ? `${tool.namespace}__${tool.name}` : tool.name;
}

/** Whether a declared or called tool takes a script that calls other tools. */
export const isScriptTool = (tool: Pick<ToolCall, 'name' | 'kind'>): boolean =>
  tool.kind === 'custom' && tool.name === 'exec';

/** Everything in a call that rules are evaluated on; the first entry is the call itself. */
export function readCall(call: ToolCall): readonly [CallSubject, ...CallSubject[]] {
  const name = qualifiedName(call);
  const server = serverOf(call);
  if (call.truncated === true) return readTruncated(call, name, server);
  if (!isScriptTool(call)) {
    const value = once(() => (call.kind === 'custom' ? freeText(call.argsText) : parseArguments(call.argsText)));
    return [{ ...subject(name, call.argsText, value), server }];
  }
  const script = readScript(call.argsText);
  const inner = script.calls.map((one) =>
    one.args === null
      ? subject(one.tool, one.source, () => unclear(`the arguments of ${one.tool} are computed by the script`))
      : literalSubject(one.tool, one.source, one.args.value),
  );
  if (script.uncertain !== null) inner.push(hiddenSubject(call.argsText, script.uncertain));
  const outer = subject(name, call.argsText, () => freeText(call.argsText));
  return [{ ...outer, server, actions: () => [], wraps: inner.length > 0 }, ...inner];
}

function readTruncated(call: ToolCall, name: string, server: Seen): readonly [CallSubject, ...CallSubject[]] {
  const why = 'the arguments are too long to keep';
  const outer = { ...subject(name, call.argsText, () => unclear(why)), argsTexts: [unknown(why)] as const, server };
  return isScriptTool(call) ? [{ ...outer, wraps: true }, hiddenSubject(null, why)] : [outer];
}

/** What a declared tool may be called with: at most its name is known. A script tool may call any other. */
export function readDeclared(tool: DeclaredTool, why: string): readonly [CallSubject, ...CallSubject[]] {
  const name = qualifiedName(tool);
  const declared: CallSubject = {
    tool: tool.anyName === true ? unknown(why) : seen(name),
    server: serverOf(tool),
    argsTexts: [unknown(why)],
    argsBytes: () => unknown(why),
    value: () => unclear(why),
    actions: once(() => (tool.anyName === true ? anyAction(why) : possibleActions(name, why))),
    wraps: false,
  };
  return isScriptTool(tool) ? [declared, hiddenSubject(null, why)] : [declared];
}

/** A call of which not even the tool is known. */
export function hiddenSubject(source: string | null, why: string): CallSubject {
  const text = source === null ? unknown(why) : seen(source);
  return {
    tool: unknown(why),
    server: unknown(why),
    argsTexts: [text],
    argsBytes: () => unknown(why),
    value: () => unclear(why),
    actions: once(() => anyAction(why)),
    wraps: false,
  };
}

const freeText = (text: string): ParsedArguments => ({ kind: 'parsed', value: text });
const unclear = (why: string): ParsedArguments => ({ kind: 'unclear', why });

/** The MCP server of a tool: the prefix of its name, else its namespace. */
function serverOf(tool: { readonly name: string; readonly namespace?: string }): Seen {
  const split = splitServer(qualifiedName(tool));
  if (split !== null) return seen(split.server);
  const { namespace } = tool;
  return namespace === undefined || namespace === 'functions' ? ABSENT : seen(namespace);
}

function literalSubject(name: string, source: string, value: ArgValue): CallSubject {
  const parsed: ParsedArguments = { kind: 'parsed', value };
  return subject(name, source, () => parsed);
}

function subject(name: string, text: string, value: () => ParsedArguments): CallSubject {
  return {
    tool: seen(name),
    server: serverOf({ name }),
    argsTexts: argsTexts(text, value),
    argsBytes: once(() => seen(new TextEncoder().encode(text).length)),
    value,
    actions: once(() => {
      const parsed = value();
      return parsed.kind === 'parsed' ? actionsOf(name, parsed.value) : possibleActions(name, parsed.why);
    }),
    wraps: false,
  };
}

/** Escapes such as `\u0072` or `\x72` hide text from a rule on the raw arguments; then the decoded text counts as well. */
function argsTexts(text: string, value: () => ParsedArguments): readonly [Seen, ...Seen[]] {
  if (!/\\[ux/]/.test(text)) return [seen(text)];
  const parsed = value();
  return parsed.kind === 'parsed' ? [seen(text), seen(renderValue(parsed.value))] : [seen(text)];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

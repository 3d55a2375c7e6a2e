import type { DeclaredTool, ToolCall } from '../wire/format.ts';
import { type Action, actionsOf, anyAction, otherAction, possibleActions, typedActions } from './action.ts';
import { shapedActions } from './argument-shapes.ts';
import { type ArgValue, isObject, type ParsedArguments, parseArguments, renderValue } from './arguments.ts';
import { type CallContext, NO_CONTEXT } from './call-context.ts';
import { type CarriedCall, carriedCalls, looksCarrying } from './carried-calls.ts';
import { alwaysCarries, carrierKind } from './carriers.ts';
import { readScript } from './code-mode.ts';
import { ABSENT, type ActionKind, type Seen, seen, type Touched, unknown } from './facts.ts';
import { kindOfTool, splitServer } from './tool-kinds.ts';
import { declaredAs, declaredExactly, qualifiedName } from './tool-names.ts';
import { touchesOf, touchesOfText } from './touches.ts';
import { mayType, readTyped, readTypedInput } from './typed-input.ts';

/**
 * A tool call as rules see it. One call of the model may hold several: a code-mode script is judged as itself and as each
 * call it makes, a call that carries another as itself and as what it carries, a misspelt one as the tool that it means, so that
 * a rule on a tool holds however the tool is reached.
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
  /** What the whole call touches (`touches.ts`); absent when nothing. */
  readonly touches: () => Seen;
  /** Its effects are judged on the calls inside it, so the policy's default does not apply to it. */
  readonly wraps: boolean;
  /**
   * `shape`: the call by what its arguments are; the default does not apply to it. `against`: it may not be what runs, so it can gate
   * or block and nothing else (no `allow`, no `tools.allow`, no default).
   */
  readonly counts: 'fully' | 'against' | 'shape';
}

/** What a call is read as; the first is the call itself. */
export type CallSubjects = readonly [CallSubject, ...CallSubject[]];

/** Levels of calls within calls. */
const CARRY_DEPTH = 6;
/** Calls read out of one call. */
const SUBJECTS = 256;

/** Whether a declared or called tool takes a script that calls other tools. */
export const isScriptTool = (tool: Pick<ToolCall, 'name' | 'kind'>): boolean =>
  tool.kind === 'custom' && tool.name === 'exec';

/** Everything in a call that rules are evaluated on; the first entry is the call itself. */
export function readCall(call: ToolCall, context: CallContext = NO_CONTEXT): CallSubjects {
  const meant = declaredAs(context.declared, call);
  const own = readAs(call, context);
  if (meant.length === 0) return own;
  // A client that does not repair the name runs nothing, so the call itself only counts against.
  const [first, ...rest] = own.map(against);
  const repaired = meant.flatMap(({ name, namespace }) => readAs(renamed(call, name, namespace), context));
  return first === undefined ? own : [first, ...rest, ...repaired];
}

function renamed(call: ToolCall, name: string, namespace: string | undefined): ToolCall {
  const { namespace: _, ...rest } = call;
  return namespace === undefined ? { ...rest, name } : { ...rest, name, namespace };
}

const against = (one: CallSubject): CallSubject => ({ ...one, counts: 'against' });

/** A call under the name it has. */
function readAs(call: ToolCall, context: CallContext): CallSubjects {
  const name = qualifiedName(call);
  const server = serverOf(call);
  if (call.truncated === true) return readTruncated(call, name, server, context);
  if (isScriptTool(call)) return readScriptCall(call, name, server, context);
  const value = once(() => (call.kind === 'custom' ? freeText(call.argsText) : parseArguments(call.argsText)));
  const own = { ...subject(name, call.argsText, value, context, call.id), server };
  const shaped = shapedSubjects(name, own, context);
  if (!mayCarry(call, context)) return [own, ...shaped];
  const carried = readCarried(name, call.argsText, value, context, 0);
  return [carried.some((one) => one.counts === 'fully') ? { ...own, wraps: true } : own, ...shaped, ...carried];
}

/** The same call as what its arguments say that it does. */
function shapedSubjects(name: string, own: CallSubject, context: CallContext): readonly CallSubject[] {
  const kind = kindIn(name, context);
  if (kind !== kindOfTool(name)) return [];
  const parsed = own.value();
  const actions = parsed.kind === 'parsed' ? shapedActions(name, kind, parsed.value) : [];
  return actions.length === 0
    ? []
    : [{ ...own, actions: () => actions, counts: own.counts === 'against' ? 'against' : 'shape' }];
}

function readScriptCall(call: ToolCall, name: string, server: Seen, context: CallContext): CallSubjects {
  const script = readScript(call.argsText);
  const inner: CallSubject[] = script.calls.flatMap((one) => {
    if (one.args === null) {
      const why = `the arguments of ${one.tool} are computed by the script`;
      return [subject(one.tool, one.source, () => unclear(why), context)];
    }
    const value: ParsedArguments = { kind: 'parsed', value: one.args.value };
    const literal = subject(one.tool, one.source, () => value, context);
    const shaped = shapedSubjects(one.tool, literal, context);
    return [literal, ...shaped, ...readCarried(one.tool, one.source, () => value, context, 0)];
  });
  if (script.uncertain !== null) inner.push(hiddenSubject(call.argsText, script.uncertain, context));
  const outer = subject(name, call.argsText, () => freeText(call.argsText), context);
  return [{ ...outer, server, actions: () => [], wraps: inner.length > 0 }, ...inner];
}

/** What a call carries, and what that carries in turn. */
function readCarried(
  name: string,
  text: string,
  value: () => ParsedArguments,
  context: CallContext,
  depth: number,
): readonly CallSubject[] {
  const kind = carrierKind(name);
  const hidden = (why: string): CallSubject => {
    const one = hiddenSubject(text, why, context);
    return kind === 'known' ? one : against(one);
  };
  // Free text and text of some length that names nothing to run need not be parsed for it.
  if (!/[{[]/.test(text)) return [];
  const parsed = value();
  if (parsed.kind === 'unclear') return alwaysCarries(name) || looksCarrying(text) ? [hidden(parsed.why)] : [];
  const carried = carriedCalls(name, parsed);
  const found = carried.calls.flatMap((one) => readInner(one, kind === 'known', kind === 'describing', context, depth));
  const more = carried.truncated || found.length > SUBJECTS;
  return more ? [...found.slice(0, SUBJECTS), hidden('the calls that this one carries cannot be read whole')] : found;
}

function readInner(
  { name, qualified, value }: CarriedCall,
  certain: boolean,
  describing: boolean,
  context: CallContext,
  depth: number,
): readonly CallSubject[] {
  const read = (): ParsedArguments => value;
  const text = value.kind === 'parsed' ? textOfValue(value.value) : '';
  if (name === null || qualified === null)
    return [hiddenSubject(text, 'the tool that this call carries is computed', context)];
  const known = context.isKnownTool(name) || context.isKnownTool(qualified);
  if (describing && !known && !showsAction(name, value)) return [];
  const weigh = (one: CallSubject): CallSubject => (certain || known ? one : against(one));
  const own = weigh(subject(qualified, text, read, context));
  const shaped = shapedSubjects(qualified, own, context);
  const plain = qualified === name ? [] : [against(subject(name, text, read, context))];
  const meant = declaredAs(context.declared, { name }).map(({ name: meantName }) =>
    subject(meantName, text, read, context),
  );
  const trimmed = spelledPlainly(name);
  const others = trimmed === name ? [] : [against(subject(trimmed, text, read, context))];
  if (depth >= CARRY_DEPTH)
    return [
      own,
      ...shaped,
      ...plain,
      ...meant,
      ...others,
      against(hiddenSubject(text, 'calls are nested too deep', context)),
    ];
  return [own, ...shaped, ...plain, ...meant, ...others, ...readCarried(qualified, text, read, context, depth + 1)];
}

/** A name without blanks, a client's own prefix and capitals. */
const spelledPlainly = (name: string): string =>
  name
    .trim()
    .replace(/^(functions|default_api|tools)[.:/]+/i, '')
    .toLowerCase();

/** Whether a call of this name would do something that shows in its arguments, so that it is more than a word. */
function showsAction(name: string, value: ParsedArguments): boolean {
  const kind = kindOfTool(name);
  if (kind === 'other' || kind === 'write' || value.kind === 'unclear' || !isObject(value.value)) return false;
  return actionsOf(name, value.value)
    .flat()
    .some(({ command, path, url }) => [command, path, url].some((fact) => fact.kind === 'value'));
}

function readTruncated(call: ToolCall, name: string, server: Seen, context: CallContext): CallSubjects {
  const why = 'the arguments are too long to keep';
  const outer = {
    ...subject(name, call.argsText, () => unclear(why), context),
    argsTexts: [unknown(why)] as const,
    touches: () => (kindOfTool(name) === 'other' ? touched(touchesOfText(call.argsText, context.own)) : unknown(why)),
    server,
  };
  if (isScriptTool(call) || alwaysCarries(name)) return [{ ...outer, wraps: true }, hiddenSubject(null, why, context)];
  return mayCarry(call, context) ? [outer, against(hiddenSubject(null, why, context))] : [outer];
}

/** Whether a call of this tool could carry another: not where its declaration leaves no room for one. */
function mayCarry(tool: Pick<DeclaredTool, 'name' | 'namespace' | 'kind'>, context: CallContext): boolean {
  if (tool.kind === 'server') return false;
  const known = declaredExactly(context.declared, tool);
  return known === null || known.open === true || carrierKind(tool.name) === 'known';
}

/** What a declared tool may be called with: at most its name is known. A script tool or a carrier may call any other. */
export function readDeclared(tool: DeclaredTool, why: string, context: CallContext = NO_CONTEXT): CallSubjects {
  const own = declaredSubject(tool, why, context);
  const meant = declaredAs(context.declared, tool).map((one) => declaredSubject(one, why, context));
  const always = alwaysCarries(tool.name) && tool.kind !== 'server';
  if (isScriptTool(tool) || always) return [{ ...own, wraps: true }, hiddenSubject(null, why, context), ...meant];
  if (mayCarry(tool, context)) return [own, against(hiddenSubject(null, why, context)), ...meant];
  // Whatever a tool is for, a path in its arguments may be one that rules protect: its calls are looked at, no answer is held for it.
  const reaching =
    tool.kind === 'server' ? [] : [against({ ...own, touches: () => unknown(why), actions: () => anyAction(why) })];
  return [own, ...reaching, ...meant];
}

function declaredSubject(tool: DeclaredTool, why: string, context: CallContext): CallSubject {
  const name = qualifiedName(tool);
  return {
    tool: tool.anyName === true ? unknown(why) : seen(name),
    server: serverOf(tool),
    argsTexts: [unknown(why)],
    argsBytes: () => unknown(why),
    value: () => unclear(why),
    actions: once(() => (tool.anyName === true ? anyAction(why) : possibleActionsOf(name, why, context))),
    touches: () => (tool.anyName === true || acts(name, tool.kind === 'server') ? unknown(why) : ABSENT),
    wraps: false,
    counts: 'fully',
  };
}

/** A call of which not even the tool is known. */
export function hiddenSubject(source: string | null, why: string, context: CallContext = NO_CONTEXT): CallSubject {
  const text = source === null ? unknown(why) : seen(source);
  return {
    tool: unknown(why),
    server: unknown(why),
    argsTexts: [text],
    argsBytes: () => unknown(why),
    value: () => unclear(why),
    actions: once(() => anyAction(why)),
    touches: once(() => (source === null ? unknown(why) : touched(touchesOfText(source, context.own)))),
    wraps: false,
    counts: 'fully',
  };
}

const freeText = (text: string): ParsedArguments => ({ kind: 'parsed', value: text });
const unclear = (why: string): ParsedArguments => ({ kind: 'unclear', why });
const textOfValue = (value: ArgValue): string => (typeof value === 'string' ? value : renderValue(value));

/** The MCP server of a tool: the prefix of its name, else its namespace. */
function serverOf(tool: { readonly name: string; readonly namespace?: string }): Seen {
  const split = splitServer(qualifiedName(tool));
  if (split !== null) return seen(split.server);
  const { namespace } = tool;
  return namespace === undefined || namespace === 'functions' ? ABSENT : seen(namespace);
}

function subject(
  name: string,
  text: string,
  value: () => ParsedArguments,
  context: CallContext,
  callId: string | null = null,
): CallSubject {
  return {
    tool: seen(name),
    server: serverOf({ name }),
    argsTexts: argsTexts(text, value),
    argsBytes: once(() => seen(new TextEncoder().encode(text).length)),
    value,
    actions: once(() => readActions(name, value(), context, callId)),
    touches: once(() => readTouches(name, text, value(), context, callId)),
    wraps: false,
    counts: 'fully',
  };
}

const touched = (found: readonly Touched[]): Seen => (found.length === 0 ? ABSENT : seen(found));

function readTouches(
  name: string,
  text: string,
  parsed: ParsedArguments,
  context: CallContext,
  callId: string | null,
): Seen {
  const typed = parsed.kind === 'parsed' ? readTypedInput(name, parsed.value) : null;
  const line = typed === null ? null : readTyped(typed.text, context.typed.before(typed.program, callId)).text;
  return touched(touchesOf(kindIn(name, context), parsed, text, context.own, line));
}

/** Whether a tool by its name runs or writes something, so that what it touches cannot be told without its arguments. */
function acts(name: string, atProvider: boolean): boolean {
  const kind = kindOfTool(name);
  return kind === 'shell' || kind === 'write' || (!atProvider && (kind !== 'other' || mayType(name)));
}

/** Copilot CLI 1.0.102 keeps a to-do list in a database of its session, by a tool of this name: no database of the person's. */
const kindIn = (name: string, { client }: CallContext): ActionKind =>
  client === 'copilot-cli' && name === 'sql' ? 'other' : kindOfTool(name);

const possibleActionsOf = (name: string, why: string, context: CallContext): readonly Action[] =>
  kindIn(name, context) === kindOfTool(name) ? possibleActions(name, why) : otherAction();

function readActions(
  name: string,
  parsed: ParsedArguments,
  context: CallContext,
  callId: string | null,
): readonly Action[] {
  if (kindIn(name, context) !== kindOfTool(name)) return otherAction();
  if (parsed.kind === 'unclear') return possibleActions(name, parsed.why);
  const typed = readTypedInput(name, parsed.value);
  if (typed === null) return actionsOf(name, parsed.value);
  return typedActions(typed.text, context.typed.before(typed.program, callId));
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

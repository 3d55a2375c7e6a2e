import { WIRE_FORMATS, type WireFormat } from '../contract/records.ts';
import type { DeclaredTool } from '../wire/format.ts';
import type { ArgValue } from './arguments.ts';
import type { OwnPlaces } from './own-places.ts';
import type { TypedLines } from './typed-input.ts';

/**
 * The facts a match can name (behaviour §4): request facts are known before anything leaves, tool-call facts once
 * the model has answered. The rule's stage follows from the facts it names.
 */

/** When a rule runs. */
export type Stage = 'request' | 'tool_call';

/** What is known of one request when it is judged. Keep the same value for the tool calls of its answer. */
export interface RequestSubject {
  readonly provider: string | null;
  readonly wireFormat: WireFormat | null;
  /** Normalised path, `/v1/messages`. */
  readonly endpoint: string;
  readonly model: string | null;
  /** Models that this request may lead to beside `model`. */
  readonly furtherModels: readonly string[];
  /** It may lead to models that are not known. */
  readonly unnamedModels: boolean;
  readonly stream: boolean;
  readonly declared: readonly DeclaredTool[];
  /** `background: true` in the body. */
  readonly background: boolean;
  /** Estimated input tokens. */
  readonly inputTokens: number;
  /** Estimated cost in USD; null when the model has no price, which then counts as unknown. */
  readonly estimatedCostUsd: number | null;
  readonly agent: string;
  readonly team: string | null;
  /** Labels of the run; agents write them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly run: { readonly spentUsd: number; readonly exchanges: number; readonly toolCalls: number };
  /** Local hour, 0 to 23. */
  readonly hour: number;
  /** The client that calls, where it is recognised. */
  readonly client: string | null;
  /** Names of tools that the run has used. */
  readonly usedTools: ReadonlySet<string>;
  /** What was typed into the run's programs and has no line end yet. */
  readonly typed: TypedLines;
  /** Where this Rungate is. */
  readonly own: OwnPlaces;
}

/**
 * The request once for each model that may answer it: as it stands, for each further model, and for one that is not known. Only the
 * first where it leads to one model.
 */
export function modelReadings(request: RequestSubject): readonly RequestSubject[] {
  const { model: own, furtherModels, unnamedModels } = request;
  if (furtherModels.length === 0 && !unnamedModels) return [request];
  const others = furtherModels.map((model) => ({ ...request, model }));
  return [...(own === null ? [] : [request]), ...others, ...(unnamedModels ? [{ ...request, model: null }] : [])];
}

/** What a condition finds where it looks. `unknown` is never treated as absent: it counts against the call. */
export type Seen =
  | { readonly kind: 'value'; readonly value: ArgValue }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly why: string };

export const ABSENT: Seen = { kind: 'absent' };
/** A value that is there. */
export const seen = (value: ArgValue): Seen => ({ kind: 'value', value });
/** A value that cannot be told for certain. */
export const unknown = (why: string): Seen => ({ kind: 'unknown', why });
/** The text that is there, or null when it is absent, unknown or no text. */
export const textOf = (found: Seen): string | null =>
  found.kind === 'value' && typeof found.value === 'string' ? found.value : null;
const seenOrAbsent = (value: ArgValue): Seen => (value === null ? ABSENT : seen(value));

/** What kind of value a fact holds, so that a comparison that can never hold is refused when the policy is saved. */
export type FactType = 'text' | 'number' | 'flag' | 'list' | 'any';

interface RequestFact {
  readonly stage: 'request';
  readonly type: FactType;
  readonly values?: readonly string[];
  readonly read: (request: RequestSubject) => Seen;
}
interface CallFact {
  readonly stage: 'tool_call';
  readonly type: FactType;
  readonly values?: readonly string[];
}

const requestFact = (
  type: FactType,
  read: (request: RequestSubject) => ArgValue,
  values?: readonly string[],
): RequestFact => {
  const fact = { stage: 'request', type, read: (request: RequestSubject) => seenOrAbsent(read(request)) } as const;
  return values === undefined ? fact : { ...fact, values };
};
const callFact = (type: FactType, values?: readonly string[]): CallFact =>
  values === undefined ? { stage: 'tool_call', type } : { stage: 'tool_call', type, values };

/** What a call does, whatever the client calls its tool. */
export const ACTION_KINDS = ['shell', 'write', 'sql', 'http', 'other'] as const;
export type ActionKind = (typeof ACTION_KINDS)[number];

/** What a call may reach for that is not the agent's (`touches.ts`); `unread`: it runs more commands than were looked at. */
export const TOUCHED = [
  'rungate_home',
  'rungate_command',
  'rungate_process',
  'rungate_console',
  'client_base_url',
  'agent_config',
  'unread',
] as const;
/** A thing that a call may touch. */
export type Touched = (typeof TOUCHED)[number];

const REQUEST_FACTS: Readonly<Record<string, RequestFact>> = {
  provider: requestFact('text', (request) => request.provider),
  wire_format: requestFact('text', (request) => request.wireFormat, WIRE_FORMATS),
  endpoint: requestFact('text', (request) => request.endpoint),
  model: {
    stage: 'request',
    type: 'text',
    read: ({ model, unnamedModels }) =>
      model === null && unnamedModels
        ? unknown('the request may lead to models it does not name')
        : seenOrAbsent(model),
  },
  stream: requestFact('flag', (request) => request.stream),
  tools: requestFact('list', (request) => request.declared.map((tool) => tool.name)),
  input_tokens: requestFact('number', (request) => request.inputTokens),
  estimated_cost_usd: {
    stage: 'request',
    type: 'number',
    read: (request) =>
      request.estimatedCostUsd === null ? unknown('the model has no price') : seen(request.estimatedCostUsd),
  },
  agent: requestFact('text', (request) => request.agent),
  team: requestFact('text', (request) => request.team),
  'run.spent_usd': requestFact('number', (request) => request.run.spentUsd),
  'run.exchanges': requestFact('number', (request) => request.run.exchanges),
  'run.tool_calls': requestFact('number', (request) => request.run.toolCalls),
  hour: requestFact('number', (request) => request.hour),
};

const CALL_FACTS = {
  tool: callFact('text'),
  args: callFact('text'),
  args_bytes: callFact('number'),
  server: callFact('text'),
  'action.kind': callFact('text', ACTION_KINDS),
  'action.command': callFact('text'),
  'action.path': callFact('text'),
  'action.url': callFact('text'),
  'action.touches': callFact('list', TOUCHED),
} as const;

/** The name of a fact of a tool call, other than a path into its arguments. */
export type CallFactName = keyof typeof CALL_FACTS;

/** A fact as a condition names it. */
export type FactRef =
  | { readonly kind: 'request'; readonly name: string; readonly read: (request: RequestSubject) => Seen }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'call'; readonly name: CallFactName }
  | { readonly kind: 'argument'; readonly segments: readonly string[] };

/** Every fixed fact name, and the two open families, for "did you mean". */
export const FACT_NAMES: readonly string[] = [...Object.keys(REQUEST_FACTS), ...Object.keys(CALL_FACTS)];

const isCallFact = (name: string): name is CallFactName => Object.hasOwn(CALL_FACTS, name);

/** The fact a match key names, or null when there is none such. A literal dot inside `args.` is written `\.`. */
export function resolveFact(key: string): FactRef | null {
  if (isCallFact(key)) return { kind: 'call', name: key };
  const request = Object.hasOwn(REQUEST_FACTS, key) ? REQUEST_FACTS[key] : undefined;
  if (request !== undefined) return { kind: 'request', name: key, read: request.read };
  const segments = splitPath(key);
  if (segments === null || segments.length < 2) return null;
  const [family, ...rest] = segments;
  if (family === 'args') return { kind: 'argument', segments: rest };
  return family === 'labels' ? { kind: 'label', label: rest.join('.') } : null;
}

/** Dotted path to segments; null when a segment is empty. `\.` is a dot inside a segment, `\\` a backslash. */
export function splitPath(path: string): readonly string[] | null {
  const segments: string[] = [];
  let segment = '';
  for (let at = 0; at < path.length; at += 1) {
    const mark = path.charAt(at);
    if (mark === '.') {
      segments.push(segment);
      segment = '';
    } else if (mark === '\\' && at + 1 < path.length) {
      at += 1;
      segment += path.charAt(at);
    } else segment += mark;
  }
  segments.push(segment);
  return segments.includes('') ? null : segments;
}

/** The stage a fact belongs to. */
export const stageOf = (fact: FactRef): Stage =>
  fact.kind === 'call' || fact.kind === 'argument' ? 'tool_call' : 'request';

/** The kind of value a fact holds. */
export function typeOf(fact: FactRef): FactType {
  switch (fact.kind) {
    case 'request':
      return REQUEST_FACTS[fact.name]?.type ?? 'any';
    case 'label':
      return 'text';
    case 'call':
      return CALL_FACTS[fact.name].type;
    case 'argument':
      return 'any';
  }
}

/** The closed list of values of a fact, where it has one. */
export function valuesOf(fact: FactRef): readonly string[] | null {
  if (fact.kind === 'request') return REQUEST_FACTS[fact.name]?.values ?? null;
  if (fact.kind === 'call') return (CALL_FACTS[fact.name] as CallFact).values ?? null;
  return null;
}

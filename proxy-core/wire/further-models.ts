import { filledText, type JsonRecord, list, record, recordOrNull, records } from './loose-json.ts';

/**
 * The models that one request may lead to beside its `model`: what gateways and providers try next, consult or compose.
 * A list in a policy holds for all of them, so a place that is known and cannot be read is said to be `open`.
 *
 * OpenRouter: `models`, `route: "fallback"`, `preset`, `plugins[]`, and tools' `parameters.model`
 * (https://openrouter.ai/docs/guides/routing/model-fallbacks). Anthropic: `fallbacks` (a list, or `"default"`) and the
 * advisor tool's `model`. LiteLLM: `fallbacks` and its kin, names or whole requests, and commas in `model`. Vercel:
 * `providerOptions.gateway.models`. Groq: `compound_custom.models`. NanoGPT: `advisor.model`. OpenAI: `tools[].model`.
 */
export interface FurtherModels {
  /** Their names, each once, without `model` itself. */
  readonly names: readonly string[];
  /** It may lead to models that are not named in a form that is known. */
  readonly open: boolean;
  /** Calls of several models may be billed for it together, so that no one price is its bound. */
  readonly composed: boolean;
  /** Entries of `tools` that stand beside the request's own: those of an alternative request. */
  readonly toolEntries: readonly unknown[];
}

/** More names than this, or longer ones, are left unread: the request counts as open. */
const MOST_NAMES = 64;
const LONGEST_NAME = 256;
/** A fallback may be a request of its own, with fallbacks of its own. */
const DEEPEST = 4;

/** Members that name models to be tried in place of `model`. */
const ALTERNATIVES: readonly string[] = [
  'models',
  'fallbacks',
  'fallback_models',
  'fallback_model',
  'context_window_fallbacks',
  'context_window_fallback_dict',
  'content_policy_fallbacks',
];

/** Members of a plugin, a provider's tool or a composition that name models. */
const PARTS: readonly string[] = [
  'model',
  'models',
  'analysis_models',
  'allowed_models',
  'fallback_model',
  'fallback_models',
];

/** Types of tools that run at the client, whose members are the client's own affair. */
const CLIENT_TOOL: ReadonlySet<unknown> = new Set([undefined, null, 'function', 'custom', 'namespace']);

interface Found {
  readonly names: Set<string>;
  readonly toolEntries: unknown[];
  open: boolean;
  composed: boolean;
}

/** The models that a request's body leads to beside its `model`. Takes a parsed body; never fails. */
export function furtherModels(body: JsonRecord): FurtherModels {
  const found: Found = { names: new Set(), toolEntries: [], open: false, composed: false };
  readRequest(body, found, 0);
  const model = filledText(body['model']);
  if (model !== null) found.names.delete(model);
  const names = [...found.names];
  const kept = names.filter((name) => name.length <= LONGEST_NAME).slice(0, MOST_NAMES);
  const { toolEntries, composed } = found;
  return { names: kept, open: found.open || kept.length < names.length, composed, toolEntries };
}

/** A request, or what a fallback would change of it. */
function readRequest(body: JsonRecord, found: Found, depth: number): void {
  if (depth > DEEPEST) {
    found.open = true;
    return;
  }
  if (body['model'] !== undefined) readModel(body['model'], found);
  for (const key of ALTERNATIVES) readNames(body[key], found, depth);
  if (body['route'] === 'fallback' && !isFilled(body['models'])) found.open = true;
  if (recordOrNull(body['route']) !== null || isFilled(body['preset'])) found.open = true;
  readNames(record(record(body['providerOptions'])['gateway'])['models'], found, depth);
  readCompositions(body, found, depth);
  for (const plugin of records(body['plugins'])) readPart(plugin, found, depth);
  for (const tool of records(body['tools'])) readTool(tool, found, depth);
  const extra = recordOrNull(body['extra_body']);
  if (extra !== null) readBeside(extra, found, depth);
}

/** NanoGPT's and Groq's ways to have several models at work on one answer. */
function readCompositions(body: JsonRecord, found: Found, depth: number): void {
  for (const key of ['advisor', 'compound_custom']) {
    if (!isFilled(body[key])) continue;
    found.composed = true;
    if (recordOrNull(body[key]) === null) found.open = true;
    readPart(record(body[key]), found, depth);
  }
}

/** A request of its own beside the one that is read: its tools may be called too. */
function readBeside(body: JsonRecord, found: Found, depth: number): void {
  found.toolEntries.push(...list(body['tools']), ...list(body['functions']));
  readRequest(body, found, depth + 1);
}

/** LiteLLM and Helicone take several names with commas between them; a preset may name any. */
function readModel(value: unknown, found: Found): void {
  const model = filledText(value);
  if (model === null) return;
  if (model.includes('@preset/')) found.open = true;
  if (!model.includes(',')) found.names.add(model);
  else for (const name of model.split(',')) if (name.trim() !== '') found.names.add(name.trim());
}

/** Names in a text, a list, `{model}` (a request of its own) or a map from one model to others. */
function readNames(value: unknown, found: Found, depth: number): void {
  if (!isFilled(value)) return;
  if (Array.isArray(value)) {
    for (const entry of value) readEntry(entry, found, depth);
  } else if (recordOrNull(value) !== null) readEntry(value, found, depth);
  else if (typeof value === 'string' && value !== 'default') readModel(value, found);
  else found.open = true;
}

function readEntry(entry: unknown, found: Found, depth: number): void {
  const alternative = recordOrNull(entry);
  if (alternative === null) {
    if (typeof entry === 'string') readModel(entry, found);
    else if (entry !== null) found.open = true;
  } else if ('model' in alternative) {
    if (filledText(alternative['model']) === null) found.open = true;
    readBeside(alternative, found, depth);
  } else if (depth < DEEPEST && Object.values(alternative).some(isFilled)) {
    for (const others of Object.values(alternative)) readNames(others, found, depth + 1);
  } else found.open = true;
}

/** What a plugin, a provider's tool or a composition is set to. */
function readPart(part: JsonRecord, found: Found, depth: number): void {
  if (part['enabled'] === false) return;
  for (const key of PARTS) readNames(part[key], found, depth);
}

function readTool(tool: JsonRecord, found: Found, depth: number): void {
  if (CLIENT_TOOL.has(tool['type'])) return;
  const settings = record(tool['parameters']);
  for (const part of [tool, settings]) readPart(part, found, depth);
  if (depth < DEEPEST) for (const inner of records(settings['tools'])) readTool(inner, found, depth + 1);
  else if (list(settings['tools']).length > 0) found.open = true;
}

const isFilled = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  value !== '' &&
  !(Array.isArray(value) && value.length === 0);

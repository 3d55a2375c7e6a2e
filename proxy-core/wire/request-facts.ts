import { declaredTools } from './declared-tools.ts';
import type { RequestFacts, ToolResult, UnboundedFeature } from './format.ts';
import { furtherModels } from './further-models.ts';
import { filledText, type JsonRecord, list, record, records } from './loose-json.ts';

/** Parts of reading a request that several formats share. */

const HEAD_LENGTH = 2048;

/** What every format says alike: the models, and the tools of alternative requests. Formats add what they find. */
export function emptyFacts(body: JsonRecord): RequestFacts {
  const further = furtherModels(body);
  return {
    model: filledText(body['model']),
    furtherModels: further.names,
    unnamedModels: further.open,
    stream: body['stream'] === true,
    tools: declaredTools(further.toolEntries),
    outputLimit: null,
    choices: 1,
    toolResults: [],
    responseIds: [],
    unbounded: further.open || further.composed ? ['fallback_model'] : [],
    background: false,
    asksUsage: false,
    sessionHints: {
      metadataUserId: filledText(record(body['metadata'])['user_id']),
      promptCacheKey: filledText(body['prompt_cache_key']),
      systemHead: null,
    },
    structuredOutput: false,
  };
}

/** The largest of the limits that are whole numbers (which of two a provider obeys is unknown), or null. */
export function outputLimit(...values: readonly unknown[]): number | null {
  const limits = values.filter((value) => typeof value === 'number' && Number.isInteger(value) && value >= 0);
  return limits.length === 0 ? null : Math.max(...(limits as number[]));
}

/** How many choices a value asks for: at least 1, fractions up, numbers in text as a lenient provider reads them. */
export function choiceCount(value: unknown): number {
  const n = typeof value === 'number' || typeof value === 'string' ? Math.ceil(Number(value)) : 1;
  return Number.isSafeInteger(n) && n > 1 ? n : 1;
}

/** Whether a flag is set; anything but false, null and absent counts, as a lenient provider may read it. */
export const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== false;

/** The start of a text, or of the first text block of a list. */
export function headOf(content: unknown): string | null {
  const text =
    filledText(content) ??
    records(content)
      .map((block) => filledText(block['text']))
      .find((t) => t !== null);
  return text?.slice(0, HEAD_LENGTH) ?? null;
}

/** Outputs that are kept while a call is under way: a trace shows those of the results that are new, which are the last. */
const OUTPUTS_KEPT = 16;

/** Results without the outputs of all but the latest, so that a long conversation is not held in memory twice. */
export const latestOutputs = (results: readonly ToolResult[]): readonly ToolResult[] =>
  results.map((result, index) =>
    index < results.length - OUTPUTS_KEPT ? { callId: result.callId, isError: result.isError } : result,
  );

/** The list without repetitions. */
export const distinct = (features: readonly UnboundedFeature[]): readonly UnboundedFeature[] => [...new Set(features)];

/** The content blocks of every message of a conversation, in order. */
export const blocksOf = (messages: unknown): readonly JsonRecord[] =>
  records(messages).flatMap((message) => records(list(message['content'])));

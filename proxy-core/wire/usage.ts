import type { Usage } from '../contract/records.ts';
import { type JsonRecord, record, recordOrNull, records } from './loose-json.ts';

/**
 * The providers' usage blocks in one convention (`contract/records.ts`): inclusive counts. A block with a number that
 * cannot be a token count (negative, fractional, over a thousand million) is no usage at all; an explicit zero counts.
 */

const MOST_TOKENS = 1_000_000_000;

/** A count, undefined if absent, or `'absurd'`. */
type Count = number | undefined | 'absurd';

function count(value: unknown): Count {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : 'absurd';
}

/** The block's counts by our names, leaving out what is absent; null if one of them is absurd. */
function counts<K extends string>(values: Readonly<Record<K, unknown>>): Partial<Record<K, number>> | null {
  const result: Partial<Record<K, number>> = {};
  for (const key of Object.keys(values) as K[]) {
    const value = count(values[key]);
    if (value === 'absurd') return null;
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** A block is only usable if its parts fit in its totals. */
function consistent(usage: Usage): Usage | null {
  const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
  const fits =
    cached <= usage.input_tokens &&
    (usage.cache_creation_1h_input_tokens ?? 0) <= (usage.cache_creation_input_tokens ?? 0) &&
    (usage.input_audio_tokens ?? 0) <= usage.input_tokens &&
    (usage.reasoning_output_tokens ?? 0) <= usage.output_tokens &&
    (usage.output_audio_tokens ?? 0) <= usage.output_tokens;
  return fits ? usage : null;
}

/**
 * Usage of OpenAI chat, completions and embeddings. Where the total shows that reasoning was left out of the
 * completion tokens (xAI, Gemini's compatible endpoint) it is added. Null if missing or unusable.
 */
export function chatUsage(value: unknown): Usage | null {
  const block = recordOrNull(value);
  if (block === null) return null;
  const prompt = record(block['prompt_tokens_details']);
  const completion = record(block['completion_tokens_details']);
  const c = counts({
    input: block['prompt_tokens'],
    output: block['completion_tokens'],
    total: block['total_tokens'],
    cache_read_input_tokens: prompt['cached_tokens'],
    cache_creation_input_tokens: prompt['cache_write_tokens'],
    input_audio_tokens: prompt['audio_tokens'],
    reasoning_output_tokens: completion['reasoning_tokens'],
    output_audio_tokens: completion['audio_tokens'],
  });
  if (c === null || c.input === undefined) return null;
  const { input, output = Math.max(0, (c.total ?? input) - input), total, ...parts } = c;
  const reasoning = parts.reasoning_output_tokens ?? 0;
  const apart = reasoning > 0 && total === input + output + reasoning;
  return consistent({ input_tokens: input, output_tokens: apart ? output + reasoning : output, ...parts });
}

/** Usage of OpenAI Responses, without its tool calls. Null if missing or unusable. */
export function responsesUsage(value: unknown): Usage | null {
  const block = recordOrNull(value);
  if (block === null) return null;
  const input = record(block['input_tokens_details']);
  const output = record(block['output_tokens_details']);
  const c = counts({
    input_tokens: block['input_tokens'],
    output_tokens: block['output_tokens'],
    cache_read_input_tokens: input['cached_tokens'],
    cache_creation_input_tokens: input['cache_write_tokens'],
    reasoning_output_tokens: output['reasoning_tokens'],
  });
  if (c === null || c.input_tokens === undefined || c.output_tokens === undefined) return null;
  return consistent({ ...c, input_tokens: c.input_tokens, output_tokens: c.output_tokens });
}

/** `usage` with the calls of provider-run tools added, by name; unchanged if there are none. */
export function withServerToolCalls(usage: Usage | null, calls: ReadonlyMap<string, number>): Usage | null {
  if (usage === null || calls.size === 0) return usage;
  return { ...usage, server_tool_calls: { ...usage.server_tool_calls, ...Object.fromEntries(calls) } };
}

/**
 * Anthropic's usage as one event after the other reports it: fields are cumulative, a later one replaces an earlier
 * one and an absent or null one leaves it. `input_tokens` there excludes the cache, so the cache is added. Compaction
 * and advisor iterations are billed but not in the totals (Messages API reference, `usage.iterations`), so they are
 * added too.
 */
export function createMessagesUsage() {
  let merged: Record<string, unknown> | null = null;
  return {
    /** One `usage` object of `message_start`, `message_delta` or a whole message. */
    note(value: unknown): void {
      const block = recordOrNull(value);
      if (block === null) return;
      merged ??= {};
      for (const [key, field] of Object.entries(block)) if (field !== null) merged[key] = field;
    },
    /** The sum so far, or null if there is none or it is unusable. */
    total(): Usage | null {
      if (merged === null) return null;
      const extra = records(merged['iterations']).filter(isUncounted).map(messagesBlock);
      return [messagesBlock(merged), ...extra].reduce(addUsage);
    },
  };
}

const isUncounted = (iteration: JsonRecord): boolean =>
  iteration['type'] === 'compaction' || iteration['type'] === 'advisor_message';

function messagesBlock(block: JsonRecord): Usage | null {
  const lifetimes = record(block['cache_creation']);
  const c = counts({
    fresh: block['input_tokens'],
    output: block['output_tokens'],
    read: block['cache_read_input_tokens'],
    written: block['cache_creation_input_tokens'],
    written5m: lifetimes['ephemeral_5m_input_tokens'],
    written1h: lifetimes['ephemeral_1h_input_tokens'],
    thinking: record(block['output_tokens_details'])['thinking_tokens'],
  });
  const tools = serverTools(block['server_tool_use']);
  if (c === null || tools === null || c.fresh === undefined || c.output === undefined) return null;
  const written = c.written ?? (c.written5m ?? 0) + (c.written1h ?? 0);
  const parts = {
    ...(c.read === undefined ? {} : { cache_read_input_tokens: c.read }),
    ...(c.written === undefined && written === 0 ? {} : { cache_creation_input_tokens: written }),
    ...(c.written1h === undefined ? {} : { cache_creation_1h_input_tokens: c.written1h }),
    ...(c.thinking === undefined ? {} : { reasoning_output_tokens: c.thinking }),
    ...(Object.keys(tools).length === 0 ? {} : { server_tool_calls: tools }),
  };
  return consistent({ input_tokens: c.fresh + (c.read ?? 0) + written, output_tokens: c.output, ...parts });
}

/** `{web_search_requests: 2}` as `{web_search: 2}`; null if a number is absurd. */
function serverTools(value: unknown): Record<string, number> | null {
  const calls = counts(record(value));
  if (calls === null) return null;
  const entries = Object.entries(calls).filter(([key, n]) => key.endsWith('_requests') && n !== 0);
  return Object.fromEntries(entries.map(([key, n]) => [key.slice(0, -'_requests'.length), n ?? 0]));
}

function addUsage(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return null;
  const sum: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    if (typeof value === 'number') sum[key] = (typeof sum[key] === 'number' ? sum[key] : 0) + value;
  }
  return sum as Usage;
}

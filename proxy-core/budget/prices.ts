import { z } from 'zod';
import type { WireFormat } from '../contract/records.ts';
import { findCatalogueEntry, findFamilyEntry } from './catalogue.ts';
import { isGlob, matchesModel } from './model-glob.ts';
import { completeRates, flat, type ModelFamily, type Pricing, type Rates } from './rates.ts';

/** The highest rate an operator may set: typing errors stay visible and every amount stays an exact integer. */
const MAX_USD = 100_000;
const usd = z.number().min(0).max(MAX_USD);

/**
 * One entry of the configuration's `prices`, in USD: per million tokens, per request, per call of a provider's own
 * tool. Zero is allowed and means free. `max_output_tokens` is the most one choice can produce; strict admission
 * uses it for requests without a limit of their own.
 */
export const priceOverride = z.strictObject({
  input_per_mtok: usd,
  output_per_mtok: usd,
  cache_read_per_mtok: usd.optional(),
  cache_write_per_mtok: usd.optional(),
  cache_write_1h_per_mtok: usd.optional(),
  reasoning_per_mtok: usd.optional(),
  input_audio_per_mtok: usd.optional(),
  output_audio_per_mtok: usd.optional(),
  request_usd: usd.optional(),
  server_tool_usd: z.record(z.string().min(1), usd).optional(),
  max_output_tokens: z.int().min(1).max(1_000_000_000).optional(),
});
export type PriceOverride = z.infer<typeof priceOverride>;

/** Which price is wanted. */
export interface PriceQuery {
  readonly model: string | null;
  /** The configured provider that answers. */
  readonly providerId: string | null;
  readonly baseUrl: string | null;
  readonly wireFormat: WireFormat;
  /** Epoch ms; some prices hold from a date or at some hours. */
  readonly at: number;
}

/** Longer names belong to no model, and searching the catalogue for a megabyte would stall the caller. */
const LONGEST_MODEL = 256;

const rateOf = (price: number | undefined) => (price === undefined ? undefined : flat(price));

function familyOf(model: string, wireFormat: WireFormat): ModelFamily {
  return { claude: wireFormat === 'messages' || /claude/i.test(model), audio: /audio|realtime|voice/i.test(model) };
}

function overrideRates(key: string, override: PriceOverride, family: ModelFamily): Rates {
  const published = {
    input: flat(override.input_per_mtok),
    output: flat(override.output_per_mtok),
    cacheRead: rateOf(override.cache_read_per_mtok),
    cacheWrite5m: rateOf(override.cache_write_per_mtok),
    cacheWrite1h: rateOf(override.cache_write_1h_per_mtok),
    reasoning: rateOf(override.reasoning_per_mtok),
    inputAudio: rateOf(override.input_audio_per_mtok),
    outputAudio: rateOf(override.output_audio_per_mtok),
    requestUsd: override.request_usd ?? 0,
    serverTools: override.server_tool_usd ?? {},
    outputMaximum: override.max_output_tokens ?? null,
  };
  return completeRates(published, family, { source: 'override', entry: key });
}

/** The operator's key for a model: its exact name before globs, then in the file's order; `provider/model` works as well. */
function overrideKey(overrides: Readonly<Record<string, PriceOverride>>, names: readonly string[]): string | undefined {
  const keys = Object.keys(overrides);
  const matches = (key: string) => names.some((name) => matchesModel(key, name));
  return keys.find((key) => !isGlob(key) && matches(key)) ?? keys.find((key) => isGlob(key) && matches(key));
}

function cataloguePricing(model: string, query: PriceQuery): Pricing {
  const formatOwner = query.wireFormat === 'messages' ? 'anthropic' : 'openai';
  const found = findCatalogueEntry(
    model,
    { providerId: query.providerId, baseUrl: query.baseUrl, formatOwner },
    query.at,
  );
  const like = found === null ? findFamilyEntry(model, query.baseUrl, query.at) : null;
  const entry = found ?? like;
  // Only embeddings may lack a price for output: everything else produces some.
  if (entry === null || (entry.published.output === undefined && query.wireFormat !== 'embeddings'))
    return { kind: 'unpriced', model };
  const origin = { source: like === null ? 'genai-prices' : 'family', entry: entry.entry } as const;
  return { kind: 'priced', rates: completeRates(entry.published, familyOf(model, query.wireFormat), origin) };
}

/**
 * The rates of a model: the operator's overrides first (config `prices`, by model name or glob), then the bundled
 * catalogue, then the family that its name belongs to, as an estimate. A model nobody prices is `unpriced`, never free.
 */
export function priceModel(query: PriceQuery, overrides: Readonly<Record<string, PriceOverride>>): Pricing {
  const { model } = query;
  if (model === null || model.trim() === '' || model.length > LONGEST_MODEL) return { kind: 'unpriced', model };
  const names = query.providerId === null ? [model] : [model, `${query.providerId}/${model}`];
  const key = overrideKey(overrides, names);
  const override = key === undefined ? undefined : overrides[key];
  if (key === undefined || override === undefined) return cataloguePricing(model, query);
  return { kind: 'priced', rates: overrideRates(key, override, familyOf(model, query.wireFormat)) };
}

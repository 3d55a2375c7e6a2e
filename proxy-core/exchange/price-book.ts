import type { ModelPrice } from '../budget/model-prices.ts';
import { type PriceOverride, priceModel } from '../budget/prices.ts';
import type { Pricing } from '../budget/rates.ts';
import type { WireFormat } from '../contract/records.ts';
import type { Clock } from '../ports.ts';
import type { Provider } from '../providers/provider.ts';
import type { StoreReader } from '../store/store.ts';
import type { RequestFacts } from '../wire/format.ts';

/** Prices of models in force, and how much they have been seen to answer. */
export interface PriceBook {
  price(model: string | null, provider: Provider, format: WireFormat, policyPrices: Overrides): Pricing;
  /** Output tokens of the model's latest settled calls. */
  samples(model: string | null): readonly number[];
  /** Note a settled call. */
  learn(model: string, outputTokens: number): void;
}

type Overrides = Readonly<Record<string, PriceOverride>>;

const SAMPLE_LIMIT = 200;
const PRICE_CACHE_LIMIT = 500;
const MODEL_LIMIT = 500;
/** Catalogue prices may depend on the date and the hour, so a cached one is asked for again. */
const PRICE_CACHE_MS = 60_000;

/** The prices of all models that a request names: its own first, unless it names only others. */
export function pricesOf(
  book: PriceBook,
  { model, furtherModels }: Pick<RequestFacts, 'model' | 'furtherModels'>,
  provider: Provider,
  format: WireFormat,
  policyPrices: Overrides,
): readonly [ModelPrice, ...(readonly ModelPrice[])] {
  const priced = (name: string | null): ModelPrice => ({
    model: name,
    pricing: book.price(name, provider, format, policyPrices),
    samples: book.samples(name),
  });
  const [first, ...others] = furtherModels;
  return model === null && first !== undefined
    ? [priced(first), ...others.map(priced)]
    : [priced(model), ...furtherModels.map(priced)];
}

/** A book over the operator's overrides and the bundled catalogue. */
export function createPriceBook(read: StoreReader, overrides: Overrides, clock: Clock): PriceBook {
  const seen = new Map<string, number[]>();
  const cached = new Map<string, { readonly at: number; readonly pricing: Pricing }>();

  const samples = (model: string | null): number[] => {
    if (model === null) return [];
    const known = seen.get(model) ?? [...read.outputSamples(model)];
    // Agents choose the names; what is dropped is read again from the store.
    if (seen.size >= MODEL_LIMIT && !seen.has(model)) seen.clear();
    seen.set(model, known);
    return known;
  };

  return {
    samples,
    learn(model, outputTokens) {
      const known = samples(model);
      known.push(outputTokens);
      if (known.length > SAMPLE_LIMIT) known.shift();
    },
    price(model, provider, format, policyPrices) {
      const at = clock.now();
      const query = { model, providerId: provider.id, baseUrl: provider.baseUrl?.href ?? null, wireFormat: format, at };
      // A policy's own prices stand in its document, so they are looked up afresh.
      if (Object.keys(policyPrices).length > 0) return priceModel(query, { ...overrides, ...policyPrices });
      const key = `${provider.id}\n${format}\n${model}`;
      const hit = cached.get(key);
      if (hit !== undefined && at - hit.at < PRICE_CACHE_MS && at >= hit.at) return hit.pricing;
      const pricing = priceModel(query, overrides);
      if (cached.size >= PRICE_CACHE_LIMIT) cached.clear();
      cached.set(key, { at, pricing });
      return pricing;
    },
  };
}

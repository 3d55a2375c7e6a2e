import { calcPrice, findProvider, type ModelPrice, type PriceCalculation } from '@pydantic/genai-prices';
import { familyLike } from './families.ts';
import { asEstimate, dearer, flat, type PublishedRates, type TieredRate } from './rates.ts';
import { CATALOGUE_TOOLS } from './server-tools.ts';

/**
 * Looks a model up in the price data bundled with @pydantic/genai-prices. `updatePrices` is never called: prices
 * change with a release or by the operator's override, not by a download.
 */

/** Who is asked, as far as the configuration and the request say. */
export interface Seller {
  readonly providerId: string | null;
  readonly baseUrl: string | null;
  /** The maker whose wire format the call speaks; asked before the rest of the catalogue. */
  readonly formatOwner: 'openai' | 'anthropic';
}

/** A price entry of the catalogue. */
export interface CatalogueEntry {
  /** `provider/model` as the catalogue names them. */
  readonly entry: string;
  readonly published: PublishedRates;
}

/** Every provider of the bundled data; a test compares this list with the data itself. */
export const CATALOGUE_PROVIDERS: readonly string[] = [
  'anthropic',
  'arcee',
  'avian',
  'aws',
  'azure',
  'baseten',
  'cerebras',
  'cloudflare',
  'cohere',
  'cursor',
  'deepseek',
  'doubleword',
  'fireworks',
  'github-copilot',
  'google',
  'groq',
  'huggingface_cerebras',
  'huggingface_fireworks-ai',
  'huggingface_groq',
  'huggingface_hyperbolic',
  'huggingface_nebius',
  'huggingface_novita',
  'huggingface_nscale',
  'huggingface_ovhcloud',
  'huggingface_publicai',
  'huggingface_sambanova',
  'huggingface_together',
  'minimax',
  'mistral',
  'modal',
  'moonshotai',
  'novita',
  'openai',
  'openrouter',
  'ovhcloud',
  'perplexity',
  'quicksilverpro',
  'together',
  'typesafe',
  'voyageai',
  'x-ai',
  'zai',
  'zhipuai',
];

function tiered(price: ModelPrice[string]): TieredRate | undefined {
  if (price === undefined || typeof price === 'number') return price === undefined ? undefined : flat(price);
  const tiers = [...price.tiers]
    .sort((a, b) => a.start - b.start)
    .map(({ start, price: rate }) => ({ above: start, rate }));
  return { base: price.base, tiers, estimated: false };
}

/** The dearest of some price keys: image and video tokens are not told apart in our usage, so they set the rate. */
function dearestOf(prices: ModelPrice, keys: readonly string[]): TieredRate | undefined {
  const [first, ...others] = keys.map((key) => tiered(prices[key]));
  return first === undefined ? undefined : others.reduce<TieredRate>(dearer, first);
}

/** USD per use of something the catalogue prices by the thousand. */
function perUse(prices: ModelPrice, key: string): number | undefined {
  const price = prices[key];
  return typeof price === 'number' ? price / 1000 : undefined;
}

function serverTools(prices: ModelPrice): Readonly<Record<string, number>> {
  const priced = Object.entries(CATALOGUE_TOOLS).map(([tool, key]) => [tool, perUse(prices, key)] as const);
  return Object.fromEntries(priced.filter((pair): pair is [string, number] => pair[1] !== undefined));
}

function publish({ model, model_price: prices }: PriceCalculation): PublishedRates | null {
  const input = dearestOf(prices, ['input_mtok', 'input_image_mtok', 'input_video_mtok']);
  if (input === undefined) return null;
  return {
    input,
    output: dearestOf(prices, ['output_mtok', 'output_image_mtok', 'output_video_mtok']),
    cacheRead: dearestOf(prices, ['cache_read_mtok', 'cache_image_read_mtok', 'cache_video_read_mtok']),
    cacheWrite5m: tiered(prices['cache_write_5m_mtok'] ?? prices['cache_write_mtok']),
    cacheWrite1h: tiered(prices['cache_write_1h_mtok']),
    reasoning: tiered(prices['output_reasoning_mtok']),
    inputAudio: tiered(prices['input_audio_mtok']),
    cacheAudioRead: tiered(prices['cache_audio_read_mtok']),
    outputAudio: tiered(prices['output_audio_mtok']),
    requestUsd: perUse(prices, 'requests_kcount') ?? 0,
    serverTools: serverTools(prices),
    outputMaximum: model.context_window ?? null,
  };
}

function sold(provider: string | undefined, model: string, at: Date): PriceCalculation | null {
  return provider === undefined ? null : calcPrice({}, model, { providerId: provider, timestamp: at });
}

/** The only entry of the whole catalogue that knows the model; providers that resell another's entry count as one. */
function soleEntry(model: string, at: Date): PriceCalculation | null {
  const entries = new Map<unknown, PriceCalculation>();
  for (const provider of CATALOGUE_PROVIDERS) {
    const found = sold(provider, model, at);
    if (found !== null && !entries.has(found.model)) entries.set(found.model, found);
  }
  const [only, ...others] = entries.values();
  return only !== undefined && others.length === 0 ? only : null;
}

function search(model: string, seller: Seller, at: Date): PriceCalculation | null {
  const byUrl = seller.baseUrl === null ? undefined : findProvider({ providerApiUrl: seller.baseUrl });
  // The address says for certain who sells: what that provider does not list is not priced by guessing.
  if (byUrl !== undefined) return sold(byUrl.id, model, at);
  const byId = seller.providerId === null ? undefined : findProvider({ providerId: seller.providerId });
  const maker = findProvider({ modelId: model });
  return (
    sold(byId?.id, model, at) ??
    sold(seller.formatOwner, model, at) ??
    sold(maker?.id, model, at) ??
    soleEntry(model, at)
  );
}

/**
 * The catalogue's price of a model at an instant (epoch ms; some prices start on a date or hold at some hours), or
 * null. Asked in turn: the provider whose address the base URL is (and then no other), the provider of that id,
 * the wire format's owner, the model's maker, any provider if only one entry knows the model. Entries without
 * a price per input token are no price.
 */
export function findCatalogueEntry(model: string, seller: Seller, at: number): CatalogueEntry | null {
  const found = search(model, seller, new Date(at));
  const published = found === null ? null : publish(found);
  return found === null || published === null ? null : { entry: `${found.provider.id}/${found.model.id}`, published };
}

/**
 * The price of the model that stands for a name's family, every rate marked estimated; null where no family fits, or where
 * the address says that another than the family's maker sells, whose prices nobody can guess.
 */
export function findFamilyEntry(model: string, baseUrl: string | null, at: number): CatalogueEntry | null {
  const like = familyLike(model);
  const byUrl = baseUrl === null ? undefined : findProvider({ providerApiUrl: baseUrl });
  if (like === null || (byUrl !== undefined && byUrl.id !== like.provider)) return null;
  const found = sold(like.provider, like.model, new Date(at));
  const published = found === null ? null : publish(found);
  if (published === null) return null;
  return { entry: `${like.names} like ${like.provider}/${like.model}`, published: asEstimate(published) };
}

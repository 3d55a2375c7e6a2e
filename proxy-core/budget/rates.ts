/**
 * A model's rates, complete: every dimension of our usage has a rate, so that pricing and estimating never have to
 * decide what a missing one means. What the source does not price is filled with the dearer sensible rate and
 * marked `estimated`.
 */

/** From more than `above` input tokens on, every token of the call costs `rate`. */
export interface Tier {
  readonly above: number;
  /** USD per million tokens. */
  readonly rate: number;
}

/** USD per million tokens, with the tiers (ascending) that large inputs fall into. */
export interface TieredRate {
  readonly base: number;
  readonly tiers: readonly Tier[];
  /** The source has no price for this dimension; it was derived from another one. */
  readonly estimated: boolean;
}

/** What a source states; absent dimensions are filled by `completeRates`. */
export interface PublishedRates {
  readonly input: TieredRate;
  readonly output?: TieredRate | undefined;
  readonly cacheRead?: TieredRate | undefined;
  readonly cacheWrite5m?: TieredRate | undefined;
  readonly cacheWrite1h?: TieredRate | undefined;
  readonly reasoning?: TieredRate | undefined;
  readonly inputAudio?: TieredRate | undefined;
  readonly cacheAudioRead?: TieredRate | undefined;
  readonly outputAudio?: TieredRate | undefined;
  /** USD per request. */
  readonly requestUsd: number;
  /** USD per call of a tool the provider runs, by canonical tool name. */
  readonly serverTools: Readonly<Record<string, number>>;
  /** An upper bound of the tokens one choice can produce; null when unknown. */
  readonly outputMaximum: number | null;
}

type Filled = 'output' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h' | 'reasoning';
type FilledAudio = 'inputAudio' | 'cacheAudioRead' | 'outputAudio';

/** Rates of one model from one source, every dimension priced. */
export interface Rates extends Omit<PublishedRates, Filled | FilledAudio>, Record<Filled | FilledAudio, TieredRate> {
  readonly source: 'override' | 'genai-prices' | 'family';
  /** The price entry that matched: the override's key, the source's `provider/model`, or a family's names and that entry. */
  readonly entry: string;
}

/** Whether a model has a price. */
export type Pricing =
  | { readonly kind: 'priced'; readonly rates: Rates }
  | { readonly kind: 'unpriced'; readonly model: string | null };

/** What the multipliers for unpriced dimensions depend on. */
export interface ModelFamily {
  /** Anthropic bills cache writes above input. */
  readonly claude: boolean;
  /** The model is sold for audio, whose tokens cost a multiple of text. */
  readonly audio: boolean;
}

// 1.25 × and 2 × input: https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing
const CLAUDE_CACHE_WRITE = { fiveMinutes: 1.25, oneHour: 2 };
// gpt-4o-audio-preview, the dearest ratio published: $40 to $2.50 in, $80 to $10 out.
const AUDIO_TO_TEXT = { input: 16, output: 8 };

/** A flat rate, USD per million tokens. */
export const flat = (base: number): TieredRate => ({ base, tiers: [], estimated: false });

const times = (rate: TieredRate, factor: number): TieredRate => ({
  base: rate.base * factor,
  tiers: rate.tiers.map((tier) => ({ above: tier.above, rate: tier.rate * factor })),
  estimated: true,
});

/** The rate for a call of so many input tokens, USD per million tokens. The threshold itself is still below. */
export function rateAt(rate: TieredRate, inputTokens: number): number {
  return rate.tiers.reduce((found, tier) => (inputTokens > tier.above ? tier.rate : found), rate.base);
}

/** The dearest rate that any call of up to so many input tokens can meet, USD per million tokens. */
export function dearestRate(rates: readonly TieredRate[], inputTokens: number): number {
  return Math.max(
    ...rates.flatMap(({ base, tiers }) => [
      base,
      ...tiers.filter((tier) => inputTokens > tier.above).map((tier) => tier.rate),
    ]),
  );
}

/** Rates that stand in for a model's own: every one of them is an estimate. */
export const asEstimate = (published: PublishedRates): PublishedRates => ({
  ...published,
  input: times(published.input, 1),
  output: published.output && times(published.output, 1),
  cacheRead: published.cacheRead && times(published.cacheRead, 1),
  cacheWrite5m: published.cacheWrite5m && times(published.cacheWrite5m, 1),
  cacheWrite1h: published.cacheWrite1h && times(published.cacheWrite1h, 1),
  reasoning: published.reasoning && times(published.reasoning, 1),
  inputAudio: published.inputAudio && times(published.inputAudio, 1),
  cacheAudioRead: published.cacheAudioRead && times(published.cacheAudioRead, 1),
  outputAudio: published.outputAudio && times(published.outputAudio, 1),
});

/** At every input size the dearer of two rates: for tokens that usage cannot tell apart. */
export function dearer(a: TieredRate, b: TieredRate | undefined): TieredRate {
  if (b === undefined) return a;
  const thresholds = [...new Set([...a.tiers, ...b.tiers].map((tier) => tier.above))].sort((x, y) => x - y);
  const at = (inputTokens: number) => Math.max(rateAt(a, inputTokens), rateAt(b, inputTokens));
  const base = Math.max(a.base, b.base);
  const tiers = thresholds.map((above) => ({ above, rate: at(above + 1) }));
  const raised = base > a.base || thresholds.some((above) => at(above + 1) > rateAt(a, above + 1));
  return { base, tiers, estimated: a.estimated || raised };
}

/**
 * Fill what a source leaves out, never below what the provider would charge: cached reads at the full input rate,
 * cache writes at Anthropic's multiples for its models and at input otherwise, reasoning as output (how every
 * provider bills it, so not an estimate), audio as text or, for audio models, at the dearest published ratio.
 */
export function completeRates(
  published: PublishedRates,
  family: ModelFamily,
  origin: Pick<Rates, 'source' | 'entry'>,
): Rates {
  const { input } = published;
  const output = published.output ?? times(input, 1);
  const cacheRead = published.cacheRead ?? times(input, 1);
  const cacheWrite5m = published.cacheWrite5m ?? times(input, family.claude ? CLAUDE_CACHE_WRITE.fiveMinutes : 1);
  const oneHour = dearer(times(input, family.claude ? CLAUDE_CACHE_WRITE.oneHour : 1), cacheWrite5m);
  const inputAudio = published.inputAudio ?? times(input, family.audio ? AUDIO_TO_TEXT.input : 1);
  return {
    ...published,
    ...origin,
    output,
    cacheRead,
    cacheWrite5m,
    cacheWrite1h: published.cacheWrite1h ?? oneHour,
    reasoning: published.reasoning ?? output,
    inputAudio,
    cacheAudioRead: published.cacheAudioRead ?? times(inputAudio, 1),
    outputAudio: published.outputAudio ?? times(output, family.audio ? AUDIO_TO_TEXT.output : 1),
  };
}

import type { NanoUsd } from '../contract/money.ts';
import type { WireFormat } from '../contract/records.ts';
import type { RequestFacts, UnboundedFeature } from '../wire/format.ts';
import { femtoOf, femtoOfTokens, nanoOf } from './pricing.ts';
import { dearestRate, type Pricing, type Rates, rateAt } from './rates.ts';

/**
 * The amount to reserve before a call. `expected` is what calls of this kind usually cost; `strict` is what
 * the provider's usage can show at most. No tokenizer: a token is never shorter than a byte, and byte pair encoding of
 * hostile text takes seconds.
 */

/** How budgets admit calls (behaviour §5). */
export type Admission = 'expected' | 'strict';

/** What the estimate is made from. */
export interface CallSize {
  /** Size of the decoded request body. */
  readonly bodyBytes: number;
  readonly wireFormat: WireFormat;
  readonly facts: Pick<RequestFacts, 'outputLimit' | 'choices' | 'unbounded' | 'tools'>;
  /** The policy's `max_output_tokens`, per choice, which is written into the request; null without one. */
  readonly policyMaximum: number | null;
  /** Output tokens of the model's latest settled calls. */
  readonly samples: readonly number[];
}

/** What a call is charged against its caps until it settles; `outputTokens` covers all choices. */
export type Bound =
  | {
      readonly kind: 'bounded';
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly amount: NanoUsd;
    }
  /** Strict admission only: the named features of the request have no upper bound. */
  | { readonly kind: 'unbounded'; readonly features: readonly UnboundedCost[] }
  | { readonly kind: 'unpriced'; readonly model: string | null };

/** The feature named when neither the request, the policy nor the price source limits the output. */
export const NO_OUTPUT_LIMIT = 'output_limit';

/** What keeps a request's cost from having an upper bound. */
export type UnboundedCost = UnboundedFeature | typeof NO_OUTPUT_LIMIT;

const ENOUGH_SAMPLES = 20;
const FIRST_OUTPUT_TOKENS = 1000;
const BYTES_PER_TOKEN = 3;
const MAX_TOKENS = 1_000_000_000;
/**
 * Tokens a provider adds to the input of a request that declares tools; the largest published is 530
 * (https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing). Without tools a body always has more
 * bytes than its prompt has tokens, markup included.
 */
const TOOL_PROMPT_TOKENS = 1000;

/** The 95th percentile by nearest rank; 0 for no samples. */
export function p95(samples: readonly number[]): number {
  const ascending = [...samples].sort((a, b) => a - b);
  return ascending[Math.ceil(ascending.length * 0.95) - 1] ?? 0;
}

const limitOf = (limit: number | null): number => (limit !== null && limit > 0 ? Math.ceil(limit) : Infinity);

/** The most one choice may produce by the request and the policy; Infinity when neither says. */
const ceilingOf = (call: CallSize): number => Math.min(limitOf(call.facts.outputLimit), limitOf(call.policyMaximum));

const cut = (tokens: number): number => Math.min(Math.ceil(Math.max(tokens, 0)), MAX_TOKENS);

function timesChoices(call: CallSize, perChoice: number): number {
  return call.wireFormat === 'embeddings' ? 0 : cut(perChoice * Math.max(1, call.facts.choices));
}

function bounded(
  rates: Rates,
  [inputTokens, outputTokens]: readonly [number, number],
  [inputRate, outputRate]: readonly [number, number],
): Bound {
  const femto =
    femtoOf(rates.requestUsd) + femtoOfTokens(inputTokens, inputRate) + femtoOfTokens(outputTokens, outputRate);
  return { kind: 'bounded', inputTokens, outputTokens, amount: nanoOf(femto, 'up') };
}

function expectedBound(rates: Rates, call: CallSize): Bound {
  const ceiling = ceilingOf(call);
  const learned = call.samples.length >= ENOUGH_SAMPLES;
  const unlearned = ceiling === Infinity ? FIRST_OUTPUT_TOKENS : ceiling;
  const perChoice = learned ? Math.min(p95(call.samples), ceiling) : unlearned;
  const input = cut(call.bodyBytes / BYTES_PER_TOKEN);
  const prices = [rateAt(rates.input, input), rateAt(rates.output, input)] as const;
  return bounded(rates, [input, timesChoices(call, perChoice)], prices);
}

function strictBound(rates: Rates, call: CallSize): Bound {
  const asked = ceilingOf(call);
  const perChoice = asked === Infinity ? (rates.outputMaximum ?? Infinity) : asked;
  const endless = perChoice === Infinity && call.wireFormat !== 'embeddings' ? ([NO_OUTPUT_LIMIT] as const) : [];
  const features = [...call.facts.unbounded, ...endless];
  if (features.length > 0) return { kind: 'unbounded', features };
  const input = cut(call.bodyBytes + (call.facts.tools.length > 0 ? TOOL_PROMPT_TOKENS : 0));
  const { cacheRead, cacheWrite5m, cacheWrite1h, inputAudio, cacheAudioRead } = rates;
  const inputRate = dearestRate(
    [rates.input, cacheRead, cacheWrite5m, cacheWrite1h, inputAudio, cacheAudioRead],
    input,
  );
  const outputRate = dearestRate([rates.output, rates.reasoning, rates.outputAudio], input);
  return bounded(rates, [input, timesChoices(call, perChoice)], [inputRate, outputRate]);
}

/**
 * What to reserve for a call. `expected`: a third of the body's bytes at the input rate, and per choice the learned
 * 95th percentile of the model (from 20 samples on, at most the request's ceiling), before that the request's
 * ceiling or 1,000 tokens. `strict`: every byte a token at the dearest input rate the call can meet, and the request's
 * ceiling or the model's maximum at the dearest output rate, times the choices; whatever has no bound is named.
 * The policy's maximum lowers the ceiling in both. Rounded up.
 */
export function estimate(admission: Admission, pricing: Pricing, call: CallSize): Bound {
  if (pricing.kind === 'unpriced') return pricing;
  switch (admission) {
    case 'expected':
      return expectedBound(pricing.rates, call);
    case 'strict':
      return strictBound(pricing.rates, call);
  }
}

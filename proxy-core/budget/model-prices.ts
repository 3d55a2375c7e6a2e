import { type NanoUsd, ZERO_USD } from '../contract/money.ts';
import { type Admission, type Bound, type CallSize, estimate } from './estimate.ts';
import type { Pricing } from './rates.ts';

/**
 * The price of a request that more than one model may answer (fallbacks and the like): what is reserved is enough for
 * the dearest of them, and what is charged goes by the one that answered.
 */

/** One of the models that may answer, with its price and what is known of its answers. */
export interface ModelPrice {
  readonly model: string | null;
  readonly pricing: Pricing;
  /** Output tokens of its latest settled calls. */
  readonly samples: readonly number[];
}

/** The dearest model and what to reserve for it. `unpriced`: one of them has no price; `priced` is enough for the others. */
export type DearestBound =
  | { readonly kind: 'bounded'; readonly pricing: Pricing; readonly amount: NanoUsd }
  | Extract<Bound, { readonly kind: 'unbounded' }>
  | { readonly kind: 'unpriced'; readonly model: string | null; readonly pricing: Pricing; readonly priced: NanoUsd };

/** What to reserve where any of these models may answer; at least one is given. The first is the request's own. */
export function dearestBound(
  admission: Admission,
  [first, ...others]: readonly [ModelPrice, ...(readonly ModelPrice[])],
  call: Omit<CallSize, 'samples'>,
): DearestBound {
  let dearest = { pricing: first.pricing, amount: ZERO_USD };
  let unpriced: ModelPrice | null = null;
  for (const one of [first, ...others]) {
    const bound = estimate(admission, one.pricing, { ...call, samples: one.samples });
    if (bound.kind === 'unbounded') return bound;
    if (bound.kind === 'unpriced') unpriced ??= one;
    else if (bound.amount > dearest.amount) dearest = { pricing: one.pricing, amount: bound.amount };
  }
  if (unpriced === null) return { kind: 'bounded', ...dearest };
  return { kind: 'unpriced', model: unpriced.model, pricing: unpriced.pricing, priced: dearest.amount };
}

/** A name without the vendors before it, as gateways write them. */
const bare = (model: string): string => model.slice(model.lastIndexOf('/') + 1).toLowerCase();

/**
 * The price of the model that answered, by the longest of the names that its own begins with (providers add a date); `dearest`
 * where none does or the answer names none.
 */
export function priceOfAnswer(answered: string | null, prices: readonly ModelPrice[], dearest: Pricing): Pricing {
  if (answered === null || prices.length < 2) return dearest;
  const name = bare(answered);
  const named = prices
    .filter(({ model }) => model !== null && (name === bare(model) || name.startsWith(`${bare(model)}-`)))
    .sort((a, b) => bare(b.model ?? '').length - bare(a.model ?? '').length);
  return named[0]?.pricing ?? dearest;
}

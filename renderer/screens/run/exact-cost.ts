import { formatUsd, type NanoUsd } from '../../../proxy-core/contract/money.ts';
import type { ExchangeRecord } from '../../../proxy-core/contract/records.ts';

/** "$0.0004125": every digit, at least two decimals, so that shown amounts add up to the shown sum. Nano-USD. */
export function showExact(nano: number): string {
  const [whole = '0', fraction = ''] = formatUsd(nano as NanoUsd).split('.');
  return `$${whole}.${fraction.padEnd(2, '0')}`;
}

/** What a call's cost reads as. */
export type ShownCost =
  | { readonly kind: 'known' | 'estimated'; readonly nano: number }
  /** No price is known for its model: it was let through uncounted. */
  | { readonly kind: 'unpriced' }
  /** Still under way: what is set aside for it. */
  | { readonly kind: 'reserved'; readonly nano: number }
  | { readonly kind: 'none' };

/** The cost of a call. A cost of zero that is only an estimate comes from a model without a price. */
export function costOf({ state, cost_nano, estimated, reserved_nano }: ExchangeRecord): ShownCost {
  if (state === 'open') return { kind: 'reserved', nano: reserved_nano };
  if (cost_nano === null) return { kind: 'none' };
  if (estimated && cost_nano === 0) return { kind: 'unpriced' };
  return { kind: estimated ? 'estimated' : 'known', nano: cost_nano };
}

/** A cost as text: "$0.0123", "≈ $0.02", "unpriced", "≤ $0.10", "–". */
export function renderShownCost(cost: ShownCost): string {
  switch (cost.kind) {
    case 'known':
      return showExact(cost.nano);
    case 'estimated':
      return `≈ ${showExact(cost.nano)}`;
    case 'unpriced':
      return 'unpriced';
    case 'reserved':
      return `≤ ${showExact(cost.nano)}`;
    case 'none':
      return '–';
  }
}

import { type NanoUsd, nanoToUsd } from '../../proxy-core/contract/money.ts';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** An amount where many stand below each other: "$2.06", "$0.008", "<$0.001", "$12.5K". Nano-USD. */
export function roughCost(nano: number): string {
  const usd = nanoToUsd(nano as NanoUsd);
  if (usd >= 10_000) return `$${compact.format(usd)}`;
  if (usd >= 0.01 || usd === 0) return `$${usd.toFixed(2)}`;
  return usd < 0.001 ? '<$0.001' : `$${usd.toFixed(3)}`;
}

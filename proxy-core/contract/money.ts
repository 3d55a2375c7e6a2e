/**
 * Money inside Rungate: a whole number of nano-USD (1 USD = 1_000_000_000). Integers add up exactly, so
 * the costs of a run's steps always sum to the run's spend. A JavaScript number holds them exactly up to
 * about 9 million USD, far above any cap a person sets; leaving that range is a bug and throws.
 */
export type NanoUsd = number & { readonly __unit: 'nano-usd' };

const NANO_PER_USD = 1_000_000_000;

/** Brand an integer as nano-USD. Throws RangeError unless it is a safe integer. */
export function nanoUsd(value: number): NanoUsd {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number of nano-USD: ${value}`);
  return value as NanoUsd;
}

export const ZERO_USD: NanoUsd = nanoUsd(0);

/** Dollars (number or decimal string, at most nine decimals kept, rounded) to nano-USD. Throws RangeError on anything else. */
export function usdToNano(usd: number | string): NanoUsd {
  const value = typeof usd === 'string' && usd.trim() !== '' ? Number(usd) : usd;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new RangeError(`not an amount in USD: ${usd}`);
  return nanoUsd(Math.round(value * NANO_PER_USD));
}

/** Nano-USD to a JSON number of dollars, for bodies and reports. */
export function nanoToUsd(value: NanoUsd): number {
  return value / NANO_PER_USD;
}

/** The sum, in nano-USD. */
export function addUsd(a: NanoUsd, b: NanoUsd): NanoUsd {
  return nanoUsd(a + b);
}

/** Exact decimal dollars without exponent or trailing zeros ("0.0000125", "12", "-3.5"): headers and CLI. */
export function formatUsd(value: NanoUsd): string {
  const digits = Math.abs(value).toString().padStart(10, '0');
  const whole = digits.slice(0, -9);
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${value < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Dollars for people: two decimals, or up to six when the amount is below one cent ("$5.00", "$0.000125"). */
export function showUsd(value: NanoUsd): string {
  const usd = nanoToUsd(value);
  if (value !== 0 && Math.abs(usd) < 0.01) return `$${usd.toFixed(6).replace(/0+$/, '').replace(/\.$/, '.00')}`;
  return `$${usd.toFixed(2)}`;
}

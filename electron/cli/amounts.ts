import { BadInput } from './command.ts';

/**
 * A decimal amount in USD as typed (`5`, `0.25`). Throws BadInput for anything else:
 * exponents, hex and signs are typing errors where money is concerned.
 */
export function parseAmount(option: string, text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new BadInput(`\`${option}\` needs an amount in USD such as 5 or 0.25`);
  return Number(text);
}

/** A whole number from `min` to `max`, or undefined without one. Throws BadInput for anything else. */
export function parseCount(
  option: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max) {
    throw new BadInput(`\`${option}\` needs a whole number from ${min} to ${max}`);
  }
  return Number(text);
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time in milliseconds: `30m`, `12h`, `7d`. Undefined without text; throws BadInput for anything else. */
export function parseDuration(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined)
    throw new BadInput(`\`${option}\` needs a time such as 30m, 12h or 7d`);
  return Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** The instant (epoch ms) a time back from `now`: `30m`, `12h`, `7d`. Undefined without text; throws BadInput for anything else. */
export function parseSince(option: string, text: string | undefined, now: number): number | undefined {
  const back = parseDuration(option, text);
  return back === undefined ? undefined : now - back;
}

import { type NanoUsd, nanoUsd } from '../contract/money.ts';
import type { Usage } from '../contract/records.ts';
import { type Rates, rateAt, type TieredRate } from './rates.ts';
import { serverToolPrice } from './server-tools.ts';

/**
 * What a call cost. Amounts are summed in femto-USD (1e-15) with big integers and rounded half up to nano-USD once,
 * on the total; the sum of a run's steps is therefore exactly the run's spend.
 */

/** Why a usage block deserves a second look; the cost stands all the same. */
export type UsageFlag =
  /** A count was negative or no whole number; it was raised to the next whole number from zero up. */
  | 'invalid_count'
  /** A count was a thousand million or more; it was cut there. */
  | 'huge_count'
  /** Cached, audio or reasoning tokens exceed the total they are part of; the larger number was charged. */
  | 'parts_exceed_total'
  /** The provider reported no tokens at all; honoured. */
  | 'zero_tokens';

/** A call's cost, how much of it rests on rates the price source does not have, and what was odd about its usage. */
export interface Costing {
  readonly cost: NanoUsd;
  readonly estimated: NanoUsd;
  readonly flagged: readonly UsageFlag[];
}

const MAX_TOKENS = 1_000_000_000;
/** Above every cap that can be set ($1,000,000), so nothing that large ever fits under one. */
const MAX_AMOUNT = 2_000_000_000_000_000;
const FEMTO_PER_NANO = 1_000_000n;

/** USD for one of something, in femto-USD. */
export const femtoOf = (usd: number): bigint => BigInt(Math.round(usd * 1e15));

/** So many tokens (a whole number) at a rate in USD per million, in femto-USD. */
export const femtoOfTokens = (tokens: number, usdPerMtok: number): bigint =>
  BigInt(tokens) * BigInt(Math.round(usdPerMtok * 1e9));

/** Femto-USD to nano-USD, rounded `half-up` or `up`, and cut above every possible cap. */
export function nanoOf(femto: bigint, rounding: 'half-up' | 'up'): NanoUsd {
  const addend = rounding === 'up' ? FEMTO_PER_NANO - 1n : FEMTO_PER_NANO / 2n;
  const nano = (femto + addend) / FEMTO_PER_NANO;
  return nanoUsd(nano > MAX_AMOUNT ? MAX_AMOUNT : Number(nano));
}

interface Charge {
  readonly femto: bigint;
  readonly estimated: boolean;
}

type Counts = Readonly<Record<'input' | 'read' | 'write' | 'write1h' | 'inputAudio', number>> &
  Readonly<Record<'output' | 'reasoning' | 'outputAudio', number>>;

function whole(count: number | undefined, flags: Set<UsageFlag>): number {
  if (count === undefined) return 0;
  if (!(count >= 0) || (Number.isFinite(count) && !Number.isInteger(count))) flags.add('invalid_count');
  if (count >= MAX_TOKENS) flags.add('huge_count');
  return count > 0 ? Math.min(Math.ceil(count), MAX_TOKENS) : 0;
}

/** Clean counts in which no part exceeds its total: where one does, the total is raised, never the part cut. */
function countsOf(usage: Usage, flags: Set<UsageFlag>): Counts {
  const read = whole(usage.cache_read_input_tokens, flags);
  const created = whole(usage.cache_creation_input_tokens, flags);
  const write1h = whole(usage.cache_creation_1h_input_tokens, flags);
  const inputAudio = whole(usage.input_audio_tokens, flags);
  const reasoning = whole(usage.reasoning_output_tokens, flags);
  const outputAudio = whole(usage.output_audio_tokens, flags);
  const totalIn = whole(usage.input_tokens, flags);
  const totalOut = whole(usage.output_tokens, flags);
  const write = Math.max(created, write1h);
  const input = Math.max(totalIn, read + write, inputAudio);
  const output = Math.max(totalOut, reasoning + outputAudio);
  if (input > totalIn || output > totalOut || write > created) flags.add('parts_exceed_total');
  if (input === 0 && output === 0) flags.add('zero_tokens');
  return { input, read, write, write1h, inputAudio, output, reasoning, outputAudio };
}

/**
 * Which tokens are billed at which rate. Usage does not say how much audio was cached: it counts as uncached as far as
 * that is possible, the dearer reading.
 */
function tokenCharges(rates: Rates, counts: Counts): readonly Charge[] {
  const uncached = counts.input - counts.read - counts.write;
  const freshAudio = Math.min(counts.inputAudio, uncached);
  const cachedAudio = Math.min(counts.inputAudio - freshAudio, counts.read);
  const parts: readonly (readonly [number, TieredRate])[] = [
    [uncached - freshAudio, rates.input],
    [freshAudio, rates.inputAudio],
    [counts.read - cachedAudio, rates.cacheRead],
    [cachedAudio, rates.cacheAudioRead],
    [counts.write - counts.write1h, rates.cacheWrite5m],
    [counts.write1h, rates.cacheWrite1h],
    [counts.output - counts.reasoning - counts.outputAudio, rates.output],
    [counts.reasoning, rates.reasoning],
    [counts.outputAudio, rates.outputAudio],
  ];
  return parts.map(([tokens, rate]) => ({
    femto: femtoOfTokens(tokens, rateAt(rate, counts.input)),
    estimated: rate.estimated,
  }));
}

function toolCharges(rates: Rates, usage: Usage, flags: Set<UsageFlag>): readonly Charge[] {
  return Object.entries(usage.server_tool_calls ?? {}).map(([name, calls]) => {
    const { usd, estimated } = serverToolPrice(rates.serverTools, name);
    return { femto: BigInt(whole(calls, flags)) * femtoOf(usd), estimated };
  });
}

const total = (charges: readonly Charge[]): bigint => charges.reduce((sum, charge) => sum + charge.femto, 0n);

/**
 * The cost of a call from the provider's usage, in nano-USD. Usage counts inclusively (contract/records.ts): input
 * contains cached reads and cache writes, output contains reasoning. Tiers apply to the whole call by its total
 * input. Never negative, whatever the usage says.
 */
export function cost(rates: Rates, usage: Usage): Costing {
  const flags = new Set<UsageFlag>();
  const charges = [
    { femto: femtoOf(rates.requestUsd), estimated: false },
    ...tokenCharges(rates, countsOf(usage, flags)),
    ...toolCharges(rates, usage, flags),
  ];
  return {
    cost: nanoOf(total(charges), 'half-up'),
    estimated: nanoOf(total(charges.filter(({ estimated }) => estimated)), 'half-up'),
    flagged: [...flags],
  };
}

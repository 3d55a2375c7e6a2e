/**
 * Random choices that are the same on every machine: a counter run through a mixing function, begun from a seed and a number, so that
 * case 17,204 of a seed can be made without the 17,203 before it.
 */
export interface Random {
  /** A whole number from 0 to below `limit` (1 to 2^31). */
  below(limit: number): number;
  /** True with probability `part` (0 to 1). */
  chance(part: number): boolean;
  /** One of the values; the list must not be empty. */
  pick<T>(values: readonly T[]): T;
  /** The values in another order. */
  shuffle<T>(values: readonly T[]): T[];
  /** What the choices led to, for whoever made them. */
  readonly marks: Set<'gated'>;
}

/** The choices of one case. */
export function randomOf(seed: number, index: number): Random {
  let state = mix(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ mix(index));
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    return mix(state) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  return {
    marks: new Set(),
    below,
    chance: (part) => next() / 0x1_0000_0000 < part,
    pick: (values) => {
      if (values.length === 0) throw new Error('nothing to choose from');
      return values[below(values.length)] as never;
    },
    shuffle(values) {
      const left = [...values];
      for (let i = left.length - 1; i > 0; i -= 1) {
        const j = below(i + 1);
        [left[i], left[j]] = [left[j] as never, left[i] as never];
      }
      return left;
    },
  };
}

/** A bijection of 32-bit numbers in which every input bit changes every output bit (murmur3's finaliser). */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

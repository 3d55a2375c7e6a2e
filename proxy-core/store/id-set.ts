/** A set of row ids up to a highest one: a bit for each. */
export interface IdSet {
  add(id: number): void;
  has(id: number): boolean;
  /** The ids from 1 to the highest that are not in it, as ranges with both ends inclusive, ascending. */
  gaps(): Generator<readonly [from: number, to: number]>;
}

/** An empty set of ids from 1 to `highest`; higher ones are never in it. */
export function createIdSet(highest: number): IdSet {
  const bits = new Uint8Array((highest >> 3) + 1);
  const has = (id: number): boolean => id <= highest && ((bits[id >> 3] ?? 0) & (1 << (id & 7))) !== 0;
  return {
    add(id) {
      if (id <= highest) bits[id >> 3] = (bits[id >> 3] ?? 0) | (1 << (id & 7));
    },
    has,
    *gaps() {
      let from: number | null = null;
      for (let id = 1; id <= highest; id += 1) {
        // Eight ids in use at once: most of a store is.
        if (from === null && (id & 7) === 0 && bits[id >> 3] === 0xff) {
          id += 7;
          continue;
        }
        if (has(id)) {
          if (from !== null) yield [from, id - 1];
          from = null;
        } else from ??= id;
      }
      if (from !== null) yield [from, highest];
    },
  };
}

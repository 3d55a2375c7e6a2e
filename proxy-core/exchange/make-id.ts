import { v7 } from 'uuid';
import { type IdKind, renderId } from '../contract/ids.ts';
import type { Clock, Random } from '../ports.ts';

/** A new id of a kind; sorts by time (UUIDv7, RFC 9562). */
export function makeId(kind: IdKind, lent: { readonly clock: Clock; readonly random: Random }): string {
  const bytes = v7({ msecs: lent.clock.now(), random: drawBytes(lent.random) }, new Uint8Array(16));
  return renderId(kind, bytes);
}

const DRAW = 16;
const DRAWS_AT_ONCE = 128;

interface Pool {
  readonly bytes: Uint8Array;
  used: number;
}

const pools = new WeakMap<Random, Pool>();

/** Asking the system for random bytes costs more than all the rest of an id, so they are asked for in bulk. Each is used once. */
function drawBytes(random: Random): Uint8Array {
  let pool = pools.get(random);
  if (pool === undefined || pool.used === pool.bytes.length) {
    pool = { bytes: random.bytes(DRAW * DRAWS_AT_ONCE), used: 0 };
    pools.set(random, pool);
  }
  pool.used += DRAW;
  return pool.bytes.subarray(pool.used - DRAW, pool.used);
}

import { v7 } from 'uuid';
import { type IdKind, renderId } from '../contract/ids.ts';
import type { Clock, Random } from '../ports.ts';

/** A new id of a kind; sorts by time (UUIDv7, RFC 9562). */
export function makeId(kind: IdKind, lent: { readonly clock: Clock; readonly random: Random }): string {
  const bytes = v7({ msecs: lent.clock.now(), random: lent.random.bytes(16) }, new Uint8Array(16));
  return renderId(kind, bytes);
}

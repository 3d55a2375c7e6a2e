import type { GateRecord } from '../contract/records.ts';

/**
 * Milliseconds until `now` (epoch ms) in which at least one of these gates waited for a person: gates that waited at the
 * same time count once. A clock that went back counts as no time.
 */
export function waitedMs(gates: readonly GateRecord[], now: number): number {
  const waits = gates
    .map((gate) => [gate.created_at, Math.min(gate.decided_at ?? now, gate.expires_at, now)] as const)
    .sort(([a], [b]) => a - b);
  let waited = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const [from, to] of waits) {
    waited += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return waited;
}

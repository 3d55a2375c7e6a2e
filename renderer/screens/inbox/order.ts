import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { phaseOf } from './phase.ts';

/**
 * Which gates stand in the list, and where. Mistake 1 of console §5: whatever arrives while a person works in the list
 * may neither move a row nor replace the gate that is open.
 */

/** What the list shows, and how many gates wait to be let in. */
export interface Arrangement {
  readonly shown: readonly string[];
  readonly arrived: readonly string[];
}

export const NOTHING_SHOWN: Arrangement = { shown: [], arrived: [] };

/** Ids in the order of the list: what has to be decided first stands first; then what was decided and is still under way. */
export function inOrder(gates: readonly GateRecord[], now: number): readonly string[] {
  const waiting = gates.filter(
    (gate) => gate.state === 'pending' && gate.agent_gone_at === null && now < gate.expires_at,
  );
  const underWay = gates.filter((gate) => isUnderWay(gate, now));
  return [
    ...waiting.toSorted((a, b) => a.expires_at - b.expires_at || a.created_at - b.created_at),
    ...underWay.toSorted((a, b) => (b.decided_at ?? 0) - (a.decided_at ?? 0)),
  ].map(({ gate_id }) => gate_id);
}

/** Decided, and either revocable still or not yet fetched by the agent. */
function isUnderWay(gate: GateRecord, now: number): boolean {
  const { kind } = phaseOf(gate, now);
  return kind === 'undoable' || kind === 'approved';
}

/**
 * The next arrangement. While `frozen`, what is shown stays as it stands and only `arrived` grows; an empty list is
 * never frozen. Rows of gates that are no longer known (`known` says no) go in any case.
 */
export function arrange(
  before: Arrangement,
  wanted: readonly string[],
  frozen: boolean,
  known: (id: string) => boolean,
): Arrangement {
  const kept = before.shown.filter(known);
  const next: Arrangement =
    frozen && kept.length > 0
      ? { shown: kept, arrived: wanted.filter((id) => !kept.includes(id)) }
      : { shown: wanted, arrived: [] };
  return sameIds(next.shown, before.shown) && sameIds(next.arrived, before.arrived) ? before : next;
}

const sameIds = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id, index) => id === b[index]);

/** The id to go to from `from`, `by` places on; stays at the ends. Null in an empty list. */
export function neighbour(shown: readonly string[], from: string | null, by: 1 | -1): string | null {
  const at = from === null ? -1 : shown.indexOf(from);
  if (at === -1) return (by === 1 ? shown[0] : shown.at(-1)) ?? null;
  return shown[Math.min(shown.length - 1, Math.max(0, at + by))] ?? null;
}

/** The gate to show after a decision on `from`: the next one below that still waits, else the first above, else null. */
export function nextWaiting(shown: readonly string[], from: string, waits: (id: string) => boolean): string | null {
  const at = shown.indexOf(from);
  const others = at === -1 ? shown : [...shown.slice(at + 1), ...shown.slice(0, at)];
  return others.find((id) => id !== from && waits(id)) ?? null;
}

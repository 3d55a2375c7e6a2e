import type { RiskLevel } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';

/** Deciding several gates at once: only what differs in nothing but arguments, and nothing that has to be read by itself. */

/** What is known of a gate when it is to be decided with others. */
export interface BulkMember {
  readonly gate: GateRecord;
  /** Null until its card has been read. */
  readonly risk: RiskLevel | null;
  /** Too long to be read in a table. */
  readonly long: boolean;
}

/** Why a gate cannot be decided together with the first one chosen; null if it can. */
export function bulkObstacle(first: BulkMember | null, member: BulkMember): string | null {
  const tools = toolsOf(member.gate);
  if (member.gate.state !== 'pending') return 'It is decided already.';
  if (member.risk === null) return 'Its risk is not known yet.';
  if (member.risk === 'critical') return 'Critical gates are decided one at a time.';
  if (member.long) return 'Its payload is too long for a table: read it by itself.';
  if (member.gate.proposed_actions.length !== 1) return 'It holds several calls: decide it by itself.';
  if (first === null) return null;
  const same = first.gate.rule === member.gate.rule && first.gate.policy === member.gate.policy;
  if (!same || toolsOf(first.gate) !== tools) return 'Only gates of the same rule and tool are decided together.';
  return null;
}

const toolsOf = (gate: GateRecord): string => gate.proposed_actions.map(({ tool }) => tool).join('\n');

/** Arguments of several gates beside each other: one column per path whose values differ, the others once. */
export interface Comparison {
  readonly paths: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly common: readonly (readonly [path: string, value: string])[];
}

/** Compare the arguments of each gate's one call. Values are JSON; a value that is missing is null. */
export function compareArguments(gates: readonly GateRecord[]): Comparison {
  const leaves = gates.map((gate) => new Map(leavesOf(gate.proposed_actions[0]?.args ?? null)));
  const all = [...new Set(leaves.flatMap((map) => [...map.keys()]))];
  const differs = (path: string): boolean => new Set(leaves.map((map) => map.get(path) ?? null)).size > 1;
  const paths = all.filter(differs);
  return {
    paths,
    rows: leaves.map((map) => paths.map((path) => map.get(path) ?? null)),
    common: all.filter((path) => !differs(path)).map((path) => [path, leaves[0]?.get(path) ?? ''] as const),
  };
}

/** Leaves deeper than this are shown as one value. */
const DEPTH = 8;

function leavesOf(value: unknown, path = '', depth = 0): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null || depth >= DEPTH) return [[path, leafText(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, Array.isArray(value) ? '[]' : '{}']];
  return entries.flatMap(([key, part]) => leavesOf(part, path === '' ? key : `${path}.${key}`, depth + 1));
}

const leafText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

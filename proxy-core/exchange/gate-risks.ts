import type { GateRecord } from '../contract/records.ts';
import type { Risk } from '../gates/risk.ts';
import { riskOf } from './grants.ts';

/** Gates whose risk is kept; the ones longest not asked about are forgotten first. */
const KEPT = 4_096;

/**
 * The risk level of a gate. What a gate proposes never changes, and every event asks about every gate that waits: each is read once
 * and its level kept.
 */
export function gateRisks(): (gate: GateRecord) => Risk['level'] {
  const levels = new Map<string, Risk['level']>();
  return (gate) => {
    if (gate.kind === 'request') return 'normal';
    const level = levels.get(gate.gate_id) ?? riskOf(gate.proposed_actions).level;
    levels.delete(gate.gate_id);
    levels.set(gate.gate_id, level);
    const [oldest] = levels.keys();
    if (levels.size > KEPT && oldest !== undefined) levels.delete(oldest);
    return level;
  };
}

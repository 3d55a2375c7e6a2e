import type { GateRecord } from '../../proxy-core/contract/records.ts';
import type { ConsoleState } from './console-state.ts';

/** How many gates wait for a decision now; snoozed ones wait too, but do not ask. */
export const countPending = ({ gates, snoozed }: Pick<ConsoleState, 'gates' | 'snoozed'>): number =>
  [...gates.values()].filter((gate) => isWaiting(gate) && !snoozed.has(gate.gate_id)).length;

export const isWaiting = (gate: GateRecord): boolean => gate.state === 'pending' && gate.agent_gone_at === null;

import type { GateRecord, GateState } from '../contract/records.ts';

/** The instants of a gate that decide what agents see of it. */
export type GateInstants = Pick<GateRecord, 'state' | 'effective_at' | 'expires_at'>;

/**
 * What an agent sees of a gate at `now` (epoch ms). A verdict shows from its `effective_at` on; until then the gate
 * is pending, even past its expiry, because the person did decide in time. Without a verdict the gate is expired
 * from `expires_at` on, that instant included (fault E3), whether or not the store has noted it yet.
 */
export function stateAt(gate: GateInstants, now: number): GateState {
  switch (gate.state) {
    case 'pending':
      return now >= gate.expires_at ? 'expired' : 'pending';
    case 'approved':
    case 'rejected':
      return gate.effective_at !== null && now < gate.effective_at ? 'pending' : gate.state;
    case 'expired':
    case 'cancelled':
      return gate.state;
  }
}

/** The next instant (epoch ms) at which `stateAt` says something else without anyone acting, or null if there is none. */
export function changesAt(gate: GateInstants, now: number): number | null {
  if (stateAt(gate, now) !== 'pending') return null;
  return gate.state === 'pending' ? gate.expires_at : gate.effective_at;
}

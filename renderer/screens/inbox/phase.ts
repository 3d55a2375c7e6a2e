import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { showClock } from '../../format/time.ts';

/** Where a gate stands for the person who looks at it, at an instant of the core's clock. */
export type Phase =
  | { readonly kind: 'held' }
  /** A verdict that nobody has seen yet: it can be taken back until `until`. */
  | { readonly kind: 'undoable'; readonly verdict: 'approved' | 'rejected'; readonly until: number }
  /** In effect, but the agent has not asked again. */
  | { readonly kind: 'approved' }
  | { readonly kind: 'resumed'; readonly at: number }
  | { readonly kind: 'rejected' }
  | { readonly kind: 'expired'; readonly at: number }
  /** `revoked`: it had been approved, and the approval was withdrawn. */
  | { readonly kind: 'cancelled'; readonly reason: string | null; readonly revoked: boolean };

/** The phase of a gate at `now`. An expiry is inclusive, whether or not the core has noted it yet. */
export function phaseOf(gate: GateRecord, now: number): Phase {
  switch (gate.state) {
    case 'pending':
      return now >= gate.expires_at ? { kind: 'expired', at: gate.expires_at } : { kind: 'held' };
    case 'approved':
    case 'rejected': {
      const until = gate.effective_at ?? 0;
      if (gate.released_at !== null) return { kind: 'resumed', at: gate.released_at };
      if (now < until) return { kind: 'undoable', verdict: gate.state, until };
      return gate.state === 'approved' ? { kind: 'approved' } : { kind: 'rejected' };
    }
    case 'expired':
      return { kind: 'expired', at: gate.expires_at };
    case 'cancelled':
      return { kind: 'cancelled', reason: gate.reason, revoked: gate.effective_at !== null };
  }
}

/** Whether a person can decide it now. */
export const isDecidable = (gate: GateRecord, now: number): boolean => phaseOf(gate, now).kind === 'held';

const CHANNELS: Readonly<Record<string, string>> = {
  desktop: 'in the desktop app',
  console: 'in the console',
  notification: 'by notification',
  cli: 'on the command line',
  slack: 'in Slack',
  email: 'by e-mail',
};

/** Whose verdict and how: "you 14:02:11, by notification". Null while nobody has decided. */
export function resolverOf(gate: GateRecord): string | null {
  if (gate.decided_by === null || gate.decided_at === null) return null;
  const who = gate.decided_by === 'operator' ? 'you' : gate.decided_by;
  const how = gate.channel === null ? '' : `, ${CHANNELS[gate.channel] ?? gate.channel}`;
  return `${who} ${showClock(gate.decided_at)}${how}`;
}

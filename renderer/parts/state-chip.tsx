import {
  CircleCheck,
  CircleCheckBig,
  CircleSlash,
  Clock,
  Coins,
  Hourglass,
  type LucideIcon,
  OctagonX,
  Pause,
  Play,
  Shield,
  Square,
} from 'lucide-react';
import type { ReactNode } from 'react';
import type { GateRecord, RunRecord } from '../../proxy-core/contract/records.ts';

/** State is an icon, a word and a colour, always all three. */
interface Look {
  readonly label: string;
  readonly icon: LucideIcon;
  readonly tone: string;
}

const LOOKS = {
  running: { label: 'Running', icon: Play, tone: 'border border-running text-running' },
  pending: { label: 'Pending', icon: Hourglass, tone: 'bg-pending text-ink' },
  approved: { label: 'Approved', icon: CircleCheck, tone: 'bg-approved text-ink' },
  rejected: { label: 'Rejected', icon: OctagonX, tone: 'bg-rejected text-on-rejected' },
  expired: { label: 'Expired', icon: Clock, tone: 'border border-dashed border-expired text-expired' },
  cancelled: { label: 'Cancelled', icon: CircleSlash, tone: 'border border-dashed border-expired text-expired' },
  blocked: { label: 'Blocked', icon: Shield, tone: 'bg-blocked text-ink' },
  over: { label: 'Over budget', icon: Coins, tone: 'bg-over text-on-over' },
  completed: { label: 'Completed', icon: CircleCheckBig, tone: 'border border-control text-text' },
  stopped: { label: 'Stopped', icon: Square, tone: 'border border-control text-text' },
  paused: { label: 'Paused', icon: Pause, tone: 'border border-control text-text' },
} as const satisfies Record<string, Look>;

export type ChipState = keyof typeof LOOKS;

/** The chip of a state; `label` replaces its word where a screen says more ("Waiting for you"). */
export function StateChip({ state, label }: { readonly state: ChipState; readonly label?: string }): ReactNode {
  const { icon: Icon, tone, label: word } = LOOKS[state];
  return (
    <span
      data-state={state}
      className={`chip inline-flex h-5 items-center gap-1 whitespace-nowrap rounded px-1.5 text-small ${tone}`}
      style={tone.startsWith('bg-') ? { boxShadow: 'inset 0 0 0 1px var(--chip-line)' } : undefined}
    >
      <Icon size={12} strokeWidth={1.75} aria-hidden="true" />
      {label ?? word}
    </span>
  );
}

/** How a run is to be shown: what stops it is told before what it does. */
export function runState(run: RunRecord): ChipState {
  if (run.state === 'completed' || run.state === 'stopped') return run.state;
  if (run.paused) return 'paused';
  if (run.state === 'waiting') return 'pending';
  if (run.last_refusal === 'budget_exceeded' || run.last_refusal === 'budget_unbounded') return 'over';
  return run.last_refusal === 'policy_blocked' || run.last_refusal === 'loop_detected' ? 'blocked' : 'running';
}

export const gateState = (gate: GateRecord): ChipState => gate.state;

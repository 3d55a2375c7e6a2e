import { CircleDashed, type LucideIcon, OctagonAlert, ShieldCheck, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { RiskLevel } from '../../../proxy-core/contract/gate-card.ts';

interface Look {
  readonly label: string;
  readonly icon: LucideIcon;
  readonly tone: string;
}

const LOOKS: Readonly<Record<RiskLevel, Look>> = {
  critical: { label: 'Critical', icon: OctagonAlert, tone: 'bg-rejected text-on-rejected border-rejected' },
  high: { label: 'High', icon: TriangleAlert, tone: 'bg-pending text-ink border-[var(--chip-line)]' },
  normal: { label: 'Normal', icon: ShieldCheck, tone: 'border-control text-muted' },
};

const UNKNOWN: Look = { label: 'Risk not read yet', icon: CircleDashed, tone: 'border-line text-muted' };

/** The risk as an icon; the word is there for screen readers and as a tooltip. */
export function RiskMark({ level }: { readonly level: RiskLevel | null }): ReactNode {
  const { label, icon: Icon, tone } = level === null ? UNKNOWN : LOOKS[level];
  return (
    <span
      role="img"
      aria-label={level === null ? label : `${label} risk`}
      title={level === null ? label : `${label} risk`}
      data-testid="inbox.risk-mark"
      data-risk={level ?? 'unknown'}
      className={`flex size-5 shrink-0 items-center justify-center rounded border ${tone}`}
    >
      <Icon size={13} strokeWidth={1.75} aria-hidden="true" />
    </span>
  );
}

/** The risk as an icon with its word. */
export function RiskChip({ level }: { readonly level: RiskLevel }): ReactNode {
  const { label, icon: Icon, tone } = LOOKS[level];
  return (
    <span
      data-testid="inbox.risk"
      data-risk={level}
      className={`chip inline-flex h-5 items-center gap-1 whitespace-nowrap rounded border px-1.5 text-small ${tone}`}
    >
      <Icon size={12} strokeWidth={1.75} aria-hidden="true" />
      {label} risk
    </span>
  );
}

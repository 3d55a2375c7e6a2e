import type { ReactNode } from 'react';
import type { RiskLevel, RiskRecord } from '../../../proxy-core/contract/gate-card.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { RiskMark } from './risk-mark.tsx';

/** How dangerous it looks, and why: read from the call itself, never from what the model says of it. */
export function RiskStrip({ risk }: { readonly risk: RiskRecord }): ReactNode {
  return (
    <section
      aria-labelledby="risk"
      data-testid="inbox.risk-strip"
      className="rounded border border-line bg-surface px-3 py-2"
    >
      <h3 id="risk" className="font-semibold">
        {HEADINGS[risk.level]}
      </h3>
      <ul className="mt-1.5 flex flex-col gap-1">
        {risk.reasons.map(({ code, level, text }) => (
          <li key={code} data-testid="inbox.risk-reason" className="flex items-start gap-2">
            <RiskMark level={level} />
            <span className="untrusted pt-px">
              <VisibleText text={text} breaks={false} />
            </span>
          </li>
        ))}
        {risk.reasons.length === 0 ? <li className="text-muted">Nothing of what Rungate looks for.</li> : null}
        {risk.unknown.length === 0 ? null : (
          <li className="text-muted" data-testid="inbox.risk-unknown">
            Unknown: {risk.unknown.join(', ')}
          </li>
        )}
      </ul>
    </section>
  );
}

const HEADINGS: Readonly<Record<RiskLevel, string>> = {
  critical: 'Critical risk',
  high: 'High risk',
  normal: 'Normal risk',
};

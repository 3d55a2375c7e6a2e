import type { ReactNode } from 'react';
import type { RiskRecord } from '../../../proxy-core/contract/gate-card.ts';
import { Button } from '../../parts/button.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';

/** A critical gate is approved in two steps; what Enter presses is Cancel. */
export function CriticalConfirm(props: {
  readonly risk: RiskRecord;
  readonly disabled: boolean;
  readonly onCancel: () => void;
  readonly onApprove: () => void;
}): ReactNode {
  const reasons = props.risk.reasons.filter(({ level }) => level === 'critical').map(({ text }) => text);
  return (
    <div
      role="alertdialog"
      aria-labelledby="critical-title"
      aria-describedby="critical-why"
      data-testid="inbox.critical"
      className="rounded border-2 border-rejected p-3"
    >
      <p id="critical-title" className="font-semibold">
        This is critical. Approve it once?
      </p>
      <p id="critical-why" className="untrusted mb-2">
        <VisibleText text={reasons.join(' · ')} breaks={false} />
      </p>
      <div className="flex gap-2">
        <Button autoFocus onClick={props.onCancel} data-testid="inbox.critical-cancel">
          Cancel
        </Button>
        <Button look="danger" disabled={props.disabled} onClick={props.onApprove} data-testid="inbox.critical-approve">
          Approve once
        </Button>
      </div>
    </div>
  );
}

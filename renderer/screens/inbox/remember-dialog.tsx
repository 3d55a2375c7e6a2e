import { type ReactNode, useState } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GrantScope } from '../../../proxy-core/contract/records.ts';
import { showDuration } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';

const SCOPES: Readonly<Record<GrantScope, string>> = {
  'exact-run': 'This exact action, in this run',
  'rule-run': 'This rule, in this run',
  'rule-agent': 'This rule, for this agent',
};

/**
 * Choose what an approval covers beyond this gate. The literal matcher is shown whole, narrowest first, with how much it
 * would have let through: a grant is never wider than what stands here (mistake 4).
 */
export function RememberDialog(props: {
  readonly card: Pick<GateCard, 'offers' | 'not_grantable'>;
  readonly disabled: boolean;
  readonly title?: string;
  readonly action?: string;
  readonly onClose: () => void;
  readonly onRemember: (scope: GrantScope) => void;
}): ReactNode {
  const { offers, not_grantable } = props.card;
  const [scope, setScope] = useState<GrantScope | null>(offers[0]?.scope ?? null);
  const title = props.title ?? 'Approve and remember';
  if (not_grantable !== null || offers.length === 0) {
    return (
      <Dialog title={title} onClose={props.onClose} testId="inbox.remember-dialog">
        <p className="mb-4">{not_grantable ?? 'There is nothing that could be remembered.'}</p>
        <Button autoFocus onClick={props.onClose}>
          Close
        </Button>
      </Dialog>
    );
  }
  return (
    <Dialog title={title} onClose={props.onClose} testId="inbox.remember-dialog" wide>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (scope !== null && !props.disabled) props.onRemember(scope);
        }}
      >
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-2 text-muted">What need not be asked again:</legend>
          {offers.map((offer) => (
            <Offer
              key={offer.scope}
              offer={offer}
              chosen={scope === offer.scope}
              onChoose={() => setScope(offer.scope)}
            />
          ))}
        </fieldset>
        <p className="text-muted text-small">
          A grant silences this one rule only, never critical or compound commands, and can be revoked at any time.
        </p>
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose} data-testid="inbox.remember-cancel">
            Cancel
          </Button>
          <Button
            type="submit"
            look="primary"
            disabled={props.disabled || scope === null}
            data-testid="inbox.remember-confirm"
          >
            {props.action ?? 'Approve and remember'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Offer(props: {
  readonly offer: GateCard['offers'][number];
  readonly chosen: boolean;
  readonly onChoose: () => void;
}): ReactNode {
  const { scope, shown, lasts_seconds, matched, of } = props.offer;
  const lasts = lasts_seconds === null ? 'until the run ends' : `for ${showDuration(lasts_seconds * 1000)}`;
  return (
    <label
      data-testid={`inbox.offer-${scope}`}
      className={`flex cursor-pointer gap-3 rounded border p-3 ${props.chosen ? 'border-accent bg-hover' : 'border-line hover:bg-hover'}`}
    >
      <input
        type="radio"
        name="scope"
        autoFocus={props.chosen}
        checked={props.chosen}
        onChange={props.onChoose}
        className="mt-0.5 size-4 accent-[var(--accent)]"
      />
      <span className="flex min-w-0 flex-col gap-1">
        <span className="font-semibold">
          {SCOPES[scope]}, {lasts}
        </span>
        <code className="untrusted font-mono text-mono" data-testid="inbox.matcher">
          <VisibleText text={shown} />
        </code>
        <span className="text-muted text-small" data-testid="inbox.would-match">
          {of === 0 ? 'No earlier calls to compare with.' : `Would have matched ${matched} of the last ${of} calls.`}
        </span>
      </span>
    </label>
  );
}

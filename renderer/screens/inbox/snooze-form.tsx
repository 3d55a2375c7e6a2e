import type { ReactNode } from 'react';
import { Button } from '../../parts/button.tsx';

/** Hide the gate for a while; never past two minutes before it expires. */
export function SnoozeForm(props: {
  readonly onCancel: () => void;
  readonly onSnooze: (seconds: number) => void;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings a look of its own
    <div role="group" aria-label="Snooze" className="flex flex-wrap items-center gap-2" data-testid="inbox.snooze-form">
      <span className="text-muted">Hide it for</span>
      <Button autoFocus onClick={() => props.onSnooze(5 * 60)} data-testid="inbox.snooze-5">
        5 min
      </Button>
      <Button onClick={() => props.onSnooze(15 * 60)} data-testid="inbox.snooze-15">
        15 min
      </Button>
      <Button look="quiet" onClick={props.onCancel}>
        Cancel
      </Button>
      <span className="text-muted text-small">It comes back at the latest 2 min before it expires.</span>
    </div>
  );
}

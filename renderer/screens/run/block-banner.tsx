import { ShieldBan, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { describeSent } from '../../../proxy-core/contract/block.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { describeBlock, type RunBlock } from './blocks.ts';

/** Says which rule has blocked what the agent or its model wanted, what it saw, and what the agent was given instead. */
export function BlockBanner(props: {
  readonly block: RunBlock;
  /** How many blocks there were before this one. */
  readonly earlier: number;
  readonly onStep: (step: number) => void;
  readonly onDismiss: () => void;
}): ReactNode {
  const { block, earlier, onStep } = props;
  const { detail, step } = block;
  return (
    <section
      aria-label="Blocked by a rule"
      data-testid="run.block-banner"
      className="flex items-start gap-x-3 border-b border-line bg-surface px-4 py-2 shadow-[inset_4px_0_0_var(--blocked)]"
    >
      <ShieldBan size={16} strokeWidth={1.5} aria-hidden="true" className="mt-0.5 shrink-0" />
      <div className="min-w-0 flex-1" role="status">
        <p className="untrusted font-semibold">
          <VisibleText text={describeBlock(detail)} breaks={false} />
        </p>
        <p className="untrusted line-clamp-2 text-small text-muted">
          {detail.matched.length === 0 ? null : (
            <>
              <VisibleText text={detail.matched.join('; ')} breaks={false} />
              {'. '}
            </>
          )}
          The agent got {describeSent(detail)}, at{' '}
          <button
            type="button"
            data-testid="run.block-step"
            className="text-accent underline"
            onClick={() => onStep(step)}
          >
            step {step}
          </button>
          {earlier === 0 ? '.' : `; ${earlier} earlier ${earlier === 1 ? 'block' : 'blocks'}.`}
        </p>
      </div>
      <button
        type="button"
        aria-label="Dismiss"
        onClick={props.onDismiss}
        className="flex min-h-7 min-w-7 items-center justify-center rounded hover:bg-hover"
      >
        <X size={14} aria-hidden="true" />
      </button>
    </section>
  );
}

import { Coins, X } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Reply } from '../../../proxy-core/contract/client.ts';
import { showCost } from '../../format/amount.ts';
import { showClock } from '../../format/time.ts';
import { Button } from '../../parts/button.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { call, useConnected } from '../../store/console.ts';
import { toast } from '../../store/toasts.ts';
import { type BudgetStop, describeStop, suggestedCap } from './budget-stop.ts';

/** Says which cap has stopped the run, lifts it, and then follows the client until it has called again. */
export function StopBanner(props: {
  readonly stop: BudgetStop;
  readonly runId: string;
  readonly onChange: () => void;
  readonly onStep: (step: number) => void;
  readonly onEnd: () => void;
  readonly onDismiss: () => void;
}): ReactNode {
  const { stop, runId, onStep } = props;
  return (
    <section
      aria-label="Budget stop"
      data-testid="run.stop-banner"
      data-phase={stop.phase.kind}
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-surface px-4 py-2 shadow-[inset_4px_0_0_var(--over)]"
    >
      <Coins size={16} strokeWidth={1.5} aria-hidden="true" />
      <div className="min-w-60 flex-1" role="status">
        <p className="font-semibold">
          <VisibleText text={describeStop(stop)} breaks={false} />
          {stop.scope === 'run' ? null : (
            <span className="font-normal text-muted">
              {' '}
              (<VisibleText text={stop.name} breaks={false} />)
            </span>
          )}
        </p>
        <Phase stop={stop} runId={runId} onStep={onStep} />
      </div>
      {stop.phase.kind === 'stopped' ? <Lift stop={stop} onChange={props.onChange} onEnd={props.onEnd} /> : null}
      {stop.phase.kind === 'resumed' ? (
        <button
          type="button"
          aria-label="Dismiss"
          onClick={props.onDismiss}
          className="flex min-h-7 min-w-7 items-center justify-center rounded hover:bg-hover"
        >
          <X size={14} aria-hidden="true" />
        </button>
      ) : null}
    </section>
  );
}

function Phase({
  stop,
  runId,
  onStep,
}: {
  readonly stop: BudgetStop;
  readonly runId: string;
  readonly onStep: (step: number) => void;
}) {
  const { phase } = stop;
  switch (phase.kind) {
    case 'stopped':
      return <p className="text-small text-muted">The same request succeeds once there is room again.</p>;
    case 'waiting':
      return (
        <p className="flex flex-wrap items-center gap-x-2 text-small text-muted">
          There is room again. Waiting for the client… If it has given up, start it again with
          <code className="rounded bg-hover px-1 font-mono text-text">{resumeHint(runId)}</code>
          <CopyButton text={resumeHint(runId)} label="resume header" testId="run.copy-resume" />
        </p>
      );
    case 'resumed':
      return (
        <p className="text-small">
          Resumed {showClock(phase.at)} at{' '}
          <button
            type="button"
            data-testid="run.resumed-step"
            className="text-accent underline"
            onClick={() => onStep(phase.step)}
          >
            step {phase.step}
          </button>
        </p>
      );
  }
}

/** SDKs throw on 402: a client that has ended continues the same run with this header. */
const resumeHint = (runId: string): string => `x-rungate-run-id: ${runId}`;

function Lift(props: {
  readonly stop: BudgetStop;
  readonly onChange: () => void;
  readonly onEnd: () => void;
}): ReactNode {
  const { stop, onChange } = props;
  const { scope, name } = stop;
  const [usd, setUsd] = useState(() => String(suggestedCap(stop)));
  const [busy, setBusy] = useState(false);
  const connected = useConnected();
  const amount = Number(usd);
  const valid = usd.trim() !== '' && Number.isFinite(amount) && amount > 0 && amount <= 1_000_000;
  const carryOut = async (what: string, command: Promise<Reply<unknown>>): Promise<void> => {
    setBusy(true);
    const reply = await command;
    setBusy(false);
    if (reply.ok) onChange();
    else toast(`${what}: ${reply.failure.message}`, 'failed');
  };
  const raise = (event: FormEvent): void => {
    event.preventDefault();
    if (valid) void carryOut('Not raised', call('budgets.set', { scope, name, usd: amount }));
  };
  return (
    <div className="flex flex-wrap items-center gap-2">
      <form onSubmit={raise} className="flex items-center gap-1">
        <label className="flex items-center gap-1 text-small text-muted">
          Cap in USD
          <input
            value={usd}
            inputMode="decimal"
            onChange={(event) => setUsd(event.target.value)}
            aria-invalid={!valid}
            data-testid="run.raise-amount"
            className="h-7 w-20 rounded border border-control bg-surface px-2 text-right text-base text-text"
          />
        </label>
        <Button look="primary" type="submit" disabled={!valid || busy || !connected} data-testid="run.raise">
          Raise to ${valid ? usd.trim() : '…'}
        </Button>
      </form>
      <Button
        disabled={busy || !connected}
        title={`${showCost(0)} of ${showCost(stop.cap)} afterwards`}
        onClick={() => void carryOut('Not reset', call('budgets.reset', { scope, name }))}
        data-testid="run.reset"
      >
        Reset spend to $0.00
      </Button>
      <Button look="quiet" onClick={props.onEnd} data-testid="run.end">
        End run…
      </Button>
    </div>
  );
}

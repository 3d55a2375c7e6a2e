import { X } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import type { GateCard } from '../../../proxy-core/contract/gate-card.ts';
import type { GateRecord } from '../../../proxy-core/contract/records.ts';
import { showCost } from '../../format/amount.ts';
import { showAgo, showClock, showInstant } from '../../format/time.ts';
import { CostBar } from '../../parts/cost-bar.tsx';
import { StateChip } from '../../parts/state-chip.tsx';
import { useNow } from '../../parts/use-now.ts';
import { VisibleText } from '../../parts/visible-text.tsx';
import { type Route, renderRoute } from '../../route.ts';
import { navigate } from '../../store/navigation.ts';
import { GrantList, useActiveGrants } from './grants-chip.tsx';
import { resolverOf } from './phase.ts';

interface ContextProps {
  readonly card: GateCard;
  readonly gate: GateRecord;
}

/** What the call comes out of: the run's goal and latest steps, its money, how such calls were decided, its client. */
export function ContextPane(props: ContextProps & { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  const { open, onClose } = props;
  useEffect(() => {
    if (!open) return;
    const press = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') onClose();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [open, onClose]);
  return (
    <aside
      aria-label="Context"
      data-testid="inbox.context"
      className={`${open ? 'absolute inset-y-0 right-0 z-10 block shadow-lg' : 'hidden'} wide:static wide:block w-[280px] max-w-full shrink-0 wide:shadow-none overflow-y-auto border-line border-l bg-surface`}
    >
      <button
        type="button"
        aria-label="Close the context"
        data-testid="inbox.context-close"
        onClick={onClose}
        className="wide:hidden absolute top-2 right-2 flex size-7 items-center justify-center rounded hover:bg-hover"
      >
        <X size={14} aria-hidden="true" />
      </button>
      <Goal {...props} />
      <RunMoney {...props} />
      <Client {...props} />
      <Steps {...props} />
      <Similar {...props} />
      <Grants {...props} />
    </aside>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode {
  return (
    <section className="flex flex-col gap-1.5 border-line px-3 py-2.5 not-first:border-t">
      <h3 className="font-semibold text-small">{title}</h3>
      {children}
    </section>
  );
}

function Goal({ card }: ContextProps): ReactNode {
  return (
    <Part title="Goal">
      {card.goal === null ? (
        <p className="text-muted">not known</p>
      ) : (
        <p className="untrusted" data-testid="inbox.goal">
          <VisibleText text={card.goal} />
        </p>
      )}
    </Part>
  );
}

/** A link within the console. */
function Link({
  to,
  testId,
  children,
}: {
  readonly to: Route;
  readonly testId: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <a
      href={renderRoute(to)}
      data-testid={testId}
      className="untrusted text-accent underline underline-offset-2"
      onClick={(event) => {
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}

function RunMoney({ card: { run, budgets } }: ContextProps): ReactNode {
  return (
    <Part title="Run">
      <Link to={{ screen: 'run', runId: run.run_id, step: null, tab: null }} testId="inbox.run-link">
        <span className="font-mono text-small">
          <VisibleText text={run.run_id} breaks={false} />
        </span>
      </Link>
      <CostBar spent={run.spent_nano} cap={run.cap_nano}>
        {showCost(run.spent_nano)} spent
      </CostBar>
      {budgets
        .filter(({ scope }) => scope !== 'run')
        .map(({ scope, subject, name, cap_nano, spent_nano, window }) => (
          <div key={`${scope} ${subject}`} className="text-small">
            <p className="untrusted text-muted">
              <VisibleText
                text={`${scope} ${name}, ${window === 'total' ? 'in all' : `this ${window}`}`}
                breaks={false}
              />
            </p>
            <CostBar spent={spent_nano} cap={cap_nano} />
          </div>
        ))}
      <p className="text-muted text-small">
        {run.exchanges} model {run.exchanges === 1 ? 'call' : 'calls'}, {run.gates} {run.gates === 1 ? 'gate' : 'gates'}
      </p>
    </Part>
  );
}

function Client({ card: { client }, gate }: ContextProps): ReactNode {
  const now = useNow();
  const { next_retry_at: next } = client;
  const asked = gate.retries === 0 ? 'has not asked again yet' : `asked again ${gate.retries}×`;
  const last = gate.last_retry_at === null ? '' : `, last ${showAgo(gate.last_retry_at, now)}`;
  return (
    <Part title="Client">
      <p data-testid="inbox.client">
        {client.name ?? 'unknown client'}: {client.delivery === 'hold' ? 'waits on an open connection' : 'asks again'}
      </p>
      <p className="text-muted text-small">
        {client.attached ? 'A connection is held open now.' : `${asked}${last}.`}
        {next === null || client.attached || gate.released_at !== null
          ? null
          : next > now
            ? ` Next expected ${showClock(next)}.`
            : ` Was expected ${showClock(next)}.`}
      </p>
    </Part>
  );
}

function Steps({ card: { recent_steps, run } }: ContextProps): ReactNode {
  const now = useNow();
  if (recent_steps.length === 0) return null;
  return (
    <Part title="Last steps">
      <ol className="flex flex-col gap-1.5">
        {recent_steps.map(({ step, kind, summary, cost_nano, at }) => (
          <li key={`${step} ${kind} ${at}`} data-testid="inbox.step" className="text-small">
            <Link to={{ screen: 'run', runId: run.run_id, step, tab: null }} testId="inbox.step-link">
              {step}
            </Link>{' '}
            <span className="untrusted">
              <VisibleText text={summary} breaks={false} />
            </span>
            <span className="text-muted">
              {' '}
              {cost_nano === null ? '' : `${showCost(cost_nano)} · `}
              {showAgo(at, now)}
            </span>
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Similar({ card: { similar } }: ContextProps): ReactNode {
  const now = useNow();
  if (similar.length === 0) return null;
  return (
    <Part title="Earlier decisions on this rule and tool">
      <ul className="flex flex-col gap-2">
        {similar.map((gate) => (
          <li key={gate.gate_id} data-testid="inbox.similar" className="flex flex-col gap-0.5 text-small">
            <span className="flex items-center justify-between gap-2">
              <StateChip state={gate.state} />
              <Link to={{ screen: 'inbox', tab: 'history', gateId: gate.gate_id }} testId="inbox.similar-link">
                {showInstant(gate.decided_at ?? gate.created_at, now)}
              </Link>
            </span>
            <span className="untrusted text-muted">
              <VisibleText
                text={[resolverOf(gate), gate.reason].filter((text) => text !== null && text !== '').join(': ')}
                breaks={false}
              />
            </span>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Grants({ card: { run } }: ContextProps): ReactNode {
  const grants = useActiveGrants().filter(
    ({ agent_id, run_id }) => agent_id === run.agent_id && (run_id === null || run_id === run.run_id),
  );
  if (grants.length === 0) return null;
  return (
    <Part title="Grants that apply here">
      <GrantList grants={grants} />
    </Part>
  );
}

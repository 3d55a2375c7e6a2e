import type { ReactNode } from 'react';
import { showCount } from '../../format/amount.ts';
import { showDuration, showFull } from '../../format/time.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { CostBar } from '../../parts/cost-bar.tsx';
import { gateState, StateChip } from '../../parts/state-chip.tsx';
import { VisibleText } from '../../parts/visible-text.tsx';
import { ArtifactView } from './artifact-view.tsx';
import { costOf, showExact } from './exact-cost.ts';
import { FactList, Part } from './facts.tsx';
import { GrantChip } from './grant-chip.tsx';
import { spendByModel } from './spend.ts';
import type { ShownRun } from './use-run.ts';

/** The run as a whole: shown while no step is selected. */
export function RunSummary(props: {
  readonly shown: ShownRun;
  readonly onStep: (step: number) => void;
  readonly onChange: () => void;
}) {
  const { shown, onStep } = props;
  const { run, gates, grants, artifacts, budgets } = shown;
  return (
    <>
      <Part title="Run">
        <FactList
          facts={[
            [
              'Id',
              <span key="id" className="-my-1.5 inline-flex items-center gap-1 font-mono text-small">
                <VisibleText text={run.run_id} breaks={false} />
                <CopyButton text={run.run_id} label="run id" testId="run.copy-run-id" />
              </span>,
            ],
            ...Object.entries(run.labels).map(
              ([name, value]) => [name, <VisibleText key={name} text={value} />] as const,
            ),
            ['Client', run.client === null ? null : <VisibleText key="client" text={run.client} breaks={false} />],
            ['Started', showFull(run.started_at)],
            ['Ended', run.ended_at === null ? null : showFull(run.ended_at)],
            ['Trace', run.trace_pruned_at === null ? null : `removed on ${showFull(run.trace_pruned_at)}`],
            ['Tokens', `${showCount(run.input_tokens)} in, ${showCount(run.output_tokens)} out`],
          ]}
        />
      </Part>
      <Money shown={shown} />
      {budgets.length === 0 ? null : (
        <Part title="Caps">
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(150px,1fr))] gap-3">
            {budgets.map((budget) => (
              <li key={budget.scope}>
                <p className="truncate text-small text-muted">
                  {budget.scope === 'run' ? (
                    'This run'
                  ) : (
                    <VisibleText text={`${budget.scope} ${budget.name}`} breaks={false} />
                  )}
                  {budget.window === 'total' ? '' : `, per ${budget.window}`}
                </p>
                <CostBar spent={budget.spent_nano} cap={budget.cap_nano} />
              </li>
            ))}
          </ul>
        </Part>
      )}
      {gates.length === 0 ? null : (
        <Part title="Gates">
          <ul className="flex flex-col gap-1" data-testid="run.gates">
            {gates.map((gate) => (
              <li key={gate.gate_id} className="flex flex-wrap items-center gap-2">
                <StateChip state={gateState(gate)} />
                <button
                  type="button"
                  className="min-h-7 min-w-0 truncate text-left text-accent hover:underline"
                  onClick={() => onStep(stepOfGate(shown, gate.gate_id))}
                >
                  <VisibleText text={gate.rule} breaks={false} />
                </button>
                <span className="text-small text-muted">
                  {gate.decided_at === null
                    ? 'waiting'
                    : `${gate.decided_by ?? ''} · ${gate.channel ?? ''} · waited ${showDuration(gate.decided_at - gate.created_at)}`}
                </span>
              </li>
            ))}
          </ul>
        </Part>
      )}
      {grants.length === 0 ? null : (
        <Part title="Approvals with memory">
          <div className="flex flex-wrap gap-2">
            {grants.map((grant) => (
              <GrantChip key={grant.grant_id} grant={grant} onChange={props.onChange} />
            ))}
          </div>
        </Part>
      )}
      {artifacts.length === 0 ? null : (
        <Part title="Artifacts">
          <div className="flex flex-col gap-2" data-testid="run.artifacts">
            {artifacts.map((artifact) => (
              <ArtifactView key={artifact.artifact_id} artifact={artifact} />
            ))}
          </div>
        </Part>
      )}
    </>
  );
}

const stepOfGate = ({ steps }: ShownRun, gateId: string): number =>
  steps.find(({ kind, detail }) => kind === 'gate' && detail['gate_id'] === gateId)?.step ?? 1;

function Money({ shown }: { readonly shown: ShownRun }): ReactNode {
  const { run, exchanges } = shown;
  const models = spendByModel(exchanges);
  const sum = models.reduce((all, { cost }) => all + cost, 0);
  const unpriced = exchanges.filter((exchange) => costOf(exchange).kind === 'unpriced').length;
  return (
    <Part title="Money" testId="run.money">
      <table className="w-full text-left">
        <thead className="text-small text-muted">
          <tr>
            <th className="w-2/5 font-normal">Model</th>
            <th className="text-right font-normal">Calls</th>
            <th className="text-right font-normal">Tokens in → out</th>
            <th className="text-right font-normal">Cost</th>
          </tr>
        </thead>
        <tbody>
          {models.map(({ model, calls, input, output, cost }) => (
            <tr key={model}>
              <td className="max-w-0 truncate pr-2">
                <VisibleText text={model} breaks={false} />
              </td>
              <td className="text-right">{showCount(calls)}</td>
              <td className="text-right whitespace-nowrap text-muted">
                {showCount(input)} → {showCount(output)}
              </td>
              <td className="text-right font-mono text-small">{showExact(cost)}</td>
            </tr>
          ))}
          <tr className="border-t border-line">
            <td>All calls</td>
            <td className="text-right">{showCount(exchanges.length)}</td>
            <td />
            <td className="text-right font-mono text-small" data-testid="run.cost-sum">
              {showExact(sum)}
            </td>
          </tr>
        </tbody>
      </table>
      {unpriced === 0 ? null : (
        <p className="mt-2 text-small text-muted">
          {showCount(unpriced)} {unpriced === 1 ? 'call is' : 'calls are'} unpriced and counted towards no cap.
        </p>
      )}
      {sum === run.spent_nano ? null : (
        <p className="mt-2 text-small text-muted">
          The run’s account says {showExact(run.spent_nano)}: calls are being settled.
        </p>
      )}
    </Part>
  );
}

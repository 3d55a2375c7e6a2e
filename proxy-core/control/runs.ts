import { failure } from '../contract/failures.ts';
import type { BudgetRecord, RunRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { knownAgent } from './agents.ts';
import { type Handlers, Refusal } from './call.ts';

type RunHandlers = Pick<Handlers, 'runs.list' | 'runs.show' | 'runs.stop'>;

const PAGE = 50;
const STEPS = 1000;

/** Runs: list, show with their steps, stop. */
export function runHandlers(core: Core): RunHandlers {
  const { read } = core.store;
  return {
    'runs.list': ({ state, agent, since, cursor, limit }) => {
      const agentId = agent === undefined ? undefined : knownAgent(core, agent).agent_id;
      const page = read.runs({
        ...(state === undefined ? {} : { states: [state] }),
        ...(agentId === undefined ? {} : { agentId }),
        ...(since === undefined ? {} : { since }),
        ...(cursor === undefined ? {} : { cursor }),
        limit: limit ?? PAGE,
      });
      return { runs: [...page.items], next: page.next };
    },
    'runs.show': ({ run_id, after_step, limit }) => {
      const run = knownRun(core, run_id);
      return {
        run,
        budgets: budgetsOf(core, run),
        exchanges: [...read.exchanges(run_id)],
        steps: [...read.steps(run_id, { afterStep: after_step ?? 0, limit: limit ?? STEPS })],
        artifacts: [...read.artifacts(run_id)],
      };
    },
    'runs.stop': async ({ run_id }, by) => {
      knownRun(core, run_id);
      const { changed, run } = await core.store.write('endRun', {
        at: core.clock.now(),
        runId: run_id,
        state: 'stopped',
        by,
      }).durable;
      const live = core.runs.find(run_id);
      if (live !== null) live.state = run.state;
      core.gates.reread(run_id);
      core.inFlight.abortRun(run_id);
      if (changed) core.bus.publish('run.changed', { run_id });
      return { run };
    },
  };
}

function knownRun(core: Core, runId: string): RunRecord {
  const run = core.store.read.run(runId);
  if (run !== null) return run;
  throw new Refusal(failure('not_found', `There is no run ${runId.slice(0, 128)}.`, { recover: 'See: rungate runs' }));
}

function budgetsOf(core: Core, run: RunRecord): BudgetRecord[] {
  const agent = core.agents.byId(run.agent_id);
  const found = [
    core.store.read.budget('run', run.run_id),
    core.store.read.budget('agent', run.agent_id),
    agent?.team == null ? null : core.store.read.budget('team', agent.team),
  ];
  return found.filter((budget) => budget !== null);
}

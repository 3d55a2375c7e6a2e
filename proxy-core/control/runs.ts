import { failure } from '../contract/failures.ts';
import { usdToNano } from '../contract/money.ts';
import type { RunFilter } from '../contract/operations/runs.ts';
import type { RunRecord } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { STOP_HOLD_MS } from '../runs/identify.ts';
import { waitedMs } from '../runs/waited.ts';
import type { RunConditions } from '../store/tables/run-list.ts';
import { type Caller, type Handlers, Refusal } from './call.ts';

type RunHandlers = Pick<
  Handlers,
  'runs.list' | 'runs.facets' | 'runs.show' | 'runs.stop' | 'runs.pause' | 'runs.resume' | 'runs.audit'
>;

/** Words of the last seconds are to be found too; what a long backlog still holds is not waited for. */
const INDEX_PATIENCE_MS = 300;

async function indexed(core: Core): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, INDEX_PATIENCE_MS);
  await Promise.race([core.digester.catchUp(), late.promise]);
  clearTimeout(timer);
}

const PAGE = 50;
const STEPS = 1000;

/** Runs: list, search, show with their trace, stop, pause. */
export function runHandlers(core: Core): RunHandlers {
  const { read, reads } = core.store;
  const setPaused = async (runId: string, paused: boolean, by: Caller): Promise<{ run: RunRecord }> => {
    const known = knownRun(core, runId);
    if (known.state === 'completed' || known.state === 'stopped')
      throw new Refusal(failure('run_ended', `Run ${runId} is ${known.state}.`, { run_id: runId }));
    const write = { at: core.clock.now(), runId, paused, by };
    const { changed, run } = await core.store.write('pauseRun', write).durable;
    const live = core.runs.find(runId);
    if (live !== null) live.paused = run.paused;
    if (changed && paused && core.options.onPause === 'cut') core.inFlight.abortRun(runId);
    if (changed) core.news.changed(runId);
    return { run };
  };
  return {
    'runs.list': async ({ ids, as_of, offset, limit, ...filter }) => {
      if (filter.text !== undefined) await indexed(core);
      const page = await reads.query('runs', {
        ...conditionsOf(filter),
        ids,
        asOf: as_of ?? null,
        now: core.civil(),
        offset: offset ?? 0,
        limit: limit ?? PAGE,
      });
      return { runs: [...page.runs], total: page.total, as_of: page.asOf };
    },
    'runs.facets': async () => {
      const { agents, policies, models, tools } = await reads.query('facets', {});
      return { agents: [...agents], policies: [...policies], models: [...models], tools: [...tools] };
    },
    'runs.show': async ({ run_id, after_step, limit }) => {
      const now = core.clock.now();
      const page = { runId: run_id, afterStep: after_step ?? 0, limit: limit ?? STEPS };
      const view = await reads.query('runView', { ...page, now });
      if (view === null) throw unknownRun(run_id);
      return {
        run: view.run,
        waited_ms: waitedMs(view.gates, now),
        starts_held_until: heldUntil(core, view.run, now),
        budgets: [...view.budgets],
        exchanges: [...view.exchanges],
        steps: [...view.steps],
        gates: [...view.gates],
        grants: [...view.grants],
        artifacts: [...view.artifacts],
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
      if (changed) core.news.changed(run_id);
      return { run };
    },
    'runs.pause': ({ run_id }, by) => setPaused(run_id, true, by),
    'runs.resume': ({ run_id }, by) => setPaused(run_id, false, by),
    'runs.audit': async ({ run_id, after_seq, limit }) => {
      if (read.run(run_id) === null) throw unknownRun(run_id);
      return { records: [...(await reads.query('audit', { runId: run_id, afterSeq: after_seq, limit }))] };
    },
  };
}

/** Until when the stop of this run keeps its agent from starting others; null where it does not, or no longer. */
function heldUntil(core: Core, run: RunRecord, now: number): number | null {
  if (run.state !== 'stopped') return null;
  const stopped = core.store.read.lastStopped(run.agent_id);
  const until = (stopped?.at ?? 0) + STOP_HOLD_MS;
  return stopped === null || now >= until ? null : until;
}

/** A filter as the store wants it. */
export function conditionsOf({ cost_over_usd, cost_under_usd, ...filter }: RunFilter): RunConditions {
  return {
    ...filter,
    costOver: cost_over_usd === undefined ? undefined : usdToNano(cost_over_usd),
    costUnder: cost_under_usd === undefined ? undefined : usdToNano(cost_under_usd),
  };
}

function knownRun(core: Core, runId: string): RunRecord {
  const run = core.store.read.run(runId);
  if (run === null) throw unknownRun(runId);
  return run;
}

const unknownRun = (runId: string): Refusal =>
  new Refusal(failure('not_found', `There is no run ${runId.slice(0, 128)}.`, { recover: 'See: rungate runs' }));

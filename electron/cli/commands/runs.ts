import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import type { RunRecord, StepRecord } from '../../../proxy-core/contract/records.ts';
import { RUN_STATES } from '../../../proxy-core/contract/records.ts';
import { parseCount, parseSince } from '../amounts.ts';
import { type Command, command, type Invocation, type Options, printed } from '../command.ts';
import { renderFields, renderRecord, renderTable, renderTime, renderUsd } from '../output.ts';
import { renderBudgets } from './budgets.ts';

const list = command({
  name: 'runs',
  operands: [],
  about: 'List runs, newest first.',
  options: {
    state: { type: 'string', value: RUN_STATES.join('|'), about: 'Only runs in this state.' },
    agent: { type: 'string', value: 'NAME', about: 'Only runs of this agent.' },
    since: { type: 'string', value: 'TIME', about: 'Only runs since 30m, 12h, 7d ago.' },
    limit: { type: 'string', value: 'N', about: 'At most this many (50, up to 500).' },
    cursor: { type: 'string', value: 'CURSOR', about: 'Continue a list: `next` of the page before.' },
  },
  async run({ options, call }) {
    const { agent, cursor } = options;
    const state = RUN_STATES.find((each) => each === options.state);
    const since = parseSince('--since', options.since, Date.now());
    const reply = await call('runs.list', {
      limit: parseCount('--limit', options.limit, { min: 1, max: 500 }) ?? 50,
      ...(state === undefined ? {} : { state }),
      ...(agent === undefined ? {} : { agent }),
      ...(since === undefined ? {} : { since }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return printed(reply, (page) => ({ json: renderRecord(page), text: renderRuns(page.runs, page.next) }));
  },
});

const show = command({
  name: 'run',
  operands: ['ID'],
  about: 'Show one run with its steps.',
  options: {},
  async run({ operands: [runId = ''], call }) {
    return printed(await showWhole(call, runId), (value) => ({ json: renderRecord(value), text: renderRun(value) }));
  },
});

const stop = command({
  name: 'stop',
  operands: ['ID'],
  about: 'Stop a run: its further calls are refused.',
  options: {},
  async run({ operands: [runId = ''], call }) {
    return printed(await call('runs.stop', { run_id: runId }), ({ run }) => ({
      json: renderRecord({ run }),
      text: `Run ${run.run_id} is ${run.state}: ${renderUsd(run.spent_nano)} spent in ${run.steps} steps.`,
    }));
  },
});

/** Runs. */
export const runCommands: readonly Command[] = [list, show, stop];

const STEPS_PER_CALL = 1000;

/** A run with all its steps: they come in pages, the rest of the answer with each. */
async function showWhole(call: Invocation<Options>['call'], runId: string) {
  const first = await call('runs.show', { run_id: runId, limit: STEPS_PER_CALL });
  if (!first.ok) return first;
  const steps = [...first.value.steps];
  for (let page = first.value.steps; page.length === STEPS_PER_CALL; ) {
    const next = await call('runs.show', {
      run_id: runId,
      limit: STEPS_PER_CALL,
      after_step: steps.at(-1)?.step ?? 0,
    });
    if (!next.ok) return next;
    page = next.value.steps;
    steps.push(...page);
  }
  return { ok: true, value: { ...first.value, steps } } as const;
}

function renderRuns(runs: readonly RunRecord[], next: string | null): string {
  if (runs.length === 0) return 'No runs.';
  const table = renderTable(
    ['RUN', 'STATE', 'AGENT', 'STARTED', 'STEPS', 'SPENT', 'CAP', 'MODELS'],
    runs.map((run) => [
      run.run_id,
      run.state,
      run.agent,
      renderTime(run.started_at),
      String(run.steps),
      renderUsd(run.spent_nano),
      renderUsd(run.cap_nano),
      run.models.join(', '),
    ]),
    [4, 5, 6],
  );
  return next === null ? table : `${table}\nMore: rungate runs --cursor ${next}`;
}

function renderRun({ run, budgets, steps, artifacts }: OperationOutput<'runs.show'>): string {
  const fields = renderFields([
    ['Run', run.run_id],
    ['State', run.state],
    ['Agent', run.agent],
    ['Policy', run.policy],
    ['Started', renderTime(run.started_at)],
    ['Ended', renderTime(run.ended_at)],
    ['Spent', `${renderUsd(run.spent_nano)} of ${renderUsd(run.cap_nano)} (${renderUsd(run.reserved_nano)} reserved)`],
    ['Tokens', `${run.input_tokens} in, ${run.output_tokens} out`],
    ['Models', run.models.join(', ')],
    ...Object.entries(run.labels).map(([name, value]) => [`Label ${name}`, value] as const),
    ...artifacts.map((artifact) => ['Artifact', `${artifact.name} (${artifact.bytes} bytes)`] as const),
  ]);
  const caps = budgets.length === 0 ? [] : [renderBudgets(budgets)];
  return [fields, ...caps, ...(steps.length === 0 ? [] : [renderSteps(steps)])].join('\n\n');
}

const renderSteps = (steps: readonly StepRecord[]): string =>
  renderTable(
    ['STEP', 'TIME', 'KIND', 'COST', 'SUMMARY'],
    steps.map((step) => [
      String(step.step),
      renderTime(step.at),
      step.kind,
      step.cost_nano === null ? '-' : renderUsd(step.cost_nano),
      step.summary,
    ]),
    [0, 3],
  );

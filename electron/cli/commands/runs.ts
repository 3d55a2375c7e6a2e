import type { RunFilter } from '../../../proxy-core/contract/operations/runs.ts';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import type { StepRecord } from '../../../proxy-core/contract/records.ts';
import { RUN_STATES } from '../../../proxy-core/contract/records.ts';
import { parseRunQuery } from '../../../proxy-core/contract/run-query.ts';
import { parseCount, parseSince } from '../amounts.ts';
import { BadInput, type Command, command, type Invocation, type Options, printed } from '../command.ts';
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
    query: { type: 'string', value: 'QUERY', about: 'As in the app: \'tool:bash cost:>1 "free text"\'.' },
    limit: { type: 'string', value: 'N', about: 'At most this many (50, up to 500).' },
    offset: { type: 'string', value: 'N', about: 'Leave out this many of the newest.' },
    'as-of': { type: 'string', value: 'MS', about: 'Continue a list: `as_of` of the page before.' },
  },
  async run({ options, call }) {
    const offset = parseCount('--offset', options.offset, { min: 0, max: 999_999_999 });
    const asOf = parseInstant('--as-of', options['as-of']);
    const reply = await call('runs.list', {
      ...filterOf(options, Date.now()),
      limit: parseCount('--limit', options.limit, { min: 1, max: 500 }) ?? 50,
      ...(offset === undefined ? {} : { offset }),
      ...(asOf === undefined ? {} : { as_of: asOf }),
    });
    return printed(reply, (page) => ({ json: renderRecord(page), text: renderRuns(page, offset ?? 0) }));
  },
});

/** The query with the options added to it. Throws BadInput for a query that cannot be understood. */
function filterOf(
  options: { readonly [K in 'state' | 'agent' | 'since' | 'query']?: string | undefined },
  now: number,
): RunFilter {
  const { filter, problems } = parseRunQuery(options.query ?? '', now);
  const [problem] = problems;
  if (problem !== undefined) {
    const where = (options.query ?? '').slice(problem.start, problem.end);
    throw new BadInput(`\`--query\`, at \`${where}\`: ${problem.message}`);
  }
  const state = RUN_STATES.find((each) => each === options.state);
  const since = parseSince('--since', options.since, now);
  return {
    ...filter,
    ...(state === undefined ? {} : { states: [state] }),
    ...(options.agent === undefined ? {} : { agents: [options.agent] }),
    ...(since === undefined ? {} : { since }),
  };
}

function parseInstant(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isSafeInteger(at)) throw new BadInput(`\`${option}\` needs the as_of of the page before`);
  return at;
}

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

function renderRuns({ runs, total, as_of }: OperationOutput<'runs.list'>, offset: number): string {
  if (runs.length === 0) return total === 0 ? 'No runs.' : `No more runs: there are ${total}.`;
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
  const shown = offset + runs.length;
  return shown >= total
    ? table
    : `${table}\n${shown} of ${total}. More: the same with --offset ${shown} --as-of ${as_of}`;
}

function renderRun({ run, waited_ms, budgets, steps, artifacts }: OperationOutput<'runs.show'>): string {
  const fields = renderFields([
    ['Run', run.run_id],
    ['State', run.paused ? `${run.state}, paused` : run.state],
    ['Agent', run.agent],
    ['Policy', run.policy],
    ['Started', renderTime(run.started_at)],
    ['Ended', renderTime(run.ended_at)],
    ...(run.trace_pruned_at === null ? [] : [['Trace', `removed ${renderTime(run.trace_pruned_at)}`] as const]),
    ...(run.gates === 0
      ? []
      : [['Gates', `${run.gates}, waited ${Math.round(waited_ms / 1000)} s for people`] as const]),
    ...(run.last_refusal === null ? [] : [['Refused', run.last_refusal] as const]),
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

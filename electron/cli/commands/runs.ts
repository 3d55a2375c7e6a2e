import { type BlockDetail, describeSent, readBlock } from '../../../proxy-core/contract/block.ts';
import type { RunFilter } from '../../../proxy-core/contract/operations/runs.ts';
import type { OperationOutput } from '../../../proxy-core/contract/operations.ts';
import { RUN_STATES, type RunRecord, type StepRecord } from '../../../proxy-core/contract/records.ts';
import { parseRunQuery } from '../../../proxy-core/contract/run-query.ts';
import { parseCount, parseSince } from '../amounts.ts';
import { BadInput, type Command, command, type Invocation, type Options, printed } from '../command.ts';
import { renderFields, renderRecord, renderTable, renderTime, renderUsd } from '../output.ts';
import { renderBudgets } from './budgets.ts';

const list = command({
  name: 'runs',
  listed: true,
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
  async run({ operands: [runId = ''], call, program }) {
    return printed(await call('runs.stop', { run_id: runId }), ({ run }) => ({
      json: renderRecord({ run }),
      text: [
        `Run ${run.run_id} is ${run.state}: ${renderUsd(run.spent_nano)} spent in ${run.steps} steps.`,
        `Its agent starts no other run for 15 minutes, or until: ${program.here} resume --agent ${run.agent}`,
      ].join('\n'),
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
    ['RUN', 'STATE', 'AGENT', 'STARTED', 'STEPS', 'SPENT', 'CAP', 'MODELS', 'REFUSED'],
    runs.map((run) => [
      run.run_id,
      run.state,
      run.agent,
      renderTime(run.started_at),
      String(run.steps),
      renderUsd(run.spent_nano),
      renderUsd(run.cap_nano),
      run.models.join(', '),
      renderRefused(run) ?? '-',
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
    ...(run.last_refusal === null ? [] : [['Refused', renderRefused(run) ?? ''] as const]),
    ['Spent', `${renderUsd(run.spent_nano)} of ${renderUsd(run.cap_nano)} (${renderUsd(run.reserved_nano)} reserved)`],
    ['Tokens', `${run.input_tokens} in, ${run.output_tokens} out`],
    ['Models', run.models.join(', ')],
    ...Object.entries(run.labels).map(([name, value]) => [`Label ${name}`, value] as const),
    ...artifacts.map((artifact) => ['Artifact', `${artifact.name} (${artifact.bytes} bytes)`] as const),
  ]);
  const caps = budgets.length === 0 ? [] : [renderBudgets(budgets)];
  const parts = [renderSteps(steps), ...renderBlocks(steps)];
  return [fields, ...caps, ...(steps.length === 0 ? [] : parts)].join('\n\n');
}

const renderSteps = (steps: readonly StepRecord[]): string =>
  renderTable(
    ['STEP', 'TIME', 'KIND', 'COST', 'SUMMARY'],
    steps.map((step) => [
      String(step.step),
      renderTime(step.at),
      step.kind,
      step.cost_nano === null ? '-' : renderUsd(step.cost_nano),
      summaryOf(step),
    ]),
    [0, 3],
  );

/** Why a run's latest call was refused, with the rule where one did: `policy_blocked by drop:any`. */
const renderRefused = ({ last_refusal, last_refusal_rule }: RunRecord): string | null =>
  last_refusal_rule === null ? last_refusal : `${last_refusal} by ${last_refusal_rule}`;

function summaryOf(step: StepRecord): string {
  const block = readBlock(step);
  return block === null ? step.summary : `${step.summary} by ${block.rule}`;
}

/** So many blocks are told in full; `--json` has all. */
const BLOCKS_TOLD = 20;

/** What rules have blocked, the latest last: which, why, and what the agent was given instead. */
function renderBlocks(steps: readonly StepRecord[]): readonly string[] {
  const blocked = steps.flatMap((step) => {
    const block = readBlock(step);
    return block === null ? [] : [{ step, block }];
  });
  const told = blocked
    .slice(-BLOCKS_TOLD)
    .map(({ step, block }) =>
      renderFields([
        ['Blocked', `step ${step.step}, by rule ${block.rule} of ${block.policy}`],
        ...(block.message === null ? [] : [['Message', block.message] as const]),
        ...block.matched.map((clause) => ['Matched', clause] as const),
        ['Withheld', withheldOf(block)],
        ['Agent got', describeSent(block)],
      ]),
    );
  const left = blocked.length - told.length;
  return left === 0 ? told : [`${left} earlier blocks are left out: see --json.`, ...told];
}

function withheldOf({ withheld, withheld_bytes, withheld_sha256, tools }: BlockDetail): string {
  const what = withheld === 'request' ? 'the request' : tools.length === 0 ? 'the answer' : tools.join(', ');
  const bytes = withheld_bytes === null ? '' : `, ${withheld_bytes} bytes`;
  return `${what}${bytes}${withheld_sha256 === null ? '' : `, SHA-256 ${withheld_sha256}`}`;
}

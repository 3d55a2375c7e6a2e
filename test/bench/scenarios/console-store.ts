import { join } from 'node:path';
import { type NanoUsd, nanoUsd } from '../../../proxy-core/contract/money.ts';
import { openStore } from '../../../proxy-core/store/open-store.ts';
import type { AdmitInput, SettleInput, Store } from '../../../proxy-core/store/store.ts';
import { createNumbers } from '../bodies.ts';

/** A store as months of work leave it: many runs of several agents, and one very long run. */
export interface ConsoleHistory {
  readonly runs: number;
  readonly longRunId: string;
  readonly longRunSteps: number;
  /** Epoch ms of the latest run's start. */
  readonly until: number;
}

const AGENTS = ['refactor-bot', 'support-triage', 'nightly-docs', 'sql-analyst', 'release-notes'] as const;
const MODELS = ['claude-sonnet-4-5', 'gpt-5.5', 'claude-opus-4-8', 'gpt-4.1-mini'] as const;
const TOOLS = ['bash', 'read_file', 'apply_patch', 'issue_refund', 'web_search'] as const;
const GOALS = [
  'Split the billing module',
  'Answer ticket 4821',
  'Refresh the API guide',
  'Why did revenue dip?',
] as const;
const BY = { actor: 'operator', channel: 'bench' };
const POLICY = 'default@1';
const CAP = nanoUsd(5_000_000_000);
const NO_CAP = nanoUsd(1_000_000_000_000_000);
const BETWEEN_RUNS_MS = 240_000;
const IN_FLIGHT = 256;

interface Writing {
  readonly store: Store;
  readonly number: () => number;
  count: number;
}

/** Fill the store of a home folder that has none yet, and close it. */
export async function fillConsoleStore(home: string, history: ConsoleHistory): Promise<void> {
  const store = await openStore({ path: join(home, 'rungate.db'), clock: Date.now });
  const writing: Writing = { store, number: createNumbers(7), count: 0 };
  const first = history.until - history.runs * BETWEEN_RUNS_MS;
  await store.write('savePolicy', { at: first, name: 'default', document: 'policy: default\n', note: '', by: BY })
    .committed;
  for (const name of AGENTS) {
    const agent = { at: first, agentId: `agt_${name}`, name, team: null, policy: POLICY, allowedPolicies: [] };
    await store.write('saveAgent', { ...agent, runCap: NO_CAP, delivery: 'auto', by: BY }).committed;
  }
  for (let from = 0; from < history.runs; from += IN_FLIGHT) {
    const count = Math.min(IN_FLIGHT, history.runs - from);
    await Promise.all(Array.from({ length: count }, (_, at) => writeRun(writing, history, from + at)));
  }
  await writeLongRun(writing, history);
  await store.close();
}

const pick = <T>(list: readonly [T, ...T[]], at: number): T => list[at % list.length] ?? list[0];

async function writeRun(writing: Writing, history: ConsoleHistory, index: number): Promise<void> {
  const { store, number } = writing;
  const agent = pick(AGENTS, Math.floor(number() * 97));
  const runId = `run-${String(index).padStart(6, '0')}`;
  const at = history.until - (history.runs - index) * BETWEEN_RUNS_MS;
  const model = pick(MODELS, Math.floor(number() * 89));
  const calls = 1 + Math.floor(number() * 3);
  for (let call = 0; call < calls; call += 1) {
    const labels = { goal: pick(GOALS, index) };
    const start = call > 0 ? null : startOf(runId, labels);
    const cost = nanoUsd(Math.floor(number() * number() * 1_900_000_000));
    const tool = pick(TOOLS, Math.floor(number() * 83));
    await carryOut(writing, {
      agent,
      runId,
      start,
      at: at + call * 20_000,
      took: 4_000,
      model,
      cost,
      tool,
      results: [],
    });
  }
  if (index < history.runs - 40) {
    const state = number() < 0.1 ? 'stopped' : 'completed';
    await store.write('endRun', { at: at + calls * 20_000, runId, state, by: BY }).committed;
  }
}

const startOf = (runId: string, labels: Readonly<Record<string, string>>) => ({
  runId,
  policy: POLICY,
  explicit: true,
  labels,
  client: 'claude-code',
  cap: CAP,
  traceParent: null,
  alertAt: [0.8],
});

interface Call {
  readonly agent: string;
  readonly runId: string;
  readonly start: AdmitInput['start'];
  readonly at: number;
  readonly took: number;
  readonly model: string;
  readonly cost: NanoUsd;
  readonly tool: string | null;
  readonly results: AdmitInput['toolResults'];
}

/** One call with its settlement; returns the id of the tool call that the answer proposed. */
async function carryOut(writing: Writing, call: Call): Promise<string> {
  const { store } = writing;
  writing.count += 1;
  const exchangeId = `xch_${String(writing.count).padStart(10, '0')}`;
  const callId = `call_${writing.count}`;
  const admit: AdmitInput = {
    at: call.at,
    exchangeId,
    agentId: `agt_${call.agent}`,
    agentName: call.agent,
    team: null,
    runId: call.runId,
    start: call.start,
    keys: [],
    method: 'POST',
    path: '/v1/messages',
    wireFormat: 'messages',
    provider: 'anthropic',
    model: call.model,
    stream: true,
    client: 'claude-code',
    subagent: null,
    side: null,
    retryOf: null,
    traceParent: null,
    reserve: call.cost,
    toolResults: call.results,
  };
  await store.write('admit', admit).committed;
  await store.write('settle', settlementOf(call, exchangeId, callId)).committed;
  return callId;
}

const settlementOf = (call: Call, exchangeId: string, callId: string): SettleInput => ({
  at: call.at + call.took,
  exchangeId,
  state: 'completed',
  status: 200,
  failure: null,
  cost: call.cost,
  estimated: false,
  usage: {
    input_tokens: 2_400 + (call.cost % 9_000),
    output_tokens: 180 + (call.cost % 700),
    cache_read_input_tokens: 1_900,
  },
  model: call.model,
  finishReason: call.tool === null ? 'end_turn' : 'tool_use',
  firstByteAt: call.at + 700,
  toolCalls:
    call.tool === null ? [] : [{ callId, name: call.tool, server: false, argsText: `{"path":"src/${callId}.ts"}` }],
  keys: [],
  responseContentType: 'text/event-stream',
});

/** A run whose every call proposes a tool call, whose result the next call brings: three steps a turn. */
async function writeLongRun(writing: Writing, { longRunId, longRunSteps, until }: ConsoleHistory): Promise<void> {
  const turns = Math.ceil(longRunSteps / 3);
  const begin = until + 1_000;
  let last: string | null = null;
  for (let turn = 0; turn < turns; turn += 1) {
    const start = turn === 0 ? { ...startOf(longRunId, { goal: 'Migrate every test' }), cap: NO_CAP } : null;
    const results = last === null ? [] : [{ callId: last, isError: false }];
    const common = {
      agent: AGENTS[0],
      runId: longRunId,
      start,
      model: MODELS[turn % 2] ?? MODELS[0],
      tool: 'bash',
      results,
    };
    last = await carryOut(writing, {
      ...common,
      at: begin + turn * 6_000,
      took: 4_000,
      cost: nanoUsd(1_234_500 + turn),
    });
  }
}

import { excerpt } from '../contract/visible.ts';
import { type Decision, stops } from '../policy/decision.ts';
import { evaluateToolCall } from '../policy/evaluate.ts';
import type { TextListener } from '../wire/format.ts';
import { createTextCallReader, type TextCall } from '../wire/text-calls.ts';
import type { Admitted } from './admission.ts';
import { addAlertStep } from './alert-step.ts';
import type { Core } from './core.ts';
import { decide, ruleName } from './judge.ts';
import type { LiveRun } from './run-directory.ts';

/**
 * Agents that declare no tools and act on what the model writes: their calls are words on the wire, which no rule can hold. That is
 * said, once for each run, and again for each rule that would have stopped one of them; the agent is marked.
 */
export interface TextCallWatch {
  /** Told the words of the answer; null where nothing is to be looked for. */
  readonly hear: TextListener | null;
  /** The calls that were found, once the answer is over. */
  found(): readonly TextCall[];
}

const NOTHING: TextCallWatch = { hear: null, found: () => [] };

/** Watch the answer of a request that declares no tools and asks for no JSON. */
export function watchTextCalls({ request, judged }: Admitted): TextCallWatch {
  const { facts, format } = request;
  const acts = facts !== null && facts.tools.length === 0 && !facts.structuredOutput;
  if (!acts || judged === null || format === null || format.name === 'embeddings') return NOTHING;
  const reader = createTextCallReader();
  return { hear: reader.push, found: reader.end };
}

/** Rules of a run that are told, at most. */
const MOST_RULES = 16;
/** The name that stands for the first alert of a run. No rule has it. */
const FIRST = '';

/** What each run has been told, kept for as long as it is live. */
const told = new WeakMap<LiveRun, Set<string>>();

/** Tell of calls in an answer's text: a step and an event, the rules that would have stopped them, and the mark on the agent. */
export async function noteTextCalls(core: Core, admitted: Admitted, calls: readonly TextCall[]): Promise<void> {
  const [first] = calls;
  if (first === undefined || admitted.judged === null) return;
  const { run, request } = admitted;
  const stopping = await wouldStop(core, admitted, calls);
  const known = told.get(run) ?? new Set<string>();
  told.set(run, known);
  const isFirst = !known.has(FIRST);
  const fresh = stopping.filter((one) => !known.has(ruleName(one)) && known.size <= MOST_RULES);
  if (!isFirst && fresh.length === 0) return;
  for (const name of [FIRST, ...fresh.map(ruleName)]) known.add(name);
  const { name: agent } = request.agent;
  if (isFirst) {
    const body = { run_id: run.runId, agent, kind: 'calls_in_text', value: first.protocol };
    core.bus.publish('policy.drift', body);
    await markAgent(core, request.agent.agent_id);
  }
  for (const one of fresh) {
    const subject = one.tool ?? request.endpoint.path;
    core.bus.publish('policy.alert', { run_id: run.runId, agent, policy: one.version, rule: ruleName(one), subject });
  }
  addAlertStep(
    core,
    run,
    admitted.exchangeId,
    sentenceOf(first.protocol, calls, fresh),
    {
      alert: 'calls_in_text',
      protocol: first.protocol,
      tools: [...new Set(calls.map(({ call }) => excerpt(call.name, 64)))],
      rules: [...new Set(fresh.map(ruleName))],
      policy: admitted.policy.ref,
    },
    { kind: 'policy.calls_in_text', by: { actor: `agent:${agent}`, channel: 'proxy' } },
  );
}

/** What the policy would have made of the calls, had they been declared: those that it gates or blocks. */
async function wouldStop(core: Core, { judged }: Admitted, calls: readonly TextCall[]): Promise<readonly Decision[]> {
  if (judged === null) return [];
  const stopping: Decision[] = [];
  for (const { call } of calls) {
    const { compiled } = judged.policy;
    const evaluate: Parameters<typeof decide>[1] = (options) =>
      evaluateToolCall(compiled, judged.subject, call, options);
    const decision = await decide(core, evaluate, new Set());
    const isNew = stopping.every((one) => ruleName(one) !== ruleName(decision));
    if (stops(decision.effect) && isNew) stopping.push(decision);
  }
  return stopping;
}

async function markAgent(core: Core, agentId: string): Promise<void> {
  await core.store.write('noteTextCalls', { at: core.clock.now(), agentId }).committed;
  core.agents.reload();
  core.bus.publish('agents.changed', {});
}

const SHOWN_CALLS = 3;
const WOULD = { gate: 'would have asked for approval', block: 'would have blocked it' } as const;

function sentenceOf(protocol: string, calls: readonly TextCall[], stopping: readonly Decision[]): string {
  const names = [...new Set(calls.map(({ call }) => excerpt(call.name, 40)))].slice(0, SHOWN_CALLS).join(', ');
  const rules = stopping.map((one) => {
    const would = one.effect === 'block' ? WOULD.block : WOULD.gate;
    return `Rule "${excerpt(ruleName(one), 60)}" ${would}.`;
  });
  return [
    `Calls written as text (${protocol}: ${names}) cannot be held by rules.`,
    ...rules.slice(0, SHOWN_CALLS),
  ].join(' ');
}

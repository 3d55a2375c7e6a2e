import { type Failure, failure } from '../contract/failures.ts';
import { type NanoUsd, ZERO_USD } from '../contract/money.ts';
import type { AgentRecord } from '../contract/records.ts';
import { type Filed, heldByStop, identifyRun, type RunLookup } from '../runs/identify.ts';
import { findPromptCall } from '../runs/prompt-call.ts';
import type { RunKey, RunStart } from '../store/store.ts';
import { noteGoesOn } from './conversation-goes-on.ts';
import type { Core } from './core.ts';
import { runOfGate } from './gate-meeting.ts';
import { makeId } from './make-id.ts';
import type { PolicyInForce } from './policy-book.ts';
import type { ReadRequest } from './request.ts';
import { type LiveRun, reads202Key } from './run-directory.ts';
import { RELEASE_GRACE_MS } from './unanswered.ts';

/** The run of a request, begun if it is new. Synchronous: between look-up and begin nothing may wait. */
export type ChosenRun =
  | {
      readonly kind: 'chosen';
      readonly run: LiveRun;
      readonly policy: PolicyInForce;
      readonly keys: readonly RunKey[];
      /** The subagent that calls: as its client names it, or the id of the call that began it. */
      readonly subagent: string | null;
    }
  | { readonly kind: 'refused'; readonly failure: Failure };

const refused = (reason: Failure): ChosenRun => ({ kind: 'refused', failure: reason });

/** Who calls, worked out once for a request: when it has waited at a gate it is only asked for its run again. */
const subagents = new WeakMap<ReadRequest, string | null>();

/** The subagent whose request this is, once its run has been chosen. */
export const subagentOf = (request: ReadRequest): string | null => subagents.get(request) ?? request.session.subagent;

/** Choose the run of a request. `within` is the run it is known to belong to, which may have ended meanwhile. */
export function chooseRun(core: Core, request: ReadRequest, within: string | null): ChosenRun {
  const chosen = choose(core, request, within);
  if (chosen.kind === 'refused') return chosen;
  subagents.set(request, chosen.subagent);
  core.unanswered.enter(request, { runId: chosen.run.runId, subagent: chosen.subagent });
  if (request.opening.declaresTools) chosen.run.begunBy = null;
  if (within === null && core.gates.concerns(chosen.run.runId))
    noteGoesOn(core, request, chosen.run.runId, chosen.subagent);
  return chosen;
}

function choose(core: Core, request: ReadRequest, within: string | null): ChosenRun {
  const now = core.clock.now();
  const { agent_id: agentId, name } = request.agent;
  if (within !== null) {
    const match = identifyRun(
      { ...request.claims, headerRun: within, pathRun: null },
      lookupOf(core, request, now),
      { agentId, name },
      now,
    );
    if (match.kind === 'refused') return match;
    return continueRun(core, request, within, subagents.get(request) ?? null);
  }
  const match = identifyRun(request.claims, lookupOf(core, request, now), { agentId, name }, now);
  switch (match.kind) {
    case 'refused':
      return match;
    case 'continues':
      return continueRun(core, request, match.runId, match.subagent ?? request.session.subagent);
    case 'starts':
      return startRun(core, request, match.runId, now);
  }
}

/** Longest that a request's words are compared with what the agent was given, µs of work (behaviour §2, rule 6). */
const COMPARING_US = 5_000;

function lookupOf(core: Core, request: ReadRequest, now: number): RunLookup {
  const { agent_id: agentId } = request.agent;
  const { opening } = request;
  const isOpen = (runId: string): boolean => {
    const run = core.runs.find(runId);
    return run !== null && (run.state === 'open' || run.state === 'waiting');
  };
  return {
    ...core.runs.lookup(agentId, now, callerOf(request)),
    sameRequest: () => core.unanswered.find(request, now, isOpen) ?? filedAtGate(core, request),
    promptCall(within) {
      const args = core.handedArguments
        .of(agentId, request.session.unnamedSubagent)
        .filter(({ runId }) => (within === null ? isOpen(runId) : runId === within));
      const found = args.length === 0 ? null : findPromptCall(opening.userTexts, args, deadline());
      return found === null ? null : { runId: found.runId, subagent: found.callId };
    },
    compacted: () =>
      core.passedAnswers.find(agentId, [...opening.systemTexts, ...opening.userTexts], now, isOpen, deadline()),
  };
}

/** True once a comparison has gone on for too long since it was first asked. */
function deadline(): () => boolean {
  let until: number | null = null;
  return () => {
    // The work of this thread counts: on a busy machine other programs take their share of the time between two looks.
    const { user, system } = process.threadCpuUsage();
    until ??= user + system + COMPARING_US;
    return user + system > until;
  };
}

/** Which client calls, as far as its headers tell: two libraries of one client call themselves differently. */
const callerOf = ({ client, headers }: ReadRequest): string => client ?? `user-agent ${headers['user-agent'] ?? ''}`;

/** The run where a request without name and session waits at a gate, or did before the start: a session decides alone. */
function filedAtGate(core: Core, request: ReadRequest): Filed | null {
  if (request.session.session !== null || request.session.installation !== null) return null;
  const runId = runOfGate(core, request, RELEASE_GRACE_MS);
  return runId === null ? null : { runId, subagent: null };
}

function continueRun(core: Core, request: ReadRequest, runId: string, subagent: string | null): ChosenRun {
  const run = core.runs.find(runId);
  const policy = run === null ? null : core.policies.find(run.policy);
  if (run === null || policy === null) return refused(failure('not_found', `No run ${runId} for this agent.`));
  const asked = request.asks.policy;
  if (asked !== null && core.policies.find(asked)?.ref !== run.policy && asked !== run.policy.split('@')[0]) {
    return refused(
      failure('policy_pinned', `Run ${runId} is pinned to ${run.policy} for its whole life.`, {
        run_id: runId,
        policy: run.policy,
        recover: 'Leave x-rungate-policy out, or start a new run.',
      }),
    );
  }
  return { kind: 'chosen', run, policy, keys: [...keysOf(request, subagent), ...readingOf(request, run)], subagent };
}

function startRun(core: Core, request: ReadRequest, named: string | null, now: number): ChosenRun {
  const policy = policyFor(core, request.agent, request.asks.policy);
  if ('code' in policy) return refused(policy);
  const start: RunStart = {
    runId: named ?? makeId('run', core),
    policy: policy.ref,
    explicit: named !== null,
    labels: request.asks.labels,
    client: request.client,
    traceParent: request.traceParent,
    cap: runCap(policy, request.agent, request.asks.cap),
    alertAt: policy.budget.alertAt,
  };
  const { subagent } = request.session;
  const keys = keysOf(request, subagent);
  const unnamed = named === null && request.session.session === null && !request.opening.declaresTools;
  const begunBy = unnamed ? { caller: callerOf(request), at: now } : null;
  const run = core.runs.begin(start, request.agent.agent_id, now, keys, begunBy);
  const filed = [...keys, ...readingOf(request, run)];
  // A run that was asked for anew takes its session over, or the next call would find two.
  const takesOver = request.claims.newRun;
  return {
    kind: 'chosen',
    run,
    policy,
    subagent,
    keys: takesOver ? filed.map((key) => (key.kind === 'session' ? { ...key, replaces: true } : key)) : filed,
  };
}

/** Why this agent may not start a run by name at present: it was stopped a moment ago. */
export function heldAfterStop(core: Core, agent: AgentRecord): Failure | null {
  const now = core.clock.now();
  return heldByStop(agent, core.runs.lookup(agent.agent_id, now, null), now);
}

/** The policy a run of this agent starts with, or why it may not have the one it asks for. */
export function policyFor(core: Core, agent: AgentRecord, asked: string | null): PolicyInForce | Failure {
  if (asked !== null && !allowsPolicy(core, agent, asked)) {
    return failure('policy_not_allowed', `Agent ${agent.name} may not use policy ${asked.slice(0, 80)}.`, {
      allowed: agent.allowed_policies.length > 0 ? agent.allowed_policies : [agent.policy],
      recover: 'Use an allowed policy, or ask the operator to allow this one for the agent.',
    });
  }
  const ref = asked ?? agent.policy;
  return (
    core.policies.find(ref) ??
    failure('not_found', `There is no policy ${ref.slice(0, 80)}.`, {
      recover: 'Apply it with: rungate policies apply FILE.',
    })
  );
}

function allowsPolicy(core: Core, agent: AgentRecord, asked: string): boolean {
  const allowed = agent.allowed_policies.length > 0 ? agent.allowed_policies : [agent.policy];
  const wanted = core.policies.find(asked)?.ref;
  return wanted !== undefined && allowed.some((name) => core.policies.find(name)?.ref === wanted);
}

/** The lowest of policy, agent and header: a header can only lower a cap. */
export function runCap(policy: PolicyInForce, agent: AgentRecord, asked: NanoUsd | null): NanoUsd | null {
  const caps = [policy.budget.runCap, agent.run_cap_nano as NanoUsd | null, asked].filter((cap) => cap !== null);
  return caps.length === 0 ? null : caps.reduce((low, cap) => (cap < low ? cap : low), caps[0] ?? ZERO_USD);
}

/** Remember that the agent of this run reads 202, if the request says so. */
function readingOf(request: ReadRequest, run: LiveRun): readonly RunKey[] {
  if (request.asks.gate !== 'retry') return [];
  run.reads202 = true;
  return [reads202Key(run.runId)];
}

/** The names under which this request's run is to be found again. */
function keysOf(request: ReadRequest, subagent: string | null): readonly RunKey[] {
  const { session, aliases, installation } = request.session;
  const keys: RunKey[] = [];
  if (session !== null) keys.push({ kind: 'session', key: session });
  for (const alias of aliases) keys.push({ kind: 'session', key: alias });
  if (installation !== null) keys.push({ kind: 'installation', key: installation });
  if (request.conversationKey !== null) keys.push({ kind: 'conversation', key: request.conversationKey, subagent });
  return keys;
}

import type { GateRecord } from '../contract/records.ts';
import type { GrantOffer } from '../gates/grants.ts';
import type { Risk } from '../gates/risk.ts';
import { NOTHING_TYPED } from '../policy/call-context.ts';
import { evaluateToolCall } from '../policy/evaluate.ts';
import type { RequestSubject } from '../policy/facts.ts';
import type { ToolCall } from '../wire/format.ts';
import type { Core } from './core.ts';
import { proposalOf } from './gated-answer.ts';
import { callOf, offersFor, wouldCover } from './grants.ts';
import { decide, ruleName } from './judge.ts';
import type { PolicyInForce } from './policy-book.ts';

/** What remembering an approval would have meant, shown before anybody remembers it. */
export interface WeighedOffer extends GrantOffer {
  /** Of the agent's last `of` tool calls (at most 200) the grant would have covered this many. */
  readonly matched: number;
  readonly of: number;
}

const CALLS = 200;
/** Calls judged before other work of the process gets its turn. */
const AT_ONCE = 16;

/** The offers of a gate with what each would have matched, or why there is none. */
export async function weighOffers(
  core: Core,
  gate: GateRecord,
  /** Of the gated calls. */
  risk: Pick<Risk, 'notGrantable'>,
): Promise<{ readonly offers: readonly WeighedOffer[]; readonly refused: string | null }> {
  const { offers, refused } = offersFor(gate, risk);
  // A grant for whole requests covers no tool call of itself.
  if (offers.length === 0 || gate.kind === 'request') {
    return { offers: offers.map((offer) => ({ ...offer, matched: 0, of: 0 })), refused };
  }
  const calls = core.store.read.agentCalls(gate.agent_id, CALLS);
  const matched = offers.map(() => 0);
  const gatedByRule = ruleJudge(core, gate);
  for (const [index, { runId, tool, argsText, cut }] of calls.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
    // What is not known whole cannot be said to match.
    if (cut || !offers.some(({ matcher }) => matcher.tool === tool)) continue;
    const call = callFrom(tool, argsText);
    const action = proposalOf(call, gate.rule);
    const covering = offers.map((offer) => wouldCover(offer, gate, runId, action));
    if (!covering.includes(true) || !(await gatedByRule(call))) continue;
    for (const [at, covered] of covering.entries()) if (covered) matched[at] = (matched[at] ?? 0) + 1;
  }
  return { offers: offers.map((offer, at) => ({ ...offer, matched: matched[at] ?? 0, of: calls.length })), refused };
}

const callFrom = (tool: string, argsText: string): ToolCall =>
  callOf({ tool, args: argsText, call_id: null, rule: null });

/**
 * Whether the gate's rule gates a call. A rule that looks at more than the call (loops, the request) cannot be asked
 * about an earlier one: then every call of the tool counts.
 */
function ruleJudge(core: Core, gate: GateRecord): (call: ToolCall) => Promise<boolean> {
  const policy = core.policies.find(gate.policy);
  const own = gate.proposed_actions.find(({ rule }) => rule === gate.rule);
  if (policy === null || own === undefined) return async () => true;
  const judge = (call: ToolCall): Promise<boolean> => gates(core, policy, gate, call);
  let able: Promise<boolean> | null = null;
  return async (call) => {
    able ??= judge(callOf(own));
    return !(await able) || judge(call);
  };
}

async function gates(core: Core, policy: PolicyInForce, gate: GateRecord, call: ToolCall): Promise<boolean> {
  const subject = subjectOf(core, gate);
  const decision = await decide(
    core,
    (options) => evaluateToolCall(policy.compiled, subject, call, options),
    new Set(),
  );
  return decision.effect === 'gate' && ruleName(decision) === gate.rule;
}

/** The facts of the gate's own request, as far as they are kept. */
function subjectOf(core: Core, gate: GateRecord): RequestSubject {
  const exchange = gate.exchange_id === null ? null : core.store.read.exchange(gate.exchange_id);
  const run = core.store.read.run(gate.run_id);
  return {
    provider: exchange?.provider ?? null,
    wireFormat: exchange?.wire_format ?? null,
    endpoint: exchange?.path ?? '',
    model: exchange?.model ?? null,
    furtherModels: [],
    unnamedModels: false,
    stream: exchange?.stream ?? false,
    declared: [],
    background: false,
    inputTokens: exchange?.usage?.input_tokens ?? 0,
    estimatedCostUsd: 0,
    agent: gate.agent,
    team: core.agents.byId(gate.agent_id)?.team ?? null,
    labels: run?.labels ?? {},
    run: { spentUsd: 0, exchanges: run?.exchanges ?? 0, toolCalls: run?.tool_calls ?? 0 },
    hour: new Date(gate.created_at).getHours(),
    client: null,
    usedTools: new Set(),
    typed: NOTHING_TYPED,
    own: core.own(),
  };
}

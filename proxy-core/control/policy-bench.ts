import { dearestBound } from '../budget/model-prices.ts';
import { failure } from '../contract/failures.ts';
import { nanoToUsd } from '../contract/money.ts';
import type { OperationOutput } from '../contract/operations.ts';
import type { Core } from '../exchange/core.ts';
import { type Endpoint, endpointOf, parseTarget } from '../exchange/endpoint.ts';
import { decide } from '../exchange/judge.ts';
import type { PolicyInForce } from '../exchange/policy-book.ts';
import { pricesOf } from '../exchange/price-book.ts';
import { NOTHING_TYPED } from '../policy/call-context.ts';
import { type Decision, type ExplainedCondition, STRICTNESS } from '../policy/decision.ts';
import { evaluateRequest, evaluateToolCall, type RuleTrace, traceRules } from '../policy/evaluate.ts';
import { renderClause, shortened } from '../policy/explain.ts';
import type { RequestSubject } from '../policy/facts.ts';
import { chooseProvider, type Provider } from '../providers/provider.ts';
import type { RequestFacts, ToolCall } from '../wire/format.ts';
import { FORMATS } from '../wire/formats.ts';
import { knownAgent } from './agents.ts';
import { Refusal } from './call.ts';

/**
 * The test bench: what a policy says of a request and of tool calls, with what every rule made of them. Nothing is
 * sent, recorded or counted, so rates, loops and budgets have no say here.
 */
export async function testPolicy(core: Core, policy: PolicyInForce, input: BenchInput): Promise<BenchOutput> {
  const endpoint = endpointOf('POST', parseTarget(input.path).path);
  const facts = factsOf(endpoint, input.body);
  const subject = subjectOf(core, policy, endpoint, facts, input);
  const request = await decide(core, (options) => evaluateRequest(policy.compiled, subject, options), NO_GRANTS);
  const requestRules = traceRules(policy.compiled, subject, null);
  const decisions = [{ subject: 'request', decision: request, traces: requestRules }];
  for (const given of input.tool_calls) {
    const call = toolCallOf(given, facts);
    const decision = await decide(
      core,
      (options) => evaluateToolCall(policy.compiled, subject, call, options),
      NO_GRANTS,
    );
    const traces = traceRules(policy.compiled, subject, call).filter(({ stage }) => stage === 'tool_call');
    decisions.push({ subject: given.name, decision, traces });
  }
  const strictest = decisions
    .map(({ decision }) => decision)
    .reduce((best, one) => (STRICTNESS[one.effect] > STRICTNESS[best.effect] ? one : best), request);
  return {
    policy: policy.ref,
    effect: strictest.effect,
    rule: strictest.rule?.name ?? null,
    decisions: decisions.map(({ subject: name, decision, traces }) => ({
      subject: name,
      effect: decision.effect,
      rule: decision.rule?.name ?? null,
      explanation: [...deciding(decision, traces), ...traces.map(renderTrace)],
    })),
  };
}

type BenchOutput = OperationOutput<'policies.test'>;

interface BenchInput {
  readonly agent?: string | undefined;
  readonly path: string;
  readonly body: unknown;
  readonly tool_calls: readonly GivenCall[];
}

interface GivenCall {
  readonly name: string;
  readonly args?: unknown;
}

/** What people have approved with memory has no say here: the bench shows what the rules do. */
const NO_GRANTS: ReadonlySet<string> = new Set();

/** What stands for the agent where none is named; no agent can have this name. */
const NO_AGENT = '(no agent named)';

function factsOf(endpoint: Endpoint, body: unknown): RequestFacts | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Refusal(failure('invalid_request', 'The request body must be a JSON object.', { field: 'body' }));
  }
  return endpoint.kind === 'model' || endpoint.kind === 'count' ? FORMATS[endpoint.format].parseRequest(body) : null;
}

function subjectOf(
  core: Core,
  policy: PolicyInForce,
  endpoint: Endpoint,
  facts: RequestFacts | null,
  { agent: name, body }: BenchInput,
): RequestSubject {
  const agent = name === undefined ? null : knownAgent(core, name);
  const format = endpoint.kind === 'model' || endpoint.kind === 'count' ? endpoint.format : null;
  const provider = format === null ? null : chooseProvider(core.providers, format, facts?.model ?? null);
  const bodyBytes = Buffer.byteLength(JSON.stringify(body));
  return {
    provider: provider?.id ?? null,
    wireFormat: format,
    endpoint: endpoint.path,
    model: facts?.model ?? null,
    furtherModels: facts?.furtherModels ?? [],
    unnamedModels: facts?.unnamedModels ?? false,
    stream: facts?.stream ?? false,
    declared: facts?.tools ?? [],
    background: facts?.background ?? false,
    inputTokens: Math.ceil(bodyBytes / 3),
    estimatedCostUsd: estimatedCost(core, policy, endpoint, facts, provider, bodyBytes),
    agent: agent?.name ?? NO_AGENT,
    team: agent?.team ?? null,
    labels: {},
    run: { spentUsd: 0, exchanges: 0, toolCalls: 0 },
    hour: new Date(core.civil()).getHours(),
    client: null,
    usedTools: new Set(),
    typed: NOTHING_TYPED,
    own: core.own(),
  };
}

/** USD as the call would be reserved; 0 for what is never charged, null without a price or a bound. */
function estimatedCost(
  core: Core,
  { budget }: PolicyInForce,
  endpoint: Endpoint,
  facts: RequestFacts | null,
  provider: Provider | null,
  bodyBytes: number,
): number | null {
  if (endpoint.kind !== 'model' || facts === null) return 0;
  if (provider === null) return null;
  const prices = pricesOf(core.prices, facts, provider, endpoint.format, budget.prices);
  const size = { bodyBytes, wireFormat: endpoint.format, facts, policyMaximum: budget.maxOutputTokens };
  const bound = dearestBound(budget.admission, prices, size);
  return bound.kind === 'bounded' ? nanoToUsd(bound.amount) : null;
}

/** A call as its answer would carry it: text arguments stand as they are, so that unparsable ones can be tried too. */
function toolCallOf({ name, args }: GivenCall, facts: RequestFacts | null): ToolCall {
  const declared = facts?.tools.find((tool) => tool.name === name);
  const call = {
    id: null,
    name,
    kind: declared?.kind ?? (typeof args === 'string' ? 'custom' : 'function'),
    argsText: typeof args === 'string' ? args : JSON.stringify(args ?? {}),
  };
  return declared?.namespace === undefined ? call : { ...call, namespace: declared.namespace };
}

const renderTrace = ({ rule, effect, stage, outcome, explanation }: RuleTrace) => ({
  rule,
  effect,
  stage,
  outcome,
  conditions: explanation.map(renderCondition),
});

const renderCondition = (condition: ExplainedCondition) => ({ ...shortened(condition), text: renderClause(condition) });

/** What decided, where it is no traced rule: a list of the policy, or a rule on a tool that the provider itself runs. */
function deciding({ rule, effect, stage, explanation }: Decision, traces: readonly RuleTrace[]) {
  if (rule === null || traces.some((trace) => trace.rule === rule.name && trace.outcome !== 'unmatched')) return [];
  return [renderTrace({ rule: rule.name, effect, stage, outcome: 'matched', explanation })];
}

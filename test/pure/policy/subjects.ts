import { NOTHING_TYPED } from '../../../proxy-core/policy/call-context.ts';
import { type CompiledPolicy, compilePolicy } from '../../../proxy-core/policy/compile.ts';
import type { Decision } from '../../../proxy-core/policy/decision.ts';
import { type EvaluateOptions, evaluateRequest, evaluateToolCall } from '../../../proxy-core/policy/evaluate.ts';
import type { RequestSubject } from '../../../proxy-core/policy/facts.ts';
import { USUAL_PLACES } from '../../../proxy-core/policy/own-places.ts';
import { parsePolicy } from '../../../proxy-core/policy/parse.ts';
import type { DeclaredTool, ToolCall } from '../../../proxy-core/wire/format.ts';

/** An ordinary request, with what a test changes of it. */
export function requestOf(changes: Partial<RequestSubject> = {}): RequestSubject {
  return {
    provider: 'anthropic',
    wireFormat: 'messages',
    endpoint: '/v1/messages',
    model: 'claude-opus-4-8',
    furtherModels: [],
    unnamedModels: false,
    stream: true,
    declared: [],
    background: false,
    inputTokens: 1000,
    estimatedCostUsd: 0.02,
    agent: 'refactor-bot',
    team: null,
    labels: {},
    run: { spentUsd: 0, exchanges: 0, toolCalls: 0 },
    hour: 12,
    client: null,
    usedTools: new Set(),
    typed: NOTHING_TYPED,
    own: USUAL_PLACES,
    ...changes,
  };
}

/** A declared function tool. */
export const declared = (name: string, changes: Partial<DeclaredTool> = {}): DeclaredTool => ({
  name,
  kind: 'function',
  ...changes,
});

/** A function call; arguments that are no text are written as JSON. */
export function callOf(name: string, args: unknown = {}, changes: Partial<ToolCall> = {}): ToolCall {
  const argsText = typeof args === 'string' ? args : JSON.stringify(args);
  return { id: 'call_1', name, kind: 'function', argsText, ...changes };
}

/** A Codex code-mode call with its script. */
export const scriptOf = (source: string): ToolCall =>
  callOf('exec', source, { kind: 'custom', namespace: 'functions' });

/** A policy from YAML; throws with its problems if it has any. */
export function policyOf(yaml: string): CompiledPolicy {
  const parsed = parsePolicy(yaml, 'policy.yaml');
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems, null, 2));
  return compilePolicy(parsed.definition, 1);
}

/** A policy of one rule over a match, in JSON. */
export const ruleOn = (match: unknown, action = 'gate'): CompiledPolicy =>
  policyOf(JSON.stringify({ policy: 'p', rules: [{ rule: 'r', match, action }] }));

/** The decision on a call; throws when regex work is pending. */
export function decideCall(
  policy: CompiledPolicy,
  call: ToolCall,
  request: RequestSubject = requestOf(),
  options: EvaluateOptions = {},
): Decision {
  const evaluation = evaluateToolCall(policy, request, call, options);
  if (evaluation.kind === 'pending') throw new Error('pending');
  return evaluation.decision;
}

/** The decision on a request; throws when regex work is pending. */
export function decideRequest(policy: CompiledPolicy, request: RequestSubject = requestOf()): Decision {
  const evaluation = evaluateRequest(policy, request);
  if (evaluation.kind === 'pending') throw new Error('pending');
  return evaluation.decision;
}

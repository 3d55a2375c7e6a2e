import type { DeclaredTool, ToolCall } from '../wire/format.ts';
import { contextOf } from './call-context.ts';
import { type CallSubject, readCall, readDeclared } from './calls.ts';
import type { CompiledPolicy } from './compile.ts';
import { type Decision, type Evaluation, ruleOf, STRICTNESS, stops } from './decision.ts';
import { type RequestSubject, type Stage, textOf } from './facts.ts';
import { type Bench, explainRule, judgeCall, judgeRequest, traceRule, type Verdict } from './judge.ts';
import { type ListHit, refusedCall, refusedRequest } from './lists.ts';
import type { MatchEnv } from './operators.ts';
import { decided, type Outcome } from './outcome.ts';
import { needsWorker, type Pattern, REGEX_INPUT_LIMIT, type RegexAnswer, type RegexJob } from './regex.ts';
import type { Effect } from './schema.ts';

/** What an evaluation may be given besides its subject. */
export interface EvaluateOptions {
  /** Answers to the jobs of an earlier evaluation of the same subject. */
  readonly answers?: readonly RegexAnswer[];
  /** Names of gate rules that a standing grant covers for this subject; they then do not gate. */
  readonly silenced?: ReadonlySet<string>;
}

const NOT_YET = 'the tool has not been called yet';
const AT_PROVIDER = 'the provider runs this tool before its arguments are seen';

/** Decide on a request before anything leaves: its lists, its request rules, and the tools that the provider itself would run. */
export function evaluateRequest(
  policy: CompiledPolicy,
  request: RequestSubject,
  options: EvaluateOptions = {},
): Evaluation {
  const refused = refusedRequest(policy, request);
  if (refused !== null) return { kind: 'decided', decision: listDecision(policy, refused, 'request') };
  return decide(policy, request, options, 'request', (bench) => {
    const hosted = request.declared.filter((tool) => tool.kind === 'server');
    const subjects = hosted.flatMap((tool) => readDeclared(tool, AT_PROVIDER));
    return [[judgeRequest(bench), null] as const, ...judgeAll(bench, subjects)];
  });
}

/**
 * Decide on a tool call, complete, before the agent sees it. Give the same request facts that its request was judged
 * with, so that `couldMatch` has said whether the answer had to be held.
 */
export function evaluateToolCall(
  policy: CompiledPolicy,
  request: RequestSubject,
  call: ToolCall,
  options: EvaluateOptions = {},
): Evaluation {
  const subjects = readCall(call, contextOf(policy, request));
  for (const subject of subjects) {
    const refused = refusedCall(policy, subject);
    if (refused !== null) return { kind: 'decided', decision: listDecision(policy, refused, 'tool_call') };
  }
  return decide(policy, request, options, 'tool_call', (bench) => judgeAll(bench, subjects));
}

/**
 * Whether a declared tool is itself one whose calls could have to be withheld, so that the answer is held back as a whole. A tool that is
 * only able to carry another is left to `couldGateTool`, once it is called.
 */
export function couldMatch(policy: CompiledPolicy, request: RequestSubject): boolean {
  return request.declared.some(
    (tool) => tool.kind !== 'server' && couldStop(policy, request, tool, (subject) => subject.counts === 'fully'),
  );
}

/** Whether a call of this tool, declared or not, could have to be withheld: itself or what it might carry. */
export const couldGateTool = (policy: CompiledPolicy, request: RequestSubject, tool: DeclaredTool): boolean =>
  couldStop(policy, request, tool, () => true);

function couldStop(
  policy: CompiledPolicy,
  request: RequestSubject,
  tool: DeclaredTool,
  counts: (subject: CallSubject) => boolean,
): boolean {
  const { env } = createEnv([], true);
  const bench: Bench = { policy, request, env, silenced: new Set() };
  const subjects = readDeclared(tool, NOT_YET, contextOf(policy, request)).filter(counts);
  return (
    subjects.some((subject) => refusedCall(policy, subject) !== null) ||
    judgeAll(bench, subjects).some(([verdict]) => stops(verdict.effect))
  );
}

/** What one rule makes of a subject, for the test bench. */
export interface RuleTrace {
  readonly rule: string;
  readonly effect: Effect;
  readonly stage: Stage;
  readonly outcome: Outcome;
  readonly explanation: Decision['explanation'];
}

/** Every rule with its outcome: request rules on the request, tool-call rules on the call if there is one. Regexes run inline. */
export function traceRules(
  policy: CompiledPolicy,
  request: RequestSubject,
  call: ToolCall | null,
): readonly RuleTrace[] {
  const { env } = createEnv([], true);
  const bench: Bench = { policy, request, env, silenced: new Set() };
  const subjects: readonly (CallSubject | null)[] = call === null ? [] : readCall(call, contextOf(policy, request));
  const rules = [...policy.request.rules, ...policy.toolCall.rules].sort((a, b) => a.index - b.index);
  return rules
    .filter((rule) => rule.stage === 'request' || call !== null)
    .map((rule) => {
      const counting = subjects.filter((subject) => subject?.counts !== 'against' || stops(rule.effect));
      const traced = (rule.stage === 'request' ? [null] : counting).map((subject) => traceRule(bench, rule, subject));
      const best = traced.find((one) => one.outcome === 'matched') ?? traced.find((one) => one.outcome === 'ambiguous');
      const { outcome, scope } = best ?? traced[0] ?? traceRule(bench, rule, null);
      return {
        rule: rule.definition.rule,
        effect: rule.effect,
        stage: rule.stage,
        outcome,
        explanation: explainRule(rule, scope),
      };
    });
}

type Judged = readonly [Verdict, CallSubject | null];

function judgeAll(bench: Bench, subjects: readonly CallSubject[]): readonly Judged[] {
  return subjects.flatMap((subject) =>
    judgeCall(bench, subject)
      .filter((verdict) => verdict.hit !== null || (!subject.wraps && subject.counts === 'fully'))
      .map((verdict) => [verdict, subject] as const),
  );
}

function decide(
  policy: CompiledPolicy,
  request: RequestSubject,
  options: EvaluateOptions,
  stage: Stage,
  judge: (bench: Bench) => readonly Judged[],
): Evaluation {
  const { env, jobs } = createEnv(options.answers ?? [], false);
  const judged = judge({ policy, request, env, silenced: options.silenced ?? new Set() });
  if (jobs.length > 0) return { kind: 'pending', jobs };
  const [first, ...rest] = judged;
  if (first === undefined) throw new RangeError('a subject without a verdict');
  const strictest = rest.reduce((best, one) => (isStricter(one[0], best[0]) ? one : best), first);
  return { kind: 'decided', decision: renderDecision(policy, stage, strictest, judged) };
}

/** Stricter, or as strict and by a rule where the other is only the default. */
function isStricter(one: Verdict, other: Verdict): boolean {
  if (one.effect !== other.effect) return STRICTNESS[one.effect] > STRICTNESS[other.effect];
  return other.hit === null && one.hit !== null;
}

function renderDecision(policy: CompiledPolicy, stage: Stage, strictest: Judged, judged: readonly Judged[]): Decision {
  const [{ effect, hit }, subject] = strictest;
  const alerts = new Map(judged.flatMap(([verdict]) => verdict.alerts).map((one) => [one.rule.index, one.rule]));
  if (hit?.rule.effect === 'alert') alerts.delete(hit.rule.index);
  return {
    effect,
    rule: hit === null ? null : ruleOf(hit.rule.definition),
    stage,
    version: policy.ref,
    tool: subject === null ? null : textOf(subject.tool),
    explanation: hit === null ? [] : explainRule(hit.rule, hit.scope),
    alerts: [...alerts.values()].map((rule) => ruleOf(rule.definition)),
  };
}

function listDecision(policy: CompiledPolicy, refused: ListHit, stage: Stage): Decision {
  const { rule, tool, explanation } = refused;
  return { effect: 'block', rule, stage, version: policy.ref, tool, explanation, alerts: [] };
}

/** Instructions × characters of long inputs that one evaluation spends on the calling thread; what is beyond goes to the worker. */
const INLINE_WORK = 4_000_000;
/** Inputs that cost nothing worth counting, characters. */
const SHORT_INPUT = 256;
/** Jobs of one evaluation; what is beyond counts as ambiguous. */
const JOBS = 64;

/** The regex engine of one evaluation: short work at once, long work from the answers or else as jobs. Each match is made once. */
function createEnv(
  answers: readonly RegexAnswer[],
  inline: boolean,
): { readonly env: MatchEnv; readonly jobs: readonly RegexJob[] } {
  const jobs: RegexJob[] = [];
  const known = new Map<string, Map<string, Outcome>>();
  const answered = new Map<string, Map<string, boolean | null>>();
  for (const { pattern, input, matched } of answers) {
    const inputs = answered.get(pattern) ?? new Map<string, boolean | null>();
    answered.set(pattern, inputs.set(input, matched));
  }
  let left = INLINE_WORK;
  let asked = 0;
  const match = (pattern: Pattern, input: string): Outcome => {
    if (input.length > REGEX_INPUT_LIMIT) return 'ambiguous';
    const cost = input.length <= SHORT_INPUT ? 0 : input.length * pattern.size;
    if (inline || (cost <= left && !needsWorker(input.length, pattern.size))) {
      left -= cost;
      return decided(pattern.test(input));
    }
    asked += 1;
    if (asked > JOBS) return 'ambiguous';
    const matched = answered.get(pattern.source)?.get(input);
    if (matched !== undefined) return matched === null ? 'ambiguous' : decided(matched);
    jobs.push({ pattern: pattern.source, input });
    return 'ambiguous';
  };
  const matchText = (pattern: Pattern, input: string): Outcome => {
    const inputs = known.get(pattern.source) ?? new Map<string, Outcome>();
    known.set(pattern.source, inputs);
    const outcome = inputs.get(input) ?? match(pattern, input);
    inputs.set(input, outcome);
    return outcome;
  };
  return { env: { matchText }, jobs };
}

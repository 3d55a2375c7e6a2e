import { excerpt } from '../contract/visible.ts';
import type { Action } from './action.ts';
import { type ArgValue, renderValue } from './arguments.ts';
import type { CallSubject } from './calls.ts';
import type { CompiledPolicy, CompiledRule } from './compile.ts';
import { candidates } from './compile.ts';
import type { Condition, TestCondition } from './conditions.ts';
import { type ExplainedCondition, STRICTNESS, stops } from './decision.ts';
import { modelReadings, type RequestSubject, textOf } from './facts.ts';
import { type CallScope, findFact, matchCondition, matchTest, type Scope } from './matchers.ts';
import type { MatchEnv } from './operators.ts';
import type { Outcome } from './outcome.ts';
import type { Effect } from './schema.ts';

/** What every evaluation of one request or call shares. */
export interface Bench {
  readonly policy: CompiledPolicy;
  readonly request: RequestSubject;
  readonly env: MatchEnv;
  /** Gate rules that a grant silences. */
  readonly silenced: ReadonlySet<string>;
}

/** A rule that counts, in the scope in which it does. */
export interface Hit {
  readonly rule: CompiledRule;
  readonly scope: Scope;
  /** It matched for certain, and does not only count because it might. */
  readonly certain: boolean;
}

/** What the rules say of one request, or of one action of a call. */
export interface Verdict {
  readonly effect: Effect;
  /** Null when no rule counts and the default decides. */
  readonly hit: Hit | null;
  readonly alerts: readonly Hit[];
}

/** A reviewer reads the whole condition; whoever has less room cuts it. */
const EXPECTED_LIMIT = 2_000;
const SEEN_LIMIT = 120;

/** Judge the request itself. */
export function judgeRequest(bench: Bench): Verdict {
  const scopes = modelReadings(bench.request).map((request): Scope => ({ request, call: null, env: bench.env }));
  return walk(bench, candidates(bench.policy.request, undefined, bench.request), () => scopes);
}

/** Judge a call: one verdict for each of its actions. */
export function judgeCall(bench: Bench, subject: CallSubject): readonly Verdict[] {
  const tool = textOf(subject.tool);
  const all = candidates(bench.policy.toolCall, tool, bench.request);
  const rules = subject.counts === 'against' ? all.filter((rule) => stops(rule.effect)) : all;
  if (rules.length === 0) return [{ effect: bench.policy.defaultEffect, hit: null, alerts: [] }];
  const needsActions = rules.some((rule) => rule.onActions);
  const actions = needsActions ? subject.actions() : [];
  const groups: readonly (Action | null)[] = actions.length === 0 ? [null] : actions;
  return groups.map((action) => {
    const scopes = scopesOf(bench, subject, action);
    return walk(bench, rules, (rule) => perModel(bench, pickScopes(rule, scopes)), subject.counts === 'fully');
  });
}

/** Scopes by what a rule looks at, so that one which names neither action nor text is tried once. */
interface Scopes {
  readonly first: readonly Scope[];
  readonly readings: readonly Scope[];
  readonly texts: readonly Scope[];
  readonly all: readonly Scope[];
}

function scopesOf(bench: Bench, subject: CallSubject, action: Action | null): Scopes {
  const scope = (call: CallScope): Scope => ({ request: bench.request, call, env: bench.env });
  const byText = subject.argsTexts.map((argsText) =>
    (action ?? [null]).map((reading) => scope({ subject, reading, argsText })),
  );
  const readings = byText[0] ?? [];
  const first = readings.slice(0, 1);
  if (byText.length === 1) return { first, readings, texts: first, all: readings };
  return { first, readings, texts: byText.flatMap((scopes) => scopes.slice(0, 1)), all: byText.flat() };
}

function pickScopes(rule: CompiledRule, scopes: Scopes): readonly Scope[] {
  if (rule.onActions) return rule.onText ? scopes.all : scopes.readings;
  return rule.onText ? scopes.texts : scopes.first;
}

/** Any of the models that a request leads to may be the one that calls. */
function perModel({ request }: Bench, scopes: readonly Scope[]): readonly Scope[] {
  const readings = modelReadings(request);
  if (readings.length === 1) return scopes;
  return scopes.flatMap((scope) => readings.map((reading) => ({ ...scope, request: reading })));
}

/**
 * The order of behaviour §4: the strictest effect wins, but an `allow` that matches for certain ends the list there. Among rules of
 * one effect the first is named. A silenced gate rule counts as an approval that is already given. The default stands in for rules
 * that match; where they only might, the stricter of the two holds.
 */
function walk(
  bench: Bench,
  rules: readonly CompiledRule[],
  pick: (rule: CompiledRule) => readonly Scope[],
  byDefault = true,
): Verdict {
  const alerts: Hit[] = [];
  let best: Hit | null = null;
  let passed: Hit | null = null;
  let certain = false;
  for (const rule of rules) {
    const hit = tryRule(rule, pick(rule));
    if (hit === null) continue;
    certain ||= hit.certain;
    if (rule.effect === 'allow') {
      passed ??= hit;
      break;
    }
    if (rule.effect === 'alert') alerts.push(hit);
    if (rule.effect === 'gate' && bench.silenced.has(rule.definition.rule)) passed ??= hit;
    else if (best === null || STRICTNESS[rule.effect] > STRICTNESS[best.rule.effect]) best = hit;
  }
  const { defaultEffect } = bench.policy;
  if (best === null) return { effect: passed === null ? defaultEffect : 'allow', hit: passed, alerts };
  const { effect } = best.rule;
  if (byDefault && !certain && passed === null && STRICTNESS[defaultEffect] > STRICTNESS[effect])
    return { effect: defaultEffect, hit: null, alerts };
  return { effect, hit: best, alerts };
}

/** Whether a rule counts: an `allow` must match every reading for certain, any other rule counts as soon as one may match. */
function tryRule(rule: CompiledRule, scopes: readonly Scope[]): Hit | null {
  let possible: Hit | null = null;
  for (const scope of scopes) {
    const outcome = matchCondition(rule.condition, scope);
    if (rule.effect === 'allow') {
      if (outcome !== 'matched') return null;
      possible ??= { rule, scope, certain: true };
    } else if (outcome === 'matched') return { rule, scope, certain: true };
    else if (outcome === 'ambiguous') possible ??= { rule, scope, certain: false };
  }
  return possible;
}

/** What a rule makes of its scopes, for the test bench: the outcome that counts for its effect, and where. */
export function traceRule(
  bench: Bench,
  rule: CompiledRule,
  subject: CallSubject | null,
): { outcome: Outcome; scope: Scope } {
  const scopes = subject === null ? [] : traceScopes(bench, rule, subject);
  const request: Scope = { request: bench.request, call: null, env: bench.env };
  const tried = perModel(bench, scopes.length === 0 ? [request] : scopes).map((scope) => ({
    outcome: matchCondition(rule.condition, scope),
    scope,
  }));
  const order: readonly Outcome[] =
    rule.effect === 'allow' ? ['unmatched', 'ambiguous', 'matched'] : ['matched', 'ambiguous', 'unmatched'];
  const found = order.map((outcome) => tried.find((one) => one.outcome === outcome)).find((one) => one !== undefined);
  return found ?? { outcome: 'unmatched', scope: request };
}

function traceScopes(bench: Bench, rule: CompiledRule, subject: CallSubject): readonly Scope[] {
  const actions = rule.onActions ? subject.actions() : [];
  const groups: readonly (Action | null)[] = actions.length === 0 ? [null] : actions;
  return groups.flatMap((action) => pickScopes(rule, scopesOf(bench, subject, action)));
}

/** Every condition of a rule with what it saw in a scope, and whether it is one of those that made the rule count. */
export function explainRule(rule: CompiledRule, scope: Scope): readonly ExplainedCondition[] {
  return explain(rule.condition, scope, false, true);
}

function explain(
  condition: Condition,
  scope: Scope,
  negated: boolean,
  decisive: boolean,
): readonly ExplainedCondition[] {
  if (condition.kind === 'test') return [explainTest(condition, scope, negated, decisive)];
  if (condition.kind === 'not') return explain(condition.part, scope, !negated, decisive);
  // Under `$not` the roles change: one part that fails refutes an `all`, every part must fail to refute an `any`.
  const needsEvery = (condition.kind === 'all') !== negated;
  const against: Outcome = negated ? 'matched' : 'unmatched';
  return condition.parts.flatMap((part) =>
    explain(part, scope, negated, decisive && (needsEvery || matchCondition(part, scope) !== against)),
  );
}

function explainTest(test: TestCondition, scope: Scope, negated: boolean, decisive: boolean): ExplainedCondition {
  const found = findFact(test.fact, scope);
  return {
    path: test.path,
    operator: test.operator,
    expected: excerpt(JSON.stringify(test.expected), EXPECTED_LIMIT),
    seen: found.kind === 'value' ? excerpt(renderSeen(found.value), SEEN_LIMIT) : null,
    unclear: found.kind === 'unknown' ? found.why : null,
    outcome: matchTest(test, scope),
    negated,
    decisive,
  };
}

const renderSeen = (value: ArgValue): string => (typeof value === 'string' ? value : renderValue(value));

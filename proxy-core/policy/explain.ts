import { excerpt, visible } from '../contract/visible.ts';
import type { DecidingRule, Decision, ExplainedCondition } from './decision.ts';
import { OPERATORS } from './operators.ts';
import type { Effect } from './schema.ts';

/** What a refusal carries: which rule fired, why, and how to recover (behaviour §3). */
export interface RefusalContext {
  readonly rule: string;
  readonly policy: string;
  readonly matched: readonly string[];
  readonly recover: string;
}

const CLAUSE_LIMIT = 80;
const EXPECTED_LIMIT = 200;
const DEFAULT_RULE = 'default';
const RECOVER: Readonly<Record<Effect, string>> = {
  allow: 'Nothing to do.',
  alert: 'Nothing to do; the operator is told.',
  gate: 'Wait for the approval: send the same request again after Retry-After.',
  block: 'Do it another way, or ask the operator to change the policy.',
};

/** The `context` of a refusal. */
export function refusalContext(decision: Decision): RefusalContext {
  return {
    rule: visible(decision.rule?.name ?? DEFAULT_RULE),
    policy: decision.version,
    matched: renderMatched(decision),
    recover: decision.rule?.recover ?? RECOVER[decision.effect],
  };
}

/** The clauses that made the rule count, one line each: `args.amount_usd 1240 ≥ 500`. */
export function renderMatched(decision: Decision): readonly string[] {
  return decision.explanation.filter((one) => one.decisive).map((one) => renderClause(one));
}

/** One sentence for people and SDKs; the failure it goes into cuts it at 200 characters. */
export function renderReason(decision: Decision): string {
  const subject = decision.tool === null ? `this ${subjectOf(decision)}` : excerpt(decision.tool, 60);
  const rule = decision.rule === null ? 'The policy’s default' : `Rule "${excerpt(decision.rule.name, 60)}"`;
  const message = decision.rule?.message;
  return `${rule} ${VERBS[decision.effect]} ${subject}${message ? `: ${visible(message)}` : '.'}`;
}

/** Several lines for the command line and the test bench: the decision, then every condition with its outcome. */
export function renderDecision(decision: Decision): string {
  const head = `${decision.effect.toUpperCase()} by ${describeRule(decision.rule)} of ${decision.version} (${decision.stage} stage)`;
  const why = decision.rule?.message ? [`  why: ${visible(decision.rule.message)}`] : [];
  const conditions = decision.explanation.map(
    (one) => `  ${one.decisive ? MARKS[one.outcome] : ' '} ${renderClause(one)}`,
  );
  const alerts = decision.alerts.map((rule) => `  alert: ${visible(rule.name)}`);
  return [head, ...why, ...conditions, ...alerts].join('\n');
}

const VERBS: Readonly<Record<Effect, string>> = {
  allow: 'allows',
  alert: 'reports',
  gate: 'asks for approval of',
  block: 'blocks',
};
const MARKS = { matched: '✓', ambiguous: '?', unmatched: '✗' } as const;

const subjectOf = (decision: Decision): string => (decision.stage === 'request' ? 'request' : 'tool call');
const describeRule = (rule: DecidingRule | null): string => (rule === null ? 'default' : `"${visible(rule.name)}"`);

/** A condition without most of a long list, for who needs no more. */
export const shortened = (one: ExplainedCondition): ExplainedCondition => ({
  ...one,
  expected: excerpt(one.expected, EXPECTED_LIMIT),
});

/** One condition in words: `args.amount_usd 1240 ≥ 500`. What it was compared with is cut at `limit` characters. */
export function renderClause(one: ExplainedCondition, limit: number = CLAUSE_LIMIT): string {
  const words = OPERATORS[one.operator]?.words ?? one.operator;
  const not = one.negated ? 'not: ' : '';
  const expected = one.expected.length > limit ? `${one.expected.slice(0, limit)}…` : one.expected;
  if (one.unclear !== null)
    return `${not}${visible(one.path)} is unclear (${visible(one.unclear)}), compared ${words} ${expected}`;
  const doubt = one.outcome === 'ambiguous' ? ' (cannot be told for certain)' : '';
  return `${not}${visible(one.path)} ${one.seen ?? 'absent'} ${words} ${expected}${doubt}`;
}

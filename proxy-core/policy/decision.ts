import type { Stage } from './facts.ts';
import type { Outcome } from './outcome.ts';
import type { RegexJob } from './regex.ts';
import type { Effect, RuleDefinition } from './schema.ts';

/** What decided: a rule of the document, or one of its other keys. */
export type DecisionSource = 'rule' | 'models' | 'tools' | 'background' | 'rates' | 'loops' | 'drift';

/** The rule behind a decision, with what a gate or a refusal needs of it. */
export interface DecidingRule {
  readonly name: string;
  readonly source: DecisionSource;
  readonly effect: Effect;
  readonly message: string | null;
  readonly recover: string | null;
  /** At least one; `desktop://` where the rule names none. */
  readonly approverChannels: readonly [string, ...string[]];
  readonly expiresInSeconds: number;
}

/** One condition with what it looked at. */
export interface ExplainedCondition {
  readonly path: string;
  /** The operator as the document writes it, `$gte`. */
  readonly operator: string;
  /** What it compares with, as JSON; at most 200 characters. */
  readonly expected: string;
  /** What was there, escaped and cut; `null` when nothing was. */
  readonly seen: string | null;
  /** Why it cannot be told, when it cannot. */
  readonly unclear: string | null;
  readonly outcome: Outcome;
  /** It stands under `$not`. */
  readonly negated: boolean;
  /** It is one of the conditions that made the rule count; others belong to branches that did not. */
  readonly decisive: boolean;
}

/** What the policy says of one request or tool call. The same value goes to refusals, trace, test bench and audit. */
export interface Decision {
  readonly effect: Effect;
  /** Null when nothing matched and the policy's default decides. */
  readonly rule: DecidingRule | null;
  readonly stage: Stage;
  /** `name@version`. */
  readonly version: string;
  /** The tool that was judged; for a code-mode script the one inside it. Null at the request stage or when not known. */
  readonly tool: string | null;
  readonly explanation: readonly ExplainedCondition[];
  /** Alert rules that matched, besides what decided. */
  readonly alerts: readonly DecidingRule[];
}

/** A decision, or the regex work to do first: answer every job and evaluate again with the answers. */
export type Evaluation =
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'pending'; readonly jobs: readonly RegexJob[] };

/** Seconds a gate waits unless its rule says otherwise (behaviour §4). */
const DEFAULT_EXPIRY_SECONDS = 3600;
const DESKTOP = 'desktop://';

/** Effects by strictness: the higher wins. */
export const STRICTNESS: Readonly<Record<Effect, number>> = { allow: 0, alert: 1, gate: 2, block: 3 };

/** Whether the call cannot simply go on. */
export const stops = (effect: Effect): boolean => effect === 'gate' || effect === 'block';

/** What a decision says of a rule of the document. */
export function ruleOf(definition: RuleDefinition): DecidingRule {
  const channel = definition.approver_channel ?? DESKTOP;
  const [first = DESKTOP, ...rest] = typeof channel === 'string' ? [channel] : channel;
  return {
    name: definition.rule,
    source: 'rule',
    effect: definition.action,
    message: definition.message ?? null,
    recover: definition.recover ?? null,
    approverChannels: [first, ...rest],
    expiresInSeconds: definition.expires_in_seconds ?? DEFAULT_EXPIRY_SECONDS,
  };
}

/** A decision's rule for another key of the document. */
export function keyRule(
  name: string,
  source: Exclude<DecisionSource, 'rule'>,
  effect: Effect,
  message: string,
  recover: string,
): DecidingRule {
  return {
    name,
    source,
    effect,
    message,
    recover,
    approverChannels: [DESKTOP],
    expiresInSeconds: DEFAULT_EXPIRY_SECONDS,
  };
}

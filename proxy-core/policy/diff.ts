import { excerpt } from '../contract/visible.ts';
import type { PolicyDefinition, RuleDefinition } from './schema.ts';

/** One difference between two versions of a policy. */
export type PolicyChange =
  | { readonly kind: 'rule_added'; readonly rule: string; readonly action: string; readonly position: number }
  | { readonly kind: 'rule_removed'; readonly rule: string; readonly action: string }
  | { readonly kind: 'rule_moved'; readonly rule: string; readonly from: number; readonly to: number }
  | ({ readonly kind: 'rule_changed'; readonly rule: string } & FieldChange)
  | ({ readonly kind: 'setting_changed' } & FieldChange);

interface FieldChange {
  /** Dotted path of the field, inside the rule or the document. */
  readonly path: string;
  /** JSON, or null where there was or is nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

const SHOWN = 120;

/** What changed from one version to the other, settings first, then rules in the order of the newer version. Empty when nothing did. */
export function diffPolicies(before: PolicyDefinition, after: PolicyDefinition): readonly PolicyChange[] {
  const { rules: oldRules, ...oldSettings } = before;
  const { rules: newRules, ...newSettings } = after;
  const settings = diffFields(oldSettings, newSettings, '').map((change) => ({
    kind: 'setting_changed' as const,
    ...change,
  }));
  return [...settings, ...diffRules(oldRules, newRules)];
}

/** The changes in words, one line each. */
export function renderChanges(changes: readonly PolicyChange[]): readonly string[] {
  return changes.map(renderChange);
}

function diffRules(before: readonly RuleDefinition[], after: readonly RuleDefinition[]): readonly PolicyChange[] {
  const old = new Map(before.map((rule) => [rule.rule, rule]));
  const names = new Set(after.map((rule) => rule.rule));
  const removed = before
    .filter((rule) => !names.has(rule.rule))
    .map((rule) => ({ kind: 'rule_removed' as const, rule: rule.rule, action: rule.action }));
  const kept = before.filter((rule) => names.has(rule.rule)).map((rule) => rule.rule);
  const order = after.filter((rule) => old.has(rule.rule)).map((rule) => rule.rule);
  const moved = movedRules(kept, order);
  const changed = after.flatMap((rule, index): readonly PolicyChange[] => {
    const earlier = old.get(rule.rule);
    if (earlier === undefined)
      return [{ kind: 'rule_added', rule: rule.rule, action: rule.action, position: index + 1 }];
    const fields = diffFields(earlier, rule, '').map((field) => ({
      kind: 'rule_changed' as const,
      rule: rule.rule,
      ...field,
    }));
    if (!moved.has(rule.rule)) return fields;
    return [...fields, { kind: 'rule_moved', rule: rule.rule, from: before.indexOf(earlier) + 1, to: index + 1 }];
  });
  return [...removed, ...changed];
}

/** The fewest rules whose move explains the new order: those outside a longest increasing run of old places. */
function movedRules(before: readonly string[], after: readonly string[]): ReadonlySet<string> {
  const place = new Map(before.map((name, index) => [name, index]));
  const chains: Chain[] = [];
  for (const name of after) {
    const at = place.get(name) ?? 0;
    const previous = longestOf(chains.filter((chain) => chain.at < at));
    chains.push({ name, at, length: (previous?.length ?? 0) + 1, previous });
  }
  const still = new Set<string>();
  for (let chain = longestOf(chains); chain !== null; chain = chain.previous) still.add(chain.name);
  return new Set(after.filter((name) => !still.has(name)));
}

interface Chain {
  readonly name: string;
  readonly at: number;
  readonly length: number;
  readonly previous: Chain | null;
}

const longestOf = (chains: readonly Chain[]): Chain | null =>
  chains.reduce<Chain | null>((best, chain) => (best === null || chain.length > best.length ? chain : best), null);

function diffFields(before: unknown, after: unknown, path: string): readonly FieldChange[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => diffFields(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  const [from, to] = [render(before), render(after)];
  return from === to ? [] : [{ path, before: from, after: to }];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const render = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const show = (text: string): string => excerpt(text, SHOWN);

function renderChange(change: PolicyChange): string {
  switch (change.kind) {
    case 'rule_added':
      return `rule "${show(change.rule)}" added at place ${change.position} (${change.action})`;
    case 'rule_removed':
      return `rule "${show(change.rule)}" removed (${change.action})`;
    case 'rule_moved':
      return `rule "${show(change.rule)}" moved from place ${change.from} to ${change.to}`;
    case 'rule_changed':
      return `rule "${show(change.rule)}": ${renderField(change)}`;
    case 'setting_changed':
      return renderField(change);
  }
}

function renderField({ path, before, after }: FieldChange): string {
  if (before === null) return `${show(path)} set to ${show(after ?? '')}`;
  if (after === null) return `${show(path)} removed (was ${show(before)})`;
  return `${show(path)} changed from ${show(before)} to ${show(after)}`;
}

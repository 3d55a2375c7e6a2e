import { stageOfCondition } from './compile.ts';
import { type Condition, parseMatch, pinnedTexts, requiredTests } from './conditions.ts';
import { STRICTNESS } from './decision.ts';
import type { Stage } from './facts.ts';
import { matchesAny } from './glob.ts';
import type { PolicyDefinition, RuleDefinition } from './schema.ts';

/** A problem of a document whose shape is right, by its place. */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string | null;
}

interface ReadRule {
  readonly index: number;
  readonly definition: RuleDefinition;
  readonly condition: Condition;
  readonly stage: Stage;
  /** What it demands, each demand as text: a rule that demands a subset covers it. */
  readonly demands: ReadonlySet<string>;
}

/** Everything wrong with the rules of a definition: matches, names, rules that can never decide. Empty when it is sound. */
export function checkRules(definition: PolicyDefinition): readonly Fault[] {
  const read = definition.rules.map((rule, index) => ({ index, definition: rule, ...parseMatch(rule.match) }));
  const faults = read.flatMap((rule) =>
    rule.faults.map((fault) => ({ ...fault, path: ['rules', rule.index, 'match', ...fault.path] })),
  );
  const rules = read
    .filter((rule) => rule.faults.length === 0)
    .map((rule) => ({
      ...rule,
      stage: stageOfCondition(rule.condition),
      demands: new Set(parts(rule.condition).map(keyOf)),
    }));
  const enabled = rules.filter((rule) => rule.definition.enabled !== false);
  return [
    ...faults,
    ...definition.rules.flatMap((rule, index) => checkName(definition, rule, index)),
    ...rules.flatMap(checkLabels),
    ...rules.flatMap(checkPossible),
    ...enabled.flatMap((rule) => checkLists(definition, rule)),
    ...enabled.flatMap((rule) => checkShadow(enabled, rule)),
  ];
}

const place = (rule: ReadRule, key = 'rule'): readonly (string | number)[] => ['rules', rule.index, key];

function checkName(definition: PolicyDefinition, rule: RuleDefinition, index: number): readonly Fault[] {
  const first = definition.rules.findIndex((other) => other.rule === rule.rule);
  if (first === index) return [];
  return [
    {
      path: ['rules', index, 'rule'],
      message: `there is already a rule "${rule.rule}"`,
      fix: 'give each rule its own name',
    },
  ];
}

function checkLabels(rule: ReadRule): readonly Fault[] {
  if (rule.definition.action !== 'allow') return [];
  const labelled = Object.keys(namesIn(rule.definition.match)).find((name) => name.startsWith('labels.'));
  if (labelled === undefined) return [];
  const message = `an allow rule may not use ${labelled}: agents write labels themselves`;
  return [{ path: place(rule, 'match'), message, fix: 'use agent or team, or make the rule gate, alert or block' }];
}

/** Every key of a match, at any depth. */
function namesIn(match: unknown): Readonly<Record<string, true>> {
  if (typeof match !== 'object' || match === null) return {};
  const inner = Object.entries(match).map(([key, value]) => ({ [key]: true as const, ...namesIn(value) }));
  return Object.assign({}, ...inner) as Record<string, true>;
}

const SILENT_FORMATS: Readonly<Record<string, string>> = {
  embeddings: 'embeddings',
  completions: 'legacy completions',
};
const SILENT_ENDPOINT = /\/(embeddings|completions|count_tokens|models)(\/|$)/;

/** Conditions that exclude each other, so that the rule can never match. */
function checkPossible(rule: ReadRule): readonly Fault[] {
  const tests = requiredTests(rule.condition);
  const never = (message: string, fix: string): readonly Fault[] => [{ path: place(rule, 'match'), message, fix }];
  if (rule.stage === 'tool_call') {
    const formats = pinnedTexts(rule.condition, 'wire_format');
    if (formats?.every((format) => Object.hasOwn(SILENT_FORMATS, format)))
      return never(
        `${formats.join(', ')} answers hold no tool calls, so this rule can never match`,
        'remove wire_format',
      );
    const endpoints = pinnedTexts(rule.condition, 'endpoint');
    if (endpoints?.every((path) => SILENT_ENDPOINT.test(path) && !path.includes('/chat/')))
      return never(`answers of ${endpoints.join(', ')} hold no tool calls`, 'remove endpoint');
  }
  for (const test of tests) {
    const bounds = tests.filter((other) => other.path === test.path);
    if (test === bounds[0] && excludes(bounds))
      return never(`no value of ${test.path} satisfies all of its conditions`, 'use $or');
  }
  return [];
}

interface Bound {
  readonly operator: string;
  readonly expected: unknown;
}

/** Whether number bounds and equalities of one fact leave no value. */
function excludes(bounds: readonly Bound[]): boolean {
  const equal = bounds.filter((bound) => bound.operator === '$eq' && isPlain(bound.expected));
  if (new Set(equal.map((bound) => bound.expected)).size > 1) return true;
  const limit = (names: readonly string[]): readonly number[] =>
    bounds.flatMap((bound) =>
      names.includes(bound.operator) && typeof bound.expected === 'number' ? [bound.expected] : [],
    );
  const low = Math.max(...limit(['$gt', '$gte', '$eq']), Number.NEGATIVE_INFINITY);
  const high = Math.min(...limit(['$lt', '$lte', '$eq']), Number.POSITIVE_INFINITY);
  const open = bounds.some((bound) => (bound.operator === '$gt' || bound.operator === '$lt') && bound.expected === low);
  return low > high || (low === high && open);
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** Rules about a tool or model that the document's lists refuse anyway. */
function checkLists(definition: PolicyDefinition, rule: ReadRule): readonly Fault[] {
  const tools = pinnedTexts(rule.condition, 'tool');
  const { block, allow } = definition.tools ?? {};
  const refused = (name: string): boolean =>
    (block != null && matchesAny(block, name)) || (allow != null && !matchesAny(allow, name));
  if (tools?.every(refused))
    return [
      {
        path: place(rule),
        message: 'this rule can never decide: the tools list refuses its tool',
        fix: 'change tools, or remove the rule',
      },
    ];
  const models = pinnedTexts(rule.condition, 'model');
  const listed = definition.models?.allow;
  if (listed != null && models?.every((name) => !matchesAny(listed, name)))
    return [
      {
        path: place(rule),
        message: 'this rule can never decide: models.allow refuses its model',
        fix: 'change models, or remove the rule',
      },
    ];
  return [];
}

function checkShadow(rules: readonly ReadRule[], rule: ReadRule): readonly Fault[] {
  const by = rules.find((other) => other !== rule && shadows(rules, other, rule));
  if (by === undefined) return [];
  const message = `this rule can never decide: "${by.definition.rule}" covers everything it matches`;
  const fix =
    by.definition.action === 'allow' ? 'move it before that allow rule' : 'remove it, or narrow the other rule';
  return [{ path: place(rule), message, fix }];
}

/**
 * Whether `cover` decides whatever `rule` matches: it demands no more, and it is either an earlier allow (which ends the list), or at
 * least as strict and never skipped by an allow that `rule` escapes.
 */
function shadows(rules: readonly ReadRule[], cover: ReadRule, rule: ReadRule): boolean {
  if (cover.stage !== rule.stage || !isSubset(cover.demands, rule.demands)) return false;
  const [strict, weak] = [STRICTNESS[cover.definition.action], STRICTNESS[rule.definition.action]];
  const earlier = cover.index < rule.index;
  if (rule.definition.action === 'allow')
    return earlier && (cover.definition.action === 'allow' || cover.definition.action === 'block');
  if (cover.definition.action === 'allow') return earlier;
  if (earlier) return strict >= weak;
  const between = (other: ReadRule): boolean => other.index > rule.index && other.index < cover.index;
  return strict > weak && !rules.some((other) => between(other) && other.definition.action === 'allow');
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  if (some.size > all.size) return false;
  for (const item of some) if (!all.has(item)) return false;
  return true;
}

const parts = (condition: Condition): readonly Condition[] =>
  condition.kind === 'all' ? condition.parts.flatMap(parts) : [condition];

function keyOf(condition: Condition): string {
  switch (condition.kind) {
    case 'test':
      return JSON.stringify([condition.path, condition.operator, condition.expected]);
    case 'not':
      return `not ${keyOf(condition.part)}`;
    case 'all':
    case 'any':
      return `${condition.kind} ${JSON.stringify(condition.parts.map(keyOf).sort())}`;
  }
}

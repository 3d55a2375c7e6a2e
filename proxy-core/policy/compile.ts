import { type Condition, listTests, parseMatch, pinnedTexts } from './conditions.ts';
import { type RequestSubject, type Stage, stageOf } from './facts.ts';
import type { Effect, LoopSettings, PolicyDefinition, RateLimit, RuleDefinition } from './schema.ts';

/** One rule, ready to be evaluated. */
export interface CompiledRule {
  /** Its place in the document; earlier rules win ties, and an `allow` exempts from later ones only. */
  readonly index: number;
  readonly definition: RuleDefinition;
  readonly effect: Effect;
  readonly stage: Stage;
  readonly condition: Condition;
  /** It names `action.*` other than `action.touches`, which holds for the whole call, so every reading of every action is tried. */
  readonly onActions: boolean;
  /** It names `args`, the raw text. */
  readonly onText: boolean;
}

/** The rules of one stage, found by what they pin: a rule for another tool or model is never looked at. */
export interface RuleIndex {
  readonly rules: readonly CompiledRule[];
  readonly byTool: ReadonlyMap<string, readonly CompiledRule[]>;
  readonly byModel: ReadonlyMap<string, readonly CompiledRule[]>;
  readonly loose: readonly CompiledRule[];
}

/** One version of a policy, compiled once and used for every call of the runs that are pinned to it. */
export interface CompiledPolicy {
  /** `name@version`. */
  readonly ref: string;
  readonly definition: PolicyDefinition;
  readonly request: RuleIndex;
  readonly toolCall: RuleIndex;
  readonly defaultEffect: Effect;
}

/** Loop limits when the document has no `loops` key: they only alert. */
const DEFAULT_LOOPS: LoopSettings = {
  identical_tool_calls: 5,
  identical_requests: 5,
  cycle: 3,
  window_seconds: 120,
  action: 'alert',
};

/**
 * Compile a definition that `parsePolicy` has accepted. Throws RangeError when a rule's `match` has a fault, which an
 * accepted definition cannot have.
 */
export function compilePolicy(definition: PolicyDefinition, version: number): CompiledPolicy {
  const rules = definition.rules
    .map((rule, index) => compileRule(rule, index))
    .filter((rule) => rule.definition.enabled !== false);
  return {
    ref: `${definition.policy}@${version}`,
    definition,
    request: indexRules(rules.filter((rule) => rule.stage === 'request')),
    toolCall: indexRules(rules.filter((rule) => rule.stage === 'tool_call')),
    defaultEffect: definition.default,
  };
}

/** The loop limits in force. */
export const loopSettings = (policy: CompiledPolicy): LoopSettings => policy.definition.loops ?? DEFAULT_LOOPS;
/** The rate limits in force. */
export const rateLimits = (policy: CompiledPolicy): readonly RateLimit[] => policy.definition.rates ?? [];

function compileRule(definition: RuleDefinition, index: number): CompiledRule {
  const { condition, faults } = parseMatch(definition.match);
  const [fault] = faults;
  if (fault !== undefined) throw new RangeError(`rule ${definition.rule}: ${fault.message}`);
  const facts = listTests(condition).map(({ test }) => test.fact);
  return {
    index,
    definition,
    effect: definition.action,
    stage: stageOfCondition(condition),
    condition,
    onActions: facts.some(
      (fact) => fact.kind === 'call' && fact.name.startsWith('action.') && fact.name !== 'action.touches',
    ),
    onText: facts.some((fact) => fact.kind === 'call' && fact.name === 'args'),
  };
}

/** A condition that names any fact of a tool call belongs to that stage; it may use request facts as well. */
export function stageOfCondition(condition: Condition): Stage {
  return listTests(condition).some(({ test }) => stageOf(test.fact) === 'tool_call') ? 'tool_call' : 'request';
}

function indexRules(rules: readonly CompiledRule[]): RuleIndex {
  const byTool = new Map<string, CompiledRule[]>();
  const byModel = new Map<string, CompiledRule[]>();
  const loose: CompiledRule[] = [];
  for (const rule of rules) {
    const tools = pinnedTexts(rule.condition, 'tool');
    const models = tools === null ? pinnedTexts(rule.condition, 'model') : null;
    const pins = tools ?? models;
    if (pins === null) loose.push(rule);
    for (const pin of new Set(pins)) append(tools === null ? byModel : byTool, pin, rule);
  }
  return { rules, byTool, byModel, loose };
}

function append(lists: Map<string, CompiledRule[]>, key: string, rule: CompiledRule): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [rule]);
  else list.push(rule);
}

/**
 * The rules that may match, in document order. A tool that is null (not known) may be any; so may a request's model where it
 * leads to models that are not named.
 */
export function candidates(
  index: RuleIndex,
  tool: string | null | undefined,
  request: Pick<RequestSubject, 'model' | 'furtherModels' | 'unnamedModels'>,
): readonly CompiledRule[] {
  if (tool === null || request.unnamedModels) return index.rules;
  const { model, furtherModels } = request;
  if (furtherModels.length > 0) {
    const pinned = [model, ...furtherModels].flatMap((name) => (name === null ? [] : (index.byModel.get(name) ?? [])));
    const ofTool = tool === undefined ? [] : (index.byTool.get(tool) ?? []);
    return [...new Set([...index.loose, ...ofTool, ...pinned])].sort((a, b) => a.index - b.index);
  }
  const lists = [
    index.loose,
    tool === undefined ? [] : (index.byTool.get(tool) ?? []),
    model === null ? [] : (index.byModel.get(model) ?? []),
  ].filter((list) => list.length > 0);
  const [only] = lists;
  if (lists.length <= 1) return only ?? [];
  return lists.flat().sort((a, b) => a.index - b.index);
}

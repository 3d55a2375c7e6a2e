import { excerpt } from '../contract/visible.ts';
import type { CallSubject } from './calls.ts';
import type { CompiledPolicy } from './compile.ts';
import { type DecidingRule, type ExplainedCondition, keyRule } from './decision.ts';
import { type RequestSubject, textOf } from './facts.ts';
import { matchesAny } from './glob.ts';

/** A refusal by one of the document's lists. No rule lifts it, not even an `allow` (behaviour §4). */
export interface ListHit {
  readonly rule: DecidingRule;
  readonly tool: string | null;
  readonly explanation: readonly ExplainedCondition[];
}

/** `background: true`, a model outside `models.allow`, or a declared tool outside `tools`; null when none applies. */
export function refusedRequest(policy: CompiledPolicy, request: RequestSubject): ListHit | null {
  if (request.background) return backgroundHit();
  const models = policy.definition.models?.allow ?? null;
  const inspected = request.model !== null || request.wireFormat !== null;
  const outside = models !== null && inspected ? outsideModels(models, request) : null;
  if (outside !== null) return outside;
  for (const tool of request.declared) {
    const provided = tool.kind === 'server';
    const hit = refusedTool(policy, { ...named(tool), hosted: provided, anyName: provided && tool.anyName === true });
    if (hit !== null) return hit;
  }
  return null;
}

/** The first of the models that the request may lead to which the list does not hold. Only `*` holds one that is not named. */
function outsideModels(models: readonly string[], request: RequestSubject): ListHit | null {
  if (!matchesAny(models, request.model ?? '') && !(request.model === null && request.furtherModels.length > 0))
    return modelHit(models, request.model, 'The policy does not list this model.');
  const further = request.furtherModels.find((model) => !matchesAny(models, model));
  if (further !== undefined) {
    const message = `The request may lead to ${excerpt(further, 60)}, a model that the policy does not list.`;
    return modelHit(models, further, message);
  }
  return request.unnamedModels && !models.some((glob) => /^\*+$/.test(glob)) ? unnamedHit(models) : null;
}

/** A called tool outside `tools`; null when the lists let it pass. A tool that is not known passes no list. */
export function refusedCall(policy: CompiledPolicy, subject: CallSubject): ListHit | null {
  const name = textOf(subject.tool);
  const namespace = textOf(subject.server);
  const names = name === null ? named({ name: 'unknown' }) : named(namespace === null ? { name } : { name, namespace });
  const hit = refusedTool(policy, { ...names, hosted: false, anyName: name === null });
  return subject.counts === 'against' && hit?.rule.name === 'tools.allow' ? null : hit;
}

interface ToolNames {
  readonly name: string;
  /** Its name with its namespace, in the clients' spellings. */
  readonly qualified: readonly string[];
  /** The provider runs it, so that only its qualified names tell it from a client's tool. */
  readonly hosted: boolean;
  /** It stands for tools that are not named. */
  readonly anyName: boolean;
}

function named(tool: { readonly name: string; readonly namespace?: string }): Pick<ToolNames, 'name' | 'qualified'> {
  const { name, namespace } = tool;
  if (namespace === undefined || namespace === 'functions' || name.startsWith('mcp__')) return { name, qualified: [] };
  const server = namespace.replace(/^mcp__/, '');
  return { name, qualified: [`mcp__${server}__${name}`, `${server}__${name}`, `${server}.${name}`] };
}

function refusedTool(policy: CompiledPolicy, tool: ToolNames): ListHit | null {
  const { block, allow } = policy.definition.tools ?? {};
  const names = [tool.name, ...tool.qualified];
  if (block && block.length > 0 && (tool.anyName || names.some((name) => matchesAny(block, name))))
    return toolHit('tools.block', block, tool);
  const telling = tool.hosted && tool.qualified.length > 0 ? tool.qualified : names;
  const listed = allow?.some(
    (glob) => telling.some((name) => matchesAny([glob], name)) && (!tool.anyName || glob.includes('*')),
  );
  return allow && listed !== true ? toolHit('tools.allow', allow, tool) : null;
}

function toolHit(name: 'tools.block' | 'tools.allow', list: readonly string[], tool: ToolNames): ListHit {
  const message = name === 'tools.block' ? 'The policy blocks this tool.' : 'The policy does not list this tool.';
  return {
    rule: keyRule(name, 'tools', 'block', message, 'Do without this tool, or ask the operator to change the policy.'),
    tool: tool.anyName ? null : tool.name,
    explanation: [
      {
        ...condition('tool', name === 'tools.block' ? '$in' : '$nin', JSON.stringify(list), tool.name),
        ...(tool.anyName ? ({ outcome: 'ambiguous', unclear: 'the name of the tool is not known' } as const) : {}),
      },
    ],
  };
}

function modelHit(models: readonly string[], model: string | null, message: string): ListHit {
  const recover = 'Use a model that the policy lists, or ask the operator to change the policy.';
  return {
    rule: keyRule('models.allow', 'models', 'block', message, recover),
    tool: null,
    explanation: [condition('model', '$nin', JSON.stringify(models), model)],
  };
}

function unnamedHit(models: readonly string[]): ListHit {
  const hit = modelHit(models, null, 'The request may lead to models that it does not name.');
  const unclear = 'the request may lead to models it does not name';
  return { ...hit, explanation: hit.explanation.map((one) => ({ ...one, outcome: 'ambiguous', unclear })) };
}

function backgroundHit(): ListHit {
  const message = 'A background answer would be made out of sight of the policy.';
  const recover = 'Send the request without background: true.';
  return {
    rule: keyRule('background', 'background', 'block', message, recover),
    tool: null,
    explanation: [condition('background', '$eq', 'true', 'true')],
  };
}

function condition(path: string, operator: string, expected: string, seen: string | null): ExplainedCondition {
  return {
    path,
    operator,
    expected: excerpt(expected, 200),
    seen: seen === null ? null : excerpt(seen, 120),
    unclear: null,
    outcome: 'matched',
    negated: false,
    decisive: true,
  };
}

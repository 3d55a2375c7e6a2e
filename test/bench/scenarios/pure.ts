import { hash } from 'node:crypto';
import { NOTHING_TYPED } from '../../../proxy-core/policy/call-context.ts';
import { compilePolicy } from '../../../proxy-core/policy/compile.ts';
import { evaluateToolCall } from '../../../proxy-core/policy/evaluate.ts';
import type { RequestSubject } from '../../../proxy-core/policy/facts.ts';
import { USUAL_PLACES } from '../../../proxy-core/policy/own-places.ts';
import { parsePolicy } from '../../../proxy-core/policy/parse.ts';
import { canonicalBody, fingerprint } from '../../../proxy-core/runs/fingerprint.ts';
import { createBodies, createNumbers, proseOf } from '../bodies.ts';
import { median } from '../measure.ts';
import { context, judged, ms, type Section } from '../report.ts';
import type { Scenario } from './scenario.ts';

/** Pure work of a call, measured in this process. */
export const pure: Scenario = {
  name: 'pure',
  behaviours: [],
  run: async (_peers, settings) => [fingerprintOf(settings.rounds), policyOf(settings.rounds)],
};

/** Median time of one call of `work`, microseconds. */
function timeOf(rounds: number, work: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < rounds * 4; round += 1) {
    const start = process.hrtime.bigint();
    work();
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return median(times.slice(Math.floor(times.length / 4))); // the first quarter warms the optimiser
}

function fingerprintOf(rounds: number): Section {
  const bodyText = Buffer.from(createBodies(1024 * 1024)('bench-model')).toString('utf8');
  const parts = { agentId: 'agt_bench', runId: 'run_bench', method: 'POST', path: '/v1/chat/completions' };
  const time = timeOf(rounds, () =>
    fingerprint({ ...parts, body: canonicalBody(bodyText) }, (text) => hash('sha256', text, 'hex')),
  );
  return {
    title: 'Fingerprint of a 1 MB body',
    rows: [judged('fingerprint', ms(time), '<= 12 ms', time <= 12_000)],
  };
}

const RULES = 1_000;
const ARGS_BYTES = 64 * 1024;
/** Rules as a large organisation has them: most name another tool, some this one, and all look at arguments. */
const toolOf = (index: number): string => (index % 10 === 0 ? 'edit_file' : `tool_${index}`);

function policyWith(condition: (index: number) => string) {
  const rules = Array.from(
    { length: RULES },
    (_, index) => `  - { rule: rule-${index}, match: { tool: ${toolOf(index)}, ${condition(index)} }, action: gate }`,
  );
  const parsed = parsePolicy(`policy: bench\nrules:\n${rules.join('\n')}\n`, 'bench.yaml');
  if (parsed.kind === 'problems') throw new Error(parsed.problems[0]?.message);
  return compilePolicy(parsed.definition, 1);
}

const REQUEST: RequestSubject = {
  provider: 'bench',
  wireFormat: 'chat',
  endpoint: '/v1/chat/completions',
  model: 'bench-model',
  furtherModels: [],
  unnamedModels: false,
  stream: false,
  declared: [{ name: 'edit_file', kind: 'function' }],
  background: false,
  inputTokens: 1_000,
  estimatedCostUsd: 0.01,
  agent: 'bench',
  team: null,
  labels: {},
  run: { spentUsd: 0, exchanges: 1, toolCalls: 1 },
  hour: 12,
  client: null,
  usedTools: new Set(),
  typed: NOTHING_TYPED,
  own: USUAL_PLACES,
};

/** One decision on a 64 KB tool call under 1,000 rules; regular expressions are measured apart. */
function policyOf(rounds: number): Section {
  const text = proseOf(ARGS_BYTES - 100, createNumbers(7));
  const call = {
    id: 'call_1',
    name: 'edit_file',
    kind: 'function',
    argsText: JSON.stringify({ path: 'a.ts', text }),
  } as const;
  const plain = policyWith((index) => `args.amount: { $gte: ${index} }, args.path: secret-${index}`);
  const patterns = policyWith((index) => `args.path: { $regex: "^secret-${index}$" }`);
  const time = timeOf(rounds, () => evaluateToolCall(plain, REQUEST, call));
  const withPatterns = timeOf(rounds, () => evaluateToolCall(patterns, REQUEST, call));
  return {
    title: `Policy with ${RULES} rules on a 64 KB tool call`,
    rows: [
      judged('policy evaluation', ms(time), '<= 1 ms', time <= 1_000),
      context('the same with a regular expression in each rule', ms(withPatterns)),
    ],
  };
}

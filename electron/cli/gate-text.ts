import type { GateRecord, ProposedAction } from '../../proxy-core/contract/records.ts';
import { excerpt, visible } from '../../proxy-core/contract/visible.ts';
import { gateRow } from '../../proxy-core/gates/bodies.ts';
import { renderFields, renderTable, renderTime } from './output.ts';

/**
 * How the command line shows gates. Threat: tool names and arguments come from a model that may want to look
 * harmless. Everything of it is shown with hidden characters as `\u{…}`; only the table's summary is cut, and says so.
 */

const SUMMARY_LENGTH = 80;

/** A gate as a JSON document: the agent API's keys, then what only a reviewer needs. */
export const renderGateJson = (gate: GateRecord) => ({
  ...gateRow(gate),
  effective_at: instant(gate.effective_at),
  action_hash: gate.action_hash,
  explanation: gate.explanation,
  retries: gate.retries,
  last_retry_at: instant(gate.last_retry_at),
});

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** The first gated call in one line, with how many others its answer holds. */
export function summarise({ proposed_actions: actions }: GateRecord): string {
  const action = actions.find(({ rule }) => rule !== null) ?? actions[0];
  if (action === undefined) return 'the whole request';
  const args = action.args == null ? '' : ` ${excerpt(argsText(action.args), SUMMARY_LENGTH)}`;
  const more = actions.length > 1 ? ` (+${actions.length - 1} more)` : '';
  return `${excerpt(action.tool, SUMMARY_LENGTH)}${args}${more}`;
}

const argsText = (args: unknown): string => (typeof args === 'string' ? args : JSON.stringify(args));

/** A page of gates as a table; `program` is how this program is called. */
export function renderGates(gates: readonly GateRecord[], next: string | null, program = 'rungate'): string {
  if (gates.length === 0) return 'No gates.';
  const table = renderTable(
    ['GATE', 'STATE', 'AGENT', 'RULE', 'ACTION', 'EXPIRES'],
    gates.map((gate) => [
      gate.gate_id,
      gate.state,
      gate.agent,
      visible(gate.rule),
      summarise(gate),
      renderTime(gate.expires_at),
    ]),
  );
  return next === null ? table : `${table}\nMore: ${program} gates --cursor ${next}`;
}

/** One gate with everything that a decision needs, its actions complete; `program` is how this program is called. */
export function renderGate(gate: GateRecord, program = 'rungate'): string {
  const fields = renderFields([
    ['Gate', gate.gate_id],
    ['State', gate.state],
    ['Agent', gate.agent],
    ['Run', gate.run_id],
    ['Rule', `${visible(gate.rule)} of ${gate.policy}`],
    ...optional('Why', gate.message),
    ['Opened', renderTime(gate.created_at)],
    ['Expires', renderTime(gate.expires_at)],
    ...verdictFields(gate),
    ['Retries', `${gate.retries}${gate.last_retry_at === null ? '' : `, last ${renderTime(gate.last_retry_at)}`}`],
  ]);
  const actions = gate.proposed_actions.map(renderAction);
  const clauses = gate.explanation.flatMap((condition) => renderCondition(condition));
  const because = clauses.length === 0 ? [] : [`Matched:\n${clauses.join('\n')}`];
  return [fields, ...actions, ...because, ...advice(gate, program)].join('\n\n');
}

function verdictFields(gate: GateRecord): readonly (readonly [string, string])[] {
  if (gate.decided_at === null) return [];
  return [
    ['Decided', `${renderTime(gate.decided_at)} by ${gate.decided_by ?? 'nobody'} via ${gate.channel ?? '-'}`],
    ...optional('Reason', gate.reason),
    ...(gate.suggested_args == null ? [] : [['Suggested', argsText(gate.suggested_args)] as const]),
    ...(gate.released_at === null ? [] : [['Released', renderTime(gate.released_at)] as const]),
  ];
}

const optional = (name: string, value: string | null): readonly (readonly [string, string])[] =>
  value === null ? [] : [[name, visible(value)]];

function renderAction({ tool, args, rule }: ProposedAction, index: number): string {
  const gated = rule === null ? 'comes with it' : `gated by ${visible(rule)}`;
  const text = typeof args === 'string' ? args : JSON.stringify(args, null, 2);
  const lines = args == null ? [] : text.split('\n').map((line) => `   ${visible(line)}`);
  return [`${index + 1}. ${visible(tool)} (${gated})`, ...lines].join('\n');
}

/** The policy's words for a condition that counted, as the core has explained it. */
function renderCondition(condition: Readonly<Record<string, unknown>>): readonly string[] {
  const { path, operator, expected, seen, unclear, decisive } = condition;
  if (decisive === false || typeof path !== 'string') return [];
  const value = typeof unclear === 'string' ? `is unclear (${unclear})` : typeof seen === 'string' ? seen : 'absent';
  return [`  ${visible(`${path} ${value}, compared ${String(operator)} ${String(expected)}`)}`];
}

const advice = (gate: GateRecord, program: string): readonly string[] =>
  gate.state === 'pending'
    ? [`${program} approve ${gate.gate_id}\n${program} reject ${gate.gate_id} --reason TEXT`]
    : [];

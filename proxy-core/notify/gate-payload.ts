import type { GateRecord, ProposedAction } from '../contract/records.ts';
import type { Redactor } from '../redaction/redactor.ts';

/** Most bytes of a gate's payload, UTF-8. Above it the arguments are left to the console (fault E11). */
export const MAX_GATE_BYTES = 64 * 1024;

// Small enough that the names fit even if every character of them is written as an escape.
const SHOWN_ACTIONS = 20;
const SHOWN_NAME = 100;

/**
 * A gate for the operator's own receivers: the keys of `GET /v1/gates/{id}`, the action's hash, and where the console
 * shows it. What looks like a secret is masked and counted; a gate whose actions do not fit is `truncated`: tool
 * names without arguments, so that nobody takes a part for the whole.
 */
export function renderGate(
  gate: GateRecord,
  consoleUrl: string | null,
  redactor: Redactor,
): Readonly<Record<string, unknown>> {
  const head = headOf(gate, consoleUrl);
  const actions = {
    proposed_action: firstGated(gate.proposed_actions),
    proposed_actions: gate.proposed_actions,
    matched: gate.explanation,
    suggested_args: gate.suggested_args ?? null,
  };
  if (byteLength(actions) <= MAX_GATE_BYTES) {
    const { value, masked } = redactor.tree({ ...head, ...actions });
    const whole = { ...(value as object), truncated: false, secrets_masked: masked };
    if (byteLength(whole) <= MAX_GATE_BYTES) return whole;
  }
  const names = gate.proposed_actions.map(withoutArgs);
  const { value, masked } = redactor.tree({
    ...head,
    proposed_action: firstGated(names),
    proposed_actions: names.slice(0, SHOWN_ACTIONS),
    proposed_actions_total: names.length,
  });
  return { ...(value as object), truncated: true, secrets_masked: masked };
}

const headOf = (gate: GateRecord, consoleUrl: string | null) => ({
  gate_id: gate.gate_id,
  state: gate.state,
  run_id: gate.run_id,
  agent: gate.agent,
  rule: gate.rule,
  policy: gate.policy,
  kind: gate.kind,
  message: gate.message,
  action_hash: gate.action_hash,
  fingerprint: gate.fingerprint,
  approver_channel: gate.approver_channels[0] ?? 'desktop://',
  approver_channels: gate.approver_channels,
  exchange_id: gate.exchange_id,
  created_at: iso(gate.created_at),
  expires_at: iso(gate.expires_at),
  decided_at: gate.decided_at === null ? null : iso(gate.decided_at),
  effective_at: gate.effective_at === null ? null : iso(gate.effective_at),
  decided_by: gate.decided_by,
  channel: gate.channel,
  reason: gate.reason,
  outcome_unknown: gate.outcome_unknown,
  console_url: consoleUrl === null ? null : `${consoleUrl.replace(/\/$/, '')}/#/gates/${gate.gate_id}`,
});

/** The first gated call; for a gate without one (a whole request) its first action. */
function firstGated(actions: readonly ProposedAction[]): { readonly tool: string; readonly args: unknown } | null {
  const action = actions.find(({ rule }) => rule !== null) ?? actions[0];
  return action === undefined ? null : { tool: action.tool, args: action.args };
}

const withoutArgs = (action: ProposedAction): ProposedAction => ({
  tool: action.tool.slice(0, SHOWN_NAME),
  args: null,
  call_id: action.call_id?.slice(0, SHOWN_NAME) ?? null,
  rule: action.rule,
});

const encoder = new TextEncoder();
const byteLength = (value: unknown): number => encoder.encode(JSON.stringify(value)).length;
const iso = (at: number): string => new Date(at).toISOString();
